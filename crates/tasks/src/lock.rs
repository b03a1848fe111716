//! Which tasks are not over: one file for each in `running/`, locked by the task's own process.
//!
//! They lie together, apart from the records, so that a sweep looks at what runs now and not at everything that ever ran. The file of
//! a task in the foreground holds its [journal](crate::journal); when the task is over, it is moved to `ended/`.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FlockOperation, OFlags};
use rustix::io::{Errno, retry_on_intr};

use crate::{StateDir, TaskId, files};

pub(crate) const DIRECTORY: &str = "running";
/// The journals of tasks that are over, until they are taken in.
pub(crate) const ENDED: &str = "ended";

/// The lock of a task, held until the value is dropped or the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    directory: OwnedFd,
    id: TaskId,
    file: OwnedFd,
    /// So many bytes of a journal has this process written.
    written: Cell<u64>,
}

impl Lock {
    /// Takes the lock of a new task; `EXIST` when the id is taken, `NOENT` when there is no directory of locks yet.
    pub(crate) fn take_new(state: &StateDir, id: &TaskId) -> Result<Lock, Errno> {
        let directory = files::open_directory(state.fd(), DIRECTORY)?;
        let file = open(&directory, id, OFlags::CREATE | OFlags::EXCL)?;
        // It waits only for a sweep that came between the two calls, took the file for an abandoned one, and removes it.
        retry_on_intr(|| rustix::fs::flock(&file, FlockOperation::LockExclusive))?;
        if rustix::fs::fstat(&file)?.st_nlink == 0 {
            return Err(Errno::EXIST);
        }
        Ok(Lock::of(directory, id, file))
    }

    /// Takes the lock of a task whose process is gone; `None` when the process lives, or the task ended meanwhile.
    pub(crate) fn take_abandoned(state: &StateDir, id: &TaskId) -> Result<Option<Lock>, Errno> {
        let directory = files::open_directory(state.fd(), DIRECTORY)?;
        let file = match open(&directory, id, OFlags::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        Lock::of_abandoned(directory, id, file)
    }

    fn of_abandoned(directory: OwnedFd, id: &TaskId, file: OwnedFd) -> Result<Option<Lock>, Errno> {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK | Errno::INTR) => return Ok(None),
            Err(errno) => return Err(errno),
        }
        Ok(if is_named(&directory, id, &file)? { Some(Lock::of(directory, id, file)) } else { None })
    }

    /// Returns the lock that another process took and handed on, with its descriptor: it is held as long as either has it.
    pub(crate) fn adopt(state: &StateDir, id: &TaskId, file: OwnedFd) -> Result<Lock, Errno> {
        let directory = files::open_directory(state.fd(), DIRECTORY)?;
        if !is_named(&directory, id, &file)? {
            return Err(Errno::STALE);
        }
        // What one description of the file has locked it may lock again, and nobody else may.
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Lock::of(directory, id, file))
    }

    fn of(directory: OwnedFd, id: &TaskId, file: OwnedFd) -> Lock {
        Lock { directory, id: id.clone(), file, written: Cell::new(0) }
    }

    /// Returns a descriptor by which a child can adopt the lock.
    pub(crate) fn share(&self) -> Result<OwnedFd, Errno> {
        rustix::io::fcntl_dupfd_cloexec(&self.file, 3)
    }

    /// Returns the directory of all locks, which nobody has read from this descriptor yet.
    pub(crate) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Writes a line of the task's journal, behind those that are there, with one call: all of it or nothing.
    pub(crate) fn note(&self, line: &[u8]) -> Result<(), Errno> {
        let at = self.written.get();
        let written = retry_on_intr(|| rustix::io::pwrite(&self.file, line, at));
        if written == Ok(line.len()) {
            self.written.set(at.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX)));
            return Ok(());
        }
        // A part of a line is none; without it the next attempt leaves no rest of this one behind itself.
        let _ = rustix::fs::ftruncate(&self.file, at);
        Err(written.err().unwrap_or(Errno::NOSPC))
    }

    /// Returns whether this process has written a journal.
    pub(crate) fn has_journal(&self) -> bool {
        self.written.get() > 0
    }

    /// Gives up the lock: the task is over, and no sweep needs to look at it. A journal waits in `ended/` to be taken in.
    pub(crate) fn release(self) -> Result<(), Errno> {
        if !self.has_journal() {
            return self.remove();
        }
        let (from, to) = (self.id.as_str(), format!("../{ENDED}/{}", self.id));
        let hand_in = || rustix::fs::renameat(&self.directory, from, &self.directory, to.as_str());
        match hand_in() {
            Err(Errno::NOENT) => files::make_directory(self.directory(), &format!("../{ENDED}"))?,
            done => return done,
        }
        match hand_in() {
            // It has been taken in with its end, and then somebody deleted the task.
            Err(Errno::NOENT) => Ok(()),
            done => done,
        }
    }

    /// Removes the file and gives up the lock: there is nothing that anybody needs to look at.
    pub(crate) fn remove(self) -> Result<(), Errno> {
        match rustix::fs::unlinkat(&self.directory, self.id.as_str(), AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            done => done,
        }
    }
}

/// Returns whether the task's own process has left: it clears up after the task's end, and gives up the lock last.
pub fn has_left(state: &StateDir, id: &TaskId) -> Result<bool, Errno> {
    let file = match files::open_directory(state.fd(), DIRECTORY).and_then(|directory| open(&directory, id, OFlags::empty())) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(true),
        Err(errno) => return Err(errno),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(errno) => Err(errno),
    }
}

fn open(directory: &OwnedFd, id: &TaskId, create: OFlags) -> Result<OwnedFd, Errno> {
    // Writable, because a network file system locks nothing else: flock(2).
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | create;
    rustix::fs::openat(directory.as_fd(), id.as_str(), flags, files::PRIVATE_FILE)
}

/// Returns whether the file still has the task's name: who removes or moves it does so under the lock.
fn is_named(directory: &OwnedFd, id: &TaskId, file: &OwnedFd) -> Result<bool, Errno> {
    let named = match rustix::fs::statat(directory, id.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(named) => named,
        Err(Errno::NOENT) => return Ok(false),
        Err(errno) => return Err(errno),
    };
    let given = rustix::fs::fstat(file)?;
    Ok((named.st_dev, named.st_ino) == (given.st_dev, given.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::tests::state;

    /// A sweep may have opened the file before it was moved, and gets the lock after that.
    #[test]
    fn a_file_that_is_moved_or_removed_is_no_lock_any_more() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        for name in [DIRECTORY, ENDED] {
            files::make_directory(state.fd(), name).unwrap();
        }
        let id: TaskId = "task-000000".parse().unwrap();
        for line in [&b""[..], b"a line\n"] {
            let lock = Lock::take_new(&state, &id).unwrap();
            lock.note(line).unwrap();
            let locks = files::open_directory(state.fd(), DIRECTORY).unwrap();
            let file = open(&locks, &id, OFlags::empty()).unwrap();
            assert!(is_named(&locks, &id, &file).unwrap());
            assert!(Lock::take_abandoned(&state, &id).unwrap().is_none());
            lock.release().unwrap();
            assert!(!is_named(&locks, &id, &file).unwrap());
            assert!(Lock::take_abandoned(&state, &id).unwrap().is_none());
            // Another one with its name is another one.
            let other = Lock::take_new(&state, &id).unwrap();
            assert!(Lock::of_abandoned(locks, &id, file).unwrap().is_none());
            other.remove().unwrap();
        }
        assert_eq!(files::read(state.fd(), "ended/task-000000").unwrap().unwrap(), b"a line\n");
    }

    #[test]
    fn a_line_that_could_not_be_written_makes_no_journal() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        files::make_directory(state.fd(), DIRECTORY).unwrap();
        let id: TaskId = "task-000000".parse().unwrap();
        let lock = Lock::take_new(&state, &id).unwrap();
        let read_only = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&lock.directory, id.as_str(), read_only, files::PRIVATE_FILE).unwrap();
        let broken = Lock::of(lock.directory.try_clone().unwrap(), &id, file);
        broken.note(b"first\n").unwrap_err();
        assert!(!broken.has_journal());
        lock.note(b"first\n").unwrap();
        lock.note(b"second line\n").unwrap();
        assert_eq!(files::read(state.fd(), "running/task-000000").unwrap().unwrap(), b"first\nsecond line\n");
    }
}
