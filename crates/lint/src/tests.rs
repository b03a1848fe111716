//! Tests over all rules, and what the rules' own tests are written with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
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
            writeln!(page, "{:?} {}: {}", finding.severity, finding.code, finding.message).unwrap();
            writeln!(page, "  at {place} {}", finding.label).unwrap();
            for note in &finding.notes {
                writeln!(page, "  note {note}").unwrap();
            }
            writeln!(page, "  help {}", finding.help.unwrap_or_default()).unwrap();
        }
    }
    insta::assert_snapshot!(page, @r#"
Warning allow-list-overridden: `execute_bash` in `allowedTools` switches `allowedCommands` off in Kiro CLI and Amazon Q CLI
  at "execute_bash" runs every command unasked there
  note Remit keeps to it: settings narrow, and never widen
  help take `execute_bash` out of `allowedTools`: what the settings allow runs unasked all the same
Warning deny-escaped-by-space: `git push` is denied, and ` git push` is not
  at "git push.*" matches from the first character on
  note Amazon Q CLI compares it with the line as written, as Kiro CLI is understood to
  note Remit compares words, which no space escapes
  help begin such a pattern with `\\s*`, and name what may run in `allowedCommands`
Warning deny-list-only-guard: `deniedCommands` is the only guard of a pre-approved shell
  at ["git push *"] everything else runs unasked
  note what a pattern denies can be done in another way: by another program, or a script
  help name what may run in `allowedCommands`, and take `execute_bash` out of `allowedTools`
Warning hook-fails-open: this hook guards nothing when it fails
  at "./guard.sh" only exit code 2 stops the tool
  note in Kiro CLI and Amazon Q CLI another exit code, a failed start and a time-out let the tool through
  help say what may run in `allowedCommands` or `allowedPaths`, and end the hook with code 2 on every failure
Warning interpreter-with-wildcard: `python3 *` allows any command
  at "python3 *" lets `python3 x.py` run unasked
  note the list allows everything that this program starts, and its denials are escaped through it
  help name the script or the command that is to run, without a wildcard
Warning name-differs-from-file: the agent is named `sample` and its file `example.json`
  at "sample" not the file's name
  note it is found by one name here and by the other there; Amazon Q CLI then runs its default agent instead
  help rename the file to `sample.json`, or the agent to `example`
Warning secret-in-file: the value of `DOCS_TOKEN` stands in the file
  at "q7Wm2zR9tK4b" a secret, by its name
  note whoever can read the file, its history or a copy of it has the secret
  help revoke it, and name the variable that holds the new one: `${env:NAME}`
Warning server-unpinned: `docs-server` is fetched in whatever version is newest
  at "docs-server" no exact version
  note whoever can publish the package can run code here at the next start
  help write the exact version after the name, as in `docs-server@1.4.2`
Warning shell-fully-trusted: `execute_bash` is pre-approved, and nothing narrows it
  at "execute_bash" runs every command unasked
  note a text that the model reads can become a command that nobody sees
  help name what may run in `toolsSettings.execute_bash.allowedCommands`, and take the tool out of `allowedTools`
Warning write-fully-trusted: `fs_write` pre-approves every write, and no `allowedPaths` narrows it
  at "fs_write" writes unasked
  note a build script or a hook that is written now is run by somebody later
  help name the paths in `toolsSettings.fs_write.allowedPaths`, as in `["docs/**"]`
"#);
}
