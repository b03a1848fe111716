//! Command lines and what the gate says to them, as data: reading the line, knowing the options of programs, and ordinary
//! lines that must not ask.
//!
//! Each line is judged by its own patterns with nothing else allowed.

#![expect(clippy::unwrap_used, reason = "clippy's leave for tests does not reach the helpers of an integration test")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use remit_agent::{AbsPath, Agent, Reading};
use remit_policy::{CommandLine, Decision, Policy, Profile, Request, Workspace, compile};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    allow: Vec<String>,
    #[serde(default)]
    deny: Vec<String>,
    line: String,
    expected: String,
    why: String,
}

fn cases() -> Vec<Case> {
    include_str!("data/commands.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

fn policy(allow: &[String], deny: &[String]) -> Policy {
    let shell = serde_json::json!({ "allowedCommands": allow, "deniedCommands": deny });
    let text = serde_json::json!({ "name": "a", "tools": ["shell"], "toolsSettings": { "shell": shell } }).to_string();
    let parsed = remit_agent::parse("a.json", text.as_bytes());
    let (agent, _) = Agent::resolve(parsed, path("/home/u/work/agents/a.json"), Reading::Remit).unwrap();
    let bare = r#"{"name":"bare","description":"Nothing."}"#;
    let profile = Profile::load("bare", &BTreeMap::from([("bare".to_owned(), bare.to_owned())])).unwrap();
    let workspace = Workspace {
        root: path("/home/u/work"),
        home: path("/home/u"),
        state: path("/home/u/.local/state/remit"),
        config: path("/home/u/.config/remit"),
    };
    compile(&agent, &profile, &workspace).unwrap().0
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Ask => "ask",
        Decision::Deny => "deny",
    }
}

#[test]
fn each_line_is_judged_as_the_data_says() {
    let mut wrong = String::new();
    for case in cases() {
        let request = Request::Command(CommandLine::Shell(case.line.clone()));
        let (decision, reason) = policy(&case.allow, &case.deny).judge(&request);
        if word(decision) != case.expected {
            let Case { allow, deny, line, expected, why } = case;
            let _ = writeln!(
                wrong,
                "{line:?} under {allow:?} against {deny:?}: {decision:?} ({}), not {expected}: {why}",
                reason.why
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn there_are_lines_of_each_kind() {
    let of = |expected: &str| cases().iter().filter(|case| case.expected == expected).count();
    assert!(of("allow") >= 200 && of("ask") >= 500 && of("deny") >= 100);
}

#[test]
fn a_denial_of_something_else_changes_no_line() {
    // A bare `*` stands for no way around a denial, whatever is denied.
    let universal = |case: &&Case| case.allow.iter().any(|pattern| pattern == "*" || pattern == "regex:.*");
    for case in cases().iter().filter(|case| case.deny.is_empty() && !universal(case)) {
        let line = CommandLine::Shell(case.line.clone());
        let other = policy(&case.allow, &["no-such-program *".to_owned()]);
        assert_eq!(word(other.judge_line(&line).decision), case.expected, "{case:?}");
    }
}

/// What a fuzzer would begin with: each line broken off at each place has an answer, and a denial in what is left stands.
#[test]
fn every_beginning_of_every_line_has_an_answer() {
    let policy = policy(&["git *".to_owned(), "npm *".to_owned(), "find *".to_owned()], &["rm *".to_owned()]);
    for case in cases() {
        for (end, _) in case.line.char_indices() {
            let line = CommandLine::Shell(case.line.get(..end).unwrap().to_owned());
            let judged = policy.judge_line(&line);
            let denied = judged.parts.iter().any(|part| part.decision == Decision::Deny);
            assert_eq!(denied, judged.decision == Decision::Deny, "{line:?}");
        }
    }
}

/// Work grows with the length of a line and no faster: each of these would take minutes if it did not.
#[test]
fn long_and_deep_lines_have_an_answer() {
    let allow: Vec<String> =
        (0..200).map(|number| format!("* x{number} *")).chain(["*".to_owned(), "regex:.*".to_owned()]).collect();
    let policy = policy(&allow, &["rm *".to_owned(), "find * -delete".to_owned(), "regex:.*zzz.*".to_owned()]);
    let lines = [
        format!("find . {}", "-exec a ".repeat(5_000)),
        format!("find . {}", "-exec find ".repeat(5_000)),
        format!("{} x", "sudo ".repeat(10_000)),
        format!("{} x", "env A=1 ".repeat(5_000)),
        format!("parallel {}", "a ".repeat(20_000)),
        format!("git commit {}", "\"$x\" ".repeat(10_000)),
        format!("git commit {}", "-m \"$x\" ".repeat(5_000)),
        format!("ls {}", "$x ".repeat(20_000)),
        "cd a && x > f; ".repeat(2_000),
        "cd a && ".repeat(5_000) + "x",
        "x; ".repeat(10_000),
        format!("x {}", "a ".repeat(50_000)),
        format!("tar {}", "-cvf ".repeat(10_000)),
        "sh -c 'sh -c \"sh -c x\"'; ".repeat(1_000),
        format!("sed {}", "-e p ".repeat(10_000)),
        "find -exec env ".repeat(64),
        format!("{}; ", "find -exec env ".repeat(64)).repeat(200),
        format!("{}; ", "find -exec sudo xargs find -exec timeout 1 ".repeat(64)).repeat(50),
        format!("{}; ", "find -exec parallel ".repeat(64)).repeat(50),
        format!("bash -c '{}'; ", "find -exec env ".repeat(64)).repeat(200),
    ];
    for line in lines {
        policy.judge_line(&CommandLine::Shell(line));
    }
}

/// What nobody has the time for is asked about, and so is all that comes after it, but for what is plainly denied.
#[test]
fn a_line_that_is_nested_too_often_is_not_judged() {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let policy = policy(&texts(&["git *", "env *"]), &texts(&["git push *", "rm *"]));
    let check = |line: String, expected: Decision, why: &str| {
        let (decision, reason) = policy.judge(&Request::Command(CommandLine::Shell(line.clone())));
        assert!(decision == expected && reason.why.contains(why), "{line}: {decision:?} {}", reason.why);
    };
    let nested = "find -exec env ".repeat(64);
    check(nested.clone(), Decision::Ask, "nested too often");
    check(format!("{nested}; git status"), Decision::Ask, "nested too often");
    check(format!("git status; {nested}; git push"), Decision::Deny, "matches");
    check(format!("{nested} rm x"), Decision::Deny, "matches");
    check("env env env git status; git status".to_owned(), Decision::Allow, "");
    check("find -exec env find -exec env rm x".to_owned(), Decision::Deny, "matches");
    let judged = policy.judge_line(&CommandLine::Shell(format!("{nested}; git status; git push")));
    let parts: Vec<Decision> = judged.parts.iter().map(|part| part.decision).collect();
    assert_eq!(parts, [Decision::Ask, Decision::Ask, Decision::Deny]);
}
