//! Sitting down at a task that runs in the background.

use std::fs;

use remit_tests::tasks::{begin, task, world_with};
use remit_tests::{Running, Terminal, World};

#[test]
fn a_terminal_is_sat_down_at_and_left_and_two_share_it() {
    let script = "trap 'echo $(stty size) new' WINCH; test -t 0 && test -t 2 && echo \"terminal $(stty size)\"
        while :; do read -r line || continue; echo \"got $line\"; [ \"$line\" != end ] || exit 7; done";
    let world = World::empty();
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    // Started from no terminal: the window has the usual size until somebody comes.
    let id = begin(&world, &["--pty"], &[]);
    assert_eq!(task(&world, &id)["terminal"], true);
    Running::start(&mut world.remit_command(&["logs", "--follow", &id])).wait_for("terminal 24 80");
    let attach = |columns, rows| Terminal::start(&world.remit_command(&["attach", &id]), columns, rows);
    let mut one = attach(100, 30);
    one.wait_for("terminal 24 80").wait_for("30 100 new");
    one.type_text("first\r").wait_for("got first");
    let mut two = attach(90, 20);
    two.wait_for("got first").wait_for("20 90 new");
    two.type_text("second\r").wait_for("got second");
    one.wait_for("got second");
    one.resize(70, 25).wait_for("25 70 new");
    two.wait_for("25 70 new");
    // The key that leaves: the task goes on, and so does the other.
    one.type_text("\x1d").wait_for("goes on");
    assert_eq!(one.end().0, Some(0));
    two.type_text("third\r").wait_for("got third");
    // Input that is no terminal is typed as it is, and its end is nobody's.
    let remit = world.remit_command(&["attach", &id]);
    let mut piped = world.command("sh");
    piped.args(["-c", "echo end | \"$@\"", "sh"]).arg(remit.get_program()).args(remit.get_args());
    Running::start(&mut piped).outcome().assert_code(7);
    two.wait_for("got end");
    let (code, screen) = two.end();
    assert_eq!(code, Some(7), "{screen}");
    // Over, it is shown harmless, as ever.
    world.remit(&["logs", &id]).assert_stdout("got third\nend\ngot end\n");
    world.remit(&["attach", &id]).assert_code(7).assert_stdout("got end\n");
}

#[test]
fn keys_signal_a_task_in_its_terminal() {
    let world = world_with("trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.05; done");
    let id = begin(&world, &["--pty"], &[]);
    let mut person = Terminal::start(&world.remit_command(&["attach", &id]), 80, 24);
    person.wait_for("ready").type_text("\x03").wait_for("interrupted");
    assert_eq!(person.end().0, Some(5));
}

#[test]
fn a_task_without_a_terminal_is_followed_and_its_input_is_closed() {
    let world = world_with("read -r line || echo no input; echo ready; while [ ! -e go ]; do sleep 0.01; done; exit 6");
    let id = begin(&world, &[], &[]);
    let mut person = Terminal::start(&world.remit_command(&["attach", &id]), 80, 24);
    person.wait_for("its input is closed").wait_for("no input").wait_for("ready");
    fs::write(world.workspace().join("go"), "").unwrap();
    assert_eq!(person.end().0, Some(6));
}
