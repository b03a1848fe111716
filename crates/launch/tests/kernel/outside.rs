//! Calls that are decided outside: what is granted works as if nobody asked, and the rest is refused.

use std::fs;
use std::path::Path;

use remit_agent::AbsPath;
use remit_policy::PathPattern;
use remit_sandbox::{DeniedName, Metadata, Outside, PathRights, Plan, Rights, SeccompProgram, SetGroupId, Temporary};

use crate::Ground;

/// Modes, owners, times, attributes and sockets, with no namespace.
pub(crate) fn metadata(ground: &Ground) {
    let plan = decided(ground, Vec::new());
    let outside = ground.at("outside");
    let python = |code: &str| format!("python3 -c 'import os, socket; {code}'");
    for own in ["inside", "./inside", "../w/inside", &format!("{}/inside", ground.at("w"))] {
        ground.allowed(&plan, &format!("chmod 640 {own} && test $(stat -c %a inside) = 640"));
        ground.allowed(&plan, &format!("touch -d 2001-02-03 {own} && test $(stat -c %Y inside) = $(date -d 2001-02-03 +%s)"));
    }
    for script in [
        "chown $(id -u):$(id -g) inside && chown -h $(id -u) inside".to_owned(),
        "cp -p inside copy && mv copy copied && rm copied".to_owned(),
        "ln -sfn inside link && touch -h -d 2001-02-03 link && test $(stat -c %Y link) = $(date -d 2001-02-03 +%s) && rm link"
            .to_owned(),
        python(r#"f = open("inside"); os.fchmod(f.fileno(), 0o600); os.utime(f.fileno()); os.fchown(f.fileno(), -1, -1)"#),
        python(r#"os.setxattr("inside", "user.a", b"b"); os.removexattr("inside", "user.a")"#),
        python("r, w = os.pipe(); os.fchmod(w, 0o600)"),
        python(r#"d = os.open(".", os.O_RDONLY); os.chmod("inside", 0o644, dir_fd=d); os.utime("inside", (1, 2), dir_fd=d)"#),
        python(
            r#"s = socket.socket(socket.AF_UNIX); s.bind("s"); s.listen(); c = socket.socket(socket.AF_UNIX); c.connect("s"); a = s.accept()[0]; a.send(b"x"); assert c.recv(1) == b"x"; os.remove("s")"#,
        ),
    ] {
        ground.allowed(&plan, &script);
    }
    fs::create_dir_all(ground.at("beside").as_path()).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(ground.at("beside/s").as_path()).unwrap();
    for script in [
        format!("chmod 644 {outside}"),
        "chmod 644 ../outside".to_owned(),
        format!("touch -d 2001-02-03 {outside}"),
        format!("chown $(id -u) {outside}"),
        format!("ln -sfn {outside} link && chmod 644 link; r=$?; rm link; exit $r"),
        format!("ln -sfn {outside} link && touch -h -d 2001-02-03 {outside}; r=$?; rm link; exit $r"),
        "cd / && chmod 644 $OLDPWD/../outside".to_owned(),
        python(&format!(r#"os.setxattr("{outside}", "user.a", b"b")"#)),
        // A descriptor for reading is one for none of these.
        python(r#"os.fchmod(os.open(b"../readable", os.O_RDONLY), 0o644)"#),
        python(r#"os.utime(os.open(b"../readable", os.O_RDONLY))"#),
        python(r#"d = os.open("..", os.O_PATH); os.chmod("outside", 0o644, dir_fd=d)"#),
        python(r#"os.chdir(".."); os.chmod("outside", 0o644)"#),
        python(r#"os.chmod("/proc/self/cwd/../outside", 0o644)"#),
        python(r#"socket.socket(socket.AF_UNIX).connect("../beside/s")"#),
        python(r#"os.symlink("../beside/s", "t"); socket.socket(socket.AF_UNIX).connect("t")"#) + "; r=$?; rm -f t; exit $r",
        python("socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)"),
        python("socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)"),
    ] {
        ground.refused(&plan, &script);
    }
    drop(listener);
    race(ground, &plan);
    let all_refused = Plan { outside: None, ..with_filter(plan, Metadata::Refused, false) };
    ground.refused(&all_refused, "chmod 640 inside");
}

/// A link is swapped while it is being decided: what was decided is what is done.
fn race(ground: &Ground, plan: &Plan) {
    let outside = ground.at("outside");
    fs::set_permissions(outside.as_path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let script = format!(
        "python3 -c '
import os, threading
stop = False
def swap():
    while not stop:
        for target in (\"inside\", \"{outside}\"):
            os.symlink(target, \"next\"); os.rename(\"next\", \"swapped\")
os.symlink(\"inside\", \"swapped\")
thread = threading.Thread(target=swap); thread.start()
done = 0
for _ in range(2000):
    try:
        os.chmod(\"swapped\", 0o600); done += 1
    except OSError: pass
stop = True; thread.join(); os.remove(\"swapped\")
assert done > 0
'"
    );
    ground.allowed(plan, &script);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(outside.as_path()).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o644, "the mode of a file outside was changed");
}

/// A file does not get the set-group-id bit, by any of the calls; a directory does, with a root of the task's own and without one.
pub(crate) fn set_group_id(ground: &Ground) {
    let mut plans = vec![decided(ground, Vec::new())];
    plans.extend(ground.spaces().map(|spaces| {
        let inside = Plan { drop_capabilities: true, no_new_privileges: true, ..ground.inside(spaces) };
        let plan = with_filter(inside, Metadata::Free(SetGroupId::Decided), false);
        Plan { outside: Some(Outside { rules: vec![writable(ground.at("w"))], denied: Vec::new(), temporary: None }), ..plan }
    }));
    let python = |code: &str| format!("python3 -c 'import ctypes, os; {code}'");
    for plan in plans {
        for script in [
            "mkdir s && chmod g+s s && test -g s && mkdir s/t && test -g s/t && chmod 0755 s && rm -r s".to_owned(),
            python(
                r#"os.mkdir("s"); d = os.open("s", 0); os.fchmod(d, 0o2775); assert os.fstat(d).st_mode & 0o2000; os.rmdir("s")"#,
            ),
            "chmod 755 inside && chmod 644 inside".to_owned(),
        ] {
            ground.allowed(&plan, &script);
        }
        for script in [
            "chmod g+s inside",
            "chmod 2755 inside",
            "ln -s inside l; chmod 2755 l; r=$?; rm l; exit $r",
            &python(r#"os.fchmod(os.open("inside", os.O_RDONLY), 0o2755)"#),
            &python(r#"os.chmod("inside", 0o2755, dir_fd=os.open(".", os.O_RDONLY))"#),
            &python(r#"c = ctypes.CDLL(None); exit(c.syscall(452, -100, b"inside", 0o2755, 0) and 1)"#),
        ] {
            // Unconfined it succeeded, which leaves the bit.
            ground.refused(&plan, &format!("{script}; r=$?; chmod 644 inside; exit $r"));
        }
    }
}

/// Limits and priorities are changed in the task's own tree, by processes and threads, and nowhere else.
pub(crate) fn other_processes(ground: &Ground) {
    let plan = decided(ground, Vec::new());
    // Who launches is not in the tree. Where it succeeds this process becomes a little less important.
    let number = std::process::id();
    let python = |code: &str| format!("python3 -c 'import ctypes, os, resource, struct; {code}'");
    for script in [
        "renice -n 1 -p $$ && sleep 9 & job=$!; renice -n 2 -p $job && kill $job".to_owned(),
        python("os.setpriority(0, os.getpid(), 1); os.sched_setaffinity(os.getpid(), os.sched_getaffinity(0))"),
        python("p = os.getpid(); old = resource.prlimit(p, 4); assert resource.prlimit(p, 4, (0, old[1])) == old"),
        python("assert resource.prlimit(os.getppid(), 4)"),
        python("os.sched_setscheduler(os.getpid(), 3, os.sched_param(0)); os.sched_setparam(os.getpid(), os.sched_param(0))"),
        // A size of 0, and one that is larger than this kernel knows, with nothing in what it does not know.
        python(
            r#"c = ctypes.CDLL(None).syscall; a = struct.pack("IIQiIQQQ", 0, 3, 0, 2, 0, 0, 0, 0); assert c(314, os.getpid(), a, 0) == 0; a = struct.pack("I", 200) + a[4:] + bytes(200); assert c(314, os.getpid(), a, 0) == 0"#,
        ),
        python("assert ctypes.CDLL(None).syscall(251, 1, os.getpid(), 2 << 13 | 7) == 0"),
    ] {
        ground.allowed(&plan, &script);
    }
    for script in [
        format!("renice -n 5 -p {number}"),
        format!("prlimit --pid {number} --core=0"),
        python(&format!("resource.prlimit({number}, 4, resource.prlimit({number}, 4))")),
        python(&format!("os.sched_setaffinity({number}, os.sched_getaffinity(0))")),
        python(&format!("os.sched_setscheduler({number}, 3, os.sched_param(0))")),
        python(&format!("os.sched_setscheduler({number}, 3, os.sched_param(0)); os.sched_setparam({number}, os.sched_param(0))")),
        python(&format!(
            r#"exit(ctypes.CDLL(None).syscall(314, {number}, struct.pack("IIQiIQQQ", 48, 3, 0, 5, 0, 0, 0, 0), 0) and 1)"#
        )),
        python(&format!("exit(ctypes.CDLL(None).syscall(251, 1, {number}, 2 << 13 | 7) and 1)")),
        // Of a group, in which there may be others.
        "setsid -w python3 -c 'import os; os.setpriority(os.PRIO_PGRP, 0, 1)'".to_owned(),
        // One that came to the caller when its parent ended is told from nobody's.
        "(sleep 9 & echo $! > orphan) && renice -n 5 -p $(cat orphan); r=$?; kill $(cat orphan); rm orphan; exit $r".to_owned(),
    ] {
        ground.refused(&plan, &script);
    }
}

/// Names that must not appear, with a root of the task's own and without one.
pub(crate) fn creation(ground: &Ground) {
    let patterns = ["**/*.pem", ".git/hooks", "**/.hg/hgrc", "data/**"];
    let compiled = patterns.map(|text| DeniedName(PathPattern::compile(text, &ground.at("w"), &ground.at("home")).unwrap()));
    let mut plans = vec![decided(ground, compiled.to_vec())];
    plans.extend(ground.spaces().map(|spaces| {
        let rules = vec![writable(ground.at("w")), writable(path("/dev/null")), writable(path("/tmp"))];
        let inside = Plan { drop_capabilities: true, no_new_privileges: true, ..ground.inside(spaces) };
        let plan = with_filter(inside, Metadata::Free(SetGroupId::Decided), true);
        Plan { outside: Some(Outside { rules, denied: compiled.to_vec(), temporary: None }), ..plan }
    }));
    let python = |code: &str| format!("python3 -c 'import os; {code}'");
    for plan in plans {
        for script in [
            "echo x > a && echo y >> a && test \"$(cat a)\" = \"x\ny\" && mv a b && ln b c && ln -s b d && cat d && rm b c d"
                .to_owned(),
            "echo x > /dev/null && echo x > /dev/stdout && echo x 2>&1 >/dev/stderr && echo x > /dev/fd/1".to_owned(),
            "mkdir -p e/f/g && rmdir e/f/g e/f e && mkfifo p && rm p".to_owned(),
            // As a rule that grants reading alone answers, whoever asks.
            "for own in self thread-self; do sh -c \"echo x > /proc/$own/comm\" 2>&1 | grep -q denied || exit 1; done".to_owned(),
            "umask 027 && echo x > m && test $(stat -c %a m) = 640 && rm m".to_owned(),
            "ln -s new link && echo x > link && test -f new && rm new link".to_owned(),
            "mkdir .git && echo x > .git/config && rm -r .git".to_owned(),
            "set -C; echo x > once; echo y > once; r=$?; rm once; test $r != 0".to_owned(),
            "mkfifo q && { cat q > r & echo x > q; wait; } && test \"$(cat r)\" = x && rm q r".to_owned(),
            "cp inside copied && cmp inside copied && mv copied moved && rm moved".to_owned(),
            python(
                r#"d = os.open(".", os.O_RDONLY); f = os.open("n", os.O_CREAT | os.O_RDWR, 0o600, dir_fd=d); os.write(f, b"x"); os.truncate(f, 0); os.rename("n", "o", src_dir_fd=d, dst_dir_fd=d); os.remove("o")"#,
            ),
            "python3 -c 'import ctypes, os; f = os.open(\".\", os.O_TMPFILE | os.O_WRONLY, 0o600); exit(ctypes.CDLL(None).linkat(-100, f\"/proc/self/fd/{f}\".encode(), -100, b\"own\", 0x400) and 1)' && rm own".to_owned(),
            python(
                r#"import tempfile; f = tempfile.TemporaryFile(dir="."); f.write(b"x"); f = tempfile.NamedTemporaryFile(dir="."); f.close()"#,
            ),
        ] {
            ground.allowed(&plan, &script);
        }
        for (attempt, clean) in [
            ("echo x > key.pem", "rm key.pem"),
            ("touch key.pem", "rm key.pem"),
            ("mkdir -p k && echo x > k/key.pem", "rm -r k"),
            ("echo x > plain && mv plain key.pem", "rm -f plain key.pem"),
            ("echo x > plain && ln plain key.pem", "rm -f plain key.pem"),
            ("ln -s inside key.pem", "rm key.pem"),
            ("ln -s key.pem link && echo x > link", "rm -f link key.pem"),
            ("mkdir key.pem", "rmdir key.pem"),
            ("mkfifo key.pem", "rm key.pem"),
            ("cd k && echo x > ../key.pem", "rm ../key.pem"),
            ("mkdir -p .git/hooks", "rm -r .git"),
            ("mkdir -p g/hooks && mv g .git", "rm -r g .git"),
            ("mkdir -p g/hooks && ln -s g .git && test -d .git/hooks", "rm -r g .git"),
            ("mkdir -p h && echo x > h/hgrc && mv h .hg", "rm -rf h .hg"),
            ("mkdir data", "rmdir data"),
            ("mkdir -p j && mv j data", "rm -rf j data"),
            ("python3 -c 'import os; os.open(\"key.pem\", os.O_CREAT | os.O_WRONLY, 0o600)'", "rm key.pem"),
            (
                "python3 -c 'import ctypes, os; f = os.open(\".\", os.O_TMPFILE | os.O_WRONLY, 0o600); exit(ctypes.CDLL(None).linkat(-100, f\"/proc/self/fd/{f}\".encode(), -100, b\"key.pem\", 0x400) and 1)'",
                "rm key.pem",
            ),
            (
                "python3 -c 'import ctypes; c = ctypes.CDLL(None); exit(c.renameat2(-100, b\"inside\", -100, b\"key.pem\", 0) and 1)'",
                "mv key.pem inside",
            ),
        ] {
            fs::create_dir_all(ground.at("w/k").as_path()).unwrap();
            ground.refused(&plan, &format!("{attempt}; r=$?; {{ {clean}; }} 2> /dev/null; exit $r"));
            let left = ["key.pem", ".git", ".hg", "data"].map(|name| ground.at("w").join(name));
            assert!(left.iter().all(|path| fs::symlink_metadata(path.as_path()).is_err()), "`{attempt}` left something");
        }
        let _ = fs::remove_dir_all(ground.at("w/k").as_path());
    }
}

/// Landlock, and the filter with everything decided outside.
fn decided(ground: &Ground, denied: Vec<DeniedName>) -> Plan {
    let readable = ground.at("readable");
    if !readable.as_path().exists() {
        fs::write(readable.as_path(), "readable").unwrap();
    }
    let mut plan = ground.landlock(ground.trials.landlock_abi.max(1), Rights::READ | Rights::WRITE | Rights::EXECUTE);
    let rules = &mut plan.landlock.as_mut().unwrap().rules;
    let only_read = |path| PathRights { path, rights: Rights::READ, patterns: Vec::new(), wider: false };
    rules.extend([only_read(readable), only_read(path("/proc"))]);
    let outside = Outside { rules: rules.clone(), denied, temporary: None };
    let creation = !outside.denied.is_empty();
    let temporary = Temporary::Named(Rights::READ | Rights::WRITE);
    with_filter(Plan { outside: Some(outside), temporary, ..plan }, Metadata::Decided, creation)
}

fn with_filter(plan: Plan, metadata: Metadata, creation: bool) -> Plan {
    let ipc = plan.namespaces.is_some();
    Plan {
        seccomp: Some(SeccompProgram { inet: false, ipc, creation, programs_in_memory: false, ptrace: false, metadata }),
        ..plan
    }
}

fn writable(path: AbsPath) -> PathRights {
    PathRights { path, rights: Rights::READ | Rights::WRITE | Rights::EXECUTE, patterns: Vec::new(), wider: false }
}

fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}
