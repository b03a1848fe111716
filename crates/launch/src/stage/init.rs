//! The first process of a pid namespace: it reaps, passes signals on, and ends with the task.

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, wait};

use super::{Prepared, privileges};
use crate::signals::supervised;
use crate::sys;
use crate::{Ending, LaunchError};
use std::convert::Infallible;

/// Waits for the task, reaping everything else, and ends; the kernel then ends what is left in the namespace.
pub(super) fn run(prepared: &Prepared<'_>, task: Pid) -> Result<Infallible, LaunchError> {
    // From here on a failure is not the launch's: the task is on its way and reports for itself.
    // What the caller's terminal says to its foreground is for the launching process, which passes on what is for the task. Here
    // it would come a second time, and a new size before the task's own terminal has it.
    let _ = rustix::process::setpgid(None, None);
    if let Some(status) = &prepared.status {
        let _ = rustix::stdio::dup2_stdin(status);
    }
    let _ = sys::close_from(1);
    let _ = privileges::give_up_capabilities();
    let signals = supervised();
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == task => {
                // Stopped or continued is not asked for, so this is an end.
                if let Some(ending) = Ending::of(status) {
                    let _ = rustix::io::write(rustix::stdio::stdin(), &ending.to_bytes());
                }
                sys::exit_now(0);
            }
            Ok(Some(_)) => {}
            Err(Errno::CHILD) => sys::exit_now(125),
            Ok(None) | Err(_) => match sys::wait_for_signal(&signals) {
                Ok(libc::SIGCHLD | libc::SIGWINCH) | Err(_) => {}
                // The task leads a session, and so a group, of its own number.
                Ok(signal) => {
                    let _ = sys::signal_group(task, signal);
                }
            },
        }
    }
}
