//! What a background task prints is kept, whatever the host lacks.

use remit_tests::tasks::world_with;
use remit_tests::{Host, Running};

/// Each instance of inotify is one of a user's 128: without one, output is looked at from time to time.
#[test]
fn where_nothing_tells_of_output_it_is_kept_all_the_same() {
    let host = Host::look();
    if !host.namespaces {
        // Without a user namespace the limit is the whole machine's.
        return;
    }
    let world = world_with("echo early; read line < fifo; echo ::remit progress 1/2 tests; echo late");
    let script = format!(
        "set -e
        echo 0 > /proc/sys/user/max_inotify_instances
        mkfifo fifo
        remit() {{ '{remit}' \"$@\"; }}
        id=$(remit run -b --trust-all -- sh script.sh)
        remit logs -f \"$id\" | while read -r line; do echo \"seen: $line\"; test \"$line\" != early || echo > fifo; done
        remit wait \"$id\"
        remit result \"$id\"",
        remit = remit_tests::remit().display()
    );
    let mut command = world.command("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", &script]);
    let outcome = Running::start(&mut command).outcome();
    outcome.assert_code(0).assert_stdout("seen: early").assert_stdout("seen: late").assert_stdout("1/2 tests");
}
