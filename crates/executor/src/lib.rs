//! A permit and a request become an outcome: the one way to act.
//!
//! [`run`] takes a [`remit_policy::Permit`] by value, and only a verdict makes one. It finds the program where the task
//! would find it, starts it under the plan, passes terminal and signals through, and ends the tree when the task ends. In the
//! background a [`Supervisor`] waits for the task's turn and for a person's answer, and looks on in the caller's place.
//!
//! [`Session`] does the same for tools: many calls over one confined worker, each through the gate, each recorded.

mod audit;
mod clock;
mod console;
mod crowd;
mod desk;
mod find;
mod memory;
mod meter;
mod network;
mod relay;
mod run;
mod session;
mod space;
mod supervise;
mod supervisor;
mod terminal;
mod tools;
mod worker;

pub use audit::{AUDIT_FILE, Audit, AuditError, AuditEvent, Broken, Effect, Redactor, Verified, verify};
pub use desk::{Desk, KnownAgent, LaunchOrder, Proposal, Seen, Standing, Start, TaskEnd, ToDo};
pub use find::{NotFound, find};
pub use network::{PROXY, be_proxy};
pub use run::{AttendedBy, ExecutorError, Ground, Started, run};
pub use session::{Answer, Asked, Cleared, Content, Decided, Offered, Refusal, Resource, Session, Workers};
pub use supervisor::{Decision, Supervisor};
pub use tools::{Described, described};
pub use worker::{WORKER, Worker, serve, start_worker};
