use globset::GlobMatcher;
use remit_agent::AbsPath;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::Origin;

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
    /// Granted by name only, never by a pattern that happens to cover them.
    pub protected: Vec<PathRule>,
    pub workspace: WorkspaceMode,
    /// Toolchains' caches: written in a private layer, dropped at the end.
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
    pub origin: Origin,
}

/// A path, or a glob below one, compiled.
///
/// `base` is the longest leading part without a wildcard. With no `glob` the pattern is `base` and all that is below it.
#[derive(Clone, Debug)]
pub struct PathPattern {
    pub text: String,
    pub base: AbsPath,
    pub glob: Option<GlobMatcher>,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct PathPatternError {
    pub reason: String,
    pub help: Option<String>,
}

impl Serialize for PathPattern {
    /// Writes the absolute form: what the pattern means, not how it was spelt.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.glob {
            None => serializer.serialize_str(self.base.as_str()),
            Some(glob) => serializer.collect_str(&format_args!("{}//{}", self.base, glob.glob())),
        }
    }
}
