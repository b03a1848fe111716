//! Tasks in the background: their life, the queue, approval, and what becomes of them when something goes wrong.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use remit_tests::tasks::{begin, state, task, until, world_with};
use remit_tests::{Host, Outcome, Running, Terminal, World, processes_with, reads_sigterm};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

fn supervisor(id: &str) -> Option<Pid> {
    processes_with(id).into_iter().find(|pid| {
        let arguments = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
        arguments.split(|byte| *byte == 0).any(|argument| argument == b"supervise")
    })
}

#[test]
fn a_task_goes_its_way_and_its_result_stays() {
    let world = world_with("echo out; echo err >&2; exit 3");
    let id = begin(&world, &["--name", "My suite"], &[]);
    assert!(id.starts_with("task-"), "{id}");
    world.remit(&["wait", "my-suite"]).assert_code(3).assert_stdout("failed (3)");
    let shown = task(&world, &id);
    assert_eq!((shown["state"].as_str(), shown["code"].as_i64()), (Some("failed"), Some(3)));
    assert_eq!(shown["name"], "my-suite");
    let logs = world.remit(&["logs", "my"]);
    logs.assert_code(0).assert_stdout("out\n").assert_stdout("err\n");
    assert_eq!(world.remit(&["logs", &id, "--stderr"]).stdout, "err\n");
    world.remit(&["result", &id[5..]]).assert_code(3).assert_stdout("the last lines:\n  out\n  err\n");
    world.remit(&["attach", &id]).assert_code(3).assert_stdout("out\n").assert_stderr("err\n");

    let again = world.remit(&["retry", &id, "--yes"]);
    again.assert_code(0);
    // A name means the newest.
    for name in ["my-suite", "my"] {
        world.remit(&["wait", name]).assert_code(3);
        world.remit(&["status", name]).assert_code(0).assert_stdout("my-suite.2").assert_stdout(again.stdout.trim());
    }
    world.remit(&["status", "my-suite.1"]).assert_code(0).assert_stdout(&id);
    world.remit(&["delete", &id]).assert_code(0);
    world.remit(&["status", &id]).assert_code(1).assert_stderr("there is no task");
    world.remit(&["clean", "--older", "0s", "--keep", "0"]).assert_code(0);
    assert_eq!(world.remit(&["tasks", "--all"]).stdout, "");
    let left: Vec<_> = fs::read_dir(world.path().join("state/remit/tasks")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn output_is_harmless_unless_it_is_asked_for_raw() {
    let world = world_with("printf '\\033]0;title\\007\\033[2J\\033[31mred\\033[0m\\n'");
    let id = begin(&world, &[], &[]);
    world.remit(&["wait", &id]).assert_code(0);
    assert_eq!(world.remit(&["logs", &id]).stdout, "\\u{1b}]0;title\\u{7}\\u{1b}[2Jred\n");
    assert_eq!(world.remit(&["logs", &id, "--raw"]).stdout, "\u{1b}]0;title\u{7}\u{1b}[2J\u{1b}[31mred\u{1b}[0m\n");
}

#[test]
fn a_task_can_be_followed_paused_and_cancelled() {
    let world = world_with("trap 'echo told; exit 0' TERM; echo begun; while :; do sleep 0.05; done");
    let id = begin(&world, &[], &[]);
    let mut follower = Running::start(&mut world.remit_command(&["logs", "--follow", &id]));
    follower.wait_for("begun");
    assert_eq!(state(&world, &id), "running");
    world.remit(&["pause", &id]).assert_code(0);
    assert_eq!(state(&world, &id), "paused");
    world.remit(&["resume", &id]).assert_code(0);
    assert_eq!(state(&world, &id), "running");
    world.remit(&["delete", &id]).assert_code(1).assert_stderr("is not over");
    world.remit(&["cancel", &id]).assert_code(0);
    follower.wait_for("told");
    follower.outcome().assert_code(0);
    world.remit(&["wait", &id]).assert_code(128 + 15);
    assert_eq!(task(&world, &id)["reason"], "by you");
    world.remit(&["cancel", &id]).assert_code(1).assert_stderr("is over already");
}

#[test]
fn a_task_that_does_not_listen_is_killed_after_its_grace() {
    let world = world_with("trap '' TERM; echo begun; while :; do sleep 0.05; done");
    let id = begin(&world, &[], &[]);
    Running::start(&mut world.remit_command(&["logs", "--follow", &id])).wait_for("begun");
    world.remit(&["cancel", &id, "--grace", "50ms"]).assert_code(0);
    world.remit(&["wait", &id]).assert_code(128 + 15);
}

#[test]
fn tasks_end_when_the_machine_goes_down() {
    let world = world_with("echo begun; sleep 1000");
    world.remit(&["settings", "tasks.maxConcurrent", "1"]).assert_code(0);
    let running = begin(&world, &[], &[]);
    Running::start(&mut world.remit_command(&["logs", "--follow", &running])).wait_for("begun");
    let queued = begin(&world, &[], &[]);
    until(&world, &queued, "queued");
    for id in [&queued, &running] {
        while !supervisor(id).is_some_and(reads_sigterm) {}
        kill_process(supervisor(id).unwrap(), Signal::TERM).unwrap();
    }
    for id in [&queued, &running] {
        world.remit(&["wait", id]).assert_stdout("cancelled");
    }
    assert_eq!(task(&world, &running)["reason"], "shutdown");
}

#[test]
fn the_queue_is_first_in_first_out_and_can_be_changed() {
    let world =
        world_with("echo \"$1\" >> order; [ -e \"go-$1\" ] || { echo waiting; until [ -e \"go-$1\" ]; do sleep 0.02; done; }");
    let go = |name: &str| fs::write(world.workspace().join(format!("go-{name}")), "").unwrap();
    world.remit(&["settings", "tasks.maxConcurrent", "1"]).assert_code(0);
    let a = begin(&world, &["--name", "a1"], &["a"]);
    until(&world, &a, "running");
    let b = begin(&world, &["--name", "b1"], &["b"]);
    let c = begin(&world, &["--name", "c1"], &["c"]);
    let d = begin(&world, &["--name", "d1"], &["d"]);
    let after = begin(&world, &["--after", "d1"], &["e"]);
    let never = begin(&world, &["--after", "b1"], &["f"]);
    world.remit(&["status", &c]).assert_stdout("2: as many tasks run as may");
    world.remit(&["tasks", "move", "d1", "--first"]).assert_code(0);
    world.remit(&["delete", &b]).assert_code(1).assert_stderr("is not over");
    world.remit(&["cancel", &b]).assert_code(0);
    world.remit(&["wait", &never]).assert_stdout("cancelled");
    assert_eq!(task(&world, &never)["reason"], format!("{b} did not succeed"));
    for name in ["c", "d", "e"] {
        go(name);
    }
    // It is over, and somebody whose turn has not come will ask how it ended.
    let last = begin(&world, &["--after-any", &never], &["e"]);
    world.remit(&["delete", &never]).assert_code(1).assert_stderr(&format!("`{last}` waits for `{never}`"));
    world.remit(&["clean", "--older", "0s", "--keep", "0"]).assert_code(0);
    world.remit(&["status", &never]).assert_code(0);
    world.remit(&["cancel", &last]).assert_code(0);
    world.remit(&["delete", &never]).assert_code(0);
    go("a");
    world.remit(&["wait", &a, &c, &d, &after]).assert_code(0);
    assert_eq!(fs::read_to_string(world.workspace().join("order")).unwrap(), "a\nd\nc\ne\n");
}

#[test]
fn agents_have_limits_of_their_own_and_an_end_of_any_kind_can_be_waited_for() {
    let world = world_with("echo begun; until [ -e \"go-$1\" ]; do sleep 0.02; done; exit 3");
    let agent = world.test_runner(&["sh script.sh *"], &json!({ "files": { "write": ["**"] } }));
    for (key, value) in [("tasks.maxConcurrent", "8"), ("tasks.maxConcurrentPerAgent.test-runner", "1")] {
        world.remit(&["settings", key, value]).assert_code(0);
    }
    let begin_as_runner = |name: &str| {
        let agent = agent.to_str().unwrap();
        let outcome = world.remit(&["run", "--background", "--yes", "--agent", agent, "--", "sh", "script.sh", name]);
        outcome.assert_code(0);
        outcome.stdout.trim().to_owned()
    };
    let one = begin_as_runner("one");
    until(&world, &one, "running");
    let two = begin_as_runner("two");
    world.remit(&["status", &two]).assert_stdout("as many tasks of this agent run as may");
    let free = begin(&world, &[], &["free"]);
    until(&world, &free, "running");
    let after = begin(&world, &["--after-any", &one, "--after-any", &free], &["after"]);
    world.remit(&["status", &after]).assert_stdout(&format!("it waits for {one}"));
    for (name, id) in [("one", &one), ("free", &free)] {
        fs::write(world.workspace().join(format!("go-{name}")), "").unwrap();
        world.remit(&["wait", id]).assert_code(3);
    }
    for id in [&two, &after] {
        until(&world, id, "running");
        world.remit(&["cancel", id, "--grace", "0s"]).assert_code(0);
        world.remit(&["wait", id]);
    }
}

/// The place of a task whose supervisor was killed is free at once, without any command that looks.
#[test]
fn a_killed_supervisor_frees_its_place() {
    let world = world_with("echo begun; [ \"$1\" = quick ] || sleep 1000");
    world.remit(&["settings", "tasks.maxConcurrent", "1"]).assert_code(0);
    let killed = begin(&world, &[], &["slow"]);
    Running::start(&mut world.remit_command(&["logs", "--follow", &killed])).wait_for("begun");
    let next = begin(&world, &[], &["quick"]);
    while supervisor(&next).is_none() {}
    let mut follower = Running::start(&mut world.remit_command(&["attach", &next]));
    kill_process(supervisor(&killed).unwrap(), Signal::KILL).unwrap();
    follower.wait_for("begun");
    follower.outcome().assert_code(0);
    let lost = task(&world, &killed);
    assert_eq!(lost["state"], "lost");
    assert!(lost["reason"].as_str().unwrap().contains("its supervisor is gone"), "{lost}");
    world.remit(&["logs", &killed]).assert_stdout("begun");
}

fn runner(settings: &Value) -> Value {
    json!({ "name": "runner", "tools": ["execute_bash"], "allowedTools": ["execute_bash"],
            "toolsSettings": { "execute_bash": settings } })
}

/// An agent whose policy lets `sh script.sh` run only after a question.
fn asking(world: &World) -> String {
    world.agent("asking", &runner(&json!({ "allowedCommands": ["pytest"] }))).to_str().unwrap().to_owned()
}

#[test]
fn a_task_waits_for_a_yes_and_then_runs() {
    let world = world_with("echo ran");
    let agent = asking(&world);
    let begun = world.remit(&["run", "--background", "--agent", &agent, "--", "sh", "script.sh"]);
    begun.assert_code(0).assert_stderr("remit approve");
    let id = begun.stdout.trim();
    until(&world, id, "waiting for approval");
    let asks = task(&world, id)["asks"].as_str().unwrap().to_owned();
    assert!(asks.contains("nobody approved this policy"), "{asks}");
    // Nobody there to say it.
    world.remit(&["approve", id]).assert_code(126);
    assert_eq!(state(&world, id), "waiting for approval");

    let mut terminal = Terminal::start(&world.remit_command(&["approve", id]), 100, 60);
    terminal.wait_for("wants to run `sh script.sh`").wait_for("[y/N]").type_text("y\n").wait_for("[y/N]").type_text("y\n");
    assert_eq!(terminal.end().0, Some(0));
    world.remit(&["wait", id]).assert_code(0);
    world.remit(&["logs", id]).assert_stdout("ran");
    // The policy is approved now, and the command asks again.
    let again = world.remit(&["run", "--background", "--agent", &agent, "--", "sh", "script.sh"]);
    let id = again.stdout.trim();
    until(&world, id, "waiting for approval");
    world.remit(&["deny", id]).assert_code(0);
    world.remit(&["wait", id]).assert_code(126).assert_stdout("denied");
    let denied = world.remit(&["run", "--background", "--on-ask", "deny", "--agent", &agent, "--", "sh", "script.sh"]);
    denied.assert_code(126);
    assert_eq!(denied.stdout, "");
}

#[test]
fn a_policy_that_changes_under_a_waiting_task_is_not_what_was_approved() {
    let world = world_with("echo ran > ran");
    world.remit(&["settings", "tasks.maxConcurrent", "1"]).assert_code(0);
    let agent = asking(&world);
    let begun = world.remit(&["run", "--background", "--agent", &agent, "--", "sh", "script.sh"]);
    let id = begun.stdout.trim();
    until(&world, id, "waiting for approval");
    world.agent("asking", &runner(&json!({ "allowedCommands": ["pytest", "sh *"] })));
    world.remit(&["approve", id, "--yes"]).assert_code(1).assert_stderr("says something else");
    assert_eq!(state(&world, id), "waiting for approval");
    world.remit(&["cancel", id]).assert_code(0);
    assert!(!world.workspace().join("ran").exists());
}

/// Whatever the program asks, the answer is no, and nothing runs.
#[test]
fn no_means_no_at_every_prompt() {
    let world = world_with("echo ran > \"$REMIT_TEST_RAN\"; touch ran");
    let agent = asking(&world);
    let unapproved = world.test_runner(&["sh script.sh"], &Value::Null);
    let unapproved = unapproved.to_str().unwrap();
    let waiting = world.remit(&["run", "--background", "--agent", &agent, "--", "sh", "script.sh"]).stdout.trim().to_owned();
    let waiting_for_trust = world.remit(&["run", "--background", "--", "sh", "script.sh"]).stdout.trim().to_owned();
    until(&world, &waiting, "waiting for approval");
    until(&world, &waiting_for_trust, "waiting for approval");
    world.remit(&["settings", "runners.custom", "sh script.sh"]).assert_code(0);
    let command = ["--", "sh", "script.sh"];
    let mut lines: Vec<Vec<&str>> = vec![
        [&["run", "--agent", unapproved], &command[..]].concat(),
        [&["run", "--background", "--agent", unapproved], &command[..]].concat(),
        [&["run"], &command[..]].concat(),
        [&["run", "--background"], &command[..]].concat(),
        [&["run", "--yes", "--agent", &agent], &command[..]].concat(),
        [&["run", "--yes", "--background", "--agent", &agent], &command[..]].concat(),
        vec!["approve", &waiting],
        vec!["approve", &waiting_for_trust],
        vec!["retry", &waiting],
        vec!["retry", &waiting_for_trust],
        vec!["delegate", "--agent", unapproved, "--runner", "custom", "Run it."],
    ];
    // Without namespaces it asks nothing, and ends.
    if Host::look().namespaces {
        lines.push([&["learn"], &command[..]].concat());
    }
    for answer in ["n\n", "\n", "no\n", "yes please\n", "\u{4}"] {
        for line in &lines {
            let mut terminal = Terminal::start(&world.remit_command(line), 100, 60);
            terminal.wait_for("[y/N]").type_text(answer);
            let (code, screen) = terminal.end();
            assert_eq!(code, Some(126), "{line:?}: {screen}");
        }
    }
    for id in [&waiting, &waiting_for_trust] {
        assert_eq!(state(&world, id), "waiting for approval");
        world.remit(&["deny", id]).assert_code(0);
        world.remit(&["wait", id]).assert_code(126);
    }
    let tasks: Value = serde_json::from_str(&world.remit(&["tasks", "--all", "--json"]).stdout).unwrap();
    assert_eq!(tasks["tasks"].as_array().unwrap().len(), 2, "a no makes no task: {tasks}");
    assert!(!world.workspace().join("ran").exists());
    // The control: with a yes it does run.
    world.remit(&["run", "--trust-all", "--", "sh", "script.sh"]).assert_code(0);
    assert!(world.workspace().join("ran").exists());
}

#[test]
fn two_hundred_at_once_meet_no_lock() {
    let world = world_with("echo ran \"$1\"");
    let start = |number: usize| {
        let number = number.to_string();
        let mut command = world.remit_command(&["run", "--background", "--trust-all", "--", "sh", "script.sh", &number]);
        Running::start(&mut command)
    };
    let done = std::sync::atomic::AtomicBool::new(false);
    let done = &done;
    let readers = std::thread::scope(|scope| {
        let world = &world;
        let readers: Vec<_> = (0..10)
            .map(|_| {
                scope.spawn(move || {
                    let mut outcomes: Vec<Outcome> = Vec::new();
                    while !done.load(std::sync::atomic::Ordering::Relaxed) || outcomes.is_empty() {
                        outcomes.push(world.remit(&["tasks", "--all", "--json"]));
                    }
                    outcomes
                })
            })
            .collect();
        let begun: Vec<Running> = (0..200).map(start).collect();
        let ids: BTreeSet<String> = begun
            .into_iter()
            .map(|running| {
                let outcome = running.outcome();
                outcome.assert_code(0);
                outcome.stdout.trim().to_owned()
            })
            .collect();
        assert_eq!(ids.len(), 200);
        let wait: Vec<&str> = ["wait"].into_iter().chain(ids.iter().map(String::as_str)).collect();
        world.remit(&wait).assert_code(0);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect::<Vec<_>>()
    });
    for outcome in readers {
        outcome.assert_code(0);
    }
    world.remit(&["store", "check"]).assert_code(0).assert_stdout("nothing is wrong");
}

/// Numbers that look like chance and are the same every time (xorshift).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Kills at 500 points, spread over everything that a task goes through: the command line, the supervisor, the task.
#[test]
fn whatever_is_killed_no_record_and_no_output_is_lost() {
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            scope.spawn(move || kill_at_points(seed, 125));
        }
    });
}

fn kill_at_points(seed: u64, points: usize) {
    // Each line is noted in another file after it is printed: so many have to be in the output.
    let script = "i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo line $i; echo $i > \"noted-$1\"; done; sleep 0.03";
    let world = world_with(script);
    if seed % 2 == 1 {
        // So that most of them wait in the queue.
        world.remit(&["settings", "tasks.maxConcurrent", "1"]).assert_code(0);
    }
    let mut chance = Seeded(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let (mut ids, mut killed) = (Vec::new(), 0);
    let mut lost = 0;
    for point in 0..points {
        // No other run of this test on the machine has the same.
        let note = format!("{}-{seed}-{point}", std::process::id());
        let mut line = vec!["run", "--background", "--name", &note, "--", "sh", "script.sh", &note];
        if point % 4 != 0 {
            // The others wait for a yes that never comes.
            line.insert(2, "--trust-all");
        }
        let mut running = Running::start(&mut world.remit_command(&line));
        let delay = Duration::from_micros(chance.below(30_000));
        let victim = chance.below(3);
        if victim == 0 {
            // Chance decides when, and nothing is waited for.
            std::thread::sleep(delay / 2);
            running.signal(Signal::KILL);
            killed += 1;
        }
        let outcome = running.outcome();
        let id = outcome.stdout.trim().to_owned();
        if outcome.code == 0 {
            assert!(id.starts_with("task-"), "{}", outcome.report());
            std::thread::sleep(delay);
            let found = if victim == 1 { supervisor(&id) } else { processes_with(&note).first().copied() };
            if let Some(pid) = found.filter(|_| victim != 0)
                && kill_process(pid, Signal::KILL).is_ok()
            {
                killed += 1;
            }
        }
        if !id.is_empty() {
            ids.push((id, note));
        }
        if point % 25 == 24 {
            lost += check_all(&world, &ids);
            ids.clear();
        }
    }
    assert!(killed > points / 3, "only {killed} of {points} were killed");
    assert!(lost > 0, "none of {points} was killed in time");
    assert!(world.processes_with("supervise").is_empty(), "a supervisor is left");
    world.remit(&["store", "check"]).assert_code(0).assert_stdout("nothing is wrong");
}

/// Checks every task that was told of, and returns how many are lost.
fn check_all(world: &World, ids: &[(String, String)]) -> usize {
    let listed: Value = serde_json::from_str(&world.remit(&["tasks", "--all", "--json"]).stdout).unwrap();
    assert_eq!(listed["errors"].as_array().unwrap().len(), 0, "{listed}");
    let all: Vec<&str> = listed["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap()).collect();
    let waiting = listed["tasks"].as_array().unwrap().iter().filter(|task| task["state"] == "waiting for approval");
    for task in waiting {
        // One that was killed a moment ago may not wait any more.
        world.remit(&["deny", task["id"].as_str().unwrap()]);
    }
    // Also those whose command line was killed before it could say their id.
    for id in &all {
        while world.remit(&["wait", id, "--timeout", "2s"]).code == 124 {
            // Made so late that it was not waiting yet when the others were denied.
            let _ = world.remit(&["deny", id]);
        }
    }
    let listed: Value = serde_json::from_str(&world.remit(&["tasks", "--all", "--json"]).stdout).unwrap();
    for task in listed["tasks"].as_array().unwrap() {
        let (state, name) = (task["state"].as_str().unwrap(), task["name"].as_str().unwrap());
        assert!(matches!(state, "succeeded" | "killed" | "failed" | "lost" | "denied"), "{task}");
        assert!(processes_with(name).is_empty(), "`{name}` left processes: {task}");
        let noted = fs::read_to_string(world.workspace().join(format!("noted-{name}"))).unwrap_or_default();
        let noted: usize = noted.trim().parse().unwrap_or(0);
        assert!(state != "denied" || noted == 0, "it ran without a yes: {task}");
        if noted > 0 {
            let printed = world.remit(&["logs", task["id"].as_str().unwrap()]).stdout.lines().count();
            assert!(printed >= noted, "{printed} lines of {noted}: {task}");
        }
        let ended = task["ended_at"].as_str();
        assert!(ended.is_some(), "{task}");
    }
    for (id, note) in ids {
        assert!(all.contains(&id.as_str()), "`{id}` ({note}) has no record");
    }
    assert!(fs::read_dir(world.path().join("state/remit/running")).unwrap().next().is_none(), "a lock is left");
    let tasks = listed["tasks"].as_array().unwrap();
    let lost = tasks.iter().filter(|task| task["state"] == "lost").count();
    world.remit(&["clean", "--older", "0s", "--keep", "0", "--layers"]).assert_code(0);
    lost
}

/// On a full disk a task ends with that as its reason, and those before it can be read.
#[test]
fn a_full_disk_ends_the_task_that_fills_it() {
    let host = Host::look();
    if !host.namespaces {
        // Without a mount namespace there is no small disk to be had.
        return;
    }
    let world = world_with("echo early; [ \"$1\" = fill ] && exec yes");
    let state = world.path().join("state/remit");
    fs::create_dir_all(&state).unwrap();
    fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let script = format!(
        "set -e
        mount -t tmpfs -o size=12m,mode=700 tmpfs '{state}'
        remit() {{ '{remit}' \"$@\"; }}
        first=$(remit run -b --trust-all -- sh script.sh)
        remit wait \"$first\" || true
        second=$(remit run -b --trust-all -- sh script.sh fill)
        remit wait \"$second\" || true
        remit status \"$second\"
        remit logs \"$first\"
        remit logs \"$second\" | head -n 1
        remit tasks
        remit delete \"$second\"
        third=$(remit run -b --trust-all -- sh script.sh)
        remit wait \"$third\" || true
        remit logs \"$third\"
        remit store check",
        state = state.display(),
        remit = remit_tests::remit().display()
    );
    let mut command = world.command("unshare");
    if host.root {
        command.args(["--mount", "sh", "-c", &script]);
    } else {
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    }
    let outcome = Running::start(&mut command).outcome();
    outcome.assert_code(0).assert_stdout("over limit (disk)").assert_stdout("nothing is wrong");
    assert_eq!(outcome.stdout.matches("early").count(), 3, "{}", outcome.report());
}

/// `ssh -t host remit run -b …`: the terminal closes as soon as the command ends, and what is its foreground then is ended.
#[test]
fn a_terminal_that_closes_at_once_loses_no_task() {
    let world = World::empty();
    let agent = world.test_runner(&["sh done.sh"], &Value::Null);
    fs::write(world.workspace().join("done.sh"), "echo done").unwrap();
    let run = ["run", "-b", "--yes", "--agent", agent.to_str().unwrap(), "--", "sh", "done.sh"];
    for _ in 0..5 {
        let (code, screen) = Terminal::start(&world.remit_command(&run), 80, 24).end();
        assert_eq!(code, Some(0), "{screen}");
    }
    let listed: Value = serde_json::from_str(&world.remit(&["tasks", "--all", "--json"]).stdout).unwrap();
    let ids: Vec<&str> = listed["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 5, "{listed}");
    for id in ids {
        world.remit(&["wait", id]).assert_code(0);
    }
}

/// Where the id cannot be printed, the task runs all the same: it is told where errors are.
#[test]
fn a_task_whose_id_cannot_be_printed_is_named() {
    let world = world_with("echo ran");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = world.remit_command(&["run", "--background", "--trust-all", "--", "sh", "script.sh"]);
    let told = command.stdout(full).output().unwrap();
    let told = String::from_utf8(told.stderr).unwrap();
    let listed: Value = serde_json::from_str(&world.remit(&["tasks", "--all", "--json"]).stdout).unwrap();
    let id = listed["tasks"][0]["id"].as_str().unwrap();
    assert!(told.contains(&format!("remit status {id}")), "{told}");
    world.remit(&["wait", id]).assert_code(0);
}
