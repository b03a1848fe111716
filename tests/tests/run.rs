//! `remit run`: what is asked, what is remembered, how it ends.

use std::fs;
use std::path::Path;

use remit_tests::{Outcome, Running, Terminal, World};
use rustix::process::Signal;
use serde_json::{Value, json};

const CANNOT_START: i32 = 125;
const DENIED: i32 = 126;
const NOT_FOUND: i32 = 127;

#[test]
fn the_commands_own_code_passes_through() {
    for (script, code) in
        [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -KILL $$", 128 + 9), ("kill -SEGV $$", 128 + 11)]
    {
        let (world, agent) = script_world(script);
        world.run(&agent, &["sh", "script.sh"]).assert_code(code);
    }
}

/// Standard output is the command's alone, to the byte; what remit has to say goes to standard error.
#[test]
fn the_output_passes_through() {
    let (world, agent) = script_world("printf 'out\\n'; printf 'err\\n' >&2; printf 'no newline'");
    let outcome = world.run(&agent, &["sh", "script.sh"]);
    outcome.assert_code(0).assert_stderr("err\n");
    assert_eq!(outcome.stdout, "out\nno newline");
}

#[test]
fn the_input_passes_through() {
    let (world, agent) = script_world("cat");
    let run = world.run_command(&agent, &["sh", "script.sh"]);
    let mut shell = world.command("sh");
    shell.args(["-c", "echo typed | \"$@\"", "sh"]).arg(run.get_program()).args(run.get_args());
    let outcome = Running::start(&mut shell).outcome();
    outcome.assert_code(0);
    assert_eq!(outcome.stdout, "typed\n");
}

#[test]
fn a_denied_command_is_126_and_does_not_run() {
    let (world, _) = script_world("echo ran");
    let settings = json!({ "allowedCommands": ["sh *"], "deniedCommands": ["sh script.sh"] });
    let agent = world.agent("denier", &runner(&settings));
    refused(&world.run(&agent, &["sh", "script.sh"]), DENIED).assert_stderr("sh script.sh");
}

#[test]
fn a_command_that_no_pattern_allows_does_not_run_without_an_answer() {
    let (world, _) = script_world("echo ran");
    let agent = world.agent("strict", &runner(&json!({ "allowedCommands": ["pytest"], "denyByDefault": true })));
    refused(&world.run(&agent, &["sh", "script.sh"]), DENIED);
    // `--yes` approves the policy, and not what the policy asks about.
    let agent = world.agent("asking", &runner(&json!({ "allowedCommands": ["pytest"] })));
    refused(&world.run(&agent, &["sh", "script.sh"]), DENIED);
    refused(&world.remit(&["run", "--agent", agent.to_str().unwrap(), "--", "sh", "script.sh"]), DENIED);
}

#[test]
fn a_program_that_is_not_there_is_127() {
    let world = World::empty();
    let agent = world.test_runner(&["no-such-program", "./no-such-program"], &Value::Null);
    for program in ["no-such-program", "./no-such-program"] {
        world.run(&agent, &[program]).assert_code(NOT_FOUND).assert_stderr("no-such-program");
    }
}

#[test]
fn what_cannot_start_is_125() {
    let world = World::empty();
    let broken = world.path().join("agents/broken.json");
    fs::write(&broken, "{ \"name\": ").unwrap();
    let missing = world.path().join("agents/missing.json");
    for agent in [&broken, &missing] {
        refused(&world.run(agent, &["true"]), CANNOT_START);
    }
    let agent = world.test_runner(&["true"], &Value::Null);
    let missing = world.path().join("nowhere");
    let arguments = ["run", "--yes", "--agent", agent.to_str().unwrap(), "--cwd", missing.to_str().unwrap(), "--", "true"];
    refused(&world.remit(&arguments), CANNOT_START).assert_stderr("nowhere");
}

#[test]
fn an_agent_name_that_is_not_found_lists_the_nearest() {
    let world = World::empty();
    let directory = world.workspace().join(".remit/agents");
    fs::create_dir_all(&directory).unwrap();
    let agent = world.test_runner(&["true"], &Value::Null);
    fs::copy(agent, directory.join("test-runner.json")).unwrap();
    world.remit(&["run", "--yes", "--agent", "test-runner", "--", "true"]).assert_code(0);
    refused(&world.remit(&["run", "--yes", "--agent", "tset-runner", "--", "true"]), CANNOT_START).assert_stderr("test-runner");
}

#[test]
fn cwd_names_the_workspace() {
    let (world, agent) = script_world("cat notes.txt");
    let workspace = world.workspace();
    let arguments =
        ["run", "--yes", "--agent", agent.to_str().unwrap(), "--cwd", workspace.to_str().unwrap(), "--", "sh", "script.sh"];
    let outcome = Running::start(world.remit_command(&arguments).current_dir("/")).outcome();
    outcome.assert_code(0).assert_stdout("the workspace's own");
}

#[test]
fn without_a_terminal_an_unapproved_agent_is_refused() {
    let (world, agent) = script_world("echo ran");
    refused(&run_unasked(&world, &agent), DENIED).assert_stderr("--yes");
}

/// An approval is for a policy, in a workspace: the same again is not asked again, and anything else is.
#[test]
fn an_approval_is_remembered_until_something_changes() {
    let (world, agent) = script_world("echo ran");
    world.remit_approve(&agent);
    run_unasked(&world, &agent).assert_code(0).assert_stdout("ran");

    let elsewhere = world.outside();
    fs::copy(world.workspace().join("script.sh"), elsewhere.join("script.sh")).unwrap();
    let mut run = world.remit_command(&["run", "--agent", agent.to_str().unwrap(), "--", "sh", "script.sh"]);
    refused(&Running::start(run.current_dir(elsewhere)).outcome(), DENIED);

    let agent = world.test_runner(&["sh script.sh", "make *"], &Value::Null);
    refused(&run_unasked(&world, &agent), DENIED);
    let (_, screen) = answer(&world, &agent, "n");
    assert!(screen.contains("make *"), "the difference is not shown:\n{screen}");
    refused(&run_unasked(&world, &agent), DENIED);
}

/// Whoever looks at a task later finds what was not held while it ran.
#[test]
fn the_record_names_the_gaps() {
    let world = World::empty();
    fs::write(world.workspace().join("script.sh"), "true").unwrap();
    let agent = world.test_runner(&["sh script.sh"], &serde_json::json!({ "files": { "write": ["**"] } }));
    world.run(&agent, &["sh", "script.sh"]).assert_code(0);
    let listed: Value = serde_json::from_str(&world.remit(&["tasks", "--all", "--json"]).stdout).unwrap();
    let id = listed["tasks"][0]["id"].as_str().unwrap().to_owned();
    let status: Value = serde_json::from_str(&world.remit(&["status", &id, "--json"]).stdout).unwrap();
    let named: Vec<&str> = status["gaps"].as_array().unwrap().iter().map(|gap| gap.as_str().unwrap()).collect();
    assert!(named.iter().any(|gap| gap.contains("hooks and settings of repositories below")), "{status}");
    // The preview has them by what they are about.
    let sorted = |mut gaps: Vec<String>| {
        gaps.sort();
        gaps
    };
    let kept = sorted(named.iter().map(|gap| (*gap).to_owned()).collect());
    assert_eq!(kept, sorted(remit_tests::Wall::All.gaps(&world, &agent)));
    world.remit(&["result", &id]).assert_stdout(&format!("  gaps       {} that nothing held", named.len()));
}

/// What a person saw was held by more: the same policy on a host that has lost some of it is asked about again.
#[test]
fn an_approval_is_for_what_held_the_policy_then() {
    let (world, agent) = script_world("echo ran");
    world.remit_approve(&agent);
    run_unasked(&world, &agent).assert_code(0);
    let approvals = world.path().join("state/remit/approvals");
    let file = fs::read_dir(approvals).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&file).unwrap();
    let richer = text.replacen("\"means\":{", "\"means\":{\"a wall of old\":1,", 1);
    assert_ne!(text, richer);
    fs::write(&file, richer).unwrap();
    let outcome = run_unasked(&world, &agent);
    refused(&outcome, DENIED).assert_stderr("it has lost a wall of old").assert_stderr("`remit doctor` says why");
    let served = world.remit(&["mcp", "--agent", agent.to_str().unwrap()]);
    served.assert_code(DENIED).assert_stderr("it has lost a wall of old");
    world.remit_approve(&agent);
    run_unasked(&world, &agent).assert_code(0);
}

#[test]
fn no_is_the_default_answer() {
    for key in ["", "n", "maybe"] {
        let (world, agent) = script_world("echo ran");
        let (code, screen) = answer(&world, &agent, key);
        assert_eq!(code, Some(DENIED), "{screen}");
        assert!(!screen.contains("ran\r\n"), "{screen}");
        refused(&run_unasked(&world, &agent), DENIED);
    }
}

#[test]
fn yes_on_the_terminal_runs_it() {
    let (world, agent) = script_world("echo ran");
    let (code, screen) = answer(&world, &agent, "y");
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("ran\r\n"), "{screen}");
}

#[test]
fn without_an_agent_it_is_a_trust_all_task() {
    let (world, _) = script_world("echo ran; cat ../outside/secret; exit 3");
    refused(&world.remit(&["run", "--", "sh", "script.sh"]), DENIED).assert_stderr("--trust-all");
    // `--yes` approves an agent; it is not the word for this.
    refused(&world.remit(&["run", "--yes", "--", "sh", "script.sh"]), CANNOT_START);
    let trusted = world.remit(&["run", "--trust-all", "--", "sh", "script.sh"]);
    trusted.assert_code(3).assert_stdout("ran\n").assert_stdout("canary: outside").assert_stderr("unrestricted");
    let records = text_below(&world.path().join("state"));
    assert!(records.contains("unrestricted"), "no record says so:\n{records}");
}

#[test]
fn a_signal_is_passed_on() {
    for (signal, name) in [(Signal::TERM, "TERM"), (Signal::INT, "INT"), (Signal::HUP, "HUP")] {
        // `wait` is what a trap can interrupt.
        let (world, agent) = script_world(&format!("trap 'echo caught; exit 9' {name}\nsleep 600 &\necho ready\nwait\n"));
        let mut task = Running::start(&mut world.run_command(&agent, &["sh", "script.sh"]));
        task.wait_for("ready").signal(signal);
        task.outcome().assert_code(9).assert_stdout("caught");
    }
}

#[test]
fn every_task_leaves_a_record() {
    let (world, agent) = script_world("exit 7");
    world.run(&agent, &["sh", "script.sh"]).assert_code(7);
    let records = text_below(&world.path().join("state"));
    for part in ["script.sh", "test-runner", "7"] {
        assert!(records.contains(part), "no `{part}` in the records:\n{records}");
    }
    assert!(!records.contains("canary"), "{records}");
}

/// Returns a world with a script in its workspace, and the agent that may run it.
fn script_world(script: &str) -> (World, std::path::PathBuf) {
    let world = World::empty();
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    let agent = world.test_runner(&["sh script.sh"], &Value::Null);
    (world, agent)
}

fn runner(settings: &Value) -> Value {
    json!({ "name": "runner", "tools": ["execute_bash", "fs_read"], "allowedTools": ["execute_bash"],
            "toolsSettings": { "execute_bash": settings } })
}

/// Runs the script without `--yes` and without a terminal.
fn run_unasked(world: &World, agent: &Path) -> Outcome {
    world.remit(&["run", "--agent", agent.to_str().unwrap(), "--", "sh", "script.sh"])
}

/// Runs the script on a terminal, and answers the question with a line.
fn answer(world: &World, agent: &Path, line: &str) -> (Option<i32>, String) {
    let command = world.remit_command(&["run", "--agent", agent.to_str().unwrap(), "--", "sh", "script.sh"]);
    let mut terminal = Terminal::start(&command, 100, 50);
    terminal.wait_for("[y/N]").type_text(line).type_text("\n");
    terminal.end()
}

/// Asserts that the run ended with remit's own code, and that the command printed nothing.
#[track_caller]
fn refused(outcome: &Outcome, code: i32) -> &Outcome {
    outcome.assert_code(code);
    assert_eq!(outcome.stdout, "", "{}", outcome.report());
    outcome
}

fn text_below(path: &Path) -> String {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        return entries.map(|entry| text_below(&entry.unwrap().path())).collect();
    }
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
