//! What survives a command: what was approved, and what was run.
//!
//! Everything lies in one private directory of the user's, the [`StateDir`]:
//!
//! - `approvals/`: one file for each workspace and agent file, with the policy that a person said yes to ([`lookup`],
//!   [`approve`]);
//! - `tasks.db`: the [`Store`]. What happens to a task is an [`Event`], appended; a [`Record`] is a fold over them;
//! - `tasks/<id>/`: one directory for each task, with its output and its private layers, which [`layers`] finds until they
//!   are applied or discarded. `scratch/` holds what else the task wrote in private, and goes when the task ends;
//! - `running/<id>`: a file for each task that is not over, locked by its process. What a process that died left behind
//!   is cleared by [`sweep`]. A task in the foreground writes its events there and opens no store: whoever shows tasks
//!   takes them in;
//! - `ended/<id>`: such files of tasks that are over, until they are taken in.
//!
//! Each task has a process of its own that looks after it and alone writes its events; in the background that is a
//! supervisor, to which the command line leaves wishes in the store. Whose turn it is decides [`queue`], purely.
//!
//! Nothing here decides whether something may run, and nothing is read from a workspace.

mod approval;
mod control;
mod event;
mod files;
mod id;
mod journal;
mod layers;
mod lock;
mod name;
mod notes;
pub mod notify;
mod orphans;
mod output;
mod process;
pub mod progress;
pub mod queue;
mod record;
mod remove;
mod seat;
mod state;
mod store;
pub mod summary;
mod sweep;
mod task;

pub use approval::{Approval, ApprovalError, ApprovalOf, Consent, ConsentHow, Means, approve, lookup};
pub use control::{Caller, Control, call, looked, wake};
pub use event::{
    After, AgentName, ApprovedBy, Attended, Background, CancelledBy, Confinement, Created, Event, Launched, OnAsk, Outcome,
    Question,
};
pub use id::{TaskId, TaskIdError};
/// A point in time, UTC; it comes in as a value, and nothing in this crate asks the clock.
pub use jiff::Timestamp;
pub use layers::{KeptLayer, LayerToKeep, layers, remove_layers};
pub use lock::has_left;
pub use name::{Meant, derive as derive_name, given as given_name, meant};
pub use notes::{explanation_of, note_explanation, note_progress, note_summary, progress_of, summary_of};
pub use orphans::VARIABLE;
pub use output::{Fill, Keeper, Log, Piece, Stream, Text};
pub use process::{Found, ProcessId};
pub use record::{FoldError, Record, State};
pub use remove::remove_tree;
pub use seat::{Door, Guest, Seat, Typed, WindowSize};
pub use state::{StateDir, StateError};
pub use store::{
    Listed, Place, RUNNERS, Repaired, Setting, SettingError, Store, StoreError, Which, Wish, check, command_words, repair,
};
pub use sweep::{Swept, sweep, sweep_locks};
pub use task::{TaskDir, TaskError, remove_directory, remove_scratch};
