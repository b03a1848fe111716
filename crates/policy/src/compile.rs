use remit_agent::{AbsPath, Agent};
use remit_diagnostics::Diagnostic;

use crate::{Policy, Profile};

/// Where the work is done, as values: the compiler looks nothing up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Canonical: no symbolic links in it.
    pub root: AbsPath,
    pub home: AbsPath,
    /// Where Remit keeps its own state: never granted.
    pub state: AbsPath,
    /// Where Remit's own configuration is: never granted.
    pub config: AbsPath,
}

/// Compiles an agent into a policy.
///
/// # Errors
///
/// Returns every diagnostic when any of them is an error: a pattern that does not compile, a path that means nothing.
/// Nothing that failed to compile is ever left out.
pub fn compile(agent: &Agent, profile: &Profile, workspace: &Workspace) -> Result<(Policy, Vec<Diagnostic>), Vec<Diagnostic>> {
    let _ = (agent, profile, workspace);
    unimplemented!()
}

/// Returns the policy for work without an agent, under a profile of [`crate::Confinement::Unrestricted`].
pub fn unrestricted(profile: &Profile, workspace: &Workspace) -> Policy {
    let _ = (profile, workspace);
    unimplemented!()
}
