use remit_agent::AbsPath;
use serde::Serialize;

use crate::{CommandGrants, EnvironmentGrant, FileGrants, Limit, NetworkGrant, Start, ToolGrants};

/// Everything that a person approves and that a wall enforces.
#[derive(Clone, Debug, Serialize)]
pub struct Policy {
    /// The version of this form; a change of meaning changes it, and so every digest.
    pub version: u32,
    /// The agent's name; `None` when there is no agent.
    pub agent: Option<String>,
    /// How its patterns were read: `remit`, `kiro` or `q`.
    pub reading: &'static str,
    pub profile: String,
    pub confinement: Confinement,
    pub workspace: AbsPath,
    pub home: AbsPath,
    pub tools: ToolGrants,
    pub commands: CommandGrants,
    pub files: FileGrants,
    pub network: NetworkGrant,
    pub environment: EnvironmentGrant,
    /// In the order of [`crate::LimitKind`], each kind at most once.
    pub limits: Vec<Limit>,
    /// The task's processes may trace each other: ptrace(2), and what reads another's memory.
    pub debug: bool,
    /// Commands that start without being asked for: hooks and MCP servers.
    pub starts: Vec<Start>,
}

/// Whether the kernel is asked to hold the work to the policy at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confinement {
    Confined,
    /// The profile `unrestricted`: the task may do whatever its user may.
    Unrestricted,
}
