//! What the wall refuses is explained: what was tried, by whom, and the setting that would permit it.

use std::fs;
use std::path::Path;

use remit_tests::{Host, Outcome, World};
use serde_json::{Value, json};

/// Returns `remit run --explain` of a shell script under an agent with these settings.
#[track_caller]
fn explained(world: &World, sandbox: &Value, script: &str) -> Outcome {
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    let agent = world.test_runner(&["sh script.sh"], sandbox);
    run(world, &agent)
}

fn run(world: &World, agent: &Path) -> Outcome {
    let agent = agent.to_str().unwrap();
    world.remit(&["run", "--yes", "--explain", "--agent", agent, "--", "sh", "script.sh"])
}

#[test]
fn a_refused_read_is_named_with_its_setting() {
    let world = World::empty();
    fs::create_dir_all(world.home().join(".config/tool")).unwrap();
    fs::write(world.home().join(".config/tool/settings"), "on\n").unwrap();
    let script = "cat ~/.config/tool/settings";
    let outcome = explained(&world, &Value::Null, script);
    outcome
        .assert_code(1)
        .assert_stderr("by cat")
        .assert_stderr(r#"toolsSettings.sandbox.files.read: ["~/.config/tool/settings"]"#);
    // The setting that is named permits it.
    let outcome = explained(&world, &json!({ "files": { "read": ["~/.config/tool/settings"] } }), script);
    outcome.assert_code(0).assert_stdout("on").assert_stderr("the wall refused nothing");
}

#[test]
fn why_tells_it_later() {
    let world = World::empty();
    explained(&world, &Value::Null, &format!("exec cat {}/secret", world.outside().display())).assert_code(1);
    let told = world.remit(&["why", "sh-script-sh"]);
    told.assert_code(0).assert_stdout("outside/secret").assert_stdout("toolsSettings.sandbox.files.read");
    let json: Value = serde_json::from_str(&world.remit(&["why", "--json", "sh-script-sh"]).stdout).unwrap();
    assert_eq!(json["explanation"]["refusals"][0]["act"], "read");
    assert_eq!(json["explanation"]["refusals"][0]["process"], "cat");
}

#[test]
fn without_an_observer_it_says_so() {
    let world = World::empty();
    fs::write(world.workspace().join("script.sh"), "exit 3\n").unwrap();
    world.run(&world.test_runner(&["sh script.sh"], &Value::Null), &["sh", "script.sh"]).assert_code(3);
    let told = world.remit(&["why", "sh-script-sh"]);
    told.assert_code(1).assert_stderr("nothing was observing").assert_stderr("remit retry --explain");
}

#[test]
fn programs_and_addresses_are_named_too() {
    let world = World::empty();
    let tool = world.outside().join("tool");
    fs::write(&tool, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let outcome = explained(&world, &Value::Null, &format!("exec {}", tool.display()));
    outcome.assert_stderr("execute ").assert_stderr("outside/tool").assert_stderr("toolsSettings.sandbox.files.execute");
    if Host::look().namespaces {
        let connect = "exec python3 -c 'import socket; socket.create_connection((\"10.1.2.3\", 80))'";
        let outcome = explained(&world, &Value::Null, connect);
        outcome.assert_code(1).assert_stderr("connect to 10.1.2.3:80").assert_stderr(r#"{"allow":["10.1.2.3:80"]}"#);
    }
}

#[test]
fn nothing_to_explain_is_said_before_the_start() {
    let world = World::empty();
    let outcome = world.remit(&["run", "--explain", "--", "true"]);
    outcome.assert_code(125).assert_stderr("--agent");
}

#[test]
fn a_task_is_tried_again_with_an_observer() {
    let world = World::empty();
    fs::write(world.workspace().join("script.sh"), format!("exec cat {}/secret\n", world.outside().display())).unwrap();
    let agent = world.test_runner(&["sh script.sh"], &Value::Null);
    world.run(&agent, &["sh", "script.sh"]).assert_code(1);
    let again = world.remit(&["retry", "--yes", "--explain", "sh-script-sh"]);
    again.assert_code(0);
    let task = again.stdout.trim();
    world.remit(&["wait", task]).assert_code(1);
    world.remit(&["why", task]).assert_code(0).assert_stdout("outside/secret").assert_stdout("by cat");
}

/// The calls that are decided outside are so with an observer too, which has the one listener that a task can have.
#[test]
fn what_is_decided_outside_stays_decided() {
    let world = World::empty();
    let script = "set -e
        mkdir d; echo x > d/f; mv d/f d/g; ln d/g d/h; ln -s g d/l; chmod 600 d/g; touch -d 2001-02-03 d/g; cat d/l; rm -r d
        if echo x > new.pem; then exit 7; fi
        if mkdir -p .git/hooks; then exit 8; fi
        if mv notes.txt moved.pem; then exit 9; fi
        exit 0";
    let sandbox = json!({ "files": { "write": ["."], "hide": ["**/*.pem"] }, "workspace": "direct" });
    let outcome = explained(&world, &sandbox, script);
    outcome.assert_code(0).assert_stderr("new.pem").assert_stderr("remove `**/*.pem`").assert_stderr("/.git, by mkdir");
    assert!(!world.workspace().join("new.pem").exists() && !world.workspace().join("moved.pem").exists());
}

/// No setting gives a file the set-group-id bit, so none is proposed; by its name and by a descriptor.
#[test]
fn a_refused_set_group_id_bit_is_told_as_that() {
    let world = World::empty();
    let script = "touch out/named out/opened; mkdir out/directory; chmod g+s out/directory; chmod g+s out/named
        exec python3 -c 'import os; os.fchmod(os.open(\"out/opened\", os.O_RDONLY), 0o2755)'";
    fs::create_dir(world.workspace().join("out")).unwrap();
    let outcome = explained(&world, &json!({ "files": { "write": ["out"] } }), script);
    outcome
        .assert_code(1)
        .assert_stderr("out/named, by chmod")
        .assert_stderr("out/opened, by python3")
        .assert_stderr("its mode has the set-group-id bit, which only a directory gets")
        .assert_stderr("no setting alone permits it: a program with it");
    assert!(!outcome.stderr.contains("out/directory") && !outcome.stderr.contains("files.write"), "{}", outcome.stderr);
}

/// Where the task sees the host's processes, who is no process of the task's is told by its number.
#[test]
fn a_refused_limit_of_another_process_is_told() {
    let world = World::empty();
    let other = std::process::id();
    let script = format!(
        "python3 -c 'import os; os.setpriority(os.PRIO_PROCESS, {other}, 19)'
        exec python3 -c 'import os; os.setpriority(os.PRIO_PGRP, os.getpgrp(), 19)'"
    );
    let outcome = explained(&world, &Value::Null, &script);
    if Host::look().namespaces {
        // Only the task's own processes have numbers.
        outcome.assert_code(0).assert_stderr("the wall refused nothing");
    } else {
        outcome
            .assert_code(1)
            .assert_stderr(&format!("change limits or priority of process {other}, by python3"))
            .assert_stderr("change limits or priority of the processes of a group or a user")
            .assert_stderr("it is no process of the task")
            .assert_stderr("no setting alone permits it: a task changes its own processes and no others");
    }
}

/// A task may try as much as it likes: what is kept of it is bounded, and its end is among it.
#[test]
fn a_flood_is_survived() {
    let world = World::empty();
    let script = "exec python3 -c '
import os, threading
def flood(start):
    for number in range(5000):
        try: os.open(\"/etc/none/%d/%d\" % (start, number), os.O_RDONLY)
        except OSError: pass
        try: os.mkdir(\"/usr/none%d-%d\" % (start, number))
        except OSError: pass
threads = [threading.Thread(target=flood, args=(start,)) for start in range(4)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
open(\"/usr/the-last\", \"w\")
'";
    let outcome = explained(&world, &Value::Null, script);
    outcome.assert_code(1).assert_stderr("/usr").assert_stderr("names in it");
}
