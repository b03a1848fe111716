//! How many processes a user has, as the kernel counts them for `RLIMIT_NPROC`.

use remit_sandbox::{Plan, ResourceKind};
use rustix::io::Errno;

use super::tree::threads;
use crate::sys;

/// More than any host has (`PID_MAX_LIMIT`).
const MOST: u64 = 1 << 22;

/// Returns how many processes and threads the user of this process has at most, where the plan has a limit that begins there.
///
/// What can be seen is not all that counts: inside a container other containers of the same user do, too. So it is tried.
pub(super) fn processes(plan: &Plan) -> Result<u64, Errno> {
    if plan.limits.iter().all(|limit| limit.resource != ResourceKind::NprocMore) {
        return Ok(0);
    }
    let mut limit = threads()?.max(1);
    while !sys::may_fork_under(limit)? {
        limit *= 2;
        if limit > MOST {
            return Err(Errno::AGAIN);
        }
    }
    Ok(limit)
}
