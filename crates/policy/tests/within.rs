//! Whatever is judged, a policy that is within another is at least as strict.

#![expect(clippy::unwrap_used, reason = "clippy's leave for tests does not reach the helpers of an integration test")]

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use remit_agent::{AbsPath, Agent, Reading};
use remit_policy::{CommandLine, Policy, Profile, Request, Workspace, compile};

const PATTERNS: [&str; 22] = [
    "git *",
    "git status",
    "git status *",
    "git log *",
    "git -c a=b *",
    "git push *",
    "git push -f *",
    "ls",
    "ls *",
    "make *",
    "foo *",
    "foo bar *",
    "foo b* c",
    "find *",
    "find . -delete",
    "env *",
    "env foo *",
    "rm -rf *",
    "*",
    "awk *",
    "sed -n *",
    "foo bar",
];
const REGEXES: [&str; 13] = [
    "git -c a=b.*",
    "git .*",
    "git( .*)?",
    "git (status|log)",
    "git status|log .*",
    "(git status|log .*)",
    "git push.*",
    r"\s*git push.*",
    "foo",
    "foo .*",
    "foo (bar|baz)( .*)?",
    "find .*",
    ".*rm.*",
];
const PATHS: [&str; 14] = [
    ".",
    "docs",
    "docs/*",
    "docs/**/*.md",
    "**/*.md",
    "docs/a.md",
    "~/.ssh",
    "~/.ssh/config",
    "~",
    "docs/*/",
    ".git",
    "a.json",
    "/tmp",
    "**/.git/*",
];
const LINES: [&str; 40] = [
    "git",
    "git status",
    "git status -s",
    "git log --output=x",
    "git -c a=b log",
    "git -c core.pager=sh log",
    "git push",
    "git push -f x",
    "git -f push x",
    "git -C sub push -f",
    "log x",
    "git status x",
    "ls",
    "ls -la",
    "ls; rm -rf x",
    "rm -fr x",
    "rm -r -f x",
    "make x",
    "make -f /tmp/x",
    "foo",
    "foo bar",
    "foo bar baz",
    "foo $x",
    "foo b c",
    "foo ../bar",
    "find . -delete",
    "find . -exec rm -rf {} +",
    "env foo x",
    "env -i git push",
    "bash -c 'git push'",
    "x $(git push)",
    "cat docs/a.md",
    "echo a > docs/a.md",
    "echo a > .git/config",
    "cd docs && git log",
    "awk '{system(\"x\")}'",
    "sed -n 1p x",
    "cat ~/.ssh/config",
    "git 'a b'",
    "foo 'bar  x'",
];
const FILES: [&str; 14] = [
    "/w",
    "/w/docs",
    "/w/docs/a.md",
    "/w/docs/x/b.md",
    "/w/docs/x/y",
    "/home/u/.ssh/config",
    "/home/u/.ssh/id",
    "/home/u/x",
    "/w/.git/config",
    "/w/.git/hooks/x",
    "/w/a.json",
    "/w/b.json",
    "/tmp/x",
    "/w/sub/.git/config",
];
const TOOLS: [&str; 8] = ["shell", "read", "write", "web_fetch", "@a", "@a/b", "@c/d", "*"];

fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

fn policy(file: &str, own: &str, reading: Reading) -> Option<Policy> {
    let workspace = Workspace { root: path("/w"), home: path("/home/u"), state: path("/home/u/.s"), config: path("/home/u/.c") };
    let (agent, _) = Agent::resolve(remit_agent::parse("a.json", file.as_bytes()), path(own), reading).ok()?;
    let bare = BTreeMap::from([("bare".to_owned(), r#"{"name":"bare","description":"Nothing."}"#.to_owned())]);
    compile(&agent, &Profile::load("bare", &bare).unwrap(), &workspace).ok().map(|(policy, _)| policy)
}

fn some(of: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(of.to_vec(), 0..=most)
}

/// An agent file: most have the shell, so that there is something to compare.
fn file(patterns: &'static [&'static str]) -> impl Strategy<Value = String> {
    let commands =
        (some(patterns, 3), some(patterns, 2), select(vec!["", ",\"autoAllowReadonly\":true", ",\"denyByDefault\":true"]));
    let paths = (some(&PATHS, 2), some(&PATHS, 1), some(&PATHS, 1), some(&PATHS, 1));
    (some(&TOOLS[1..], 4), some(&TOOLS, 3), commands, paths).prop_map(
        |(visible, allowed, (allow, deny, switch), (write, unwritten, read, hide))| {
            let visible: Vec<&str> =
                if visible.contains(&"*") { vec!["*"] } else { visible.into_iter().chain(["shell"]).collect() };
            let list = |texts: &[&str]| serde_json::to_string(texts).unwrap();
            let allow = if allow.is_empty() { String::new() } else { format!(r#""allowedCommands":{},"#, list(&allow)) };
            let write = if write.is_empty() { String::new() } else { format!(r#""allowedPaths":{},"#, list(&write)) };
            format!(
                r#"{{"name":"a","tools":{},"allowedTools":{},"toolsSettings":{{"shell":{{{allow}"deniedCommands":{}{switch}}},
                "write":{{{write}"deniedPaths":{}}},"read":{{"allowedPaths":{}}},"sandbox":{{"files":{{"hide":{}}}}}}}}}"#,
                list(&visible),
                list(&allowed),
                list(&deny),
                list(&unwritten),
                list(&read),
                list(&hide),
            )
        },
    )
}

fn requests() -> Vec<Request> {
    let argv = |line: &&str| Request::Command(CommandLine::Argv(line.split(' ').map(str::to_owned).collect()));
    LINES
        .iter()
        .map(|line| Request::Command(CommandLine::Shell((*line).to_owned())))
        .chain(LINES.iter().map(argv))
        .chain(FILES.iter().map(|file| Request::ReadFile(path(file))))
        .chain(FILES.iter().map(|file| Request::WriteFile(path(file))))
        .chain(
            ["fs_read", "write", "shell", "web_fetch", "@a/b", "@a/c", "@c/d", "@e/f"].map(|tool| Request::Tool(tool.to_owned())),
        )
        .collect()
}

/// Returns the first request of which the narrower policy permits more.
fn contradiction(narrow: &Policy, wide: &Policy) -> Option<String> {
    let more = |request: &Request| narrow.judge(request).0 < wide.judge(request).0;
    let request = requests().into_iter().find(more)?;
    // What is granted by name only there, and not at all here, may ask here.
    Some(format!("{request:?}: {:?} and {:?}", narrow.judge(&request), wide.judge(&request)))
}

fn check(one: &str, other: &str, reading: Reading) -> Result<bool, TestCaseError> {
    let (Some(one), Some(other)) = (policy(one, "/w/a.json", reading), policy(other, "/w/a.json", reading)) else {
        return Ok(false);
    };
    prop_assert_eq!(one.excess(&one), []);
    if !one.is_within(&other) {
        return Ok(false);
    }
    prop_assert_eq!(contradiction(&one, &other), None);
    Ok(true)
}

/// Takes one thing out of a file or puts another in its place: two files that have nothing in common are hardly ever
/// within each other.
fn nearby(file: &str, at: usize, instead: &str) -> String {
    let entries: Vec<(usize, &str)> =
        PATTERNS.iter().chain(&REGEXES).chain(&PATHS).chain(&TOOLS).flat_map(|entry| file.match_indices(entry)).collect();
    match entries.get(at % entries.len().max(1)) {
        Some((start, text)) => format!("{}{instead}{}", &file[..*start], &file[start + text.len()..]),
        None => file.to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn globs(one in file(&PATTERNS), at in 0_usize..40, instead in select(PATTERNS.iter().chain(&PATHS).copied().collect::<Vec<_>>())) {
        let other = nearby(&one, at, instead);
        check(&one, &other, Reading::Remit)?;
        check(&other, &one, Reading::Remit)?;
    }

    #[test]
    fn regular_expressions(one in file(&REGEXES), at in 0_usize..40, instead in select(REGEXES.to_vec())) {
        let other = nearby(&one, at, &instead.replace('\\', "\\\\"));
        check(&one, &other, Reading::Q)?;
        check(&other, &one, Reading::Q)?;
    }
}
