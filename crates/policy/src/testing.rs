//! What the tests of this crate have in common: an agent's text to its policy.

use std::collections::BTreeMap;
use std::path::Path;

use remit_agent::{AbsPath, Agent, Reading};
use remit_diagnostics::Diagnostic;

use crate::{Policy, Profile, Workspace, compile};

pub(crate) fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

pub(crate) fn workspace() -> Workspace {
    Workspace {
        root: path("/home/u/work"),
        home: path("/home/u"),
        state: path("/home/u/.local/state/remit"),
        config: path("/home/u/.config/remit"),
    }
}

/// Returns the profile of that name, among `bare`, which grants nothing, and those that ship.
pub(crate) fn profile(name: &str) -> Profile {
    let bare = r#"{"name":"bare","description":"Nothing."}"#;
    Profile::load(name, &BTreeMap::from([("bare".to_owned(), bare.to_owned())])).unwrap()
}

/// Compiles an agent file under the profile `bare`.
pub(crate) fn compiled(text: &str, reading: Reading) -> Result<(Policy, Vec<Diagnostic>), Vec<Diagnostic>> {
    compiled_under(text, reading, &profile("bare"))
}

pub(crate) fn compiled_under(
    text: &str,
    reading: Reading,
    profile: &Profile,
) -> Result<(Policy, Vec<Diagnostic>), Vec<Diagnostic>> {
    let parsed = remit_agent::parse("agent.json", text.as_bytes());
    let (agent, _) = Agent::resolve(parsed, path("/home/u/work/agents/a.json"), reading)?;
    compile(&agent, profile, &workspace())
}

pub(crate) fn policy(text: &str) -> Policy {
    compiled(text, Reading::Remit).unwrap_or_else(|errors| panic!("{text}: {errors:?}")).0
}

/// Returns the findings as `severity code at TEXT: message | help`.
pub(crate) fn findings(text: &str, reading: Reading) -> Vec<String> {
    let diagnostics = match compiled(text, reading) {
        Ok((_, diagnostics)) | Err(diagnostics) => diagnostics,
    };
    let show = |diagnostic: &Diagnostic| {
        let help = diagnostic.help.as_deref().unwrap_or("-");
        let at = diagnostic.location.source.slice(diagnostic.location.span);
        format!("{:?} {} at {at}: {} | {help}", diagnostic.severity, diagnostic.code, diagnostic.message)
    };
    diagnostics.iter().map(show).collect()
}
