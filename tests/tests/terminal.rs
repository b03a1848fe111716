//! A task that is started on a terminal has one.

use std::fs;

use remit_tests::{Host, Terminal, World};
use serde_json::{Value, json};

#[test]
fn the_standard_streams_are_a_terminal_of_the_right_size() {
    let mut task = start("test -t 0 && test -t 1 && test -t 2 && stty size && echo here > /dev/tty; tty", 97, 31);
    task.terminal.wait_for("31 97").wait_for("here").wait_for(if Host::look().namespaces { "/dev/console" } else { "/dev/pts/" });
    assert_ended(task, 0);
}

/// A second terminal inside the first, each of which may have the same number.
#[test]
fn a_terminal_of_its_own_is_another_one() {
    if !Host::look().namespaces {
        return;
    }
    let world = World::empty();
    let script = "cat > own.py <<'END'
import pty, subprocess, sys
held = [pty.openpty() for _ in range(int(sys.argv[1]))]
subprocess.run(['script', '-qec', 'echo inner > /dev/tty; echo inner 1<> /dev/tty', 'typed'], stdout=subprocess.DEVNULL)
END
for number in 0 1 2 3; do python3 own.py $number; grep -c ^inner typed; done | tr '\\n' ' '; echo counted; echo outer > /dev/tty\n";
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    let agent = world.test_runner(&["sh script.sh"], &json!({ "files": { "write": ["**"] } }));
    let mut terminal = Terminal::start(&world.run_command(&agent, &["sh", "script.sh"]), 80, 24);
    terminal.wait_for("2 2 2 2 counted").wait_for("outer");
    assert_ended(InWorld { terminal, _world: world }, 0);
}

#[test]
fn without_a_terminal_there_is_none() {
    let (world, agent) = world("test -t 0 || test -t 1 || test -t 2 || echo none");
    world.run(&agent, &["sh", "script.sh"]).assert_code(0).assert_stdout("none");
}

#[test]
fn a_new_size_arrives() {
    let mut task = start("trap 'stty size; exit 0' WINCH\necho ready\nsleep 600 &\nwait\n", 80, 24);
    task.terminal.wait_for("ready").resize(132, 43).wait_for("43 132");
    assert_ended(task, 0);
}

#[test]
fn control_c_ends_the_command() {
    let mut task = start("echo ready\nexec sleep 600", 80, 24);
    task.terminal.wait_for("ready").type_text("\u{3}");
    assert_ended(task, 128 + 2);
}

#[test]
fn control_c_is_the_commands_to_handle() {
    let mut task = start("trap 'echo caught; exit 9' INT\necho ready\nsleep 600 &\nwait\n", 80, 24);
    task.terminal.wait_for("ready").type_text("\u{3}").wait_for("caught");
    assert_ended(task, 9);
}

#[test]
fn a_pager_works() {
    let mut task = start("less long.txt", 80, 10);
    task.terminal.wait_for("line 1\r\n").type_text("G").wait_for("line 99").type_text("q");
    assert_ended(task, 0);
}

#[test]
fn an_editor_works() {
    let mut task = start("vi -u NONE -n long.txt && echo closed", 80, 10);
    task.terminal.wait_for("line 1").type_text("G").wait_for("98").type_text(":q!\r").wait_for("closed");
    assert_ended(task, 0);
}

/// The terminal is left as it was: what comes after the task is shown as it is typed.
#[test]
fn the_terminal_is_left_as_it_was() {
    let (world, agent) = world("stty raw -echo");
    let run = world.run_command(&agent, &["sh", "script.sh"]);
    let mut shell = world.command("sh");
    shell.args(["-c", "before=$(stty -g); \"$@\"; test \"$(stty -g)\" = \"$before\" && echo same", "sh"]);
    shell.arg(run.get_program()).args(run.get_args());
    let (_, screen) = Terminal::start(&shell, 80, 24).end();
    assert!(screen.contains("same"), "{screen}");
}

fn world(script: &str) -> (World, std::path::PathBuf) {
    let world = World::empty();
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    let lines: Vec<String> = (1..=99).map(|number| format!("line {number}")).collect();
    fs::write(world.workspace().join("long.txt"), lines.join("\n")).unwrap();
    let agent = world.test_runner(&["sh script.sh"], &Value::Null);
    (world, agent)
}

/// Starts the script as a task on a terminal, in a world that lasts as long.
fn start(script: &str, columns: u16, rows: u16) -> InWorld {
    let (world, agent) = world(script);
    let terminal = Terminal::start(&world.run_command(&agent, &["sh", "script.sh"]), columns, rows);
    InWorld { terminal, _world: world }
}

struct InWorld {
    terminal: Terminal,
    _world: World,
}

#[track_caller]
fn assert_ended(task: InWorld, code: i32) {
    let (ended, screen) = task.terminal.end();
    assert_eq!(ended, Some(code), "{screen}");
}
