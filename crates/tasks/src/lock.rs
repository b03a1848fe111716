//! Which tasks are not over: one file for each in `running/`, locked by the task's own process.
//!
//! They lie together, apart from the records, so that a sweep looks at what runs now and not at everything that ever ran.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FlockOperation, OFlags};
use rustix::io::{Errno, retry_on_intr};

use crate::{StateDir, TaskId, files};

pub(crate) const DIRECTORY: &str = "running";

/// The lock of a task, held until the value is dropped or the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    directory: OwnedFd,
    id: TaskId,
    file: OwnedFd,
}

impl Lock {
    /// Takes the lock of a new task; `EXIST` when the id is taken, `NOENT` when there is no directory of locks yet.
    pub(crate) fn take_new(state: &StateDir, id: &TaskId) -> Result<Lock, Errno> {
        let directory = files::open_directory(state.fd(), DIRECTORY)?;
        let file = open(&directory, id, OFlags::CREATE | OFlags::EXCL)?;
        // It waits only for a sweep that came between the two calls, took the file for an abandoned one, and removes it.
        retry_on_intr(|| rustix::fs::flock(&file, FlockOperation::LockExclusive))?;
        if is_removed(&file)? {
            return Err(Errno::EXIST);
        }
        Ok(Lock { directory, id: id.clone(), file })
    }

    /// Takes the lock of a task whose process is gone; `None` when the process lives, or the task ended meanwhile.
    pub(crate) fn take_abandoned(state: &StateDir, id: &TaskId) -> Result<Option<Lock>, Errno> {
        let directory = files::open_directory(state.fd(), DIRECTORY)?;
        let file = match open(&directory, id, OFlags::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK | Errno::INTR) => return Ok(None),
            Err(errno) => return Err(errno),
        }
        Ok(if is_removed(&file)? { None } else { Some(Lock { directory, id: id.clone(), file }) })
    }

    /// Returns the lock that another process took and handed on, with its descriptor: it is held as long as either has it.
    pub(crate) fn adopt(state: &StateDir, id: &TaskId, file: OwnedFd) -> Result<Lock, Errno> {
        let directory = files::open_directory(state.fd(), DIRECTORY)?;
        let named = rustix::fs::statat(&directory, id.as_str(), AtFlags::SYMLINK_NOFOLLOW)?;
        let given = rustix::fs::fstat(&file)?;
        if (named.st_dev, named.st_ino) != (given.st_dev, given.st_ino) {
            return Err(Errno::STALE);
        }
        // What one description of the file has locked it may lock again, and nobody else may.
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Lock { directory, id: id.clone(), file })
    }

    /// Returns a descriptor by which a child can adopt the lock.
    pub(crate) fn share(&self) -> Result<OwnedFd, Errno> {
        rustix::io::fcntl_dupfd_cloexec(&self.file, 3)
    }

    /// Removes the file and gives up the lock: the task is over, and no sweep needs to look at it.
    pub(crate) fn remove(self) -> Result<(), Errno> {
        rustix::fs::unlinkat(&self.directory, self.id.as_str(), AtFlags::empty())
    }
}

fn open(directory: &OwnedFd, id: &TaskId, create: OFlags) -> Result<OwnedFd, Errno> {
    // Writable, because a network file system locks nothing else: flock(2).
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | create;
    rustix::fs::openat(directory.as_fd(), id.as_str(), flags, files::PRIVATE_FILE)
}

/// Returns whether the file has no name any more: who removed it did so under the lock.
fn is_removed(file: &OwnedFd) -> Result<bool, Errno> {
    Ok(rustix::fs::fstat(file)?.st_nlink == 0)
}
