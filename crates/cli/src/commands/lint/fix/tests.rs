use std::path::Path;

use proptest::prelude::*;
use remit_agent::Reading;
use remit_policy::Workspace;

use super::*;
use crate::disk::HostDisk;
use crate::load::{ReadAs, UserProfiles};

fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

fn how(read_as: ReadAs) -> How {
    let workspace = Workspace {
        root: path("/work"),
        home: path("/home/ann"),
        state: path("/home/ann/.state"),
        config: path("/home/ann/.config/remit"),
    };
    How { read_as: Some(read_as), judged_for: Vec::new(), profiles: UserProfiles::default(), disk: Box::new(HostDisk), workspace }
}

pub(in crate::commands::lint) fn judged(text: &str, read_as: ReadAs) -> Judged {
    let place = FilePlace { path: path("/work/a.json"), canonical: path("/work/a.json"), exists: true };
    judge("a.json", text.as_bytes(), place, &how(read_as)).unwrap()
}

fn fixed(text: &str, read_as: ReadAs) -> (String, usize) {
    mended(text.as_bytes(), |bytes| Ok(judged(std::str::from_utf8(bytes).unwrap(), read_as))).unwrap()
}

const READINGS: [ReadAs; 3] = [ReadAs::Remit, ReadAs::Kiro, ReadAs::Q];

#[test]
fn the_mended_file_keeps_every_other_byte() {
    let text = "{\n  \"name\": \"a\",\n\t\"tools\": [ \"execute_bash\" ],\n  \"toolsSettings\": {\"execute_bash\": {\"allowedCommands\": \
                [\"git status|git diff\"]},\n    \"sandbox\": { \"remit-lint-ignore\": { \"hook-fails-open\": \"no hook\" } } }\n}\n";
    let expected =
        text.replace("git status|git diff", "(git status|git diff)").replace("{ \"hook-fails-open\": \"no hook\" }", "{}");
    assert_eq!(fixed(text, ReadAs::Q), (expected, 2));
}

/// Agents as people write them, as each product reads them, and the examples of the rules.
fn corpus() -> Vec<(String, String, ReadAs)> {
    let agents = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lint/fixtures/agents");
    let files = fs::read_dir(agents).unwrap().map(|entry| entry.unwrap().path());
    let written =
        files.flat_map(|file| READINGS.map(|reading| (file.display().to_string(), fs::read_to_string(&file).unwrap(), reading)));
    // The one with hundreds of patterns takes long and is mended no further.
    let rules = remit_lint::rules().iter().filter(|rule| rule.name != "too-many-patterns");
    let examples = rules.map(|rule| {
        let reading = match rule.example.reading {
            Reading::Remit => ReadAs::Remit,
            Reading::Kiro => ReadAs::Kiro,
            Reading::Q => ReadAs::Q,
        };
        (rule.name.to_owned(), rule.example.found.to_owned(), reading)
    });
    written.chain(examples).collect()
}

/// Returns the lines that are asked of a policy before and after: those of its patterns, and what stands near them.
fn lines(text: &str) -> Vec<String> {
    let file: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let shell = |key: &str| ["shell", "execute_bash"].map(|tool| file.pointer(&format!("/toolsSettings/{tool}/{key}")).cloned());
    let patterns = ["allowedCommands", "deniedCommands"].into_iter().flat_map(shell).flatten();
    let patterns =
        patterns.filter_map(|list| Some(list.as_array()?.clone())).flatten().filter_map(|text| Some(text.as_str()?.to_owned()));
    let lines: Vec<String> = patterns.flat_map(|pattern| [sample_line(&pattern), Some(pattern)]).flatten().collect();
    lines
        .iter()
        .flat_map(|line| {
            [
                line.clone(),
                format!("{line} x"),
                format!("{line}x"),
                format!("cd d && {line}"),
                format!("env {line}"),
                format!(" {line}\nid"),
            ]
        })
        .collect()
}

#[test]
fn agents_are_mended_once_and_permit_no_more() {
    for (name, text, reading) in corpus() {
        let (once, made) = fixed(&text, reading);
        assert_eq!(fixed(&once, reading), (once.clone(), 0), "{name} is fixed again");
        assert_eq!(made == 0, once == text, "{name}");
        let (before, after) = (judged(&text, reading).policy, judged(&once, reading).policy);
        let (Some(before), Some(after)) = (before, after) else { continue };
        assert_eq!(after.excess(&before), [], "{name} as {reading:?}: {once}");
        for line in lines(&text).into_iter().chain(lines(&once)) {
            let request = Request::Command(CommandLine::Shell(line));
            assert!(after.judge(&request).0 >= before.judge(&request).0, "{name} as {reading:?}: {request:?}");
        }
        let files = ["docs/a.md", "src/x/y.rs", "a.pem", "x/a.pem", ".env", "target/x", "secrets.toml", ".git/hooks/x"];
        for file in files.map(|file| path("/work").join(file)) {
            for request in [Request::ReadFile(file.clone()), Request::WriteFile(file.clone())] {
                assert!(after.judge(&request).0 >= before.judge(&request).0, "{name} as {reading:?}: {request:?}");
            }
        }
    }
}

#[test]
fn keys_stay_in_their_order() {
    // A string before a colon is a key; the examples have no quotes in strings.
    let of = |text: &str| -> Vec<String> {
        let parts: Vec<&str> = text.split('"').collect();
        let keys = parts.windows(2).skip(1).step_by(2).filter(|pair| pair[1].trim_start().starts_with(':'));
        keys.map(|pair| pair[0].to_owned()).collect()
    };
    for (name, text, reading) in corpus() {
        let (before, after) = (of(&text), of(&fixed(&text, reading).0));
        let mut rest = before.iter();
        let in_order = after.iter().filter(|key| before.contains(key)).all(|key| rest.any(|other| other == key));
        assert!(in_order, "{name}: {before:?} became {after:?}");
    }
}

#[test]
fn a_reviewer_of_kiro_is_mended() {
    let text = include_str!("../../../../../lint/fixtures/agents/reviewer.json");
    let (mended, _) = fixed(text, ReadAs::Kiro);
    let changed: Vec<&str> = mended.lines().filter(|line| !text.lines().any(|before| before == *line)).collect();
    insta::assert_snapshot!(changed.join("\n"), @r#"
    "allowedTools": ["read", "grep", "glob"],
          "git diff( .*)?",
          "(git log .*|git show .*)",
        "deniedCommands": ["\\s*git push[\\s\\S]*", "\\s*git commit[\\s\\S]*", "\\s*gh pr merge[\\s\\S]*"]
    "#);
    assert_eq!(text.lines().count(), mended.lines().count());
}

#[test]
fn what_permits_more_is_not_made() {
    let text = include_str!("../../../../../lint/fixtures/agents/misspelt.json");
    let (mended, made) = fixed(text, ReadAs::Remit);
    assert_eq!((mended, made), (text.replace("deniedComands", "deniedCommands"), 1));
}

/// The pieces that the rules of lint find something in, and others.
fn file() -> impl Strategy<Value = String> {
    let tool = prop::sample::select(vec!["execute_bash", "fs_read", "fs_write", "use_aws", "@git", "shell", "fs_*", "nonsense"]);
    let pattern = prop::sample::select(vec![
        "git status|git diff",
        "git push.*",
        "ls|cat",
        "rm -rf *",
        "npm run *",
        "^ls$",
        "cargo (test|build).*",
        "(a|b",
        "aws *",
        "*",
        ".*",
    ]);
    let glob = prop::sample::select(vec!["src/**", "**/.env", "~/.ssh", "!src", "/", "../x", "*.pem", ".git/hooks"]);
    let service = prop::sample::select(vec!["s3", "iam", "sts", "s3api", "ec2"]);
    let list =
        |items: prop::sample::Select<&'static str>| prop::collection::vec(items, 0..3).prop_map(|items| serde_json::json!(items));
    let ignore = prop::sample::select(vec!["hook-fails-open", "server-unpinned", "shell-fully-trusted", "nonsense"]);
    (
        list(tool.clone()),
        list(tool),
        list(pattern.clone()),
        list(pattern),
        list(glob.clone()),
        list(glob),
        list(service),
        ignore,
        any::<bool>(),
    )
        .prop_map(|(tools, allowed, allow, deny, paths, denied, services, ignore, pretty)| {
            let file = serde_json::json!({
                "name": "a", "tools": tools, "allowedTools": allowed,
                "hooks": {"preToolUse": [{"command": "./guard", "matcher": "fs_read|fs_write", "cache_ttl_seconds": 5}]},
                "mcpServers": {"git": {"command": "npx", "args": ["-y", "git-server"], "autoApprove": []}},
                "toolsSettings": {
                    "execute_bash": {"allowedCommands": allow, "deniedCommands": deny},
                    "fs_write": {"allowedPaths": paths, "deniedPaths": denied},
                    "use_aws": {"deniedServices": services},
                    "sandbox": {"remit-lint-ignore": {ignore: "because"}},
                },
            });
            if pretty { format!("{file:#}\n") } else { file.to_string() }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn fixing_twice_is_fixing_once_and_permits_no_more(text in file()) {
        for reading in READINGS {
            let (once, made) = fixed(&text, reading);
            let (twice, again) = fixed(&once, reading);
            prop_assert_eq!(again, 0, "{:?}: {} was fixed again", reading, &once);
            prop_assert_eq!(&once, &twice);
            prop_assert!(made > 0 || once == text);
            let (before, after) = (judged(&text, reading), judged(&once, reading));
            prop_assert!(is_within(after.policy.as_ref(), before.policy.as_ref()));
        }
    }
}
