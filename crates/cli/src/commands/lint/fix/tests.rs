use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use remit_policy::Workspace;

use super::*;
use crate::load::ReadAs;

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
    How { read_as: Some(read_as), judged_for: Vec::new(), profiles: BTreeMap::new(), workspace }
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
            prop_assert!(after.findings.len() <= before.findings.len());
        }
    }
}
