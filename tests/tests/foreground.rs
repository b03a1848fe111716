//! Tasks in the foreground: they open no store, and every command knows them all the same.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use remit_tests::tasks::{state, task, world_with};
use remit_tests::{Host, Running, World, processes_with, seen};
use rustix::process::Signal;
use serde_json::{Value, json};

fn remit_state(world: &World) -> PathBuf {
    world.path().join("state/remit")
}

fn run(world: &World, name: &str, arguments: &[&str]) -> Running {
    let mut command = world.remit_command(&["run", "--trust-all", "--name", name, "--", "sh", "script.sh"]);
    Running::start(command.args(arguments))
}

fn all(world: &World) -> Vec<Value> {
    let listed: Value = serde_json::from_str(&world.remit(&["tasks", "--all", "--json"]).assert_code(0).stdout).unwrap();
    assert_eq!(listed["errors"].as_array().unwrap().len(), 0, "{listed}");
    listed["tasks"].as_array().unwrap().clone()
}

#[test]
fn a_task_is_known_as_long_as_it_runs_and_after() {
    let world = world_with("echo begun; while [ ! -e go ]; do sleep 0.01; done; exit 3");
    let mut one = run(&world, "suite", &[]);
    one.wait_for("begun");
    assert!(!remit_state(&world).join("tasks.db").exists(), "nobody looked yet");
    let id = all(&world)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(state(&world, &id), "running");
    let mut two = run(&world, "suite", &[]);
    two.wait_for("begun");
    assert_eq!(state(&world, "suite.2"), "running");
    world.remit(&["delete", &id]).assert_code(1).assert_stderr("is not over");
    let waiting = Running::start(&mut world.remit_command(&["wait", "suite.1"]));
    fs::write(world.workspace().join("go"), "").unwrap();
    one.outcome().assert_code(3);
    two.outcome().assert_code(3);
    waiting.outcome().assert_code(3).assert_stdout(&format!("{id} failed"));
    assert_eq!(task(&world, &id)["state"], "failed");
    assert_eq!(world.remit(&["told"]).assert_code(0).stdout, "", "who waited for it knows");
    world.remit(&["delete", "suite", "suite.1"]).assert_code(0);
    assert_eq!(all(&world).len(), 0);
}

#[test]
fn a_command_that_could_not_start_is_known_too() {
    let world = world_with("");
    world.remit(&["run", "--trust-all", "--", "no-such-program"]).assert_code(127);
    assert_eq!(all(&world)[0]["state"], "could not start");
}

/// Whenever `remit` is killed: what was executed has a record, which says that it is lost or how it ended, and nothing goes on.
#[test]
fn whatever_is_killed_what_ran_has_a_record() {
    const POINTS: usize = 60;
    let world = world_with("echo > \"ran-$1\"; sleep 0.02; echo > \"done-$1\"");
    let prefix = format!("fore-{}", std::process::id());
    let names: Vec<String> = (0..POINTS).map(|point| format!("{prefix}-{point}")).collect();
    let mut micros = 1;
    for name in &names {
        let mut running = run(&world, name, &[name]);
        // Chance decides what this meets, and nothing is waited for.
        micros = micros * 7 % 39_989;
        std::thread::sleep(Duration::from_micros(micros));
        running.signal(Signal::KILL);
        running.outcome();
    }
    let all = all(&world);
    for name in &names {
        let noted = |what: &str| world.workspace().join(format!("{what}-{name}")).exists();
        let found: Vec<&Value> = all.iter().filter(|task| task["name"] == **name).collect();
        match found.as_slice() {
            [] => assert!(!noted("ran"), "`{name}` ran and has no record"),
            [task] => {
                let state = task["state"].as_str().unwrap();
                assert!(matches!(state, "lost" | "succeeded"), "{task}");
                assert!(state == "lost" || noted("done"), "{task}");
            }
            several => panic!("{several:?}"),
        }
        // What waited for its record ends by itself, a moment later.
        seen(|| processes_with(name).is_empty().then_some(()));
    }
    for place in ["running", "ended"] {
        let left = fs::read_dir(remit_state(&world).join(place)).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{place}");
    }
    world.remit(&["store", "check"]).assert_code(0).assert_stdout("nothing is wrong");
}

/// The next one that starts clears up, and needs no command that looks.
#[test]
fn who_starts_a_task_records_one_that_was_killed() {
    let world = world_with("echo begun; [ \"$1\" = slow ] && while :; do sleep 0.01; done");
    let mut slow = run(&world, "slow", &["slow"]);
    slow.wait_for("begun").signal(Signal::KILL);
    slow.outcome();
    run(&world, "next", &[]).outcome();
    let untold = remit_state(&world).join("untold");
    assert!(untold.exists());
    assert_eq!(state(&world, "slow"), "lost");
    seen(|| world.processes_with("slow").is_empty().then_some(()));
}

#[test]
fn without_room_nothing_is_executed_and_an_end_finds_room() {
    let host = Host::look();
    if !host.namespaces {
        // Without a mount namespace there is no small disk to be had.
        return;
    }
    let world = world_with("echo > \"$1\"; [ -n \"$2\" ] && cat /dev/zero > \"$2\" 2>/dev/null; exit 3");
    let state = remit_state(&world);
    fs::create_dir_all(&state).unwrap();
    fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=4m,mode=700 tmpfs '{state}' || exit 1
        remit() {{ '{remit}' \"$@\"; }}
        remit run --trust-all --name first -- sh script.sh one; echo \"first $?\"
        remit run --trust-all --name fills -- sh script.sh two '{state}/filler'; echo \"fills $?\"
        remit run --trust-all --name none -- sh script.sh three; echo \"none $?\"
        remit clean --older 0s --keep 5; echo \"clean $?\"
        rm '{state}/filler'
        remit run --trust-all --name last -- sh script.sh four; echo \"last $?\"
        remit tasks --all
        remit store check",
        state = state.display(),
        remit = remit_tests::remit().display()
    );
    let mut command = world.command("unshare");
    if !host.root {
        command.args(["--user", "--map-root-user"]);
    }
    let outcome = Running::start(command.args(["--mount", "sh", "-c", &script])).outcome();
    for line in ["first 3", "fills 3", "none 125", "last 3", "nothing is wrong"] {
        outcome.assert_stdout(line);
    }
    outcome.assert_code(0).assert_stderr("help: make room on the disk");
    assert_eq!(outcome.stdout.matches("failed (3)").count(), 3, "{}", outcome.report());
    let ran = |name: &str| world.workspace().join(name).exists();
    assert_eq!(["one", "two", "three", "four"].map(ran), [true, true, false, true]);
}

/// Whatever is the matter with the store: a task in the foreground does not need it, and its record waits.
#[test]
fn a_store_that_cannot_be_used_keeps_nothing_from_running() {
    let world = world_with("echo ran");
    run(&world, "before", &[]).outcome().assert_code(0);
    all(&world);
    let store = remit_state(&world).join("tasks.db");
    let pragma = |version: &str| {
        let script = format!(
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA user_version = {version}'); \
             c.execute('PRAGMA wal_checkpoint(TRUNCATE)'); c.close()"
        );
        let status = std::process::Command::new("/usr/bin/python3").args(["-c", &script]).arg(&store).status().unwrap();
        assert!(status.success());
    };
    pragma("99");
    run(&world, "newer", &[]).outcome().assert_code(0).assert_stdout("ran");
    let told = world.remit(&["tasks", "--all"]);
    told.assert_code(0).assert_stdout("before").assert_stderr("newer version");
    assert!(!told.stdout.contains("newer"), "{}", told.report());
    pragma("1");
    assert_eq!(all(&world).len(), 2);

    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", store.display()));
    }
    fs::write(&store, "this is no database").unwrap();
    run(&world, "damaged", &[]).outcome().assert_code(0).assert_stdout("ran");
    world.remit(&["tasks"]).assert_code(1).assert_stderr("remit store check");
    world.remit(&["store", "repair"]).assert_code(0);
    let names: Vec<String> = all(&world).iter().map(|task| task["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["damaged"], "it waited");

    // A record that cannot be understood keeps the others from nothing.
    fs::write(remit_state(&world).join("ended/task-000000"), "no record\n").unwrap();
    let told = world.remit(&["tasks", "--all"]);
    told.assert_code(0).assert_stdout("damaged").assert_stderr("ended/task-000000").assert_stderr("remit store repair");
    world.remit(&["store", "check"]).assert_code(1).assert_stdout("ended/task-000000");
    world.remit(&["store", "repair"]).assert_code(0).assert_stdout("it is kept as");
    assert_eq!(all(&world).len(), 1);
}

#[test]
fn without_a_place_for_its_record_nothing_runs() {
    let world = world_with("echo ran");
    run(&world, "before", &[]).outcome().assert_code(0);
    fs::remove_dir_all(remit_state(&world).join("running")).unwrap();
    fs::write(remit_state(&world).join("running"), "").unwrap();
    let refused = run(&world, "after", &[]).outcome();
    refused.assert_code(125);
    assert_eq!(refused.stdout, "");
}

/// Processes that fork and end at once are gone when anybody has looked for them; and still none outlives the task.
#[test]
fn relays_end_with_the_task() {
    let world = World::empty();
    let workspace = world.workspace();
    fs::create_dir(workspace.join("out")).unwrap();
    let source = r#"
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
int main(void) {
  time_t end = time(0) + 25;
  for (int i = 0; i < 8; i++)
    if (fork() == 0) {
      while (time(0) < end)
        if (fork() > 0) _exit(0);
      open("out/survived", O_CREAT | O_WRONLY, 0600);
      _exit(0);
    }
  return 7;
}"#;
    fs::write(workspace.join("relay.c"), source).unwrap();
    let made = std::process::Command::new("cc").args(["-O2", "-o", "relay", "relay.c"]).current_dir(&workspace).status();
    assert!(made.unwrap().success());
    let agent = world.test_runner(&["./relay"], &json!({ "files": { "write": ["out"], "execute": ["relay"] } }));
    world.run(&agent, &["./relay"]).assert_code(7);
    assert!(!workspace.join("out/survived").exists(), "some ran to their end");
}
