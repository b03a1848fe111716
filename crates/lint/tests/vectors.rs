//! What Amazon Q CLI decides, as facts in the data: the restatement that witnesses are computed with has to agree with
//! every one of them.

#![expect(clippy::unwrap_used, reason = "clippy's leave for tests does not reach the helpers of an integration test")]

use std::path::Path;

use remit_agent::AbsPath;
use remit_lint::{BadGlob, DescribedDisk, PathWorld, Pattern, ProductRules, ProductSettings, ProductShell};
use remit_policy::Decision;
use serde_json::Value;

fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

fn shell(settings: &Value, trusted: bool) -> ProductShell {
    let patterns = |key: &str| {
        let list = settings[key].as_array().cloned().unwrap_or_default();
        list.iter().map(|text| Pattern::new(text.as_str().unwrap())).collect()
    };
    let on = |key: &str| settings[key].as_bool().unwrap_or(false);
    let rules = ProductRules {
        allowed: patterns("allowedCommands"),
        denied: patterns("deniedCommands"),
        read_only: on("autoAllowReadonly"),
        deny_by_default: on("denyByDefault"),
    };
    ProductShell { trusted, settings: ProductSettings::Read(rules) }
}

#[test]
fn every_command_is_decided_as_the_data_says() {
    let mut seen = 0;
    for line in include_str!("../../policy/tests/data/q-vectors.jsonl").lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let decision =
            shell(&vector["settings"], vector["trusted"].as_bool().unwrap()).judge_as_q(vector["command"].as_str().unwrap());
        let word = match decision {
            Decision::Allow => "allow",
            Decision::Ask => "ask",
            Decision::Deny => "deny",
        };
        assert_eq!(word, vector["q"].as_str().unwrap(), "{vector}");
        seen += 1;
    }
    assert_eq!(seen, 73);
}

#[test]
fn paths_are_compared_after_links_are_followed() {
    let disk = DescribedDisk::default()
        .file(path("/r/w/src/a/f.rs"), "")
        .file(path("/r/w/.env"), "")
        .file(path("/r/w/src/.env"), "")
        .file(path("/r/w/[x].md"), "")
        .file(path("/r/out/secret"), "")
        .link(path("/r/w/src/link"), "/r/out")
        .link(path("/r/w/src/dangling"), "/r/out/newfile")
        .link(path("/r/wl"), "/r/w");
    let (cwd, home) = (path("/r/w"), path("/r/home"));
    let world = PathWorld { cwd: &cwd, home: &home, disk: &disk };
    let check = |pattern: &str, path: &str, expected: bool| {
        assert_eq!(world.covers(pattern, path), Ok(expected), "{pattern} {path}");
    };
    check("src/*.rs", "src/a/f.rs", true);
    check("./src/", "src/a/f.rs", true);
    check(".env", "src/.env", false);
    check("**/.env", "src/.env", true);
    check("**/.env", "/etc/.env", false);
    check("!src/a", "src/a/f.rs", false);
    check("[x].md", "[x].md", false);
    check("src/**", "src/link/secret", false);
    check("src/**", "src/link/new", true);
    check("src/**", "src/dangling", true);
    check("/r/wl/src/**", "src/a/f.rs", false);
    check("/r/wl/src", "src/a/f.rs", true);
    check("$UNDEF/x", "x", false);
    check("~/.ssh", "~/.ssh/id_rsa", true);
    check("*id_rsa*", "~/.ssh/id_rsa", false);
    check("/**", "/etc/passwd", true);
    assert_eq!(world.covers("src/[a", "src/a"), Err(BadGlob("/r/w/src/[a".to_owned())));
}
