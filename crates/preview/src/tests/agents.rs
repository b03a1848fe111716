//! The pages of ten agents, each more powerful than the one before, on two hosts: what a person would be shown.
//!
//! The hosts and the profile are data of the test, so that a page changes only when what is said changes. `snapshots/` has
//! the pages; each file is one agent.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use remit_agent::{AbsPath, Agent, Reading, parse};
use remit_policy::{Policy, Profile, Workspace, compile};
use remit_sandbox::{Availability, Cgroups, Host, PathFact, PathKind, paths_of_interest, plan};

use super::pages::path;
use crate::{Form, Preview, ProjectFiles, RenderStyle, preview, render};

const PROFILE: &str = r#"{
  "name": "page", "description": "A profile of the tests.",
  "files": {
    "execute": ["/usr", "/bin", "/lib"],
    "read": ["/etc/passwd", "/etc/hosts", "/etc/ssl/certs", "/etc/localtime", "/proc", "~/.gitconfig"],
    "write": ["/dev/null", "/dev/tty", "/tmp", "/dev/shm"],
    "hide": ["~/.ssh", "~/.aws"]
  },
  "env": { "pass": ["PATH", "HOME", "LANG"] },
  "limits": { "wallTime": "1h", "openFiles": 4096 }
}"#;

const PACKAGE: &str = r#"{
  "scripts": { "pretest": "tsc --noEmit", "test": "node --test", "build": "vite build", "postinstall": "node fetch.js" }
}"#;

fn compiled(text: &str, reading: Reading) -> Policy {
    let parsed = parse("agent.json", text.as_bytes());
    let (agent, _) = Agent::resolve(parsed, path("/home/ann/src/app/agent.json"), reading).unwrap();
    let named = agent.file.settings.sandbox.as_ref().and_then(|sandbox| sandbox.value.profile.as_ref());
    let name = named.map_or("page", |name| name.value.as_str());
    let profile = Profile::load(name, &BTreeMap::from([("page".to_owned(), PROFILE.to_owned())])).unwrap();
    let workspace = Workspace {
        root: path("/home/ann/src/app"),
        home: path("/home/ann"),
        state: path("/home/ann/.local/state/remit"),
        config: path("/home/ann/.config/remit"),
    };
    compile(&agent, &profile, &workspace).unwrap().0
}

/// A machine on which everything that a policy names is there, and a file where the name has a dot inside.
fn host(policy: &Policy, as_root: bool) -> Host {
    let missing = || Availability::Missing {
        why: "unshare(CLONE_NEWUSER): EPERM".to_owned(),
        remedy: "set kernel.unprivileged_userns_clone=1".to_owned(),
    };
    let namespaces = || if as_root { Availability::Works } else { missing() };
    let kind = |path: &AbsPath| match path.as_str() {
        "/dev/null" | "/dev/tty" => PathKind::CharacterDevice,
        "/etc/passwd" | "/etc/hosts" | "/etc/localtime" | "/home/ann/.gitconfig" | "/home/ann/src/app/README.md" => {
            PathKind::File
        }
        _ => PathKind::Directory,
    };
    let fact = |path: AbsPath| (path.clone(), PathFact::Found { kind: kind(&path), canonical: path });
    Host {
        kernel: "6.12.0".to_owned(),
        machine: "x86_64".to_owned(),
        user: if as_root { 0 } else { 1000 },
        group: if as_root { 0 } else { 1000 },
        landlock_abi: 6,
        seccomp: Availability::Works,
        namespaces: namespaces(),
        needs_user_namespace: !as_root,
        overlay: namespaces(),
        own_proc: namespaces(),
        network_namespace: namespaces(),
        notification: Availability::Works,
        real: BTreeMap::new(),
        matches: BTreeMap::new(),
        resolver: None,
        cgroups: Cgroups::Missing { why: "nothing is delegated".to_owned(), remedy: "start it with systemd-run".to_owned() },
        environment: BTreeMap::from(
            [("PATH", "/usr/bin"), ("HOME", "/home/ann"), ("CI", "1")].map(|(a, b)| (a.to_owned(), b.to_owned())),
        ),
        paths: paths_of_interest(policy).into_iter().map(fact).collect(),
    }
}

fn page_of(policy: &Policy, as_root: bool) -> Preview {
    let files = ProjectFiles(BTreeMap::from([("package.json".to_owned(), Some(PACKAGE.to_owned()))]));
    let page = preview(policy, &plan(policy, &host(policy, as_root))).in_project(policy, &files);
    // It says nothing to a reader of the snapshots, and is another whenever the policy's form is.
    Preview { digest: "0".repeat(64), ..page }
}

/// Checks the pages of one agent: at both widths, on both hosts, and what colour adds.
fn check(name: &str, reading: Reading, text: &str) {
    let policy = compiled(text, reading);
    let mut pages = String::new();
    let mut painted = String::new();
    for (as_root, who) in [(true, "as root"), (false, "without user namespaces")] {
        let preview = page_of(&policy, as_root);
        for width in [80, 120] {
            let plain = render(&preview, Form::Text(RenderStyle { color: false, width }));
            assert!(plain.lines().all(|line| line.chars().count() <= width), "{name}: too wide");
            let first = ["Look at this first", "WARNING: nothing holds this task"];
            assert!(first.iter().any(|first| plain.contains(first)), "{name}: something is the riskiest");
            let color = render(&preview, Form::Text(RenderStyle { color: true, width }));
            assert_eq!(without_color(&color), plain, "{name}: colour changes nothing else");
            let page = if width == 80 || as_root { &plain } else { continue };
            writeln!(pages, "=== {who}, {width} columns\n\n{page}").unwrap();
            if width == 80 && as_root {
                painted = color.replace('\u{1b}', "␛");
            }
        }
    }
    writeln!(pages, "=== as root, 80 columns, in colour\n\n{painted}").unwrap();
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, pages);
    });
}

fn without_color(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or("").to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[test]
fn a_reader() {
    check("01-reader", Reading::Remit, r#"{"name": "reader", "tools": ["fs_read"], "resources": ["file://README.md"]}"#);
}

#[test]
fn a_searcher_that_sees_no_secrets() {
    let text = r#"{"name": "searcher", "tools": ["fs_read", "grep", "glob", "code"], "allowedTools": ["fs_read", "grep", "glob", "code"],
        "toolsSettings": {"sandbox": {"files": {"hide": ["**/.env"]}}}}"#;
    check("02-searcher", Reading::Remit, text);
}

#[test]
fn a_runner_of_tests() {
    let text = r#"{"name": "tester", "tools": ["execute_bash", "fs_read"], "allowedTools": ["execute_bash"],
        "toolsSettings": {"execute_bash": {"allowedCommands": ["npm test", "cargo test *"], "deniedCommands": ["git push *"]}}}"#;
    check("03-tester", Reading::Remit, text);
}

#[test]
fn a_shell_that_only_reads() {
    let text = r#"{"name": "looker", "tools": ["execute_bash", "fs_read"],
        "toolsSettings": {"execute_bash": {"autoAllowReadonly": true, "denyByDefault": true}}}"#;
    check("04-looker", Reading::Remit, text);
}

#[test]
fn a_writer_of_documentation() {
    let text = r#"{"name": "docs", "tools": ["fs_read", "fs_write"], "allowedTools": ["fs_read", "fs_write"],
        "toolsSettings": {"fs_write": {"allowedPaths": ["docs/**", "notes/*.md"], "deniedPaths": ["docs/LICENSE"]}}}"#;
    check("05-docs", Reading::Remit, text);
}

#[test]
fn a_builder_that_may_change_its_scripts() {
    let text = r#"{"name": "builder", "tools": ["execute_bash", "fs_write"], "allowedTools": ["fs_write"],
        "toolsSettings": {"execute_bash": {"allowedCommands": ["npm run *", "npm ci", "frobnicate *"]},
            "fs_write": {"allowedPaths": ["**"]}, "sandbox": {"env": {"pass": ["CI"]}, "limits": {"memory": "4G", "processes": 512}}}}"#;
    check("06-builder", Reading::Remit, text);
}

#[test]
fn an_agent_with_servers_and_hooks() {
    let text = r#"{"name": "connected", "tools": ["fs_read", "@git", "@docs/find"], "allowedTools": ["@git"],
        "mcpServers": {"git": {"command": "npx", "args": ["-y", "git-server"]}, "docs": {"command": "docs-server"}},
        "hooks": {"preToolUse": [{"command": "./guard.sh", "matcher": "fs_write"}]},
        "toolsSettings": {"fs_read": {"allowedPaths": ["~/notes"]}}}"#;
    check("07-connected", Reading::Kiro, text);
}

#[test]
fn an_agent_with_the_cloud() {
    let text = r#"{"name": "cloud", "tools": ["use_aws", "web_fetch", "execute_bash", "subagent"],
        "allowedTools": ["use_aws", "web_fetch", "subagent"],
        "toolsSettings": {"execute_bash": {"allowedCommands": ["python3 *"]}, "sandbox": {"network": "all"}}}"#;
    check("08-cloud", Reading::Remit, text);
}

#[test]
fn an_agent_that_may_do_anything_but_is_confined() {
    let text = r#"{"name": "free", "tools": ["*"], "allowedTools": ["*"],
        "toolsSettings": {"sandbox": {"network": "all", "files": {"read": ["~"], "write": ["~/.config", "**"]}, "workspace": "direct"}}}"#;
    check("09-free", Reading::Remit, text);
}

#[test]
fn an_agent_that_nothing_holds() {
    let text = r#"{"name": "tеst-runner", "tools": ["*"], "allowedTools": ["*"],
        "toolsSettings": {"execute_bash": {"deniedCommands": ["gіt push *"]}, "sandbox": {"profile": "unrestricted"}}}"#;
    check("10-unrestricted", Reading::Remit, text);
}
