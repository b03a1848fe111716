//! Ordinary work, from `tests/ordinary/`: what it does unconfined it does inside a task, and no call is refused that it needs.
//!
//! Each piece of work is done with the workspace granted, and where the host has namespaces in a private layer as well. What a host
//! without namespaces does not let a task do has to be a gap that the preview prints.

use std::path::PathBuf;

use remit_tests::{Attempt, Expected, Host, LACKING, Outcome, Told, Wall, World, attempts, source};
use serde_json::{Value, json};

#[test]
fn builds() {
    check("builds/");
}

#[test]
fn tools() {
    check("tools/");
}

#[test]
fn debuggers() {
    check("debuggers/");
}

#[test]
fn processes() {
    check("processes/");
}

fn check(prefix: &str) {
    let host = Host::look();
    let list = attempts(&source().join("tests/ordinary"));
    let list: Vec<_> = list.into_iter().filter(|work| work.name.starts_with(prefix) && work.applies(host)).collect();
    assert!(list.len() >= 5, "the list `{prefix}` has not been read");
    let failures: Vec<String> = list.iter().filter_map(|work| failure(work, host)).collect();
    assert!(failures.is_empty(), "{} of {} on {host:?}:\n\n{}", failures.len(), list.len(), failures.join("\n\n"));
}

fn failure(work: &Attempt, host: Host) -> Option<String> {
    let place = Place::of(work, "worker");
    let plain = place.world.plain(&place.command);
    if plain.code == LACKING {
        return None;
    }
    if plain.code != 0 {
        return Some(format!("{}: it fails unconfined too\n{}", work.name, plain.report()));
    }
    let agents: &[&str] = match work.agent.as_str() {
        "debugger" => &["debugger"],
        _ if host.namespaces => &["worker", "runner"],
        _ => &["worker"],
    };
    agents.iter().find_map(|agent| {
        let place = Place::of(work, agent);
        let outcome = Wall::All.run(&place.world, &place.agent, &place.command);
        let what = match (work.expected(host), outcome.code == 0) {
            (Expected::Allowed, true) | (Expected::Blocked, false) if told(work, host, &place) => return None,
            (Expected::Allowed, _) => "a false denial",
            (Expected::Blocked, true) => "it works now: say so in the list, and no longer in the gaps",
            _ => "it is refused, and no gap tells of it",
        };
        Some(format!("{} as {agent}: {what}\n{}", work.name, short(&outcome)))
    })
}

/// Returns whether the preview tells of what is refused here.
fn told(work: &Attempt, host: Host, place: &Place) -> bool {
    match (&work.told, work.expected(host)) {
        (Some(Told::Gap(words)), Expected::Blocked) => {
            Wall::All.gaps(&place.world, &place.agent).iter().any(|gap| gap.contains(words.as_str()))
        }
        (_, expected) => expected == Expected::Allowed,
    }
}

/// A workspace with the work in it, made ready outside a task.
struct Place {
    world: World,
    agent: PathBuf,
    command: Vec<&'static str>,
}

impl Place {
    fn of(work: &Attempt, agent: &str) -> Place {
        let world = World::at_home();
        let words = [("workspace", world.workspace().to_str().unwrap().to_owned())].into();
        if let Some(before) = &work.before {
            std::fs::write(world.workspace().join("before.sh"), before).unwrap();
            world.plain(&["/bin/sh", "before.sh"]).assert_code(0);
        }
        let command = work.language.command();
        std::fs::write(world.workspace().join(work.language.file()), work.script(&words, "")).unwrap();
        let settings = match agent {
            "worker" => json!({ "files": { "write": ["**"] } }),
            "debugger" => json!({ "files": { "write": ["**"] }, "debug": true }),
            _ => Value::Null,
        };
        let agent = world.test_runner(&[&command.join(" ")], &settings);
        Place { world, agent, command }
    }
}

fn short(outcome: &Outcome) -> String {
    let tail: Vec<&str> = outcome.stderr.lines().rev().take(30).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    format!("exit code {}\n--- stdout\n{}\n--- stderr, the end\n{}", outcome.code, outcome.stdout, tail.join("\n"))
}
