//! What holds a task, where a script in `tests/escapes/` is not enough to show it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::Command;

use remit_tests::{Host, Running, Terminal, World, processes_with};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// As `git config` and editors do while a task runs: the mount that held the file is gone with it.
#[test]
fn what_somebody_replaces_meanwhile_is_still_not_written() {
    let world = World::empty();
    let git = world.workspace().join(".git");
    fs::create_dir(&git).unwrap();
    fs::write(git.join("config"), "[core]\n").unwrap();
    let script = "mkfifo go; echo ready; read word < go
        for way in 'echo planted >> .git/config' 'printf planted 1<> .git/config' 'true > .git/config' 'truncate -s 1 .git/config' \
            'ln .git/config linked' 'mv .git/config moved' 'mv .git away' 'cp own .git/config' 'mv own .git/config'; do
            echo planted > own; eval \"$way\" 2> /dev/null && echo \"through: $way\"
        done; echo done";
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    let agent = world.test_runner(&["sh script.sh"], &serde_json::json!({ "files": { "write": ["**"] } }));
    let mut task = Running::start(&mut world.run_command(&agent, &["sh", "script.sh"]));
    task.wait_for("ready");
    fs::write(git.join("config.lock"), "[core]\n[user]\n").unwrap();
    fs::rename(git.join("config.lock"), git.join("config")).unwrap();
    fs::write(world.workspace().join("go"), "now\n").unwrap();
    let outcome = task.outcome();
    outcome.assert_code(0).assert_stdout("done");
    assert!(!outcome.stdout.contains("through"), "{}", outcome.report());
    assert_eq!(fs::read_to_string(git.join("config")).unwrap(), "[core]\n[user]\n");
}

/// A grant by one name, and what is hidden in it by another: the kernel knows one place.
#[test]
fn a_link_on_the_way_uncovers_nothing() {
    let world = World::empty();
    let (home, work) = (world.home().to_owned(), world.workspace());
    for directory in [".aws", "real/deep"] {
        fs::create_dir_all(home.join(directory)).unwrap();
    }
    for file in [".aws/credentials", "real/hidden", "real/deep/other"] {
        fs::write(home.join(file), "canary\n").unwrap();
    }
    // Dotfiles that are kept in a repository.
    fs::create_dir_all(work.join("dotfiles/ssh")).unwrap();
    fs::write(work.join("dotfiles/ssh/id_rsa"), "canary\n").unwrap();
    fs::write(work.join("dotfiles/bashrc"), "# mine\n").unwrap();
    let _ = fs::remove_dir_all(home.join(".ssh"));
    symlink(work.join("dotfiles/ssh"), home.join(".ssh")).unwrap();
    let _ = fs::remove_file(home.join(".bashrc"));
    symlink(work.join("dotfiles/bashrc"), home.join(".bashrc")).unwrap();
    let way = world.path().join("way");
    symlink(&home, &way).unwrap();
    symlink("real", home.join("linked")).unwrap();
    let script = "cd $1; cat $2/.aws/credentials $2/real/hidden $2/real/deep/other $1/dotfiles/ssh/id_rsa; echo planted >> dotfiles/bashrc; echo planted > $2/real/deep/new; true";
    fs::write(work.join("script.sh"), script).unwrap();
    let at = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let read = [at(&way), at(&home)];
    for granted in read {
        let command = ["sh", "script.sh", &at(&work), &at(&home)].map(str::to_owned);
        let agent = world.test_runner(
            &[&command.join(" ")],
            &serde_json::json!({ "files": { "read": [granted], "write": ["**", "~/real/deep"], "hide": ["~/linked/hidden", "~/linked/deep/other", "~/linked/deep/new"] } }),
        );
        let command = command.each_ref().map(String::as_str);
        let outcome = world.run(&agent, &command);
        let gaps = remit_tests::Wall::All.gaps(&world, &agent);
        let told = gaps.iter().any(|gap| gap.contains("hidden from the tools, and not from commands"));
        assert!(told || !outcome.stdout.contains("canary"), "{}", outcome.report());
        assert!(told != Host::look().namespaces, "{gaps:?}");
        assert_eq!(fs::read_to_string(work.join("dotfiles/bashrc")).unwrap(), "# mine\n");
        assert!(!home.join("real/deep/new").exists());
    }
}

/// Under `/dev` there are not only devices; and a workspace there is what it is, not a directory of the task's own.
#[test]
fn what_is_granted_in_memory_is_written_there() {
    let world = World::empty();
    let place = tempfile::tempdir_in("/dev/shm").unwrap();
    let at = place.path().to_str().unwrap();
    let work = place.path().join("work");
    fs::create_dir(&work).unwrap();
    fs::write(work.join("script.sh"), format!("echo here > made && echo there > {at}/other/made")).unwrap();
    fs::create_dir(place.path().join("other")).unwrap();
    let agent =
        world.test_runner(&["sh script.sh"], &serde_json::json!({ "files": { "write": ["**", format!("{at}/other/**")] } }));
    let mut run = world.run_command(&agent, &["sh", "script.sh"]);
    Running::start(run.current_dir(&work)).outcome().assert_code(0);
    assert_eq!(fs::read_to_string(work.join("made")).unwrap(), "here\n");
    assert_eq!(fs::read_to_string(place.path().join("other/made")).unwrap(), "there\n");
}

/// A file that anyone may read, and that is neither the user's nor the system's.
#[test]
fn another_users_file() {
    let world = World::empty();
    let path = if Host::look().root {
        let path = world.outside().join("theirs");
        fs::write(&path, "canary: another user's\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        chown(&path, Some(65534), Some(65534)).unwrap();
        path
    } else {
        // Root's, and world-readable on any Debian; elsewhere the control says that it is not there.
        "/var/lib/dpkg/status".into()
    };
    world.probe(&format!("cat {}", path.display())).assert_held();
}

#[test]
fn the_workspace_can_be_read() {
    let world = World::empty();
    world.probe("cat notes.txt").assert_same();
}

/// In a layer a write succeeds and is dropped; without one it fails. The files do not change either way.
#[test]
fn writes_to_the_workspace_do_not_reach_it() {
    let world = World::empty();
    fs::write(world.workspace().join("probe.sh"), "").unwrap();
    let script = "echo started; echo more >> notes.txt && mkdir made && rm probe.sh && cat notes.txt";
    fs::write(world.workspace().join("write.sh"), script).unwrap();
    let agent = world.test_runner(&["sh write.sh"], &Value::Null);
    let before = world.workspace_tree();
    let outcome = world.run(&agent, &["sh", "write.sh"]);
    outcome.assert_stdout("started");
    if Host::look().namespaces {
        outcome.assert_code(0).assert_stdout("the workspace's own\nmore\n");
    } else {
        assert_ne!(outcome.code, 0, "{}", outcome.report());
    }
    world.workspace_tree().assert_same(&before);
    assert_eq!(world.plain(&["sh", "write.sh"]).code, 0);
    assert!(!world.workspace_tree().since(&before).is_empty(), "the script changes nothing unconfined either");
}

#[test]
fn a_granted_write_reaches_the_workspace_and_no_further() {
    let world = World::empty();
    let script = "echo started; mkdir -p target/deep && echo made > target/deep/file; echo over > notes.txt";
    fs::write(world.workspace().join("write.sh"), script).unwrap();
    let sandbox = serde_json::json!({ "files": { "write": ["target/**"] } });
    let agent = world.test_runner(&["sh write.sh"], &sandbox);
    let outcome = world.run(&agent, &["sh", "write.sh"]);
    outcome.assert_stdout("started");
    assert_ne!(outcome.code, 0, "{}", outcome.report());
    assert_eq!(fs::read_to_string(world.workspace().join("target/deep/file")).unwrap(), "made\n");
    assert_eq!(fs::read_to_string(world.workspace().join("notes.txt")).unwrap(), "the workspace's own\n");
}

/// Names that a policy denies inside a granted workspace: what is there is covered, and what is not does not appear.
#[test]
fn a_denied_name_inside_a_grant_is_neither_read_nor_made() {
    let world = World::empty();
    fs::create_dir_all(world.workspace().join("deep")).unwrap();
    fs::write(world.workspace().join("deep/key.pem"), "canary: a key\n").unwrap();
    let script = "echo started; cat deep/key.pem; echo x > new.pem; echo x > plain && mv plain moved.pem; ln -s notes.txt link.pem
        mkdir -p .git/hooks; mkdir -p g/hooks && mv g .git; echo x > .envrc; mkdir -p .git && echo kept > .git/description; echo 'gitdir: g' > .git; echo done";
    fs::write(world.workspace().join("write.sh"), script).unwrap();
    let sandbox = serde_json::json!({ "files": { "write": ["."], "hide": ["**/*.pem"] }, "workspace": "direct" });
    let agent = world.test_runner(&["sh write.sh"], &sandbox);
    let outcome = world.run(&agent, &["sh", "write.sh"]);
    outcome.assert_stdout("started").assert_stdout("done");
    let exists = |name: &str| fs::symlink_metadata(world.workspace().join(name)).is_ok();
    // As a file it would name another repository.
    for name in ["new.pem", "moved.pem", "link.pem", ".git", ".envrc"] {
        assert!(!exists(name), "`{name}` was made\n{}", outcome.report());
    }
    assert!(exists("g/hooks") && exists("plain"), "{}", outcome.report());
    // Without a mount namespace the preview says that it is not covered.
    assert_eq!(outcome.stdout.contains("canary"), !Host::look().namespaces, "{}", outcome.report());

    world.plain(&["sh", "write.sh"]).assert_stdout("canary");
    assert!(["new.pem", "moved.pem", "link.pem", ".git/hooks", ".envrc"].into_iter().all(exists), "unconfined they are made");
}

#[test]
fn the_environment_is_built_and_not_inherited() {
    let secrets = [
        // A library that exists and does nothing new, so that the unconfined control runs too.
        ("LD_PRELOAD", "libm.so.6"),
        ("LD_LIBRARY_PATH", "/canary-LD_LIBRARY_PATH"),
        ("AWS_SECRET_ACCESS_KEY", "canary-AWS_SECRET_ACCESS_KEY"),
        ("AWS_SESSION_TOKEN", "canary-AWS_SESSION_TOKEN"),
        ("GITHUB_TOKEN", "canary-GITHUB_TOKEN"),
        ("ANTHROPIC_API_KEY", "canary-ANTHROPIC_API_KEY"),
        ("SSH_AUTH_SOCK", "/canary-SSH_AUTH_SOCK"),
        ("DBUS_SESSION_BUS_ADDRESS", "canary-DBUS"),
        ("BASH_ENV", "/canary-BASH_ENV"),
        ("PYTHONSTARTUP", "/canary-PYTHONSTARTUP"),
        ("NODE_OPTIONS", "--title=canary"),
        ("SOME_PASSWORD", "canary-SOME_PASSWORD"),
    ];
    let world = World::empty();
    let agent = world.test_runner(&["env"], &Value::Null);
    let plain = Running::start(world.command("env").envs(secrets)).outcome();
    let confined = Running::start(world.run_command(&agent, &["env"]).envs(secrets)).outcome();
    confined.assert_code(0).assert_stdout("PATH=").assert_stdout("HOME=");
    for (name, value) in secrets {
        plain.assert_stdout(&format!("{name}={value}"));
        assert!(!confined.stdout.contains(&format!("{name}=")), "{}", confined.report());
    }
    assert!(!confined.stdout.contains("canary"), "{}", confined.report());
}

/// A descriptor that is open when a task starts is a way round every wall.
#[test]
fn no_descriptor_is_inherited() {
    let world = World::empty();
    fs::write(world.workspace().join("probe.sh"), "echo started; cat <&9").unwrap();
    let agent = world.test_runner(&["sh probe.sh"], &Value::Null);
    let secret = world.outside().join("secret");
    let holding = |command: &Command| {
        let mut shell = world.command("sh");
        shell.args(["-c", "exec 9< \"$0\"; exec \"$@\""]).arg(&secret).arg(command.get_program()).args(command.get_args());
        Running::start(&mut shell).outcome()
    };
    holding(world.command("sh").arg("probe.sh")).assert_code(0).assert_stdout("canary: outside");
    let confined = holding(&world.run_command(&agent, &["sh", "probe.sh"]));
    confined.assert_stdout("started");
    assert_ne!(confined.code, 0, "{}", confined.report());
    assert!(!confined.stdout.contains("canary"), "{}", confined.report());
}

#[test]
fn the_temporary_directory_is_the_tasks_own() {
    let world = World::empty();
    let theirs = tempfile::Builder::new().prefix("remit-canary-").tempdir_in("/tmp").unwrap();
    let directory = theirs.path().to_str().unwrap();
    fs::write(theirs.path().join("file"), "canary: temporary\n").unwrap();
    world.probe(&format!("cat {directory}/file")).assert_held();
    world.probe(&format!("ls {directory}")).assert_held();

    // Whether a write there fails or goes to a directory of the task's own, it does not arrive.
    let left = theirs.path().join("left");
    let probed = world.probe(&format!("mkdir -p {directory} && echo left > {directory}/left; rm -f {directory}/file"));
    assert!(!fs::exists(theirs.path().join("file")).unwrap(), "{}", probed.plain.report());
    fs::remove_file(&left).unwrap();
    fs::write(theirs.path().join("file"), "canary: temporary\n").unwrap();
    let agent = world.test_runner(&["sh probe.sh"], &Value::Null);
    world.run(&agent, &["sh", "probe.sh"]).assert_stdout("started");
    assert!(!fs::exists(&left).unwrap());
    assert!(fs::exists(theirs.path().join("file")).unwrap());
}

/// On the host `/proc/self/cgroup` tells where in the host's tree a process is; in a task with a root of its own that is the root.
#[test]
fn no_cgroup_above_the_tasks_own_has_a_name() {
    if !Host::look().namespaces {
        return;
    }
    let world = World::empty();
    let script = "cat /proc/self/cgroup; grep ' - cgroup' /proc/self/mountinfo | cut -d ' ' -f 4,5";
    fs::write(world.workspace().join("look.sh"), script).unwrap();
    let agent = world.test_runner(&["sh look.sh"], &Value::Null);
    let outcome = world.run(&agent, &["sh", "look.sh"]);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let (groups, mounts): (Vec<&str>, Vec<&str>) = lines.iter().partition(|line| line.contains(':'));
    assert!(!groups.is_empty() && groups.iter().all(|line| line.ends_with(":/")), "{}", outcome.report());
    // What is mounted is a cgroup of the task's, whose name is no longer than `/`.
    let mut mounts = mounts.iter().filter(|line| line.starts_with('/') && line.contains(" /sys/fs/cgroup"));
    assert!(mounts.all(|line| line.starts_with("/ ")), "{}", outcome.report());
}

#[test]
fn a_workspace_below_the_temporary_directory_works() {
    let workspace = tempfile::Builder::new().prefix("remit-workspace-").tempdir_in("/tmp").unwrap();
    fs::write(workspace.path().join("notes.txt"), "below /tmp\n").unwrap();
    let world = World::empty();
    let agent = world.test_runner(&["cat notes.txt"], &Value::Null);
    let mut run = world.run_command(&agent, &["cat", "notes.txt"]);
    let outcome = Running::start(run.current_dir(workspace.path())).outcome();
    outcome.assert_code(0).assert_stdout("below /tmp");
}

/// A task has a root, a `/dev` and streams of its own, and its temporary directory below nothing that is hidden: whatever is granted.
#[test]
fn a_grant_of_almost_everything_starts() {
    let workspace = tempfile::Builder::new().prefix("remit-workspace-").tempdir_in("/tmp").unwrap();
    fs::write(workspace.path().join("s.sh"), "mktemp > /dev/null && cat < /dev/null && echo works; cat $1 > /dev/null\n")
        .unwrap();
    let secret = tempfile::Builder::new().prefix("remit-canary-").tempfile_in("/var/tmp").unwrap();
    fs::write(secret.path(), "canary\n").unwrap();
    let world = World::empty();
    let home = world.home().to_str().unwrap().to_owned();
    for (tool, granted, refused) in [
        ("fs_read", "/", true),
        ("fs_write", "/**", true),
        ("fs_read", "/dev", false),
        ("fs_write", "/dev/**", false),
        ("fs_read", "/dev/fd", false),
        ("fs_write", "/var/lib", false),
        ("fs_write", &home, false),
    ] {
        let agent = world.test_runner(&["sh s.sh *"], &Value::Null);
        let mut file: Value = serde_json::from_str(&fs::read_to_string(&agent).unwrap()).unwrap();
        file["tools"].as_array_mut().unwrap().push("fs_write".into());
        file["toolsSettings"][tool] = serde_json::json!({ "allowedPaths": [granted] });
        fs::write(&agent, file.to_string()).unwrap();
        let mut run = world.run_command(&agent, &["sh", "s.sh", secret.path().to_str().unwrap()]);
        let outcome = Running::start(run.current_dir(workspace.path())).outcome();
        assert!(outcome.stdout.contains("works"), "{tool} {granted}: {}", outcome.report());
        assert_ne!(outcome.code, 0, "{tool} {granted}: {}", outcome.report());
        if refused {
            outcome.assert_stderr(&format!("commands cannot use `{granted}`"));
        }
    }
}

/// Where a task finds a `/tmp` of its own, remit's own files are out of sight, and it has to have what it needs by then.
#[test]
fn a_state_directory_below_the_temporary_directory_works() {
    let state = tempfile::Builder::new().prefix("remit-state-").tempdir_in("/tmp").unwrap();
    let world = World::empty();
    let agent = world.test_runner(&["cat notes.txt"], &Value::Null);
    let mut run = world.run_command(&agent, &["cat", "notes.txt"]);
    let outcome = Running::start(run.env("XDG_STATE_HOME", state.path())).outcome();
    outcome.assert_code(0).assert_stdout("the workspace's own");
}

/// Says that it is there, and stays; a hang-up, an interrupt and a polite request to end are not for it.
const DAEMON: &str = "\
import signal, sys
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
print('ready', flush=True)
while True:
    signal.pause()
";

/// Each starts the daemon out of reach of what ends a process group.
const WAYS: [(&str, &str); 2] = [("setsid", "setsid DAEMON &\n"), ("double fork", "setsid sh -c '(DAEMON &) && exit 0'\n")];

#[test]
fn nothing_outlives_the_task() {
    for (number, (name, way)) in WAYS.iter().enumerate() {
        // The shell ends when it has seen the daemon ready: not before, or there is nothing to outlive it.
        let world = World::empty();
        let marker = plant(
            &world,
            number,
            &format!("export FIFO=$(mktemp -u)\nmkfifo $FIFO\n{way}read line < $FIFO\nrm $FIFO\necho $line\n"),
            "> $FIFO",
        );

        let mut plain = Running::start(world.command("sh").arg("probe.sh"));
        plain.wait_for("ready");
        assert_eq!(plain.wait(), 0);
        let survivors = processes_with(&marker);
        assert!(!survivors.is_empty(), "{name}: nothing is left behind unconfined either");
        kill(&survivors);

        // That the outcome comes at all says that nobody holds the output any more.
        let agent = world.test_runner(&["sh probe.sh"], &Value::Null);
        let confined = world.run(&agent, &["sh", "probe.sh"]);
        confined.assert_code(0).assert_stdout("ready");
        assert!(processes_with(&marker).is_empty(), "{name}: outlived its task");
    }
}

#[test]
fn a_terminated_task_ends_with_its_tree() {
    let world = World::empty();
    let marker = plant(&world, 10, "setsid DAEMON &\nwait\n", "");
    let agent = world.test_runner(&["sh probe.sh"], &Value::Null);
    let mut task = Running::start(&mut world.run_command(&agent, &["sh", "probe.sh"]));
    task.wait_for("ready").signal(Signal::TERM);
    task.outcome().assert_code(128 + 15);
    assert!(processes_with(&marker).is_empty(), "outlived its task");
}

/// Trusted with everything, but for staying: a task without an agent ends as every other.
#[test]
fn nothing_outlives_a_trust_all_task() {
    let world = World::empty();
    let script = "export FIFO=$(mktemp -u)\nmkfifo $FIFO\nsetsid DAEMON &\nread line < $FIFO\nrm $FIFO\necho $line\n";
    let marker = plant(&world, 30, script, "> $FIFO");
    world.remit(&["run", "--trust-all", "--", "sh", "probe.sh"]).assert_code(0).assert_stdout("ready");
    assert!(processes_with(&marker).is_empty(), "outlived its task");
}

/// Remit itself can be killed in the middle; the task does not run on without it.
#[test]
fn a_killed_remit_takes_its_task_with_it() {
    let world = World::empty();
    let marker = plant(&world, 20, "setsid DAEMON &\nwait\n", "");
    let agent = world.test_runner(&["sh probe.sh"], &Value::Null);
    let mut task = Running::start(&mut world.run_command(&agent, &["sh", "probe.sh"]));
    task.wait_for("ready").signal(Signal::KILL);
    if Host::look().namespaces {
        // The end of the output is the end of the last process that held it.
        task.outcome().assert_code(128 + 9);
    } else {
        // Without a pid namespace only remit itself could sweep: what has a session of its own is left, and a gap.
        assert_eq!(task.wait(), 128 + 9);
        kill(&processes_with(&marker));
    }
}

/// Writes the daemon and a `probe.sh` in which `DAEMON` starts it; returns the marker in the daemon's arguments.
fn plant(world: &World, number: usize, script: &str, redirection: &str) -> String {
    let marker = format!("remit-test-{}-{number}", std::process::id());
    fs::write(world.workspace().join("daemon.py"), DAEMON).unwrap();
    let daemon = format!("/usr/bin/python3 daemon.py {marker} {redirection}");
    fs::write(world.workspace().join("probe.sh"), script.replace("DAEMON", &daemon)).unwrap();
    marker
}

/// Pushing characters into the person's terminal is typing in their name.
#[test]
fn no_typing_into_the_terminal() {
    let world = World::empty();
    let script = "import fcntl, termios\nprint('started', flush=True)\nfcntl.ioctl(0, termios.TIOCSTI, b'x')\nprint('typed')\n";
    fs::write(world.workspace().join("probe.py"), script).unwrap();
    let agent = world.test_runner(&["/usr/bin/python3 probe.py"], &Value::Null);
    let (_, shown) = Terminal::start(world.command("/usr/bin/python3").arg("probe.py"), 80, 24).end();
    // Kernels from 6.2 on can have it switched off for everyone but root.
    if fs::read_to_string("/proc/sys/dev/tty/legacy_tiocsti").is_ok_and(|text| text.trim() == "1") || Host::look().root {
        assert!(shown.contains("typed"), "{shown}");
    }
    let (code, shown) = Terminal::start(&world.run_command(&agent, &["/usr/bin/python3", "probe.py"]), 80, 24).end();
    assert!(shown.contains("started") && !shown.contains("typed"), "{shown}");
    assert_eq!(code, Some(1), "{shown}");
}

fn kill(processes: &[Pid]) {
    for process in processes {
        kill_process(*process, Signal::KILL).unwrap();
    }
}
