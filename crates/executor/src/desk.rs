//! Where background tasks are made and looked after, as a session sees it.
//!
//! A session decides who may launch what, and asks. How a launch comes to a policy and a supervisor is the same as for a
//! person's own command, and knows more than this crate: whoever opens a session gives it a [`Desk`].

use std::fmt;

use remit_tasks::{ApprovedBy, ProcessId, TaskId};

use crate::session::Refusal;

/// Makes background tasks, and tells of those that there are in the workspace.
pub trait Desk: fmt::Debug + Send {
    /// Returns the agents that can be launched by name, nearest first.
    fn agents(&mut self) -> Result<Vec<KnownAgent>, Refusal>;

    /// Makes a launch ready, and starts nothing.
    fn propose(&mut self, order: &LaunchOrder) -> Result<Proposal, Refusal>;

    /// Returns the tasks of the workspace, oldest first.
    fn tasks(&mut self) -> Result<Vec<Seen>, Refusal>;

    /// Returns the task of the workspace that is meant by an id, a name, or the beginning of either.
    fn task(&mut self, text: &str) -> Result<Seen, Refusal>;

    /// Returns how a task stands, what its output came to, and the last of it.
    fn result(&mut self, id: &TaskId) -> Result<String, Refusal>;

    /// Ends a task, running or not.
    fn cancel(&mut self, id: &TaskId) -> Result<(), Refusal>;

    /// Returns the processes that look after what was launched, as far as they are children of this process.
    fn children(&mut self) -> Vec<u32>;

    /// Forgets a task that is over.
    fn delete(&mut self, id: &TaskId) -> Result<(), Refusal>;
}

/// An agent that can be launched, or what is wrong with its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAgent {
    pub name: String,
    pub description: Option<String>,
    pub problem: Option<String>,
}

/// A launch as a model asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchOrder {
    /// The agent's name; `None` for a task that may do everything.
    pub agent: Option<String>,
    pub what: ToDo,
    /// The name of the task.
    pub name: Option<String>,
}

/// What a launched task is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToDo {
    /// A prompt for a chat command: the runner of that name, or the user's own choice.
    Prompt { text: String, runner: Option<String> },
    /// A program and its arguments.
    Command(Vec<String>),
}

/// A launch that is ready, about which a person may have to be asked.
pub struct Proposal {
    /// What a person is told: the agent, the command, what its policy comes to.
    pub text: String,
    /// What the task may do beyond the launching agent's policy.
    pub excess: Vec<String>,
    /// Why the task's own policy asks about its command, when it does.
    pub asks: Option<String>,
    /// `None`: it may do everything.
    pub agent: Option<String>,
    /// Of the task's policy.
    pub digest: String,
    pub command: Vec<String>,
    pub start: Start,
}

/// Makes the task and starts its supervisor; without an approval the task waits for a person.
pub type Start = Box<dyn FnOnce(Option<ApprovedBy>) -> Result<TaskId, Refusal> + Send>;

/// A task as a session sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub id: TaskId,
    pub agent: Option<String>,
    /// One line that says how it stands.
    pub line: String,
    /// How it ended; `None` before that.
    pub end: Option<TaskEnd>,
    /// Times are UTC, in RFC 3339.
    pub created_at: String,
    pub changed_at: String,
    /// The agent of this session launched it.
    pub own: bool,
    /// Its changes lie in a private layer, neither applied nor discarded.
    pub changes: bool,
    /// The process that looks after it.
    pub supervisor: Option<ProcessId>,
    /// How far it is, in words.
    pub progress: Option<String>,
}

/// How a task ended, as a host is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskEnd {
    Succeeded,
    /// Also: denied, over a limit, lost.
    Failed,
    Cancelled,
}

/// How a launched task stands, for the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub id: String,
    pub line: String,
    pub end: Option<TaskEnd>,
    /// What came of it, when it is over.
    pub result: Option<String>,
    pub created_at: String,
    pub changed_at: String,
}

impl fmt::Debug for Proposal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Proposal").field("agent", &self.agent).field("command", &self.command).finish_non_exhaustive()
    }
}
