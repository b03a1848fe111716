//! What a task's log says: one JSON object a line. Appended to, never changed.

use remit_agent::AbsPath;
use remit_policy::Digest;
use serde::{Deserialize, Serialize};

/// Something that happened to a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first event of every log.
    Created(Created),
    Approved {
        by: ApprovedBy,
    },
    Started {
        pid: u32,
    },
    /// The last event, written by the task's own process.
    Ended {
        outcome: Outcome,
    },
    /// The last event, written by another process: the task's own is gone and wrote no end.
    Lost {
        /// What stood at the end of the log without being a whole line.
        torn: Option<String>,
    },
}

/// What is to be run, and under what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// Over another limit, named as in an agent file.
    OverLimit {
        limit: String,
    },
    Denied {
        why: String,
    },
    CouldNotStart {
        error: String,
    },
}

impl Created {
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
        }
    }
}
