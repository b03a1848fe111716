//! What Amazon Q CLI decides for settings and a command, beside what Remit does: facts, one in each line of the data, and
//! the table of `docs/compared-with-q.md`, which has to agree.

#![expect(clippy::unwrap_used, reason = "clippy's leave for tests does not reach the helpers of an integration test")]

use std::collections::BTreeMap;
use std::path::Path;

use remit_agent::{AbsPath, Agent, Reading};
use remit_policy::{CommandLine, Decision, Profile, Request, Workspace, compile};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    settings: serde_json::Value,
    /// Whether the tool is in `allowedTools`.
    trusted: bool,
    command: String,
    q: String,
    remit: String,
    class: String,
}

fn vectors() -> Vec<Vector> {
    include_str!("data/q-vectors.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

fn decided(vector: &Vector) -> &'static str {
    let allowed = if vector.trusted { vec!["execute_bash"] } else { Vec::new() };
    let settings = serde_json::json!({ "execute_bash": vector.settings });
    let file = serde_json::json!({ "name": "a", "tools": ["execute_bash"], "allowedTools": allowed, "toolsSettings": settings });
    let parsed = remit_agent::parse("a.json", file.to_string().as_bytes());
    let (agent, _) = Agent::resolve(parsed, path("/home/u/work/agents/a.json"), Reading::Q).unwrap();
    let profile = Profile::load("base", &BTreeMap::new()).unwrap();
    let workspace =
        Workspace { root: path("/home/u/work"), home: path("/home/u"), state: path("/home/u/.s"), config: path("/home/u/.c") };
    let Ok((policy, _)) = compile(&agent, &profile, &workspace) else { return "refused" };
    match policy.judge(&Request::Command(CommandLine::Shell(vector.command.clone()))).0 {
        Decision::Allow => "allow",
        Decision::Ask => "ask",
        Decision::Deny => "deny",
    }
}

#[test]
fn each_line_is_decided_as_the_data_says() {
    for vector in vectors() {
        assert_eq!(decided(&vector), vector.remit, "{vector:?}");
        assert_eq!(vector.class == "same", vector.q == vector.remit, "{vector:?}");
    }
}

#[test]
fn what_q_denies_is_denied_or_refused() {
    for vector in vectors().iter().filter(|vector| vector.q == "deny") {
        assert!(["deny", "refused"].contains(&decided(vector)), "{vector:?}");
    }
}

#[test]
fn the_page_has_each_class_and_its_count() {
    let page = include_str!("../../../docs/compared-with-q.md");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let vectors = vectors();
    for vector in &vectors {
        *counts.entry(vector.class.clone()).or_default() += 1;
    }
    assert!(page.contains(&format!("over {} settings", vectors.len())));
    for (class, count) in &counts {
        assert!(page.contains(&format!("| {class} | {count} |")), "{class} {count}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| ")).count() - 2;
    assert_eq!(rows, counts.len());
    let severity = |vector: &Vector| ["allow", "ask", "deny", "refused"].iter().position(|word| *word == vector.remit).unwrap();
    let of_q = |vector: &Vector| ["allow", "ask", "deny"].iter().position(|word| *word == vector.q).unwrap();
    for vector in &vectors {
        let side = match severity(vector).cmp(&of_q(vector)) {
            std::cmp::Ordering::Less => "kinder",
            std::cmp::Ordering::Equal => "–",
            std::cmp::Ordering::Greater => "stricter",
        };
        let row = page.lines().find(|line| line.starts_with(&format!("| {} |", vector.class))).unwrap();
        assert!(row.contains(&format!("| {side} |")), "{vector:?} {row}");
    }
}
