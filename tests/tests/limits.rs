//! Limits: a task that is over one ends as that, and says so; one that this host cannot hold is told before the start.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use remit_tests::{Outcome, World};
use serde_json::{Value, json};

/// As over a limit of wall or CPU time.
const OVER_TIME: i32 = 124;
/// As killed.
const KILLED: i32 = 128 + 9;

#[test]
fn wall_time() {
    let outcome = run("exec python3 -c 'import time; time.sleep(1000)'", &json!({ "wallTime": "1s" })).unwrap();
    outcome.assert_code(OVER_TIME).assert_stderr("ended: wall time limit 1 s");
}

/// A task that does not listen is ended all the same, and what it left running too.
#[test]
fn wall_time_of_a_task_that_ignores_signals() {
    let script = "exec python3 -c 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)'";
    run(script, &json!({ "wallTime": "1s" })).unwrap().assert_code(OVER_TIME).assert_stderr("ended: wall time");
}

#[test]
fn cpu_time() {
    let outcome = run("exec python3 -c 'while True: pass'", &json!({ "cpuTime": "1s" })).unwrap();
    outcome.assert_code(OVER_TIME).assert_stderr("ended: CPU time limit 1 s");
}

#[test]
fn file_size() {
    let script = "exec dd if=/dev/zero of=${TMPDIR:-/tmp}/big bs=64K count=1";
    run(script, &json!({ "fileSize": "4K" })).unwrap().assert_code(KILLED).assert_stderr("ended: file size limit 4 KiB");
    run(script, &json!({ "fileSize": "1M" })).unwrap().assert_code(0);
}

/// A flood of output, to one descriptor or by turns to both; what fits in the limit arrives whole.
#[test]
fn output() {
    let limits = json!({ "output": "64K" });
    for flood in ["exec yes", "while :; do echo out; echo err >&2; done", "yes | cat >&2"] {
        let outcome = run(flood, &limits).unwrap();
        outcome.assert_code(KILLED).assert_stderr("ended: output limit 64 KiB");
        assert!(outcome.stdout.len() <= 64 * 1024, "{} bytes", outcome.stdout.len());
    }
    let fits = run("head -c 60000 /dev/zero | tr '\\0' x; echo end >&2; exit 3", &limits).unwrap();
    fits.assert_code(3).assert_stderr("end\n");
    assert_eq!(fits.stdout.len(), 60000);
}

/// A disk filler: in many files, none of them large, and in one call.
#[test]
fn disk_space() {
    let many = "exec python3 -c '
import os
directory = os.environ.get(\"TMPDIR\", \"/tmp\")
for n in range(4096):
    with open(f\"{directory}/{n}\", \"wb\") as file:
        file.write(bytes(1 << 20))'";
    let at_once = "fallocate -l 2G ${TMPDIR:-/tmp}/big && exec python3 -c 'import time; time.sleep(1000)'";
    for filler in [many, at_once] {
        let outcome = run(filler, &json!({ "diskSpace": "16M" })).unwrap();
        outcome.assert_code(KILLED).assert_stderr("ended: disk space limit 16 MiB");
    }
    let fits = "exec head -c 10000000 /dev/zero > ${TMPDIR:-/tmp}/file";
    run(fits, &json!({ "diskSpace": "100T" })).unwrap().assert_code(0);
}

#[test]
fn open_files() {
    run("test $(ulimit -n) = 32", &json!({ "openFiles": 32 })).unwrap().assert_code(0);
}

/// An allocation bomb: twenty processes together are over what each of them is under. Where there is no cgroup, Remit looks on.
#[test]
fn memory() {
    // They stay: whoever looks now and then does not see what comes and goes between two looks.
    let bomb = "exec python3 -c '
import os, time
for _ in range(20):
    if os.fork() == 0:
        taken = bytearray(b\"x\" * (16 << 20))
        time.sleep(30)
        os._exit(0)
for _ in range(20):
    if os.wait()[1] != 0:
        raise SystemExit(1)'";
    let limits = json!({ "memory": "96M" });
    run(bomb, &limits).unwrap().assert_code(KILLED).assert_stderr("ended: memory limit 96 MiB");
    run("exec python3 -c 'bytearray(8 << 20)'", &limits).unwrap().assert_code(0);
}

/// Of a process whose first thread has ended the kernel tells nothing by its own number.
#[test]
fn memory_of_a_process_without_its_first_thread() {
    let script = "exec python3 -c '
import ctypes, mmap, os, threading
def fill():
    memory = mmap.mmap(-1, 160 << 20)
    for start in range(0, len(memory), 4096): memory[start] = 1
    threading.Event().wait(20)
    os._exit(0)
threading.Thread(target=fill).start()
ctypes.CDLL(None).syscall(60, 0)'";
    if std::env::consts::ARCH == "x86_64" {
        run(script, &json!({ "memory": "96M" })).unwrap().assert_code(KILLED).assert_stderr("ended: memory limit 96 MiB");
    }
}

/// A child that has not executed anything yet may have its parent's memory, and that is one.
#[test]
fn memory_that_two_processes_are_is_counted_once() {
    let script = "exec python3 -c '
import ctypes, mmap, os, signal, time
memory = mmap.mmap(-1, 60 << 20)
for start in range(0, len(memory), 4096): memory[start] = 1
CLONE_VM, CLONE_VFORK = 0x100, 0x4000
libc = ctypes.CDLL(None)
stack = ctypes.create_string_buffer(1 << 20)
top = (ctypes.addressof(stack) + len(stack)) & ~15
# Stopped before it executes anything; the parent looks on in another process.
if os.fork() == 0:
    time.sleep(1)
    for pid in os.listdir(\"/proc\"):
        if pid.isdigit() and open(f\"/proc/{pid}/stat\").read().split()[3] == str(os.getppid()) and int(pid) != os.getpid():
            os.kill(int(pid), signal.SIGKILL)
    os._exit(0)
libc.clone(ctypes.cast(libc.pause, ctypes.c_void_p), ctypes.c_void_p(top), CLONE_VM | CLONE_VFORK | signal.SIGCHLD, None)
print(\"through\")'";
    run(script, &json!({ "memory": "96M" })).unwrap().assert_code(0).assert_stdout("through");
}

/// Shared memory counts as well, and what many processes share counts once.
#[test]
fn memory_that_is_shared() {
    let limits = json!({ "memory": "96M" });
    let shared = "exec python3 -c '
import mmap, os
shared = mmap.mmap(-1, 256 << 20)
for at in range(0, 256 << 20, 4096):
    shared[at] = 1
os.read(0, 1) or __import__(\"time\").sleep(30)'";
    run(shared, &limits).unwrap().assert_code(KILLED).assert_stderr("ended: memory limit 96 MiB");
    let once = "exec python3 -c '
import os, time
held = bytearray(b\"x\" * (24 << 20))
for _ in range(6):
    if os.fork() == 0:
        time.sleep(1.5)
        os._exit(0)
for _ in range(6):
    assert os.wait()[1] == 0'";
    run(once, &limits).unwrap().assert_code(0);
}

/// A runtime finds the limit where it looks for it: the size of its heap depends on it.
#[test]
fn a_runtime_finds_the_limit_of_memory() {
    let script = "exec python3 -c '
groups = {}
for line in open(\"/proc/self/cgroup\"):
    _, controllers, path = line.rstrip().split(\":\", 2)
    for controller in controllers.split(\",\"):
        groups[controller] = path
if \"memory\" in groups:
    place = \"/sys/fs/cgroup/memory\" + groups[\"memory\"] + \"/memory.limit_in_bytes\"
else:
    place = \"/sys/fs/cgroup\" + groups[\"\"] + \"/memory.max\"
print(open(place).read())'";
    let limits = json!({ "memory": "96M" });
    if preview(&limits).contains("files in memory that nobody maps") {
        return;
    }
    run(script, &limits).unwrap().assert_code(0).assert_stdout("100663296");
}

/// A fork bomb: every process makes others, until it cannot.
#[test]
fn processes() {
    let bomb = "exec python3 -c '
import os
try:
    while True:
        os.fork()
except OSError:
    raise SystemExit(1)'";
    let _alone = counted_alone();
    let limits = json!({ "processes": 32 });
    let Some(outcome) = run(bomb, &limits) else { return };
    assert!([1, KILLED].contains(&outcome.code), "{}", outcome.report());
    if outcome.code == KILLED {
        outcome.assert_stderr("ended: processes limit 32");
    }
    run("true | true | true", &limits).unwrap().assert_code(0);
}

/// Threads count as processes do, for every counter of the kernel's.
#[test]
fn threads() {
    let script = |threads: usize| {
        format!(
            "exec python3 -c '
import threading
gate = threading.Event()
threads = [threading.Thread(target=gate.wait, daemon=True) for _ in range({threads})]
try:
    for thread in threads: thread.start()
    # Where Remit looks now and then, it has time to.
    if len(threads) > 32: gate.wait(20)
finally:
    gate.set()'"
        )
    };
    let _alone = counted_alone();
    let limits = json!({ "processes": 32 });
    let Some(outcome) = run(&script(64), &limits) else { return };
    assert!([1, KILLED].contains(&outcome.code), "{}", outcome.report());
    if outcome.code == KILLED {
        outcome.assert_stderr("ended: processes limit 32");
    }
    run(&script(16), &limits).unwrap().assert_code(0);
}

/// What has ended makes room: many more than the limit, one after the other, and some that their parents have left.
#[test]
fn processes_that_have_ended_do_not_count() {
    let script = "set -e
        n=0; while [ $n -lt 100 ]; do /bin/true; n=$((n + 1)); done
        (sleep 60 > /dev/null 2>&1 &)
        n=0; while [ $n -lt 20 ]; do (/bin/true &); n=$((n + 1)); done; wait
        exec python3 -c 'import subprocess; [subprocess.run([\"/bin/true\"], check=True) for _ in range(50)]'";
    let _alone = counted_alone();
    let Some(outcome) = run(script, &json!({ "processes": 32 })) else { return };
    outcome.assert_code(0);
}

/// One test at a time: where only the user's count is left to limit a task by, another's fork bomb takes what this one may have.
fn counted_alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn preview(limits: &Value) -> String {
    let world = World::empty();
    let agent = world.test_runner(&["sh script.sh"], &json!({ "limits": limits }));
    world.remit(&["preview", "--json", agent.to_str().unwrap()]).assert_code(0).stdout.clone()
}

/// Runs a script under limits; `None`, with nothing run, where the preview says that this host cannot hold them.
#[track_caller]
fn run(script: &str, limits: &Value) -> Option<Outcome> {
    let world = World::empty();
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    let agent = world.test_runner(&["sh script.sh"], &json!({ "limits": limits }));
    let preview = world.remit(&["preview", agent.to_str().unwrap()]);
    preview.assert_code(0);
    (!preview.stdout.contains("is not limited")).then(|| world.run(&agent, &["sh", "script.sh"]))
}
