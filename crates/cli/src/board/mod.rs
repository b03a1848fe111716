//! The live board of tasks: `remit tasks --watch`.
//!
//! [`Board`] is what is shown, as data: rows and output go in, keys go in, [`Action`]s come out. [`draw()`] paints it and knows
//! nothing else; [`watch()`] is the loop around both, and the only part that touches a terminal. Where rows come from and what
//! an action does is the [`Source`]'s.

mod draw;
mod source;
mod state;
mod watch;

use remit_tasks::progress::Progress;

use draw::draw;
pub(crate) use source::Stored;
use state::{Action, Board, Key};
use watch::Source;
pub(crate) use watch::watch;

/// A task, as the board shows it. The words may be the task's own: they are made harmless when they are painted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `running`, `failed (3)`, `queued (2nd)`.
    pub(crate) state: String,
    pub(crate) mood: Mood,
    pub(crate) progress: Option<Progress>,
    /// How long it has run, or how long ago it ended; short.
    pub(crate) time: String,
    pub(crate) command: String,
}

/// What a state means to the one who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// A person has to say yes.
    Asks,
    Waits,
    Runs,
    Good,
    Bad,
    /// Over, and neither: cancelled.
    Quiet,
}

impl Mood {
    fn is_over(self) -> bool {
        matches!(self, Mood::Good | Mood::Bad | Mood::Quiet)
    }
}
