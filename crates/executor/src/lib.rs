//! A permit and a request become an outcome: the one way to act.
//!
//! [`run`] takes a [`remit_policy::Permit`] by value, and only a verdict makes one. It finds the program where the task
//! would find it, starts it under the plan, passes terminal and signals through, and ends the tree when the task ends. In the
//! background a [`Supervisor`] waits for the task's turn and for a person's answer, and looks on in the caller's place.

mod clock;
mod find;
mod relay;
mod run;
mod supervise;
mod supervisor;
mod terminal;

pub use find::{NotFound, find};
pub use run::{AttendedBy, ExecutorError, Ground, run};
pub use supervisor::{Decision, Supervisor};
