//! How far a task is, what it came to, and how its end is told: once.

use std::fs;

use remit_tests::{Terminal, World, seen};
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

#[test]
fn a_running_task_says_how_far_it_is_and_an_ended_one_what_it_came_to() {
    let world = world_with(
        "echo 'running 3 tests'; echo 'test a ... ok'; echo 'test b ... FAILED'; while [ ! -e go ]; do sleep 0.01; done
         echo 'test c ... ok'; echo 'test result: FAILED. 2 passed; 1 failed; 0 ignored'; exit 1",
    );
    let id = begin(&world, "suite");
    let percent = seen(|| {
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

    let at_once = seen(|| fs::read_to_string(&told).ok().filter(|text| text.lines().count() == names.len()));
    let mut at_once: Vec<&str> = at_once.lines().collect();
    at_once.sort_unstable();
    assert_eq!(at_once, ["one failed (3)", "three failed (3)", "two failed (3)"]);
}

#[test]
fn a_supervisor_that_was_killed_is_told_too() {
    let world = world_with("while :; do sleep 0.01; done");
    let id = begin(&world, "lost");
    let supervisor = seen(|| {
        remit_tests::processes_with(&id).into_iter().find(|pid| {
            let arguments = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
            arguments.split(|byte| *byte == 0).any(|argument| argument == b"supervise")
        })
    });
    rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).unwrap();
    let told = seen(|| Some(world.remit(&["told"]).stdout).filter(|told| !told.is_empty()));
    assert!(told.contains("remit: lost (task-") && told.contains("lost"), "{told}");
    assert_eq!(world.remit(&["told"]).stdout, "");
}

#[test]
fn the_board_shows_tasks_and_ends_one() {
    let world = world_with("echo '::remit progress 3/7 rows::'; while :; do sleep 0.01; done");
    let id = begin(&world, "slow");
    seen(|| world.remit(&["status", &id]).stdout.contains("3/7 rows").then_some(()));
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

/// Whoever looks next sees what was decided: `deny` and `cancel` come back when it is in the task's record.
#[test]
fn a_task_that_waited_is_over_when_its_no_comes_back() {
    let world = world_with("echo done");
    for (how, expected) in [("deny", "denied"), ("cancel", "cancelled")].into_iter().cycle().take(12) {
        let agent = world.test_runner(&["sh script.sh"], &Value::Null);
        let outcome = world.remit(&["run", "--background", "--agent", agent.to_str().unwrap(), "--", "sh", "script.sh"]);
        outcome.assert_code(0);
        let id = outcome.stdout.trim();
        seen(|| world.remit(&["status", id]).stdout.contains("waiting for approval").then_some(()));
        world.remit(&[how, id]).assert_code(0);
        assert_eq!(remit_tests::tasks::state(&world, id), expected);
    }
}

#[test]
fn the_board_shows_a_diff_denies_and_deletes() {
    let world = world_with("echo done");
    let agent = world.agent(
        "asking",
        &serde_json::json!({ "name": "asking", "tools": ["execute_bash"], "allowedTools": ["execute_bash"],
            "toolsSettings": { "execute_bash": { "allowedCommands": ["sh script.sh"] } } }),
    );
    // Without a terminal and a yes, they wait for one.
    let ask = |name: &str| {
        let agent = agent.to_str().unwrap();
        let outcome = world.remit(&["run", "--background", "--agent", agent, "--name", name, "--", "sh", "script.sh"]);
        outcome.assert_code(0);
        let id = outcome.stdout.trim().to_owned();
        seen(|| world.remit(&["status", &id]).stdout.contains("waiting for approval").then_some(()));
        id
    };
    let (yes, no) = (ask("first"), ask("second"));
    let mut board = Terminal::start(&world.remit_command(&["tasks", "--watch"]), 80, 24);
    board.wait_for("approval").wait_for("quit");
    // The newest stands first: it is denied, after a key that is no yes.
    board.type_text("nx").type_text("n").wait_for("deny").type_text("y").wait_for("denied");
    world.remit(&["wait", &no]).assert_code(126);
    // The other is chosen now, as it still asks; its policy is shown, and asked about.
    board.type_text("g").type_text("a").wait_for("wants to run").wait_for("[y/N]").type_text("y\r").wait_for("press Enter");
    world.remit(&["wait", &yes]).assert_code(0);
    board.type_text("\r").wait_for("quit");
    seen(|| world.remit(&["status", &yes]).stdout.contains("succeeded").then_some(()));
    board.type_text("d").wait_for("remit diff").wait_for("press Enter").type_text("\r").wait_for("quit");
    board.type_text("gx").wait_for("delete").type_text("y").wait_for("deleted");
    board.type_text("Gx").wait_for("delete").type_text("y").wait_for("deleted");
    board.type_text("q");
    let (code, screen) = board.end();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(world.remit(&["tasks", "--all"]).stdout, "");
}

#[test]
fn a_terminal_is_told_once_and_not_when_that_is_not_wanted() {
    let world = world_with("exit 3");
    let remit = world.remit_command(&["told"]).get_program().to_owned();
    let told = |settings: &str| {
        let mut shell = world.command("sh");
        // A prompt that asks twice shows the line once.
        let script = format!(
            "{settings} id=$(\"$0\" run --background --trust-all --name bell -- sh script.sh 2>/dev/null)
             \"$0\" wait $id; \"$0\" told; \"$0\" told; echo \"asked $id.\"; read -r _"
        );
        shell.args(["-c", &script]).arg(&remit);
        let mut terminal = Terminal::start(&shell, 80, 24);
        terminal.wait_for("asked task-");
        // The terminal is told before the supervisor is gone.
        let listed: Value = serde_json::from_str(&world.remit(&["tasks", "--json"]).stdout).unwrap();
        let id = listed["tasks"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
        seen(|| remit_tests::processes_with(&id).is_empty().then_some(()));
        terminal.type_text("\r");
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(0), "{screen}");
        (screen.matches("\x1b]9;remit: bell").count(), screen.matches("remit: bell").count())
    };
    assert_eq!(told(""), (1, 2));
    assert_eq!(told("\"$0\" settings notify.terminal false;"), (0, 1));
}

#[test]
fn a_report_that_a_task_writes_is_read() {
    let report = "<testsuites><testsuite><testcase name='a'/><testcase classname='c' name='b'><failure/></testcase></testsuite></testsuites>";
    let world = world_with(&format!("mkdir -p reports; echo \"{report}\" > reports/one.xml; echo \"{report}\" > two.xml"));
    // Of an earlier run: not this task's.
    fs::write(world.workspace().join("old.xml"), report).unwrap();
    let past = std::time::SystemTime::now() - std::time::Duration::from_hours(1);
    fs::File::options().write(true).open(world.workspace().join("old.xml")).unwrap().set_modified(past).unwrap();
    let agent = world.test_runner(&["sh script.sh"], &serde_json::Value::Null);
    let options = ["run", "--background", "--junit", "reports", "--junit", "two.xml", "--junit", "old.xml"];
    let confined = ["--yes", "--agent", agent.to_str().unwrap(), "--", "sh", "script.sh"];
    let unconfined = ["--trust-all", "--", "sh", "script.sh"];
    let namespaces = remit_tests::Host::look().namespaces;
    for rest in [&confined[..], &unconfined].iter().skip(usize::from(!namespaces)) {
        let outcome = world.remit(&[&options, *rest].concat());
        outcome.assert_code(0);
        let id = outcome.stdout.trim();
        world.remit(&["wait", id]).assert_code(0);
        let result = world.remit(&["result", id]);
        for path in ["reports/one.xml", "two.xml"] {
            result.assert_stdout(&format!("JUnit {path}: 1 passed, 1 failed\n    failed: c::b\n"));
        }
        assert!(!result.stdout.contains("old.xml"), "{}", result.report());
    }
    let outside = world.remit(&["run", "--background", "--trust-all", "--junit", "../x", "--", "true"]);
    outside.assert_code(125).assert_stderr("no path below the workspace");
}
