//! What happens to a task. Events are appended, and never changed.

use remit_agent::AbsPath;
use remit_policy::Digest;
use serde::{Deserialize, Serialize};

use crate::{ProcessId, TaskId, WindowSize};

/// Something that happened to a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first event of every task.
    Created(Created),
    /// The process that looks after it from now on.
    Supervised {
        by: ProcessId,
    },
    /// A person has to say yes before anything runs.
    Asked(Question),
    Approved {
        by: ApprovedBy,
    },
    /// It has another place among those that wait.
    Moved {
        position: i64,
    },
    /// It has one of the places in which tasks run.
    Starting,
    Started {
        pid: u32,
    },
    Paused,
    Resumed,
    /// The last event.
    Ended {
        outcome: Outcome,
    },
}

/// What is to be run, and under what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// `None`: no agent.
    pub agent: Option<AgentName>,
    pub profile: String,
    /// The policy's digest.
    pub digest: String,
    pub workspace: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    pub confinement: Confinement,
    pub attended: Attended,
    /// What the policy says and nothing on the host held, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentName {
    pub name: String,
    /// The agent file.
    pub path: String,
}

/// Whether the kernel was asked to hold the task to its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confinement {
    Confined,
    Unrestricted,
}

/// Who looks after the task, and where its output goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attended {
    /// The command that made it, which passes its output on.
    Foreground,
    /// A supervisor of its own, which keeps its output.
    Background(Box<Background>),
}

/// What was asked for besides the command: what a supervisor needs, and `retry`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Background {
    /// The product as which the agent file is read, in the word of `--as`.
    pub read_as: Option<String>,
    pub strict: bool,
    pub on_ask: OnAsk,
    /// How long it waits for an answer, in seconds.
    pub ask_limit: u64,
    pub after: Option<After>,
    /// An observer looks on.
    #[serde(default)]
    pub explain: bool,
    /// Who launched it, when it was an agent and no person. Without an approval of its own it asks first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched: Option<Launched>,
    /// What it reads from its standard input; otherwise that is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// It has a terminal of its own, which begins with this size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<WindowSize>,
    /// The `JUnit` files that it writes, or the directories of such, below the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub junit: Vec<String>,
}

/// That an agent launched a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launched {
    /// The agent that did.
    pub by: String,
    /// The session in which it did.
    pub session: TaskId,
    /// What of the task's policy goes beyond the launching agent's: what the person who approves it is told.
    pub excess: Vec<String>,
}

/// What becomes of a task when a person has to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnAsk {
    Wait,
    Deny,
}

/// The tasks that have to be over before this one starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    pub tasks: Vec<TaskId>,
    /// However they ended; otherwise each has to have succeeded.
    pub any: bool,
}

/// What a person is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The policy that the answer is for. Another policy is another question.
    pub digest: String,
    /// Nobody approved the policy in this workspace.
    pub policy: bool,
    /// Why the gate asks about the command, when it does.
    pub command: Option<String>,
    /// That an agent launched it, when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched: Option<Launched>,
}

/// What let the task start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApprovedBy {
    /// A person answered yes.
    #[serde(rename = "terminal")]
    Terminal,
    #[serde(rename = "--yes")]
    Yes,
    #[serde(rename = "--trust-all")]
    TrustAll,
    /// The same policy was approved before, in this workspace.
    #[serde(rename = "earlier approval")]
    Earlier,
    /// A person answered yes in the chat host.
    #[serde(rename = "elicitation")]
    Elicitation,
    /// An agent launched it that may do all of it itself, and may launch unasked.
    #[serde(rename = "within the launching agent's policy")]
    Within,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Exit status 0.
    Succeeded,
    Failed {
        code: i32,
    },
    Killed {
        signal: i32,
    },
    /// Over its limit of wall time.
    TimedOut,
    /// Over another limit, named as in an agent file; `disk`: there was no room for its output.
    OverLimit {
        limit: String,
    },
    Cancelled {
        by: CancelledBy,
    },
    Denied {
        why: String,
    },
    CouldNotStart {
        error: String,
    },
    /// Its process is gone and wrote no end. Written by whoever found that.
    Lost {
        evidence: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelledBy {
    User,
    /// The supervisor was told to end, as every process is when the machine goes down.
    Shutdown,
    /// A task that had to succeed first did not.
    Task(TaskId),
}

impl Created {
    /// Returns what is created in the foreground.
    pub fn new(policy: &remit_policy::Policy, digest: &Digest, agent_path: Option<&AbsPath>, command: Vec<String>) -> Created {
        let agent = match (&policy.agent, agent_path) {
            (Some(name), Some(path)) => Some(AgentName { name: name.clone(), path: path.to_string() }),
            _ => None,
        };
        Created {
            agent,
            profile: policy.profile.clone(),
            digest: digest.to_string(),
            workspace: policy.workspace.to_string(),
            command,
            confinement: match policy.confinement {
                remit_policy::Confinement::Confined => Confinement::Confined,
                remit_policy::Confinement::Unrestricted => Confinement::Unrestricted,
            },
            attended: Attended::Foreground,
            gaps: Vec::new(),
        }
    }

    #[must_use]
    pub fn with_gaps(self, gaps: impl IntoIterator<Item = String>) -> Created {
        Created { gaps: gaps.into_iter().collect(), ..self }
    }

    pub fn background(&self) -> Option<&Background> {
        match &self.attended {
            Attended::Foreground => None,
            Attended::Background(background) => Some(background),
        }
    }
}
