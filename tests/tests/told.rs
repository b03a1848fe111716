//! How far a task is, what it came to, and how its end is told: once.

use std::fs;
use std::time::Instant;

use remit_tests::{Terminal, World};
use serde_json::Value;

fn world_with(script: &str) -> World {
    let world = World::empty();
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    world
}

#[track_caller]
fn begin(world: &World, name: &str) -> String {
    let outcome = world.remit(&["run", "--background", "--trust-all", "--name", name, "--", "sh", "script.sh"]);
    outcome.assert_code(0);
    outcome.stdout.trim().to_owned()
}

/// Looks again and again until there is something: what it waits for is a process's doing.
#[track_caller]
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + remit_tests::TIME_OUT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "nothing came");
    }
}

#[test]
fn a_running_task_says_how_far_it_is_and_an_ended_one_what_it_came_to() {
    let world = world_with(
        "echo 'running 3 tests'; echo 'test a ... ok'; echo 'test b ... FAILED'; while [ ! -e go ]; do sleep 0.01; done
         echo 'test c ... ok'; echo 'test result: FAILED. 2 passed; 1 failed; 0 ignored'; exit 1",
    );
    let id = begin(&world, "suite");
    let percent = until(|| {
        let outcome = world.remit(&["status", &id, "--json"]);
        let status: Value = serde_json::from_str(&outcome.stdout).unwrap();
        (status["progress"] == "2/3 tests").then(|| status["percent"].clone())
    });
    assert_eq!(percent, 66);
    fs::write(world.workspace().join("go"), "").unwrap();
    world.remit(&["wait", &id]).assert_code(1);
    world.remit(&["result", &id]).assert_stdout("cargo test: 2 passed, 1 failed\n    failed: b\n");
}

#[test]
fn an_end_is_told_once_however_many_ask() {
    let world = world_with("exit 3");
    let told = world.path().join("told-at-once");
    let command = format!(r#"["sh", "-c", "echo $REMIT_TASK_NAME $REMIT_OUTCOME >> {}"]"#, told.display());
    world.remit(&["settings", "notify.command", &command]).assert_code(0);
    let names = ["one", "two", "three"];
    for name in names {
        let id = begin(&world, name);
        world.remit(&["wait", &id]).assert_code(3);
    }
    let mark = world.path().join("state/remit/untold");
    assert!(mark.exists());
    let lines: Vec<String> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..6).map(|_| scope.spawn(|| world.remit(&["told"]).stdout)).collect();
        asked.into_iter().flat_map(|asked| asked.join().unwrap().lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    });
    for name in names {
        let about: Vec<_> = lines.iter().filter(|line| line.contains(&format!("remit: {name} (task-"))).collect();
        assert!(about.len() == 1 && about[0].contains("failed (3) after"), "{lines:#?}");
    }
    assert_eq!(lines.len(), names.len());
    assert_eq!(world.remit(&["told"]).stdout, "");
    assert!(!mark.exists());

    let at_once = until(|| fs::read_to_string(&told).ok().filter(|text| text.lines().count() == names.len()));
    let mut at_once: Vec<&str> = at_once.lines().collect();
    at_once.sort_unstable();
    assert_eq!(at_once, ["one failed (3)", "three failed (3)", "two failed (3)"]);
}

#[test]
fn a_supervisor_that_was_killed_is_told_too() {
    let world = world_with("while :; do sleep 0.01; done");
    let id = begin(&world, "lost");
    let supervisor = until(|| {
        remit_tests::processes_with(&id).into_iter().find(|pid| {
            let arguments = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
            arguments.split(|byte| *byte == 0).any(|argument| argument == b"supervise")
        })
    });
    rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).unwrap();
    let told = until(|| Some(world.remit(&["told"]).stdout).filter(|told| !told.is_empty()));
    assert!(told.contains("remit: lost (task-") && told.contains("lost"), "{told}");
    assert_eq!(world.remit(&["told"]).stdout, "");
}

#[test]
fn the_board_shows_tasks_and_ends_one() {
    let world = world_with("echo '::remit progress 3/7 rows::'; while :; do sleep 0.01; done");
    let id = begin(&world, "slow");
    until(|| world.remit(&["status", &id]).stdout.contains("3/7 rows").then_some(()));
    let mut board = Terminal::start(&world.remit_command(&["tasks", "--watch"]), 80, 24);
    // Word by word: what is blank already is passed over.
    board.wait_for("running,").wait_for("3/7").wait_for("quit");
    // A key that is no yes, then the same with a yes.
    board.type_text("cncy").wait_for("told");
    world.remit(&["wait", &id]).assert_code(143);
    board.type_text("q");
    let (code, screen) = board.end();
    assert_eq!(code, Some(0), "{screen}");
    world.remit(&["status", &id]).assert_stdout("cancelled");
    world.remit(&["tasks", "--watch"]).assert_code(1).assert_stderr("needs a terminal");
}
