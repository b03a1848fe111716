//! Limits and priorities of processes, by their number, on a host without a pid namespace.
//!
//! A task may change those of its own tree: of its first process, and of what descends from it. Who has lost the process that
//! started it has come to Remit instead, and counts no more. Nobody can be put into the tree from outside it.
//!
//! Between the look at a process and the change its number could pass to another one, if it ended, were waited for, and the
//! kernel had just then given away all the other numbers. No call of the kernel's takes anything but a number here.

use rustix::io::Errno;
use rustix::process::Pid;

use super::Bounds;
use super::caller::{Caller, status};
use super::metadata::register;
use crate::sys;

/// A call, as its registers have it.
pub(crate) struct Change {
    /// `None`: more than one process, as a group's or a user's.
    pub(crate) process: Option<i32>,
    what: What,
}

enum What {
    Limit {
        resource: i32,
        new: u64,
        /// At 0: not wanted.
        old: u64,
    },
    Priority(i32),
    DiskPriority(i32),
    Affinity {
        length: u64,
        mask: u64,
    },
    /// Without a policy: `sched_setparam`.
    Scheduler {
        policy: Option<i32>,
        at: u64,
    },
    Scheduling {
        at: u64,
        flags: u64,
    },
}

/// Generations between a process and the first of its task; deeper ones are nobody's.
const MOST_GENERATIONS: usize = 1000;

/// Reads the call of a number; `None` when it is no call of this kind.
pub(crate) fn change(number: libc::c_long, arguments: &[u64; 6]) -> Option<Change> {
    const IOPRIO_WHO_PROCESS: i32 = 1;
    let [a, b, c, d, ..] = *arguments;
    let one = |kind: i32| (register(a) == kind).then(|| register(b));
    let (process, what) = match number {
        libc::SYS_prlimit64 => (Some(register(a)), What::Limit { resource: register(b), new: c, old: d }),
        libc::SYS_setpriority => (one(0), What::Priority(register(c))),
        libc::SYS_ioprio_set => (one(IOPRIO_WHO_PROCESS), What::DiskPriority(register(c))),
        libc::SYS_sched_setaffinity => (Some(register(a)), What::Affinity { length: b, mask: c }),
        libc::SYS_sched_setscheduler => (Some(register(a)), What::Scheduler { policy: Some(register(b)), at: c }),
        libc::SYS_sched_setparam => (Some(register(a)), What::Scheduler { policy: None, at: b }),
        libc::SYS_sched_setattr => (Some(register(a)), What::Scheduling { at: b, flags: c }),
        _ => return None,
    };
    Some(Change { process, what })
}

/// Decides, and does it.
pub(super) fn act(bounds: &Bounds, caller: &Caller, change: &Change) -> Result<(), Errno> {
    // Of a group or a user there may be others.
    let number = change.process.ok_or(Errno::PERM)?;
    // 0 would be this process.
    let process = Some(number).filter(|number| *number > 0).and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
    let first = bounds.first.as_raw_nonzero().get().cast_unsigned();
    // When the task's first process has been waited for, its number may be anybody's; but not a child's of this process.
    if !descends(number.cast_unsigned(), first)? || status(first, "PPid:", 10)? != std::process::id() {
        return Err(Errno::PERM);
    }
    apply(caller, process, &change.what)
}

/// Returns whether a process or a thread is below another process, or that process itself.
fn descends(number: u32, first: u32) -> Result<bool, Errno> {
    let mut process = status(number, "Tgid:", 10)?;
    for _ in 0..MOST_GENERATIONS {
        if process == first {
            return Ok(true);
        }
        if process <= 1 {
            return Ok(false);
        }
        process = status(process, "PPid:", 10)?;
    }
    Ok(false)
}

fn apply(caller: &Caller, process: Pid, what: &What) -> Result<(), Errno> {
    match what {
        What::Limit { resource, new, old } => {
            let words = caller.bytes(*new, 16)?;
            let [soft, hard] = [words.get(..8), words.get(8..)].map(|word| word.and_then(|word| word.try_into().ok()));
            let new = [soft.ok_or(Errno::FAULT)?, hard.ok_or(Errno::FAULT)?].map(u64::from_ne_bytes);
            let before = sys::set_limit(process, *resource, new)?;
            if *old == 0 { Ok(()) } else { caller.write(*old, before.map(u64::to_ne_bytes).as_flattened()) }
        }
        What::Priority(priority) => sys::set_priority(process, *priority),
        What::DiskPriority(priority) => sys::set_disk_priority(process, *priority),
        What::Affinity { length, mask } => {
            // The kernel reads no more than it has processors, of which there are at most 8,192.
            let length = usize::try_from(*length & 0xFFFF_FFFF).map_err(|_| Errno::INVAL)?.min(1024);
            sys::set_affinity(process, &caller.bytes(*mask, length)?)
        }
        What::Scheduler { policy, at } => {
            let priority = caller.bytes(*at, 4)?.try_into().map(i32::from_ne_bytes).map_err(|_| Errno::FAULT)?;
            sys::set_scheduler(process, *policy, priority)
        }
        What::Scheduling { at, flags } => {
            // SCHED_ATTR_SIZE_VER0, which 0 stands for, and a page, which is the most.
            let size = match caller.bytes(*at, 4)?.try_into().map(u32::from_ne_bytes).map_err(|_| Errno::FAULT)? {
                0 => 48,
                size @ 48..=4096 => usize::try_from(size).map_err(|_| Errno::TOOBIG)?,
                _ => return Err(Errno::TOOBIG),
            };
            sys::set_scheduling(process, &mut caller.bytes(*at, size)?, register(*flags).cast_unsigned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_below_those_that_started_it() {
        let own = std::process::id();
        let parent = std::os::unix::process::parent_id();
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        for (number, first, expected) in [
            (own, own, Ok(true)),
            (own, parent, Ok(true)),
            (child.id(), own, Ok(true)),
            (child.id(), parent, Ok(true)),
            (parent, own, Ok(false)),
            (own, child.id(), Ok(false)),
            (1, own, Ok(false)),
            (u32::MAX, own, Err(Errno::SRCH)),
        ] {
            assert_eq!(descends(number, first), expected, "{number} below {first}");
        }
        let thread = std::thread::spawn(|| rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()).join();
        // It has ended, or still stands in the list of its process.
        assert!(matches!(descends(thread.unwrap(), own), Ok(true) | Err(Errno::SRCH)));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
