//! An agent compiled into five grants, and the one decision procedure over them.
//!
//! [`compile`] takes an agent, a profile and a workspace to a [`Policy`]: pure data with canonical bytes and a digest.
//! [`Policy::decide`] takes a request to a [`Verdict`]; only a verdict makes a [`Permit`], and nothing acts without one.
//! There is no input or output here, no clock and no environment.

mod address;
mod calls;
mod canonical;
mod command_regex;
mod commands;
mod compile;
mod decide;
mod diff;
mod digest;
mod files;
mod grants;
mod names;
mod origin;
mod path_glob;
mod path_pattern;
mod policy;
mod profile;
mod programs;
#[doc(hidden)]
pub mod replay;
#[cfg(test)]
mod testing;
mod tools;
mod variables;
mod verdict;
mod within;

pub use address::WebAddress;
pub use calls::{AwsGrants, CallRule, WebGrants};
pub use command_regex::CommandRegex;
pub use commands::{CommandGrants, CommandPattern, CommandRule, CommandRules, Otherwise};
pub use compile::{COMPILE_CODES, Example, Workspace, compile, compile_untried, examples, handed_on, protected, unrestricted};
pub use decide::{AwsCall, CommandLine, CommandPart, Decision, Gate, Judgement, Request};
pub use diff::{Change, ChangeKind, diff};
pub use digest::Digest;
pub use files::{FileGrants, PathRule, WorkspaceMode};
pub use grants::{
    EnvironmentGrant, HostRule, Limit, LimitKind, NetworkGrant, NetworkMode, PassedVariable, Start, StartKind, ToolGrants,
    ToolPattern, ToolRule,
};
pub use origin::Origin;
pub use path_glob::PathGlob;
pub use path_pattern::{PathPattern, PathPatternError};
pub use policy::{Confinement, Policy};
pub use profile::{BUILT_IN_PROFILES, Profile, ProfileError, ProfileFile, Toolchain};
pub use variables::never_passed;
pub use verdict::{Permit, Question, Reason, Verdict};
pub use within::{Excess, Grant};
