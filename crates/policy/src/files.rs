use serde::Serialize;

use crate::{Origin, PathPattern};

/// What may be read, written and executed; what is hidden; and where writes that nobody approved go.
///
/// The lists are unions; `hidden` and `write_denied` win over all of them, and `protected` wins over every rule that
/// does not name the path itself.
#[derive(Clone, Debug, Serialize)]
pub struct FileGrants {
    pub read: Vec<PathRule>,
    /// Pre-approved writes. Writing implies reading.
    pub write: Vec<PathRule>,
    /// Execution. It implies reading.
    pub execute: Vec<PathRule>,
    /// Neither read nor written nor executed: `deniedPaths` of the reading tools, `sandbox.files.hide`, the profile's.
    pub hidden: Vec<PathRule>,
    /// `deniedPaths` of the writing tool.
    pub write_denied: Vec<PathRule>,
    /// Written by name only, never by a pattern that happens to cover them. Those that can be read are here too.
    pub protected: Vec<PathRule>,
    /// Those of `protected` that are not even read, unless by name: credential stores, Remit's own state, sockets.
    pub protected_read: Vec<PathRule>,
    pub workspace: WorkspaceMode,
    /// Toolchains' caches: written in a private layer, and applied by name only.
    pub caches: Vec<PathRule>,
}

/// Where a command's writes to the workspace go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkspaceMode {
    /// Into a private layer over the workspace: no write is pre-approved.
    Layer,
    /// To the files themselves, where `write` says so, and nowhere else.
    Direct,
}

#[derive(Clone, Debug, Serialize)]
pub struct PathRule {
    pub pattern: PathPattern,
    /// A rule of a profile holds for what exists on the host, and says nothing about the rest.
    pub if_present: bool,
    #[serde(skip_serializing_if = "Origin::is_erased")]
    pub origin: Origin,
}
