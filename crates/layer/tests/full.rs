//! A disk without room, and a limit on the size of files: what does not fit is refused, and the rest is as it was, or done.
//!
//! This test is its own child, inside a mount namespace or under a limit.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "clippy's leave for tests does not reach the helpers of an integration test"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use remit_agent::AbsPath;
use remit_layer::{Choice, Layers, Manner, Purpose, ToNote, Xattrs, apply};
use remit_tasks::StateDir;

mod common;
use common::{World, modes, refused};

const CHILD: &str = "REMIT_LAYER_TEST_CHILD";

#[test]
fn child() {
    let Ok(argument) = std::env::var(CHILD) else { return };
    let parts: Vec<&str> = argument.split(' ').collect();
    let absolute = |text: &str| AbsPath::new(Path::new(text)).unwrap();
    let (state, target) = (absolute(parts[0]), absolute(parts[2]));
    let manner = if parts[3] == "each" { Manner::Each } else { Manner::AllOrNothing };
    if parts[4] == "renote" {
        // The workspace is a new file system, so the task begins now.
        let task = state.join("tasks").join(parts[1]);
        fs::remove_file(task.join("layer-notes.json").as_path()).unwrap();
        Layers::note(
            &task,
            Xattrs::User,
            vec![ToNote { target: target.clone(), purpose: Purpose::Workspace, by_name: Vec::new() }],
        )
        .unwrap();
    }
    let state = StateDir::open_existing(&state).unwrap().unwrap();
    let layers = Layers::of(&state, &parts[1].parse().unwrap()).unwrap();
    let applied = apply(&layers, &layers.all()[0], &Choice { paths: &[], protected: &[], manner }).unwrap();
    let result = |name: &str| fs::read(target.join(name).as_path()).map_or(0, |bytes| bytes.len());
    let left = fs::read_dir(target.as_path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".remit-apply"));
    println!("RESULT {:?} big={} small={} left={}", refused(&applied), result("big"), result("small"), left.count());
}

const WORKSPACE: &str = "head -c 1000 /dev/zero > big; head -c 1000 /dev/zero > small";
const TASK: &str = "head -c 3000000 /dev/zero > big; head -c 2000 /dev/zero > small";

#[test]
fn a_full_disk_refuses_what_does_not_fit() {
    if !modes().contains(&Xattrs::User) {
        return;
    }
    let mount = "mount -t tmpfs -o size=1m tmpfs \"$1\"; cd \"$1\"; head -c 1000 /dev/zero > big; head -c 1000 /dev/zero > small; shift; exec \"$@\"";
    let start = |world: &World| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-euc", mount, "sh"]).arg(world.lower());
        command
    };
    let why = "cannot write it: No space left on device (os error 28)";
    check(start, "renote", "each", &format!("[\"big: {why}\"] big=1000 small=2000 left=0"));
    check(start, "renote", "all", &format!("[\"big: {why}\"] big=1000 small=1000 left=0"));
}

#[test]
fn a_limit_on_the_size_of_files_refuses_what_is_larger() {
    let start = |_: &World| {
        let mut command = Command::new("bash");
        // Ignored, so that write(2) says it.
        command.args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$@\"", "bash"]);
        command
    };
    let why = "cannot write it: File too large (os error 27)";
    check(start, "-", "each", &format!("[\"big: {why}\"] big=1000 small=2000 left=0"));
    check(start, "-", "all", &format!("[\"big: {why}\"] big=1000 small=1000 left=0"));
}

#[track_caller]
fn check(start: impl Fn(&World) -> Command, note: &str, manner: &str, expected: &str) {
    let Some(mode) = modes().into_iter().next() else { return };
    let world = World::new(mode, WORKSPACE, TASK);
    let mut command = start(&world);
    let argument = format!("{} {} {} {manner} {note}", world.state.path(), world.task.id(), world.lower().display());
    command.arg(std::env::current_exe().unwrap()).args(["--exact", "child", "--nocapture"]).env(CHILD, argument);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains(&format!("RESULT {expected}")), "{text}{errors}");
}
