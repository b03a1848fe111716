//! The limit of memory where no cgroup holds it: what a task's processes have in memory, looked at while they run.
//!
//! Anonymous and shared pages count, in memory or swapped out, and each once however many processes have it; and the kernel's tables
//! of them. Files in memory that nobody maps do not, nor what the kernel keeps else: the plan says so.

use std::fs;
use std::time::{Duration, Instant};

use remit_launch::{same_memory, tree_but};
use remit_sandbox::Plan;
use rustix::io::Errno;
use rustix::process::Pid;

use crate::meter::until_next;

/// Faster than a few processes fill memory, in bytes a second.
const FASTEST: u64 = 16 << 30;
/// Of the time that a look takes; so looking takes a twentieth of one processor at most.
const BETWEEN: u32 = 20;

#[derive(Debug)]
pub(crate) struct Memory {
    limit: u64,
    next: Instant,
    over: bool,
}

impl Memory {
    /// Begins to watch, where the plan has the limit watched.
    pub(crate) fn watch(plan: &Plan) -> Option<Memory> {
        plan.memory.map(|limit| Memory { limit, next: Instant::now() + until_next(limit, FASTEST), over: false })
    }

    /// Returns how long nobody has to look.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        (!self.over).then(|| self.next.saturating_duration_since(Instant::now()))
    }

    /// Looks, where it is time, at what is below this process but for the `spared`; returns whether the limit is met, and was not
    /// before.
    pub(crate) fn is_met(&mut self, spared: &[u32]) -> bool {
        let begun = Instant::now();
        if self.over || begun < self.next {
            return false;
        }
        let held = held(spared, self.limit);
        self.over = held > self.limit;
        self.next = Instant::now() + until_next(self.limit.saturating_sub(held), FASTEST).max(begun.elapsed() * BETWEEN);
        self.over
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }
}

/// Returns how many bytes the processes have in memory; all there are, where nobody can tell.
fn held(spared: &[u32], limit: u64) -> u64 {
    let quick = sum(spared, counted);
    if quick <= limit {
        return quick;
    }
    // What several processes share was counted for each: to tell exactly the kernel walks over all their pages. It does that for one
    // after the other, and what is given back or forked meanwhile counts twice: so only the second time is believed.
    let exact = || exactly(spared);
    let once = exact();
    if once <= limit { once } else { once.min(exact()) }
}

fn sum(spared: &[u32], one: impl Fn(Pid) -> u64) -> u64 {
    tree_but(spared).map_or(u64::MAX, |tree| tree.into_iter().fold(0, |all, pid| all.saturating_add(one(pid))))
}

/// As [`sum`], with what is shared shared out, and one memory once whoever uses it: a child between vfork(2) and exec has its parent's.
fn exactly(spared: &[u32]) -> u64 {
    let Ok(tree) = tree_but(spared) else { return u64::MAX };
    let mut memories: Vec<(Pid, u64)> = Vec::new();
    for pid in tree {
        let share = shared_out(pid).unwrap_or_else(|| counted(pid));
        // Only what has as much can be the same.
        let near = |other: u64| share.abs_diff(other) <= share / 2;
        if !memories.iter().any(|(other, held)| near(*held) && same_memory(*other, pid)) {
            memories.push((pid, share));
        }
    }
    memories.into_iter().fold(0, |all, (_, share)| all.saturating_add(share))
}

/// What a process has, with all that it shares; 0 when it has ended, and all there is when nobody can tell.
fn counted(pid: Pid) -> u64 {
    let status = match read(pid, "status", |status| status.contains("RssAnon:")) {
        Ok(status) => status,
        Err(error) => return if matches!(Errno::from_io_error(&error), Some(Errno::NOENT | Errno::SRCH)) { 0 } else { u64::MAX },
    };
    let fields = ["RssAnon:", "RssShmem:", "VmSwap:", "VmPTE:"];
    fields.into_iter().filter_map(|name| field(&status, name)).fold(0, u64::saturating_add)
}

/// What a process has, with its share of what it shares (Linux 5.4); `None` where the kernel does not tell.
fn shared_out(pid: Pid) -> Option<u64> {
    let pages = read(pid, "smaps_rollup", |pages| !pages.is_empty()).ok()?;
    let share = |name: &str| field(&pages, name);
    let tables = field(&read(pid, "status", |status| status.contains("VmPTE:")).ok()?, "VmPTE:")?;
    let held = share("Pss_Anon:")?.saturating_add(share("Pss_Shmem:")?).saturating_add(share("SwapPss:")?);
    Some(held.saturating_add(tables))
}

/// Reads what the kernel tells of a process. Of one whose first thread has ended it tells nothing there: another thread has the same
/// memory.
fn read(pid: Pid, name: &str, tells: impl Fn(&str) -> bool) -> std::io::Result<String> {
    let process = format!("/proc/{}", pid.as_raw_nonzero());
    // A name is any bytes.
    let lossy = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let first = fs::read(format!("{process}/{name}")).map(lossy);
    if first.as_ref().is_ok_and(|text| tells(text)) {
        return first;
    }
    let threads = fs::read_dir(format!("{process}/task")).into_iter().flatten().flatten();
    let others = threads.filter_map(|thread| fs::read(thread.path().join(name)).ok().map(lossy));
    others.into_iter().find(|text| tells(text)).map_or(first, Ok)
}

/// Reads `NAME  N kB`, in bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_field_is_in_bytes() {
        for (text, expected) in [
            ("Name:\tRssAnon:\nRssAnon:\t     4 kB\n", Some(4096)),
            ("RssAnon:\t4\n", None),
            ("RssAnonymous:\t4 kB\n", None),
            ("RssAnon:\t18446744073709551615 kB\n", None),
            ("", None),
        ] {
            assert_eq!(field(text, "RssAnon:"), expected, "{text:?}");
        }
    }

    #[test]
    fn what_processes_share_counts_once() {
        // 32 MiB, and three more processes that have the same.
        let script = "import os, sys
held = bytearray(b'x' * (32 << 20))
for _ in range(3):
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
print('ready', flush=True)
sys.stdin.read()";
        let mut child =
            Command::new("python3").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        // Other tests of this process may have children, too: each of these is looked at by itself.
        let all: Vec<Pid> = tree_but(&[]).unwrap();
        let root = Pid::from_child(&child);
        let below = |pid: &Pid| {
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest[2..].starts_with(&format!("{} ", root.as_raw_nonzero())))
        };
        let ours: Vec<Pid> = all.into_iter().filter(|pid| *pid == root || below(pid)).collect();
        assert_eq!(ours.len(), 4);
        let quick: u64 = ours.iter().map(|pid| counted(*pid)).sum();
        let exact: u64 = ours.iter().map(|pid| shared_out(*pid).unwrap()).sum();
        assert!(quick > 128 << 20, "{quick}");
        assert!((32 << 20..80 << 20).contains(&exact), "{exact}");
        child.stdin.take().unwrap().write_all(b"").unwrap();
        child.wait().unwrap();
        assert_eq!(counted(root), 0, "it has ended");
    }

    #[test]
    fn nobody_looks_before_it_is_time() {
        let mut memory = Memory { limit: 0, next: Instant::now() + Duration::from_mins(20), over: false };
        assert!(!memory.is_met(&[]) && memory.remaining().unwrap() > Duration::from_mins(15));
        memory.over = true;
        assert!(memory.remaining().is_none() && memory.is_over());
    }
}
