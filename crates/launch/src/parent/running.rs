use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread::JoinHandle;

use remit_sandbox::{GroupLimit, Observed, Plan};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitStatus, pidfd_send_signal, waitid};

use super::Cgroup;
use super::listener::{self, Own};
use crate::outside;
use crate::sys;

/// A task that has started. Dropping it does not end it; the caller waits for it, then ends its tree.
#[derive(Debug)]
pub struct Running {
    /// The task, or the init of its pid namespace.
    pid: Pid,
    pidfd: OwnedFd,
    /// Where an init tells how the task ended; `None` when the task is our own child.
    status: Option<OwnedFd>,
    cgroups: Vec<Cgroup>,
    outside: Answers,
}

/// Who answers what the filter asks.
#[derive(Debug)]
enum Answers {
    /// The filter asks nothing.
    NotAsked,
    /// Nobody, until it asks for the first time.
    Waiting(OwnedFd, Own),
    /// A thread, until nothing is left that the filter holds.
    Thread(JoinHandle<Option<Observed>>),
}

/// What comes from the child's filter, when it asks.
#[derive(Debug)]
pub(super) enum Asked {
    Nothing,
    /// A filter that decides: of most tasks it asks nothing.
    Calls(OwnedFd, Own),
    /// An observer looks on from the start.
    Observed(JoinHandle<Option<Observed>>),
}

/// How the first process of a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Exited { code: i32 },
    Killed { signal: i32 },
}

impl Ending {
    /// Of the form in which an init tells it: what, then which.
    pub(crate) const SIZE: usize = 5;

    pub(crate) fn of(status: WaitStatus) -> Option<Ending> {
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Some(Ending::Exited { code }),
            (None, Some(signal)) => Some(Ending::Killed { signal }),
            (None, None) => None,
        }
    }

    pub(crate) fn to_bytes(self) -> [u8; Ending::SIZE] {
        let (what, which) = match self {
            Ending::Exited { code } => (0, code),
            Ending::Killed { signal } => (1, signal),
        };
        let [a, b, c, d] = which.to_le_bytes();
        [what, a, b, c, d]
    }

    fn from_bytes([what, a, b, c, d]: [u8; Ending::SIZE]) -> Ending {
        let which = i32::from_le_bytes([a, b, c, d]);
        if what == 0 { Ending::Exited { code: which } } else { Ending::Killed { signal: which } }
    }
}

impl Running {
    pub(crate) fn new(pid: Pid, pidfd: OwnedFd, status: Option<OwnedFd>, cgroups: Vec<Cgroup>) -> Running {
        Running { pid, pidfd, status, cgroups, outside: Answers::NotAsked }
    }

    pub(super) fn asked(self, asked: Asked) -> Running {
        let outside = match asked {
            Asked::Nothing => Answers::NotAsked,
            Asked::Calls(listener, own) => Answers::Waiting(listener, own),
            Asked::Observed(thread) => Answers::Thread(thread),
        };
        Running { outside, ..self }
    }

    /// Returns what is readable when the task's filter asks for the first time; then [`Running::answer`] is to be called.
    pub fn question(&self) -> Option<BorrowedFd<'_>> {
        match &self.outside {
            Answers::Waiting(listener, _) => Some(listener.as_fd()),
            Answers::NotAsked | Answers::Thread(_) => None,
        }
    }

    /// Begins to answer what the filter asks, by the plan that the task runs under, on a thread of its own. From here on this
    /// process cannot fork until [`Running::settle`]. Where no thread can be made, the kernel answers `ENOSYS`.
    pub fn answer(&mut self, plan: &Plan) -> Result<(), Errno> {
        match std::mem::replace(&mut self.outside, Answers::NotAsked) {
            Answers::Waiting(listener, own) => {
                // A filter that asks has somebody who answers; without a plan for it nothing is allowed.
                let bounds = listener::bounds(plan, own).ok_or(Errno::INVAL)?;
                let thread = outside::serve(listener, bounds);
                self.outside = Answers::Thread(thread.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::AGAIN))?);
            }
            other => self.outside = other,
        }
        Ok(())
    }

    /// Waits until nothing is left of the task's tree that the filter holds, and this process has one thread again. Returns what
    /// an observer saw, when there was one.
    pub fn settle(self) -> Option<Observed> {
        match self.outside {
            // A panic of its has been printed.
            Answers::Thread(thread) => thread.join().ok().flatten(),
            Answers::NotAsked | Answers::Waiting(..) => None,
        }
    }

    /// Returns the number under which this namespace knows the task, or its init.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Lets go of a filter that nothing is left to hold.
    pub fn nobody_asks(&mut self) {
        if matches!(self.outside, Answers::Waiting(..)) {
            self.outside = Answers::NotAsked;
        }
    }

    /// Sends a signal to the task's process group; to a task that has ended already, nothing happens.
    pub fn signal(&self, signal: i32) {
        let sent = match (&self.status, rustix::process::Signal::from_named_raw(signal)) {
            // The init passes it on.
            (Some(_), Some(signal)) => pidfd_send_signal(&self.pidfd, signal),
            (Some(_), None) => Ok(()),
            (None, _) => sys::signal_group(self.pid, signal),
        };
        // It may have ended in between, which is what the signal was for.
        let _ = sent;
    }

    /// Returns the limit of the whole task that was met, if one was.
    pub fn met_limit(&self) -> Option<GroupLimit> {
        self.cgroups.iter().find_map(Cgroup::met)
    }

    /// Returns the descriptor that has a `POLLPRI` when the limit of processes is met.
    pub fn process_limit(&self) -> Option<BorrowedFd<'_>> {
        self.cgroups.iter().find_map(Cgroup::processes)
    }

    /// Kills the task; with an init, its whole tree.
    pub fn kill(&self) {
        let _ = pidfd_send_signal(&self.pidfd, rustix::process::Signal::KILL);
    }

    /// Waits for the end. The descriptor of this value is readable when it does not block.
    pub fn wait(&mut self) -> Result<Ending, Errno> {
        let own = loop {
            match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
                Ok(Some(status)) => break status,
                Ok(None) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        };
        let own = match (own.exit_status(), own.terminating_signal()) {
            (Some(code), _) => Ending::Exited { code },
            (None, Some(signal)) => Ending::Killed { signal },
            (None, None) => return Err(Errno::INVAL),
        };
        let Some(pipe) = &self.status else { return Ok(own) };
        let mut bytes = [0_u8; Ending::SIZE];
        match rustix::io::read(pipe, &mut bytes) {
            Ok(Ending::SIZE) => Ok(Ending::from_bytes(bytes)),
            // The init was killed before it could tell.
            _ => Ok(own),
        }
    }
}

impl AsFd for Running {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}
