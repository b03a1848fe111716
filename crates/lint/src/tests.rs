//! Tests over all rules, and what the rules' own tests are written with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use remit_agent::{AbsPath, Agent, Parsed, Reading, parse};
use remit_diagnostics::Diagnostic;
use remit_policy::{Policy, Profile, Workspace, compile};

use crate::{DescribedDisk, LintInput, Product, Products, RULES, Rule, lint};

/// Checks the texts at the places that a rule finds something, the file being one of Remit's own.
pub(crate) fn check(rule: &Rule, file: &str, expected: &[&str]) {
    check_as(rule, Reading::Remit, file, expected);
}

pub(crate) fn check_as(rule: &Rule, reading: Reading, file: &str, expected: &[&str]) {
    check_on(rule, reading, &disk(), file, expected);
}

/// Checks what a rule finds with other files around.
pub(crate) fn check_on(rule: &Rule, reading: Reading, disk: &DescribedDisk, file: &str, expected: &[&str]) {
    let findings = with_input(file, reading, disk, |input| rule.findings(input));
    let found: Vec<&str> = findings.iter().map(|finding| finding.location.source.slice(finding.location.span)).collect();
    assert_eq!(found, expected, "{} over {file}", rule.name);
    assert!(findings.iter().all(|finding| finding.code == rule.name && finding.help.is_some() && !finding.notes.is_empty()));
}

/// Checks what a rule finds for these products alone.
pub(crate) fn check_for(rule: &Rule, products: &[Product], file: &str, expected: &[&str]) {
    let findings = for_products(file, Reading::Remit, products, &disk(), |input| rule.findings(input));
    let found: Vec<&str> = findings.iter().map(|finding| finding.location.source.slice(finding.location.span)).collect();
    assert_eq!(found, expected, "{} over {file}", rule.name);
}

/// Returns the file after the fix of each finding.
pub(crate) fn fixes(rule: &Rule, reading: Reading, file: &str) -> Vec<String> {
    let findings = with_input(file, reading, &disk(), |input| rule.findings(input));
    let fixes = findings.into_iter().filter_map(|finding| finding.fix);
    fixes
        .map(|fix| {
            let mut text = file.to_owned();
            for edit in fix.edits.iter().rev() {
                text.replace_range(edit.span.start..edit.span.end, &edit.replacement);
            }
            text
        })
        .collect()
}

/// Returns a file with every tool visible.
pub(crate) fn settings(allowed: &str, settings: &str) -> String {
    format!(r#"{{"name": "example", "tools": ["*"], "allowedTools": {allowed}, "toolsSettings": {{{settings}}}}}"#)
}

pub(crate) fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

/// Returns a host with the agent file, and what the examples of the rules speak of.
pub(crate) fn disk() -> DescribedDisk {
    DescribedDisk::default()
        .file(path("/work/example.json"), "{}")
        .file(path("/work/prompt.md"), "Be careful.")
        .file(path("/work/src/main.rs"), "")
        .file(path("/work/docs/a.md"), "")
        .file(path("/home/ann/.ssh/id_rsa"), "")
        .file(path("/home/ann/.bashrc"), "")
        .link(path("/work/shared"), "/home/ann")
        .file(path("/work/free.json"), r#"{"name": "free", "tools": ["*"], "allowedTools": ["*"]}"#)
        .file(path("/work/narrow.json"), r#"{"name": "narrow", "tools": ["fs_read"]}"#)
}

fn workspace() -> Workspace {
    Workspace {
        root: path("/work"),
        home: path("/home/ann"),
        state: path("/home/ann/.state"),
        config: path("/home/ann/.config/remit"),
    }
}

fn with_input<T>(file: &str, reading: Reading, disk: &DescribedDisk, judge: impl FnOnce(&LintInput) -> T) -> T {
    let products = match reading {
        _ if file.contains("\"permissions\"") => vec![Product::KiroV3],
        Reading::Remit => vec![Product::Remit],
        Reading::Kiro => vec![Product::Remit, Product::Kiro],
        Reading::Q => vec![Product::Remit, Product::Q],
    };
    for_products(file, reading, &products, disk, judge)
}

fn for_products<T>(
    file: &str,
    reading: Reading,
    products: &[Product],
    disk: &DescribedDisk,
    judge: impl FnOnce(&LintInput) -> T,
) -> T {
    let parsed = parse("example.json", file.as_bytes());
    let policy = policy(&parsed, reading);
    judge(&LintInput {
        source: &parsed.source,
        file: &parsed.file,
        path: Some(&path("/work/example.json")),
        reading,
        policy: policy.as_ref(),
        products: &Products::only(products),
        workspace: &workspace(),
        disk,
    })
}

fn policy(parsed: &Parsed, reading: Reading) -> Option<Policy> {
    let (agent, _) = Agent::resolve(parsed.clone(), path("/work/example.json"), reading).ok()?;
    let profile = Profile::load("base", &BTreeMap::new()).unwrap();
    compile(&agent, &profile, &workspace()).ok().map(|(policy, _)| policy)
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
            let findings: Vec<Diagnostic> = with_input(file, rule.example.reading, &disk(), lint);
            findings.into_iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert!(findings(rule.example.found).contains(&rule.name), "{}: the example", rule.name);
        assert_eq!(findings(rule.example.mended), [""; 0], "{}: the mended form", rule.name);
    }
}

#[test]
fn findings_read_well() {
    let mut page = String::new();
    for rule in RULES {
        for finding in with_input(rule.example.found, rule.example.reading, &disk(), |input| rule.findings(input)) {
            let place = finding.location.source.slice(finding.location.span).to_owned();
            writeln!(page, "{:?} {}: {}", finding.severity, finding.code, finding.message).unwrap();
            writeln!(page, "  at {place} {}", finding.label).unwrap();
            for note in &finding.notes {
                writeln!(page, "  note {note}").unwrap();
            }
            writeln!(page, "  help {}", finding.help.unwrap_or_default()).unwrap();
        }
    }
    insta::assert_snapshot!(page, @r#"
    Warning allow-accepts-another-command: `git difftool -y -x sh` runs unasked too
      at "git diff.*" `git diff` goes on inside the word
      note Kiro CLI compare letters, not words
      help put a blank before the wildcard, as in `ls( .*)?`
    Warning allow-accepts-pipe: Amazon Q CLI lets `cat x | bash` run unasked
      at "cat .*" compared with the whole line
      note what is piped into a shell is any command
      help let the pattern take no `|`, as in `cat [^|]*`, or name the arguments
    Warning allow-list-overridden: `execute_bash` in `allowedTools` switches `allowedCommands` off in Kiro CLI and Amazon Q CLI
      at "execute_bash" runs every command unasked there
      note Remit keeps to it: settings narrow, and never widen
      help take `execute_bash` out of `allowedTools`: what the settings allow runs unasked all the same
    Warning allow-matches-nothing: `aws * describe-*` allows nothing: Kiro CLI asks about `aws x describe-x`
      at "aws * describe-*" no command runs by it
      note neither the command as written nor one with arguments is covered
      help write the command as it is typed, or a regular expression that matches it
    Warning allow-unreachable: `git push origin main` is allowed here, and denied all the same
      at "git push origin main" never runs
      note in Remit a denial beats an allowance, whatever their order
      help remove the entry, or make the denial narrower
    Warning alternation-splits-anchors: `rm -rf / git diff` runs unasked in Amazon Q CLI
      at "git status|git diff" the `|` splits the anchors
      note the first alternative is open at its end, and the last at its beginning
      help put the alternatives in parentheses: `(git status|git diff)`
    Warning deny-escaped-by-arguments: `sudo` is denied, and `sudo x` is not
      at "\\s*sudo" denies the bare command only
      note an argument is enough to get past it; so in Amazon Q CLI
      help let such a pattern go on, as in `sudo[\\s\\S]*`
    Warning deny-escaped-by-newline: `git push` is denied, and `git push\nid` is not
      at "\\s*git push.*" `.` matches no line end
      note a shell runs each line of it; so in Amazon Q CLI
      help end such a pattern with `[\\s\\S]*`, and name what may run in `allowedCommands`
    Warning deny-escaped-by-space: `git push` is denied, and ` git push` is not
      at "git push.*" matches from the first character on
      note Amazon Q CLI compares it with the line as written, as Kiro CLI is understood to
      note Remit compares words, which no space escapes
      help begin such a pattern with `\\s*`, and name what may run in `allowedCommands`
    Warning deny-list-only-guard: `deniedCommands` is the only guard of a pre-approved shell
      at ["git push *"] everything else runs unasked
      note what a pattern denies can be done in another way: by another program, or a script
      help name what may run in `allowedCommands`, and take `execute_bash` out of `allowedTools`
    Warning deny-matches-nothing: `aws x delete-x` is not denied by `aws * delete-*`
      at "aws * delete-*" denies nothing that is meant
      note in Amazon Q CLI it is a regular expression
      help write `.*` where the glob has `*`
    Warning glob-in-regex-list: `npm run *` does not allow `npm run x` in Kiro CLI
      at "npm run *" a regular expression there
      note `*` repeats the character before it, and stands for nothing by itself
      help write a regular expression, as in `npm run [a-z:-]+`, or the commands one by one
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
    Warning regex-does-not-compile: `git status(?! -s)` is no regular expression
      at "git status(?! -s)" does not compile
      note in Kiro CLI it is left out, and allows nothing
      help write it without look-around, and close what is open
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
