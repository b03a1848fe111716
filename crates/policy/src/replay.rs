use std::collections::BTreeMap;
use std::path::Path;

use remit_agent::{AbsPath, Agent, Reading};

use crate::{CommandLine, Policy, Profile, Workspace, compile};

/// Reads any bytes as an allow pattern, a deny pattern and a command line, each on its own line but for the last, and checks
/// what must hold for all of them. The body of the fuzz target, and of its replay in the tests.
///
/// # Panics
///
/// Panics when something does not hold.
#[doc(hidden)]
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(3, '\n');
    let (allow, deny, line) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    // A pattern that does not compile is an error of the file: there is no policy, and nothing to decide.
    let (Some(with), Some(without)) = (policy(allow, &[deny]), policy(allow, &[])) else { return };
    let line = CommandLine::Shell(line.to_owned());
    let judged = with.judge_line(&line);
    assert_eq!(judged.decision, with.judge_line(&line).decision, "deciding is a function of the policy and the line");
    assert!(without.judge_line(&line).decision <= judged.decision, "adding a denial never allows more");
    let worst = judged.parts.iter().map(|part| part.decision).max();
    assert!(worst.is_none_or(|worst| worst <= judged.decision), "a line is no better than its worst part");
}

fn policy(allow: &str, deny: &[&str]) -> Option<Policy> {
    let path = |path: &str| AbsPath::new(Path::new(path)).ok();
    let shell = serde_json::json!({ "allowedCommands": [allow], "deniedCommands": deny });
    let text = serde_json::json!({ "name": "a", "tools": ["shell"], "toolsSettings": { "shell": shell } }).to_string();
    let parsed = remit_agent::parse("a.json", text.as_bytes());
    let (agent, _) = Agent::resolve(parsed, path("/home/u/a.json")?, Reading::Remit).ok()?;
    let bare = r#"{"name":"bare","description":"Nothing."}"#;
    let profile = Profile::load("bare", &BTreeMap::from([("bare".to_owned(), bare.to_owned())])).ok()?;
    let workspace =
        Workspace { root: path("/home/u/w")?, home: path("/home/u")?, state: path("/home/u/.s")?, config: path("/home/u/.c")? };
    compile(&agent, &profile, &workspace).ok().map(|(policy, _)| policy)
}
