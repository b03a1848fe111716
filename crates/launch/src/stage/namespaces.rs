//! The user namespace's maps.

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::parent::Identity;

/// Maps the caller's own user and group to themselves, and nobody else: no other user's files become the task's.
///
/// With no user namespace (`user` is false) there is nothing to map.
pub(crate) fn map_identity(user: bool, identity: Identity) -> Result<(), Errno> {
    if !user {
        return Ok(());
    }
    let Identity { user, group } = identity;
    // Without this the kernel refuses an unprivileged map of groups.
    write_to("/proc/self/setgroups", "deny")?;
    write_to("/proc/self/uid_map", &format!("{user} {user} 1"))?;
    write_to("/proc/self/gid_map", &format!("{group} {group} 1"))
}

fn write_to(path: &str, text: &str) -> Result<(), Errno> {
    let file = openat(CWD, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, text.as_bytes()).map(|_| ())
}
