//! Tasks in the background, as the tests begin them and look at them.

use std::fs;
use std::time::Instant;

use serde_json::Value;

use crate::{TIME_OUT, World};

/// Makes a world that can run `sh script.sh` with everything.
pub fn world_with(script: &str) -> World {
    let world = World::empty();
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    world
}

/// Starts `sh script.sh ARGUMENTS` in the background, without an agent, and returns the task's id.
#[track_caller]
pub fn begin(world: &World, options: &[&str], arguments: &[&str]) -> String {
    let outcome =
        world.remit(&[&["run", "--background", "--trust-all"], options, &["--", "sh", "script.sh"], arguments].concat());
    outcome.assert_code(0);
    outcome.stdout.trim().to_owned()
}

#[track_caller]
pub fn task(world: &World, id: &str) -> Value {
    let outcome = world.remit(&["status", id, "--json"]);
    outcome.assert_code(0);
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[track_caller]
pub fn state(world: &World, id: &str) -> String {
    task(world, id)["state"].as_str().unwrap().to_owned()
}

/// Waits until a task is in a state, by looking again and again: what it waits for is a process's doing.
#[track_caller]
pub fn until(world: &World, id: &str, expected: &str) {
    let deadline = Instant::now() + TIME_OUT;
    loop {
        let state = state(world, id);
        if state == expected {
            return;
        }
        assert!(Instant::now() < deadline, "`{id}` is {state}, not {expected}");
    }
}
