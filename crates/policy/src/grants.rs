//! The grants that are plain lists: tools, network, environment, limits, and what starts by itself.

use std::collections::BTreeMap;

use remit_agent::{AbsPath, NativeTool};
use serde::Serialize;

use crate::{AwsGrants, Origin, WebGrants};

/// Which tools are visible, and which of those are pre-approved. A tool that no `visible` rule names is absent: denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolGrants {
    pub visible: Vec<ToolRule>,
    pub allowed: Vec<ToolRule>,
    /// Pre-approved, but settings narrow the tool to calls that the gate cannot tell apart yet: every call asks.
    pub narrowed: Vec<ToolRule>,
    /// Tools of servers that `disabledTools` takes out: denied, whatever else covers them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<ToolRule>,
    /// Names that are no tool of any product: they grant nothing, and are shown.
    pub unknown: Vec<ToolRule>,
    /// Which calls of `use_aws` run unasked, when its settings say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsGrants>,
    /// Which addresses `web_fetch` reads unasked, when its settings say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web: Option<WebGrants>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolRule {
    pub pattern: ToolPattern,
    #[serde(skip_serializing_if = "Origin::is_erased")]
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolPattern {
    /// `*`.
    Everything,
    /// `@builtin`, or `*` where it covers built-in tools only.
    EveryNative,
    Native(NativeTool),
    /// `@server`: every tool of that server.
    Server(String),
    /// `@server/tool`.
    ServerTool {
        server: String,
        tool: String,
    },
    /// A glob over names, as in `fs_*` or `@git*/read_*`; kept as written.
    Glob(String),
    /// No product has it.
    Unknown(String),
}

/// What may be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NetworkGrant {
    pub mode: NetworkMode,
    /// Whether the task gets a loopback of its own, on which its processes can reach each other and nobody else.
    pub loopback: bool,
    #[serde(skip_serializing_if = "Origin::is_erased")]
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    None,
    Hosts(Vec<HostRule>),
    All,
}

/// `crates.io`, `*.crates.io`, `crates.io:443`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostRule {
    /// Lower-case, without a trailing dot; a leading `*.` stands for any number of labels, at least one.
    pub host: String,
    /// `None` is 80 and 443.
    pub port: Option<u16>,
    #[serde(skip_serializing_if = "Origin::is_erased")]
    pub origin: Origin,
}

/// The environment is built from this, not inherited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnvironmentGrant {
    /// The profile `unrestricted` only: the whole environment of the caller.
    pub inherit: bool,
    /// Variables that keep the caller's value, by exact name, or by prefix when the name ends in `*` (profiles only).
    pub pass: Vec<PassedVariable>,
    pub set: BTreeMap<String, String>,
    /// Directories that are put on `PATH` when they exist, before the system's.
    pub path: Vec<AbsPath>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedVariable {
    pub name: String,
    #[serde(skip_serializing_if = "Origin::is_erased")]
    pub origin: Origin,
}

/// A limit and its value: bytes, seconds or a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    pub kind: LimitKind,
    pub value: u64,
    #[serde(skip_serializing_if = "Origin::is_erased")]
    pub origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Bytes, of the whole task.
    Memory,
    /// Count, of the whole task.
    Processes,
    /// Count, of each process.
    OpenFiles,
    /// Seconds, of the whole task.
    WallTime,
    /// Seconds, of each process.
    CpuTime,
    /// Bytes, of each file that a process writes.
    FileSize,
    /// Bytes, of what the task prints.
    Output,
    /// Bytes, by which the free space of a file system falls that the task may write to.
    DiskSpace,
}

/// A command that starts without being asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Start {
    pub kind: StartKind,
    /// The command as written, for people.
    pub command: String,
    /// The variables that it is given and the SHA-256 of each value: a change asks again, and no secret is kept.
    pub env: BTreeMap<String, String>,
    /// The caller's own variables that the values of `env` name, as in `${env:NAME}`: what they hold is handed on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub handed_on: Vec<String>,
    #[serde(skip_serializing_if = "Origin::is_erased")]
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StartKind {
    /// A hook, with its trigger and its matcher.
    Hook {
        trigger: String,
        matcher: Option<String>,
        /// Of a `preToolUse` hook: it blocks only with exit status 2, and a call goes on after so many milliseconds without
        /// one. `None`: it blocks with every end but 0, and when it takes too long.
        #[serde(skip_serializing_if = "Option::is_none")]
        lets_through_after: Option<u64>,
    },
    McpServer {
        name: String,
    },
}
