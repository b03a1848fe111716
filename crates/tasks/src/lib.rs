//! What survives a command: what was approved, and what was run.
//!
//! Everything lies in one private directory of the user's, the [`StateDir`]:
//!
//! - `approvals/`: one file for each workspace and agent file, with the policy that a person said yes to ([`lookup`],
//!   [`approve`]);
//! - `tasks/<id>/`: one directory for each task. Its log, `events.jsonl`, is only ever appended to; a [`Record`] is a fold
//!   over it. `scratch/` holds what the task wrote in private, and goes when the task ends, but for its layers over the
//!   workspace, which [`layers`] finds until they are applied or discarded;
//! - `running/<id>`: a file for each task that is not over, locked by its process. What a process that died left behind
//!   is cleared by [`sweep`].
//!
//! Nothing here decides whether something may run, and nothing is read from a workspace.

mod approval;
mod event;
mod files;
mod id;
mod layers;
mod lock;
pub mod notify;
pub mod progress;
mod record;
mod remove;
mod state;
pub mod summary;
mod sweep;
mod task;

pub use approval::{Approval, ApprovalError, ApprovalOf, Consent, ConsentHow, approve, lookup};
pub use event::{AgentName, ApprovedBy, Confinement, Created, Event, Outcome};
pub use id::{TaskId, TaskIdError};
/// A point in time, UTC; it comes in as a value, and nothing in this crate asks the clock.
pub use jiff::Timestamp;
pub use layers::{KeptLayer, LayerToKeep, layers, remove_layers};
pub use record::{Listed, Record, RecordError, State, list};
pub use state::{StateDir, StateError};
pub use sweep::{Swept, sweep};
pub use task::{TaskDir, TaskError, remove_scratch};
