//! Ends what a task left behind whose supervisor is gone.
//!
//! With a pid namespace there is nothing: it ends with its first process, which dies with the supervisor. Without one the
//! task's processes live on as somebody else's children. They are known by the variable that every task gets; what cleared its
//! environment is found below one that did not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::TaskId;

/// The variable with the task's id that every process of a task begins with.
pub const VARIABLE: &str = "REMIT_TASK";

/// Kills every process of a task, and returns how many there were.
pub(crate) fn end(id: &TaskId) -> usize {
    let mut known = BTreeSet::new();
    let mut stopped: Vec<OwnedFd> = Vec::new();
    // What is stopped makes no more, so this comes to an end.
    loop {
        let before = stopped.len();
        for pid in of_task(id) {
            if !known.insert(pid) {
                continue;
            }
            let Some(descriptor) = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else { continue };
            // Looked at again, now that the descriptor holds the number to one process.
            if of_task(id).contains(&pid) && pidfd_send_signal(&descriptor, Signal::STOP).is_ok() {
                stopped.push(descriptor);
            }
        }
        if stopped.len() == before {
            break;
        }
    }
    for descriptor in &stopped {
        let _ = pidfd_send_signal(descriptor, Signal::KILL);
    }
    for descriptor in &stopped {
        // Killed, so this is soon; a process in the depths of the kernel is left to it.
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        let _ = poll(&mut [PollFd::new(descriptor, PollFlags::IN)], Some(&second));
    }
    stopped.len()
}

/// Returns the processes that have the variable, and all below them.
fn of_task(id: &TaskId) -> BTreeSet<i32> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let marker = format!("{VARIABLE}={id}");
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    let mut found = BTreeSet::new();
    let Ok(entries) = fs::read_dir("/proc") else { return found };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // A name is any bytes.
        let stat = fs::read(entry.path().join("stat")).unwrap_or_default();
        let Some(parent) = parent_in(&String::from_utf8_lossy(&stat)) else { continue };
        children.entry(parent).or_default().push(pid);
        // Another user's cannot be read, and is not the task's.
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        if pid != own && environment.split(|byte| *byte == 0).any(|line| line == marker.as_bytes()) {
            found.insert(pid);
        }
    }
    let mut below: Vec<i32> = found.iter().copied().collect();
    while let Some(pid) = below.pop() {
        below.extend(children.get(&pid).into_iter().flatten().filter(|child| **child != own && found.insert(**child)));
    }
    found
}

fn parent_in(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_tasks_processes_end_and_nobody_elses() {
        let (mine, other): (TaskId, TaskId) = ("task-0rphan".parse().unwrap(), "task-0ther0".parse().unwrap());
        let start = |id: &TaskId| {
            let script = "setsid env -u REMIT_TASK sleep 300 & exec sleep 300";
            Command::new("sh").args(["-c", script]).env(VARIABLE, id.as_str()).stdin(Stdio::null()).spawn().unwrap()
        };
        let (mut one, mut two) = (start(&mine), start(&other));
        while of_task(&mine).len() < 2 || of_task(&other).len() < 2 {
            std::thread::yield_now();
        }
        assert_eq!(end(&mine), 2);
        one.wait().unwrap();
        assert!(of_task(&mine).is_empty());
        assert_eq!(of_task(&other).len(), 2);
        assert_eq!(end(&other), 2);
        two.wait().unwrap();
    }
}
