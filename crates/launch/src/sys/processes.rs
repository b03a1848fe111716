//! Limits and priorities of a process, by its number.

use rustix::io::Errno;
use rustix::process::Pid;

use super::check;

/// Sets a limit (`struct rlimit64`: soft, hard), and returns what it was (Linux 2.6.36).
pub(crate) fn set_limit(process: Pid, resource: libc::c_int, new: [u64; 2]) -> Result<[u64; 2], Errno> {
    let mut old = [0_u64; 2];
    // SAFETY: both are two u64 as the kernel has them, and outlive the call.
    check(unsafe {
        libc::syscall(libc::SYS_prlimit64, process.as_raw_nonzero().get(), resource, new.as_ptr(), old.as_mut_ptr())
    })?;
    Ok(old)
}

/// Asks whether two processes use one memory (`CONFIG_KCMP`).
pub(crate) fn same_memory(one: Pid, other: Pid) -> bool {
    const KCMP_VM: libc::c_int = 1;
    let [one, other] = [one, other].map(|pid| pid.as_raw_nonzero().get());
    // SAFETY: the arguments are numbers.
    unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_VM, 0, 0) == 0 }
}

/// Sets what nice(2) sets.
pub(crate) fn set_priority(process: Pid, priority: libc::c_int) -> Result<(), Errno> {
    // SAFETY: the call reads no memory of ours. 0 is PRIO_PROCESS.
    check(unsafe { libc::syscall(libc::SYS_setpriority, 0, process.as_raw_nonzero().get(), priority) })
}

pub(crate) fn set_disk_priority(process: Pid, priority: libc::c_int) -> Result<(), Errno> {
    const IOPRIO_WHO_PROCESS: libc::c_int = 1;
    // SAFETY: the call reads no memory of ours.
    check(unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, process.as_raw_nonzero().get(), priority) })
}

/// Sets the processors that a thread runs on: a bit for each.
pub(crate) fn set_affinity(thread: Pid, mask: &[u8]) -> Result<(), Errno> {
    // SAFETY: the kernel reads no more than the mask's length.
    check(unsafe { libc::syscall(libc::SYS_sched_setaffinity, thread.as_raw_nonzero().get(), mask.len(), mask.as_ptr()) })
}

/// Sets how a thread is scheduled, and without a policy only its priority under the one that it has.
pub(crate) fn set_scheduler(thread: Pid, policy: Option<libc::c_int>, priority: libc::c_int) -> Result<(), Errno> {
    let thread = thread.as_raw_nonzero().get();
    let Some(policy) = policy else {
        // SAFETY: `struct sched_param` is one int, which outlives the call.
        return check(unsafe { libc::syscall(libc::SYS_sched_setparam, thread, &raw const priority) });
    };
    // SAFETY: as before.
    check(unsafe { libc::syscall(libc::SYS_sched_setscheduler, thread, policy, &raw const priority) })
}

/// As [`set_scheduler`], by a `struct sched_attr`, whose first field is made its length (Linux 3.14).
pub(crate) fn set_scheduling(thread: Pid, attributes: &mut [u8], flags: libc::c_uint) -> Result<(), Errno> {
    let size = u32::try_from(attributes.len()).map_err(|_| Errno::TOOBIG)?.to_ne_bytes();
    // What stood there was read from a task, and could say more than there is.
    attributes.get_mut(..size.len()).ok_or(Errno::INVAL)?.copy_from_slice(&size);
    // SAFETY: the kernel reads as much as the first field says, and may write a size there.
    check(unsafe { libc::syscall(libc::SYS_sched_setattr, thread.as_raw_nonzero().get(), attributes.as_mut_ptr(), flags) })
}
