//! What a task prints, where the host has little to offer.

use std::fs;

use remit_tests::tasks::world_with;
use remit_tests::{Host, Running, seen};

/// Each instance of inotify is one of a user's 128: without one dnotify tells of output, and nobody looks from time to time.
#[test]
fn without_inotify_output_is_told_of_all_the_same() {
    let host = Host::look();
    if !host.namespaces {
        // Without a user namespace the limit is the whole machine's.
        return;
    }
    let world = world_with("echo early; read line < one; echo '::remit progress 1/2 tests::'; read line < two; echo late");
    let script = format!(
        "set -e
        echo 0 > /proc/sys/user/max_inotify_instances
        mkfifo one two
        remit() {{ '{remit}' \"$@\"; }}
        id=$(remit run -b --trust-all -- sh script.sh)
        remit logs -f \"$id\"
        remit wait \"$id\"
        remit result \"$id\"",
        remit = remit_tests::remit().display()
    );
    let mut command = world.command("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", &script]);
    let running = Running::start(&mut command);
    let rests = || {
        let pid = world.processes_with("supervise").pop()?.as_raw_nonzero();
        let call = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
        // `poll` with a negative time, or `ppoll` without one: it sleeps until something happens, however long that takes.
        let words: Vec<&str> = call.split(' ').collect();
        let for_ever = match words.first()? {
            &"7" => words.get(3)?.ends_with("ffffffff"),
            &"271" | &"73" => *words.get(3)? == "0x0",
            _ => false,
        };
        for_ever.then_some(())
    };
    seen(rests);
    fs::write(world.workspace().join("one"), "\n").unwrap();
    seen(|| world.remit(&["tasks"]).stdout.contains("1/2").then_some(()));
    seen(rests);
    fs::write(world.workspace().join("two"), "\n").unwrap();
    running.outcome().assert_code(0).assert_stdout("early\n").assert_stdout("late\n").assert_stdout("1/2 tests");
}
