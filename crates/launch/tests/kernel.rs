//! Plans applied to real processes, on the kernel that is here.
//!
//! Each case runs a shell script under a plan and looks at how it ended. Every probe that must fail under a plan is first
//! shown to succeed without one, so that a case cannot pass because its script is wrong.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test; with no harness, clippy cannot know that it is one"
)]

#[path = "kernel/outside.rs"]
mod outside;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

use remit_agent::AbsPath;
use remit_launch::{
    Ending, LaunchError, Layer, Running, Scratch, Stdio, Task, become_reaper, end_tree, spawn_telling, spawn_when, try_host,
};
use remit_sandbox::{
    Bind, LandlockPlan, Layer as OverlayLayer, LayerPurpose, Mask, Metadata, Namespaces, OwnRoot, PathRights, Plan,
    PrivateDirectory, ResourceKind, ResourceLimit, Rights, SeccompProgram, SetGroupId, Temporary, Trials,
};
use rustix::io::Errno;
use rustix::process::Pid;

fn main() {
    become_reaper().unwrap();
    let ground = Ground::new();
    let cases: [(&str, Case); 20] = [
        ("the exit code and the signal come through", ends_as_the_task_does),
        ("nothing is executed before the caller agrees", waits_for_the_caller),
        ("a program that is not there is an error of exec", missing_program),
        ("a directory that is not there is an error of the directory", missing_directory),
        ("a rule that cannot be opened stops the launch, and is named", missing_rule),
        ("Landlock holds the tree, under every ABI up to the host's", landlock_holds),
        ("the scratch TMPDIR is granted", named_temporary),
        ("seccomp alone refuses sockets and namespaces", seccomp_holds),
        ("limits are set", limits_are_set),
        ("no descriptor but three reaches the task", descriptors_are_closed),
        ("no capability is left", capabilities_are_gone),
        ("a private layer takes the writes", layer_takes_writes),
        ("a mask covers, and a protected path is read-only", masks_cover),
        ("the root holds what is bound into it, and nothing else", own_root),
        ("a pid namespace hides and ends", pid_namespace),
        ("what daemonised ends with the tree", orphans_end),
        ("modes, times and sockets are decided outside", outside::metadata),
        ("a denied name does not appear", outside::creation),
        ("a file does not get the set-group-id bit", outside::set_group_id),
        ("limits and priorities are those of the task's own tree", outside::other_processes),
    ];
    let mut ran = 0;
    for (name, case) in cases {
        case(&ground);
        println!("test {name} ... ok");
        ran += 1;
    }
    println!("\ntest result: ok. {ran} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}

type Case = fn(&Ground);

struct Ground {
    directory: tempfile::TempDir,
    trials: Trials,
    next: std::cell::Cell<u32>,
}

impl Ground {
    fn new() -> Ground {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let scratch = Scratch { path: AbsPath::new(directory.path()).unwrap().join("trial") };
        fs::create_dir(scratch.path.as_path()).unwrap();
        let trials = try_host(&scratch).unwrap();
        let ground = Ground { directory, trials, next: std::cell::Cell::new(0) };
        fs::create_dir(ground.at("w").as_path()).unwrap();
        fs::write(ground.at("w/inside").as_path(), "inside").unwrap();
        fs::write(ground.at("outside").as_path(), "outside").unwrap();
        ground
    }

    fn at(&self, path: &str) -> AbsPath {
        AbsPath::new(self.directory.path()).unwrap().join(path)
    }

    fn scratch(&self) -> Scratch {
        self.next.set(self.next.get() + 1);
        let scratch = Scratch { path: self.at(&format!("scratch-{}", self.next.get())) };
        fs::create_dir(scratch.path.as_path()).unwrap();
        scratch
    }

    fn run(&self, plan: &Plan, script: &str) -> Result<Ending, LaunchError> {
        self.exec(plan, "/bin/sh", &["sh", "-c", script], &self.at("w"))
    }

    fn exec(&self, plan: &Plan, program: &str, arguments: &[&str], directory: &AbsPath) -> Result<Ending, LaunchError> {
        self.exec_by(plan, program, arguments, directory, &mut |task| spawn_telling(plan, task, &mut |_| true))
    }

    fn exec_by(
        &self,
        plan: &Plan,
        program: &str,
        arguments: &[&str],
        directory: &AbsPath,
        spawn: &mut dyn FnMut(&Task<'_>) -> Result<Running, LaunchError>,
    ) -> Result<Ending, LaunchError> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let null = fs::File::options().read(true).write(true).open("/dev/null").unwrap();
        let null = null.as_fd();
        let task = Task {
            program: AbsPath::new(Path::new(program)).unwrap(),
            arguments: &arguments,
            directory: directory.clone(),
            stdio: Stdio { input: null, output: null, error: null, terminal: None },
            scratch: &self.scratch(),
            proxy: None,
            watch: None,
            mark: None,
        };
        let mut running = spawn(&task)?;
        running.answer(plan).unwrap();
        let ending = running.wait().unwrap();
        end_tree().unwrap();
        running.settle();
        Ok(ending)
    }

    /// Succeeds without a plan, and fails under this one.
    fn refused(&self, plan: &Plan, script: &str) {
        self.allowed(&nothing(), script);
        assert_ne!(self.run(plan, script), Ok(Ending::Exited { code: 0 }), "`{script}` is refused");
    }

    fn allowed(&self, plan: &Plan, script: &str) {
        assert_eq!(self.run(plan, script), Ok(Ending::Exited { code: 0 }), "`{script}` succeeds");
    }

    fn landlock(&self, abi: u32, rights: Rights) -> Plan {
        let rule = |path: AbsPath, rights| PathRights { path, rights, patterns: Vec::new(), wider: false };
        let read_execute = Rights::READ | Rights::EXECUTE;
        let mut rules = vec![rule(self.at("w"), rights), rule(root("dev/null"), Rights::READ | Rights::WRITE)];
        rules.extend(
            ["usr", "bin", "lib", "lib64", "etc"]
                .map(root)
                .into_iter()
                .filter(|path| path.as_path().exists())
                .map(|path| rule(path, read_execute)),
        );
        let landlock = LandlockPlan { abi, rules, deny_tcp: abi >= 4, scoped: abi >= 6 };
        Plan { landlock: Some(landlock), no_new_privileges: true, drop_capabilities: true, ..nothing() }
    }

    /// A root with the system, read-only, and the directory of this test.
    fn inside(&self, spaces: Namespaces) -> Plan {
        let bind = |path: AbsPath, read_only| Bind { path, read_only, no_exec: false, device: false, copy: false };
        let mut binds = vec![bind(root("etc"), true), bind(root("usr"), true), bind(self.at("w"), false)];
        binds.push(Bind { device: true, ..bind(root("dev/null"), false) });
        if self.at("o,d:d\\ x").as_path().exists() {
            binds.push(bind(self.at("o,d:d\\ x"), false));
        }
        let links = ["bin", "sbin", "lib", "lib64"].into_iter().filter_map(|name| {
            let target = fs::read_link(root(name).as_path()).ok()?;
            Some((root(name), AbsPath::root().join(target.to_str()?)))
        });
        let own = OwnRoot {
            binds,
            links: links.collect(),
            files: BTreeMap::new(),
            directories: Vec::new(),
            proc: true,
            cgroups: false,
        };
        Plan { namespaces: Some(spaces), root: Some(own), ..nothing() }
    }

    fn spaces(&self) -> Option<Namespaces> {
        let works = self.trials.namespaces.works() && self.trials.overlay.works() && self.trials.own_proc.works();
        works.then_some(Namespaces { user: self.trials.needs_user_namespace, pid: true, network: false, loopback: false })
    }
}

fn root(path: &str) -> AbsPath {
    AbsPath::root().join(path)
}

fn nothing() -> Plan {
    Plan {
        namespaces: None,
        root: None,
        layers: Vec::new(),
        private_directories: Vec::new(),
        temporary: Temporary::Host,
        make_directories: Vec::new(),
        read_only: Vec::new(),
        masks: Vec::new(),
        hidden_from_tools: Vec::new(),
        landlock: None,
        seccomp: None,
        outside: None,
        proxy: None,
        pinned: Vec::new(),
        limits: Vec::new(),
        cgroups: Vec::new(),
        wall_time: None,
        output: None,
        processes: None,
        memory: None,
        disk_space: None,
        drop_capabilities: false,
        no_new_privileges: false,
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/sbin:/usr/bin:/sbin:/bin".to_owned())]),
        search_path: Vec::new(),
        absent: Vec::new(),
        carried: Vec::new(),
        gaps: Vec::new(),
    }
}

fn ends_as_the_task_does(ground: &Ground) {
    let mut plans = vec![nothing()];
    plans.extend(ground.spaces().map(|spaces| ground.inside(spaces)));
    for plan in plans {
        assert_eq!(ground.run(&plan, "exit 7"), Ok(Ending::Exited { code: 7 }));
        assert_eq!(ground.run(&plan, "kill -9 $$"), Ok(Ending::Killed { signal: 9 }));
        assert_eq!(ground.run(&plan, "kill -15 $$"), Ok(Ending::Killed { signal: 15 }));
    }
}

fn waits_for_the_caller(ground: &Ground) {
    let mut plans = vec![nothing(), ground.landlock(1, Rights::READ | Rights::WRITE | Rights::EXECUTE)];
    plans.extend(ground.spaces().map(|spaces| ground.inside(spaces)));
    let made = ground.at("w/made");
    for plan in plans {
        for (agrees, within) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut release = |pid: Pid| {
                // A child that did not wait would most likely have become a shell by now, and made the file.
                let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
                let mut ended = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
                let wait = rustix::event::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
                assert_eq!(rustix::event::poll(&mut ended, Some(&wait)), Ok(0), "it waits");
                assert!(!made.as_path().exists());
                agrees
            };
            let mut spawn = |task: &Task<'_>| {
                if within { spawn_telling(&plan, task, &mut release) } else { spawn_when(&plan, task, &mut release) }
            };
            let ended = ground.exec_by(&plan, "/bin/sh", &["sh", "-c", "echo x > made"], &ground.at("w"), &mut spawn);
            if agrees {
                assert_eq!(ended, Ok(Ending::Exited { code: 0 }));
                fs::remove_file(made.as_path()).unwrap();
            } else {
                assert_eq!(ended.map_err(|error| (error.layer, error.errno)), Err((Layer::Exec, Errno::CANCELED)));
            }
            assert!(!made.as_path().exists());
        }
    }
}

fn missing_program(ground: &Ground) {
    let error = ground.exec(&nothing(), "/nowhere/at/all", &["all"], &ground.at("w")).unwrap_err();
    assert_eq!((error.layer, error.errno), (Layer::Exec, Errno::NOENT));
    assert_eq!(error.path.as_deref(), Some("/nowhere/at/all"));
    let error = ground.exec(&nothing(), ground.at("w/inside").as_str(), &["inside"], &ground.at("w")).unwrap_err();
    assert_eq!((error.layer, error.errno), (Layer::Exec, Errno::ACCESS));
}

fn missing_directory(ground: &Ground) {
    let error = ground.exec(&nothing(), "/bin/sh", &["sh"], &ground.at("nowhere")).unwrap_err();
    assert_eq!((error.layer, error.errno), (Layer::Directory, Errno::NOENT));
}

fn missing_rule(ground: &Ground) {
    if ground.trials.landlock_abi == 0 {
        return;
    }
    let mut plan = ground.landlock(1, Rights::READ);
    let missing = PathRights { path: ground.at("gone"), rights: Rights::READ, patterns: Vec::new(), wider: false };
    plan.landlock.as_mut().unwrap().rules.push(missing);
    let error = ground.run(&plan, "true").unwrap_err();
    assert_eq!((error.layer, error.errno), (Layer::Landlock, Errno::NOENT));
    assert_eq!(error.path.as_deref(), Some(ground.at("gone").as_str()));
}

fn landlock_holds(ground: &Ground) {
    let outside = ground.at("outside");
    for abi in 1..=ground.trials.landlock_abi {
        let reads = ground.landlock(abi, Rights::READ);
        ground.allowed(&reads, "cat inside && ls");
        ground.refused(&reads, &format!("cat {outside}"));
        ground.refused(&reads, "echo x >> inside");
        ground.refused(&reads, "echo x > new && rm new");
        ground.refused(&reads, "mkdir d && rmdir d");
        ground.refused(&reads, "cp /bin/true t && ./t; r=$?; rm -f t; exit $r");
        let writes = ground.landlock(abi, Rights::READ | Rights::WRITE);
        ground.allowed(
            &writes,
            "echo x > new && mv new newer && rm newer && mkdir d && rmdir d && ln -s x l && rm l && mkfifo f && rm f",
        );
        ground.refused(&writes, &format!("echo x >> {outside}"));
        ground.refused(&writes, "cp /bin/true t && ./t; r=$?; rm -f t; exit $r");
        if abi >= 3 {
            ground.refused(&reads, "truncate -s 6 inside");
        }
    }
    fs::write(ground.at("w/inside").as_path(), "inside").unwrap();
}

fn named_temporary(ground: &Ground) {
    if ground.trials.landlock_abi == 0 {
        return;
    }
    let plan = ground.landlock(1, Rights::READ);
    let with = Plan { temporary: Temporary::Named(Rights::READ | Rights::WRITE), ..plan };
    ground.allowed(&with, "test -n \"$TMPDIR\" && echo x > \"$TMPDIR/x\"");
}

fn seccomp_holds(ground: &Ground) {
    let filter = |inet| Plan {
        seccomp: Some(SeccompProgram {
            inet,
            ipc: false,
            creation: false,
            programs_in_memory: false,
            ptrace: false,
            metadata: Metadata::Free(SetGroupId::Free),
        }),
        no_new_privileges: true,
        ..nothing()
    };
    let python = |code: &str| format!("python3 -c '{code}'");
    let socket = |family: &str| python(&format!("import socket; socket.socket(socket.{family}, socket.SOCK_STREAM)"));
    ground.allowed(&nothing(), "python3 -c pass");
    ground.allowed(&filter(false), &socket("AF_UNIX"));
    ground.refused(&filter(false), &socket("AF_INET"));
    ground.allowed(&filter(true), &socket("AF_INET"));
    ground.refused(&filter(true), &python("import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)"));
    ground.allowed(&filter(true), &python("import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"));
    if ground.trials.namespaces.works() {
        let unshare = if ground.trials.needs_user_namespace { "unshare -U true" } else { "unshare -m true" };
        ground.refused(&filter(true), unshare);
    }
}

fn limits_are_set(ground: &Ground) {
    let limits = vec![
        ResourceLimit { resource: ResourceKind::Nofile, value: 64 },
        ResourceLimit { resource: ResourceKind::Fsize, value: 4096 },
        ResourceLimit { resource: ResourceKind::Core, value: 0 },
    ];
    let plan = Plan { limits, ..nothing() };
    ground.allowed(&plan, "test $(ulimit -n) = 64 && test $(ulimit -c) = 0");
    ground.refused(&plan, "head -c 8192 /dev/zero > big; r=$?; rm big; exit $r");
}

fn descriptors_are_closed(ground: &Ground) {
    use std::os::fd::AsRawFd;
    // Without the close-on-exec flag, as a careless caller has it.
    let inherited =
        rustix::fs::open(ground.at("outside").as_path(), rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty()).unwrap();
    rustix::io::fcntl_setfd(&inherited, rustix::io::FdFlags::empty()).unwrap();
    let script = format!("test ! -e /proc/self/fd/{}", inherited.as_raw_fd());
    assert!(!std::process::Command::new("sh").args(["-c", &script]).status().unwrap().success(), "std passes it on");
    ground.allowed(&nothing(), &script);
}

fn capabilities_are_gone(ground: &Ground) {
    let mut plans = vec![Plan { drop_capabilities: true, no_new_privileges: true, ..nothing() }];
    plans.extend(ground.spaces().map(|spaces| Plan {
        drop_capabilities: true,
        no_new_privileges: true,
        ..ground.inside(spaces)
    }));
    let all = |set: &str| format!("grep -q '^{set}:[[:space:]]*0*$' /proc/self/status");
    for plan in plans {
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            ground.allowed(&plan, &all(set));
        }
        if plan.namespaces.is_some() || rustix::process::geteuid().is_root() {
            ground.refused_as_root(&plan, &all("CapBnd"));
        }
        ground.allowed(&plan, "grep -q '^NoNewPrivs:[[:space:]]*1$' /proc/self/status");
    }
}

impl Ground {
    /// The set is empty under the plan; where the caller is root, it is not without.
    fn refused_as_root(&self, plan: &Plan, script: &str) {
        self.allowed(plan, script);
        if rustix::process::geteuid().is_root() {
            assert_ne!(self.run(&nothing(), script), Ok(Ending::Exited { code: 0 }), "`{script}` tells the two apart");
        }
    }
}

fn layer_takes_writes(ground: &Ground) {
    let Some(spaces) = ground.spaces() else { return };
    let layer = OverlayLayer { target: ground.at("w"), purpose: LayerPurpose::Workspace, no_exec: false, by_name: Vec::new() };
    let plan = Plan { layers: vec![layer], ..ground.inside(spaces) };
    ground.allowed(&plan, "echo changed > inside && echo new > new && test $(cat inside) = changed && test -e new");
    assert_eq!(fs::read_to_string(ground.at("w/inside").as_path()).unwrap(), "inside");
    assert!(!ground.at("w/new").as_path().exists());
    // A name that would end a mount option.
    let odd = ground.at("o,d:d\\ x");
    fs::create_dir(odd.as_path()).unwrap();
    let layer = OverlayLayer { target: odd.clone(), purpose: LayerPurpose::Workspace, no_exec: false, by_name: Vec::new() };
    let plan = Plan { layers: vec![layer], ..ground.inside(spaces) };
    assert_eq!(ground.exec(&plan, "/bin/sh", &["sh", "-c", "echo x > x && test -e x"], &odd), Ok(Ending::Exited { code: 0 }));
    assert!(!odd.join("x").as_path().exists());
}

fn masks_cover(ground: &Ground) {
    let Some(spaces) = ground.spaces() else { return };
    fs::create_dir_all(ground.at("w/secret").as_path()).unwrap();
    fs::write(ground.at("w/secret/key").as_path(), "key").unwrap();
    fs::write(ground.at("w/token").as_path(), "token").unwrap();
    fs::create_dir_all(ground.at("w/hooks").as_path()).unwrap();
    let plan = Plan {
        masks: vec![Mask { path: ground.at("w/secret"), directory: true }, Mask { path: ground.at("w/token"), directory: false }],
        read_only: vec![ground.at("w/hooks")],
        private_directories: vec![PrivateDirectory { target: root("var/tmp"), in_memory: false, no_exec: true }],
        temporary: Temporary::Mounted,
        drop_capabilities: true,
        no_new_privileges: true,
        ..ground.inside(spaces)
    };
    ground.allowed(&plan, "cat inside");
    ground.refused(&plan, "cat secret/key");
    ground.refused(&plan, "test -n \"$(cat token)\"");
    ground.refused(&plan, "echo x > hooks/x && rm hooks/x");
    ground.refused(&plan, "mv hooks hooked && mv hooked hooks");
    ground.allowed(&plan, "test -z \"$(ls -A /var/tmp)\" && echo x > /var/tmp/x");
}

/// The mount namespace alone, with neither Landlock nor seccomp.
fn own_root(ground: &Ground) {
    let Some(spaces) = ground.spaces() else { return };
    let outside = ground.at("outside");
    let plan = Plan { drop_capabilities: true, no_new_privileges: true, ..ground.inside(spaces) };
    ground.allowed(&plan, "cat inside > copy && rm copy && ls /usr/bin > /dev/null && echo x > /dev/null");
    for script in [
        format!("cat {outside}"),
        format!("stat {outside}"),
        format!("echo x >> {outside}"),
        format!("chmod 600 {outside}"),
        format!("touch {outside}.new && rm {outside}.new"),
        "test -e /boot".to_owned(),
        "test -e /var/lib/dpkg".to_owned(),
        "ls /sys/kernel".to_owned(),
    ] {
        ground.refused(&plan, &script);
    }
    let as_owner =
        ["chmod 644 /etc/hostname", "touch /etc/hostname", "touch /usr/new && rm /usr/new", "mkdir /new && rmdir /new"];
    for script in as_owner.into_iter().filter(|_| rustix::process::geteuid().is_root()) {
        ground.refused(&plan, script);
    }
    ground.allowed(&plan, &format!("test -z \"$(ls / | grep -vxE '{}')\"", names_at_root(&plan)));
    ground.allowed(&plan, "script -qc true /dev/null > /dev/null");
}

/// What may stand in the root of this plan, as alternatives of a pattern: where its binds and links begin, and what every root has.
fn names_at_root(plan: &Plan) -> String {
    let own = plan.root.as_ref().unwrap();
    let paths = own.binds.iter().map(|bind| &bind.path).chain(own.links.keys());
    let first = |path: &AbsPath| path.as_path().iter().nth(1).unwrap().to_str().unwrap().to_owned();
    let names: std::collections::BTreeSet<String> = paths.map(first).chain(["dev", "proc", "tmp"].map(String::from)).collect();
    names.into_iter().collect::<Vec<_>>().join("|")
}

fn pid_namespace(ground: &Ground) {
    let Some(spaces) = ground.spaces() else { return };
    let plan = Plan { drop_capabilities: true, no_new_privileges: true, ..ground.inside(spaces) };
    // Two processes: the init, and the shell with its number 2.
    ground.allowed(&plan, "test $$ = 2");
    ground.refused(&plan, &format!("kill -0 {}", std::process::id()));
    // The init is a copy of this process, and its memory stays its own.
    ground.allowed(&plan, "! cat /proc/1/environ");
}

/// The orphan holds the write end of a pipe; it is gone when the pipe says so.
fn orphans_end(ground: &Ground) {
    let mut plans = vec![nothing()];
    plans.extend(ground.spaces().map(|spaces| ground.inside(spaces)));
    for plan in plans {
        let fifo = ground.at("w/held");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            fifo.as_path(),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let reader = fs::File::options().read(true).write(true).open(fifo.as_path()).unwrap();
        let orphan = "(setsid sh -c 'trap \"\" TERM HUP INT; echo up; while :; do sleep 100; done' > held &) ; head -n 1 < held";
        ground.allowed(&plan, orphan);
        drop(reader);
        // With every writer gone, opening without waiting finds nobody to write to.
        let nobody = rustix::fs::open(
            fifo.as_path(),
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK,
            rustix::fs::Mode::empty(),
        )
        .unwrap();
        let mut buffer = [0_u8; 8];
        assert_eq!(rustix::io::read(&nobody, &mut buffer), Ok(0), "no writer is left");
        fs::remove_file(fifo.as_path()).unwrap();
    }
}
