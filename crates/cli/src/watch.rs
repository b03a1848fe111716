//! Watching a task in the background from outside: sleeping until it has printed something, or is over.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use remit_tasks::{Found, ProcessId, Record, StateDir};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

/// Sleeps until a task has printed something or its supervisor has ended.
pub(crate) struct Watch {
    /// `None` where the user has as many inotify instances as there may be.
    changes: Option<OwnedFd>,
    supervisor: Option<OwnedFd>,
}

impl Watch {
    pub(crate) fn new(state: &StateDir, record: &Record) -> Result<Watch, Errno> {
        let directory = state.path().join(&format!("tasks/{}", record.id));
        let watched = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).and_then(|changes| {
            let what = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO;
            inotify::add_watch(&changes, directory.as_path(), what).map(|_| changes)
        });
        let changes = match watched {
            Ok(changes) => Some(changes),
            // Then it is looked from time to time.
            Err(Errno::MFILE | Errno::NFILE | Errno::NOSPC) => None,
            Err(errno) => return Err(errno),
        };
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
        let own = [self.changes.as_ref().map(AsFd::as_fd), self.supervisor.as_ref().map(AsFd::as_fd)];
        let all = others.iter().copied().chain(own.into_iter().flatten());
        let mut watched: Vec<PollFd<'_>> = all.map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN)).collect();
        let untold = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        match poll(&mut watched, self.changes.is_none().then_some(&untold)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        let ready = watched.iter().take(others.len()).map(|watched| !watched.revents().is_empty()).collect();
        let Some(changes) = &self.changes else { return Ok(ready) };
        let mut buffer = [0_u8; 4096];
        loop {
            match rustix::io::read(changes, &mut buffer) {
                Ok(1..) | Err(Errno::INTR) => {}
                Ok(0) | Err(Errno::AGAIN) => return Ok(ready),
                Err(errno) => return Err(errno),
            }
        }
    }
}
