//! Whether calls can be decided outside: a process of our own asks, and is understood and answered.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, CWD, Timestamps, utimensat};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use rustix::thread::set_no_new_privs;

use crate::parent::receive_listener;
use crate::stage::hand_over;
use crate::sys::{self, Side};

/// The name of a file that the process asks for.
const NAME: &str = "trial";

pub(super) fn works() -> Result<(), Errno> {
    let (channel, channel_end) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    let pidfd = match sys::fork(0)? {
        Side::Child => {
            // With this end kept here too, a listener on its way to a parent that is killed would stay open, and the question
            // without an answer for ever.
            drop(channel);
            sys::exit_now(ask(&channel_end).err().map_or(0, Errno::raw_os_error))
        }
        Side::Parent { pidfd, .. } => pidfd,
    };
    drop(channel_end);
    let answered = answer(&channel);
    if answered.is_err() {
        // It may wait for ever.
        let _ = pidfd_send_signal(&pidfd, rustix::process::Signal::KILL);
    }
    let status = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED)?;
    match status.and_then(|status| status.exit_status()) {
        Some(0) => answered,
        Some(errno) => Err(Errno::from_raw_os_error(errno)),
        None => answered.and(Err(Errno::CHILD)),
    }
}

/// Asks, and succeeds when the answer came from outside.
fn ask(channel: &std::os::fd::OwnedFd) -> Result<(), Errno> {
    set_no_new_privs(true)?;
    let listener = sys::install_asking_filter(&program())?;
    hand_over(channel.as_fd(), listener.as_fd(), b'l')?;
    drop(listener);
    let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: libc::UTIME_NOW };
    let times = Timestamps { last_access: now, last_modification: now };
    match utimensat(CWD, NAME, &times, AtFlags::empty()) {
        Err(Errno::XDEV) => Ok(()),
        Err(errno) => Err(errno),
        Ok(()) => Err(Errno::PROTO),
    }
}

/// Asks about utimensat(2), and lets everything else pass.
fn program() -> [[u8; 8]; 4] {
    let [n0, n1, n2, n3] = u32::try_from(libc::SYS_utimensat).unwrap_or(0).to_le_bytes();
    [
        // Load the number; unless it is this one, skip an instruction.
        [0x20, 0, 0, 0, 0, 0, 0, 0],
        [0x15, 0, 0, 1, n0, n1, n2, n3],
        [0x06, 0, 0, 0, 0, 0, 0xC0, 0x7F],
        [0x06, 0, 0, 0, 0, 0, 0xFF, 0x7F],
    ]
}

fn answer(channel: &std::os::fd::OwnedFd) -> Result<(), Errno> {
    readable(channel)?;
    let listener = receive_listener(channel)?;
    readable(&listener)?;
    crate::outside::trial(listener.as_fd(), NAME.as_bytes())
}

/// Waits, but not for ever.
fn readable(descriptor: &std::os::fd::OwnedFd) -> Result<(), Errno> {
    let limit = Timespec { tv_sec: 2, tv_nsec: 0 };
    match poll(&mut [PollFd::new(descriptor, PollFlags::IN)], Some(&limit))? {
        0 => Err(Errno::TIMEDOUT),
        _ => Ok(()),
    }
}
