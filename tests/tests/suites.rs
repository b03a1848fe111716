//! Real suites of real tools, confined by the agent that the project ships: they pass, and leave no trace.

use std::fs;
use std::path::PathBuf;

use remit_tests::{Host, Outcome, World, source};
use serde_json::json;

#[test]
fn cargo_test() {
    let world = World::fixture("cargo");
    let outcome = passes(&world, &["cargo", "test"]);
    // Unit tests, integration tests, doctests.
    for result in ["2 passed; 0 failed", "4 passed; 0 failed", "1 passed; 0 failed"] {
        outcome.assert_stdout(result);
    }
}

#[test]
fn pytest() {
    passes(&World::fixture("pytest"), &["pytest"]).assert_stdout("4 passed");
}

#[test]
fn npm_test() {
    passes(&World::fixture("npm"), &["npm", "test"]).assert_stdout("# pass 4").assert_stdout("# fail 0");
}

#[test]
fn a_suite_that_fails_says_so() {
    let world = World::fixture("npm");
    fs::write(world.workspace().join("abacus.js"), "exports.sum = () => 7;\n").unwrap();
    let outcome = run(&world, &["npm", "test"]);
    outcome.assert_code(1).assert_stdout("# fail 2").assert_stdout("# pass 2");
}

#[test]
fn a_server_and_its_client_talk_over_a_loopback_of_their_own() {
    let world = World::fixture("loopback");
    if Host::look().namespaces {
        passes(&world, &["pytest"]).assert_stdout("1 passed");
    } else {
        // No network namespace: the policy's private loopback is a gap, and closed.
        run(&world, &["pytest"]).assert_code(1).assert_stdout("1 failed").assert_stderr("loopback");
    }
}

/// A suite that has no write grant and no namespace to have a layer in: told before it starts, with the ways out.
#[test]
fn without_namespaces_the_ways_out_are_named() {
    let world = World::fixture("cargo");
    let outcome = world.run(&source().join("policies/agents/test-runner.json"), &["cargo", "test"]);
    if Host::look().namespaces {
        outcome.assert_code(0);
    } else {
        assert_ne!(outcome.code, 0, "{}", outcome.report());
        outcome.assert_stderr("private layer").assert_stderr("user namespaces").assert_stderr("target/**");
    }
}

/// The second run finds what the first found: nothing of the first is left.
#[test]
fn a_layer_is_dropped_at_the_end() {
    let world = World::fixture("pytest");
    for _ in 0..2 {
        passes(&world, &["pytest"]);
    }
}

#[track_caller]
fn passes(world: &World, command: &[&str]) -> Outcome {
    let before = world.workspace_tree();
    let outcome = run(world, command);
    outcome.assert_code(0);
    if Host::look().namespaces {
        world.workspace_tree().assert_same(&before);
    }
    outcome
}

fn run(world: &World, command: &[&str]) -> Outcome {
    world.run(&agent(world), command)
}

/// Returns the shipped agent; where the host has no private layer, the shipped agent with the write grant that takes its place.
fn agent(world: &World) -> PathBuf {
    if Host::look().namespaces {
        return source().join("policies/agents/test-runner.json");
    }
    let writes = json!({ "files": { "write": ["target/**", "Cargo.lock", "__pycache__/**", ".pytest_cache/**"] } });
    world.test_runner(&[], &writes)
}
