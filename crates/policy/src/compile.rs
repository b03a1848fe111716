//! An agent, a profile and a workspace in; a policy out. One file for each grant.
//!
//! Each grant is compiled by itself. Diagnostics of all of them are gathered, so that a person sees every error at once,
//! and any error means that there is no policy.

mod calls;
mod codes;
mod commands;
mod environment;
mod examples;
mod files;
mod limits;
mod network;
mod protected;
mod standing;
mod starts;
mod tools;

pub use protected::protected;
pub use starts::handed_on;

use std::collections::BTreeMap;

pub use codes::COMPILE_CODES;
pub use examples::{Example, examples};
use remit_agent::{AbsPath, Agent};
use remit_diagnostics::{Diagnostic, Location, Span};

use crate::{
    CommandGrants, CommandRules, Confinement, EnvironmentGrant, FileGrants, NetworkGrant, NetworkMode, Origin, Otherwise, Policy,
    Profile, ToolGrants, WorkspaceMode,
};

/// The version of the canonical form.
pub(crate) const VERSION: u32 = 1;

/// Where the work is done, as values: the compiler looks nothing up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Canonical: no symbolic links in it.
    pub root: AbsPath,
    pub home: AbsPath,
    /// Where Remit keeps its own state: granted by name only.
    pub state: AbsPath,
    /// Where Remit's own configuration is: granted by name only.
    pub config: AbsPath,
}

/// Compiles an agent into a policy, and tries the examples that its file gives.
///
/// # Errors
///
/// Returns every diagnostic when any of them is an error: a pattern that does not compile, a path that means nothing, an
/// example that is decided otherwise than the file says. Nothing that failed to compile is ever left out.
pub fn compile(agent: &Agent, profile: &Profile, workspace: &Workspace) -> Result<(Policy, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (policy, mut diagnostics) = compile_untried(agent, profile, workspace)?;
    let failing = examples(&policy, agent).into_iter().filter(|example| !example.holds());
    let failing: Vec<Diagnostic> = failing.map(|example| example.diagnostic(agent)).collect();
    if failing.is_empty() {
        return Ok((policy, diagnostics));
    }
    diagnostics.extend(failing);
    diagnostics.sort_by_key(|diagnostic| diagnostic.location.span);
    Err(diagnostics)
}

/// Compiles an agent into a policy without trying its examples: for whoever shows how they turn out.
///
/// # Errors
///
/// As [`compile`], but for the examples.
pub fn compile_untried(
    agent: &Agent,
    profile: &Profile,
    workspace: &Workspace,
) -> Result<(Policy, Vec<Diagnostic>), Vec<Diagnostic>> {
    let profile_origin = Origin::Profile(profile.name.as_str().into());
    let mut context = Context { agent, profile, workspace, profile_origin, diagnostics: Vec::new() };
    if let Some(permissions) = &agent.file.permissions {
        let error = context.error("kiro-v3-rules", permissions.span, "Remit does not enforce the rules of Kiro CLI 3");
        context.report(error.help("say it in `tools`, `allowedTools` and `toolsSettings`; `remit lint` looks at the rules"));
    }
    let tools = tools::compile(&mut context);
    let policy = Policy {
        version: VERSION,
        agent: Some(agent.name.clone()),
        reading: agent.reading.name(),
        profile: profile.name.clone(),
        confinement: confinement(profile),
        workspace: workspace.root.clone(),
        home: workspace.home.clone(),
        commands: commands::compile(&mut context, &tools),
        files: files::compile(&mut context, &tools),
        network: network::compile(&mut context),
        environment: environment::compile(&mut context),
        limits: limits::compile(&mut context),
        debug: debug(&context),
        starts: starts::compile(&mut context),
        tools,
    };
    let mut diagnostics = context.diagnostics;
    diagnostics.sort_by_key(|diagnostic| diagnostic.location.span);
    if diagnostics.iter().any(Diagnostic::is_error) { Err(diagnostics) } else { Ok((policy, diagnostics)) }
}

/// Returns the policy for work without an agent, under a profile of [`Confinement::Unrestricted`].
///
/// Under a profile that confines, it grants nothing: without an agent nobody has said what may be done.
pub fn unrestricted(profile: &Profile, workspace: &Workspace) -> Policy {
    let origin = || Origin::Profile(profile.name.as_str().into());
    let network = if profile.unrestricted { NetworkMode::All } else { NetworkMode::None };
    Policy {
        version: VERSION,
        agent: None,
        reading: "remit",
        profile: profile.name.clone(),
        confinement: confinement(profile),
        workspace: workspace.root.clone(),
        home: workspace.home.clone(),
        tools: ToolGrants {
            visible: Vec::new(),
            allowed: Vec::new(),
            narrowed: Vec::new(),
            denied: Vec::new(),
            unknown: Vec::new(),
            aws: None,
            web: None,
        },
        commands: CommandGrants {
            deny: CommandRules::default(),
            allow: CommandRules::default(),
            everything: profile.unrestricted.then(origin),
            read_only: None,
            otherwise: Otherwise::Deny,
        },
        files: FileGrants {
            read: Vec::new(),
            write: Vec::new(),
            execute: Vec::new(),
            hidden: Vec::new(),
            write_denied: Vec::new(),
            protected: Vec::new(),
            protected_read: Vec::new(),
            workspace: WorkspaceMode::Direct,
            caches: Vec::new(),
        },
        network: NetworkGrant { mode: network, loopback: !profile.unrestricted, origin: origin() },
        environment: EnvironmentGrant { inherit: profile.unrestricted, pass: Vec::new(), set: BTreeMap::new(), path: Vec::new() },
        limits: limits::of_profile(profile),
        debug: profile.debug,
        starts: Vec::new(),
    }
}

/// What the agent file says goes, in both directions; when it is silent, the profile's word.
fn debug(context: &Context<'_>) -> bool {
    let sandbox = context.agent.file.settings.sandbox.as_ref();
    sandbox.and_then(|sandbox| sandbox.value.debug.as_ref()).map_or(context.profile.debug, |debug| debug.value)
}

fn confinement(profile: &Profile) -> Confinement {
    if profile.unrestricted { Confinement::Unrestricted } else { Confinement::Confined }
}

/// What every grant is compiled from, and where its findings go.
struct Context<'a> {
    agent: &'a Agent,
    profile: &'a Profile,
    workspace: &'a Workspace,
    profile_origin: Origin,
    diagnostics: Vec<Diagnostic>,
}

impl Context<'_> {
    fn origin(&self, span: Span) -> Origin {
        Origin::Agent(Location { source: self.agent.source.clone(), span })
    }

    fn profile_origin(&self) -> Origin {
        self.profile_origin.clone()
    }

    /// Returns where the file chooses its profile, or its beginning.
    fn profile_span(&self) -> Span {
        let sandbox = self.agent.file.settings.sandbox.as_ref();
        sandbox.and_then(|sandbox| sandbox.value.profile.as_ref()).map_or(Span::at(0), |profile| profile.span)
    }

    fn error(&self, code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, &self.agent.source, span, message)
    }

    fn warning(&self, code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(code, &self.agent.source, span, message)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}

#[cfg(test)]
mod tests;
