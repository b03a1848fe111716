//! Watching a task in the background from outside: sleeping until it has printed something, or is over.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use remit_tasks::{Found, ProcessId, Record, StateDir};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

/// Sleeps until a task has printed something or its supervisor has ended.
pub(crate) struct Watch {
    changes: OwnedFd,
    supervisor: Option<OwnedFd>,
}

impl Watch {
    pub(crate) fn new(state: &StateDir, record: &Record) -> Result<Watch, Errno> {
        let changes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let directory = state.path().join(&format!("tasks/{}", record.id));
        inotify::add_watch(&changes, directory.as_path(), WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO)?;
        let supervisor = match record.supervisor.as_ref().map(ProcessId::find) {
            Some(Ok(Found::Alive(descriptor))) => Some(descriptor),
            _ => None,
        };
        Ok(Watch { changes, supervisor })
    }

    pub(crate) fn is_alive(&self) -> Result<bool, Errno> {
        let Some(supervisor) = &self.supervisor else { return Ok(false) };
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        Ok(poll(&mut [PollFd::new(supervisor, PollFlags::IN)], Some(&now))? == 0)
    }

    /// Sleeps until there is something, there or on one of `others`; returns which of those can be read.
    pub(crate) fn wait(&self, others: &[BorrowedFd<'_>]) -> Result<Vec<bool>, Errno> {
        let own = [Some(self.changes.as_fd()), self.supervisor.as_ref().map(AsFd::as_fd)];
        let all = others.iter().copied().chain(own.into_iter().flatten());
        let mut watched: Vec<PollFd<'_>> = all.map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN)).collect();
        match poll(&mut watched, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        let ready = watched.iter().take(others.len()).map(|watched| !watched.revents().is_empty()).collect();
        let mut buffer = [0_u8; 4096];
        loop {
            match rustix::io::read(&self.changes, &mut buffer) {
                Ok(1..) | Err(Errno::INTR) => {}
                Ok(0) | Err(Errno::AGAIN) => return Ok(ready),
                Err(errno) => return Err(errno),
            }
        }
    }
}
