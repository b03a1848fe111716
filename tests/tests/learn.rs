//! `remit learn` on real commands: what it proposes is enough for a second run, smaller than the profile `dev`, and for nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use remit_tests::{Host, World};
use serde_json::Value;

#[test]
fn cargo_test() {
    learns(&World::fixture("cargo"), &["cargo", "test", "--offline"]);
}

#[test]
fn npm_test() {
    learns(&World::fixture("npm"), &["npm", "test"]);
}

#[test]
fn pytest() {
    learns(&World::fixture("pytest"), &["pytest"]);
}

#[test]
fn make() {
    let world = World::at_home();
    let makefile = "build/app: app.c\n\tmkdir -p build\n\tcc -o build/app app.c\n\t./build/app\n";
    fs::write(world.workspace().join("Makefile"), makefile).unwrap();
    fs::write(world.workspace().join("app.c"), "int main(void) { return 0; }\n").unwrap();
    let Some(agent) = learns(&world, &["make"]) else { return };
    // What it builds is granted by the directory that holds it, and really written.
    assert_eq!(agent["toolsSettings"]["sandbox"]["files"]["write"], serde_json::json!(["build/**"]));
    assert!(world.workspace().join("build/app").exists());
}

#[test]
fn git_commit() {
    let world = World::at_home();
    for command in [
        &["git", "init", "-q"][..],
        &["git", "config", "user.name", "A"],
        &["git", "config", "user.email", "a@example.com"],
        &["git", "add", "notes.txt"],
    ] {
        world.plain(command).assert_code(0);
    }
    learns(&world, &["git", "commit", "--allow-empty", "-m", "a change"]);
}

#[test]
fn what_is_refused_meanwhile_is_told_and_not_granted() {
    if !Host::look().namespaces {
        return refused_without_namespaces(&World::empty(), &["true"]);
    }
    let world = World::empty();
    let script = format!("cat ~/.ssh/id_ed25519 {}/secret; exit 0", world.outside().display());
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    let outcome = world.remit(&["learn", "--yes", "--", "sh", "script.sh"]);
    outcome.assert_code(0).assert_stderr("refused while learning").assert_stderr("outside/secret");
    assert!(!outcome.stdout.contains("secret") && !outcome.stdout.contains(".ssh"), "{}", outcome.report());
    assert!(!outcome.report().contains("canary"), "{}", outcome.report());
}

/// Learns, runs again under what was learnt, and tries another command under it. Returns the agent.
#[track_caller]
fn learns(world: &World, command: &[&str]) -> Option<Value> {
    let path = world.path().join("agents/learnt.json");
    let mut arguments = vec!["learn", "--yes", "--output", path.to_str().unwrap(), "--"];
    arguments.extend(command);
    if !Host::look().namespaces {
        refused_without_namespaces(world, command);
        return None;
    }
    let before = world.workspace_tree();
    let learnt = world.remit(&arguments);
    learnt.assert_code(0);
    world.workspace_tree().assert_same(&before);
    let text = fs::read_to_string(&path).unwrap();

    let again = world.run(&path, command);
    assert_eq!(again.code, 0, "{text}\n{}\n{}", again.report(), explained(world, &path, command));
    let other = world.run(&path, &["cp", "/etc/hostname", "copy"]);
    other.assert_code(126).assert_stderr("denied").assert_stderr("allowedCommands");
    smaller_than_dev(world, &path);
    // A file that is there stays.
    let twice = world.remit(&arguments);
    assert!(twice.stderr.contains("does not exist"), "{}", twice.report());
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    Some(serde_json::from_str(&text).unwrap())
}

fn refused_without_namespaces(world: &World, command: &[&str]) {
    let mut arguments = vec!["learn", "--yes", "--"];
    arguments.extend(command);
    world.remit(&arguments).assert_code(125).assert_stderr("private layer").assert_stderr("--explain");
}

fn explained(world: &World, agent: &Path, command: &[&str]) -> String {
    let mut arguments = vec!["run", "--yes", "--explain", "--agent", agent.to_str().unwrap(), "--"];
    arguments.extend(command);
    world.remit(&arguments).stderr
}

/// Every list of grants is shorter than that of an agent of the profile `dev`.
#[track_caller]
fn smaller_than_dev(world: &World, agent: &Path) {
    let dev = world.agent("dev", &serde_json::json!({ "name": "dev", "toolsSettings": { "sandbox": { "profile": "dev" } } }));
    let grants = |path: &PathBuf| {
        let outcome = world.remit(&["compile", path.to_str().unwrap()]);
        let policy: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.report()));
        let files = policy.get("files").unwrap_or(&policy["policy"]["files"]).clone();
        ["read", "write", "execute", "caches"].map(|list| files[list].as_array().unwrap().len()).iter().sum::<usize>()
    };
    let (learnt, dev) = (grants(&agent.to_owned()), grants(&dev));
    assert!(learnt < dev, "{learnt} grants are not fewer than {dev}");
}
