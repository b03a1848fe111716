//! The session and the descriptors: the task begins with three, and no terminal but its own.

use std::os::fd::OwnedFd;

use rustix::fs::{CWD, FileType, Mode, OFlags, fcntl_getfl, fstat, makedev, openat};
use rustix::io::Errno;
use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use crate::Stdio;
use crate::sys;

/// Leaves the caller's session, so that the caller's terminal is out of reach, and takes the task's own.
pub(super) fn session(stdio: &Stdio<'_>) -> Result<(), Errno> {
    setsid()?;
    if let Some((terminal, _)) = &stdio.terminal {
        ioctl_tiocsctty(terminal)?;
    }
    Ok(())
}

/// Puts the three descriptors in place; everything else is closed by exec, also what the caller inherited unknowingly.
pub(super) fn only_standard(stdio: &Stdio<'_>) -> Result<(), Errno> {
    // The three may stand in each other's places: copies out of the way first.
    let input = rustix::io::fcntl_dupfd_cloexec(stdio.input, 3)?;
    let output = rustix::io::fcntl_dupfd_cloexec(stdio.output, 3)?;
    let error = rustix::io::fcntl_dupfd_cloexec(stdio.error, 3)?;
    let [input, output, error] = [input, output, error].map(own_null);
    let (input, output, error) = (input?, output?, error?);
    dup2_stdin(&input)?;
    dup2_stdout(&output)?;
    dup2_stderr(&error)?;
    sys::close_at_exec_from(3)
}

/// Opens `/dev/null` anew: the caller's is the host's node, whose mode root could change by a descriptor. That of a root of
/// the task's own is on a read-only mount.
fn own_null(descriptor: OwnedFd) -> Result<OwnedFd, Errno> {
    let stat = fstat(&descriptor)?;
    let null = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == makedev(1, 3);
    if !null {
        return Ok(descriptor);
    }
    let flags = fcntl_getfl(&descriptor)? & (OFlags::RWMODE | OFlags::APPEND | OFlags::NONBLOCK);
    match openat(CWD, "/dev/null", flags | OFlags::CLOEXEC, Mode::empty()) {
        // A root without one: then nobody reaches its mode by a path, but the descriptor stays what it is.
        Err(Errno::NOENT) => Ok(descriptor),
        other => other,
    }
}
