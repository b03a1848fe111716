//! Tests over all rules, and what the rules' own tests are written with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use remit_agent::{AbsPath, Agent, Parsed, Reading, parse};
use remit_policy::{Policy, Profile, Workspace, compile};

use crate::{LintInput, RULES, Rule, lint};

/// Checks the texts at the places that a rule finds something, the file being one of Remit's own.
pub(crate) fn check(rule: &Rule, file: &str, expected: &[&str]) {
    check_as(rule, Reading::Remit, file, expected);
}

pub(crate) fn check_as(rule: &Rule, reading: Reading, file: &str, expected: &[&str]) {
    let parsed = parse("example.json", file.as_bytes());
    let policy = policy(&parsed, reading);
    let path = path("/work/example.json");
    let input = LintInput { source: &parsed.source, file: &parsed.file, path: Some(&path), reading, policy: policy.as_ref() };
    let findings = rule.findings(&input);
    let found: Vec<&str> = findings.iter().map(|finding| parsed.source.slice(finding.location.span)).collect();
    assert_eq!(found, expected, "{} over {file}", rule.name);
    assert!(findings.iter().all(|finding| finding.code == rule.name && finding.help.is_some() && !finding.notes.is_empty()));
}

/// Returns a file with every tool visible.
pub(crate) fn settings(allowed: &str, settings: &str) -> String {
    format!(r#"{{"name": "example", "tools": ["*"], "allowedTools": {allowed}, "toolsSettings": {{{settings}}}}}"#)
}

fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

fn policy(parsed: &Parsed, reading: Reading) -> Option<Policy> {
    let (agent, _) = Agent::resolve(parsed.clone(), path("/work/example.json"), reading).ok()?;
    let profile = Profile::load("base", &BTreeMap::new()).unwrap();
    let workspace = Workspace {
        root: path("/work"),
        home: path("/home/ann"),
        state: path("/home/ann/.state"),
        config: path("/home/ann/.config/remit"),
    };
    compile(&agent, &profile, &workspace).ok().map(|(policy, _)| policy)
}

#[test]
fn every_rule_file_is_in_the_registry() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    let files: BTreeSet<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "mod.rs")
        .map(|name| name.trim_end_matches(".rs").replace('_', "-"))
        .collect();
    let names: Vec<String> = RULES.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(files.into_iter().collect::<Vec<_>>(), names, "each file is a rule, and the registry is sorted");
}

#[test]
fn every_rule_is_documented() {
    for rule in RULES {
        for (text, what) in [(rule.what, "what"), (rule.why, "why"), (rule.cure, "cure")] {
            assert!(text.ends_with('.') && text.len() > 30, "{}: {what} is to be sentences: {text}", rule.name);
            assert!(!text.contains("  "), "{}: {what} has a hole: {text}", rule.name);
        }
    }
}

#[test]
fn every_example_is_found_and_its_mended_form_is_not() {
    for rule in RULES {
        let findings = |file: &str| {
            let parsed = parse("example.json", file.as_bytes());
            assert!(parsed.diagnostics.iter().all(|finding| !finding.is_error()), "{}: {:?}", rule.name, parsed.diagnostics);
            let policy = policy(&parsed, rule.example.reading);
            let path = path("/work/example.json");
            let input = LintInput {
                source: &parsed.source,
                file: &parsed.file,
                path: Some(&path),
                reading: rule.example.reading,
                policy: policy.as_ref(),
            };
            lint(&input).into_iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert!(findings(rule.example.found).contains(&rule.name), "{}: the example", rule.name);
        assert_eq!(findings(rule.example.mended), [""; 0], "{}: the mended form", rule.name);
    }
}

#[test]
fn findings_read_well() {
    let mut page = String::new();
    for rule in RULES {
        let parsed = parse("example.json", rule.example.found.as_bytes());
        let policy = policy(&parsed, rule.example.reading);
        let path = path("/work/example.json");
        let input = LintInput {
            source: &parsed.source,
            file: &parsed.file,
            path: Some(&path),
            reading: rule.example.reading,
            policy: policy.as_ref(),
        };
        for finding in rule.findings(&input) {
            let place = parsed.source.slice(finding.location.span);
            page += &format!("{:?} {}: {}\n", finding.severity, finding.code, finding.message);
            page += &format!("  at {place} {}\n", finding.label);
            page += &finding.notes.iter().map(|note| format!("  note {note}\n")).collect::<String>();
            page += &format!("  help {}\n", finding.help.unwrap_or_default());
        }
    }
    insta::assert_snapshot!(page, @"");
}
