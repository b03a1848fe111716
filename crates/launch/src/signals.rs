use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use crate::sys;

/// The signals that a supervisor takes care of itself, blocked and read from a descriptor while this lives.
#[derive(Debug)]
pub struct Signals {
    descriptor: OwnedFd,
}

/// A signal that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaughtSignal {
    /// To be passed on to the task.
    Forward(i32),
    /// The terminal has another size.
    WindowChanged,
    ChildChanged,
    /// Something was written below the directory of [`tell_of_write`].
    Written,
}

const FORWARDED: [libc::c_int; 6] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2];

/// What nobody waits for does nothing to a process by default.
const WRITTEN: libc::c_int = libc::SIGURG;

pub(crate) fn supervised() -> libc::sigset_t {
    with(&[libc::SIGWINCH, libc::SIGCHLD])
}

fn with(more: &[libc::c_int]) -> libc::sigset_t {
    sys::signal_set(&[&FORWARDED, more].concat())
}

impl Signals {
    /// Blocks the signals for this process and begins to collect them. A process that is made by [`crate::spawn`] gets
    /// them unblocked.
    pub fn block() -> Result<Signals, Errno> {
        let set = with(&[libc::SIGWINCH, libc::SIGCHLD, WRITTEN]);
        sys::set_mask(&set)?;
        Ok(Signals { descriptor: sys::signal_descriptor(&set)? })
    }

    /// Returns the next signal that has arrived, `None` when there is none now.
    pub fn next(&self) -> Result<Option<CaughtSignal>, Errno> {
        // `struct signalfd_siginfo` is 128 bytes and begins with the number.
        let mut record = [0_u8; 128];
        let number = match rustix::io::read(&self.descriptor, &mut record) {
            Ok(length) if length == record.len() => {
                let [a, b, c, d, ..] = record;
                i32::from_ne_bytes([a, b, c, d])
            }
            Ok(_) | Err(Errno::AGAIN) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        Ok(Some(match number {
            libc::SIGWINCH => CaughtSignal::WindowChanged,
            libc::SIGCHLD => CaughtSignal::ChildChanged,
            WRITTEN => CaughtSignal::Written,
            other => CaughtSignal::Forward(other),
        }))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // Unblocking can only fail for a bad argument.
        let _ = sys::set_mask(&sys::no_signals());
    }
}

/// Has the kernel tell, by [`CaughtSignal::Written`], of the next write to a file of a directory, once.
///
/// It is `dnotify(7)` of old: one signal, and no number of how many a user may have, as there is for inotify's instances. It ends
/// with the descriptor.
///
/// # Errors
///
/// `EINVAL` from a kernel without `CONFIG_DNOTIFY`, or where `fs.dir-notify-enable` is 0.
pub fn tell_of_write(directory: BorrowedFd<'_>) -> Result<(), Errno> {
    sys::notify_of_write(directory, WRITTEN)
}
