//! The directory of one task, held by the process that looks after it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use remit_agent::AbsPath;
use rustix::fs::{AtFlags, FallocateFlags, OFlags};
use rustix::io::Errno;
use thiserror::Error;

use crate::lock::{self, Lock};
use crate::remove::remove_tree;
use crate::store::{Store, StoreError};
use crate::{Event, Outcome, StateDir, TaskId, Timestamp, control, files, journal, layers, seat};

pub(crate) const DIRECTORY: &str = "tasks";
const SCRATCH: &std::ffi::CStr = c"scratch";
const RESERVE: &str = "reserve";
/// What the end of a task needs to be written: a few pages of the store and of its log.
const RESERVED: u64 = 128 << 10;

/// The directory of a task that this process looks after.
///
/// Its lock is held until the value is dropped or the process dies, however it dies; by that others know that the task is
/// not over. A child that keeps the descriptor holds it too.
#[derive(Debug)]
pub struct TaskDir {
    id: TaskId,
    path: AbsPath,
    fd: OwnedFd,
    lock: Lock,
}

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TaskError {
    #[error("cannot {action} `{path}`")]
    Io { action: &'static str, path: AbsPath, source: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TaskError {
    /// Returns the cure, as an instruction.
    pub fn help(&self) -> Option<String> {
        match self {
            TaskError::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some("make room on the disk".to_owned()),
                _ => None,
            },
            TaskError::Store(error) => error.help(),
        }
    }
}

impl TaskDir {
    /// Makes the directory of a new task, with a new id, and takes its lock.
    pub fn create(state: &StateDir) -> Result<TaskDir, TaskError> {
        // A name that is taken, or whose lock a sweep took for an abandoned one, is tried again under another name. With
        // 2^30 names, a second attempt is rare and a tenth is a defect somewhere else.
        let mut last = Errno::EXIST;
        for _ in 0..10 {
            match attempt(state) {
                Ok(task) => return Ok(task),
                Err(Errno::NOENT) => {
                    last = Errno::NOENT;
                    for directory in [lock::DIRECTORY, lock::ENDED, DIRECTORY] {
                        files::make_directory(state.fd(), directory).map_err(|errno| failed(state, errno.into()))?;
                    }
                }
                Err(Errno::EXIST) => last = Errno::EXIST,
                Err(errno) => return Err(failed(state, errno.into())),
            }
        }
        Err(failed(state, last.into()))
    }

    /// Takes over a task from the process that made it, with the lock that it handed on.
    pub fn adopt(state: &StateDir, id: TaskId, lock: OwnedFd) -> Result<TaskDir, TaskError> {
        let path = state.path().join(&format!("{DIRECTORY}/{id}"));
        let failed = |action: &'static str| {
            let path = path.clone();
            move |errno: Errno| TaskError::Io { action, path, source: errno.into() }
        };
        let lock = Lock::adopt(state, &id, lock).map_err(failed("take over"))?;
        let fd = files::open_directory(state.fd(), &format!("{DIRECTORY}/{id}")).map_err(failed("open"))?;
        Ok(TaskDir { id, path, fd, lock })
    }

    /// Returns a descriptor of the lock, for the process that is to [adopt](TaskDir::adopt) the task.
    pub fn hand_on(&self) -> Result<OwnedFd, TaskError> {
        self.lock.share().map_err(|errno| TaskError::Io { action: "hand on", path: self.path.clone(), source: errno.into() })
    }

    pub fn id(&self) -> &TaskId {
        &self.id
    }

    pub fn path(&self) -> &AbsPath {
        &self.path
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Makes the directory for what the task writes in private, and returns its path. It goes when the task ends.
    pub fn make_scratch(&self) -> Result<AbsPath, TaskError> {
        let path = self.path.join("scratch");
        match files::make_directory(self.fd.as_fd(), "scratch") {
            Ok(()) => Ok(path),
            Err(errno) => Err(TaskError::Io { action: "create", path, source: errno.into() }),
        }
    }

    /// Sets room on the disk aside, so that the end can be written when there is none left.
    pub fn reserve(&self) -> Result<(), TaskError> {
        let make = || -> Result<(), Errno> {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&self.fd, RESERVE, flags, files::PRIVATE_FILE)?;
            match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, RESERVED) {
                // A file system that cannot set room aside; then there is none.
                Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
                Err(errno) => Err(errno),
            }
        };
        make().map_err(|errno| TaskError::Io { action: "set room aside in", path: self.path.clone(), source: errno.into() })
    }

    /// Makes the task's record in its journal: for a task in the foreground, which opens no store. The name is what is asked for.
    ///
    /// From then on the task is known to whoever opens the store.
    pub fn begin(&self, name: &str, at: Timestamp, events: &[Event]) -> Result<(), TaskError> {
        Ok(self.note(journal::beginning(&self.id, name, at, events))?)
    }

    /// Returns the ids of the tasks that have a lock, by a descriptor that is open already: once.
    pub(crate) fn locks(&self) -> Result<Vec<TaskId>, TaskError> {
        let failed = |errno: Errno| TaskError::Io { action: "look beside", path: self.path.clone(), source: errno.into() };
        files::ids(self.lock.directory()).map_err(failed)
    }

    /// Returns whether the task has a record in its journal.
    pub fn has_begun(&self) -> bool {
        self.lock.has_journal()
    }

    /// Writes how the task ended, clears what it wrote in private, but for the layers that are kept, and gives up its lock.
    ///
    /// The end is in the store even when an error is returned because the scratch directory could not be removed; a later
    /// sweep tries that again.
    pub fn end(self, store: &mut Store, at: Timestamp, outcome: Outcome) -> Result<(), TaskError> {
        self.finish(outcome, |task, event| store.append(&task.id, at, &[event]).map(drop))
    }

    /// As [`TaskDir::end`], for a task whose user was there and knows.
    pub fn end_told(self, store: &mut Store, at: Timestamp, outcome: Outcome) -> Result<(), TaskError> {
        self.finish(outcome, |task, event| store.append_told(&task.id, at, event).map(drop))
    }

    /// As [`TaskDir::end_told`], for a task that [began](TaskDir::begin) in its journal.
    pub fn end_noted(self, at: Timestamp, outcome: Outcome) -> Result<(), TaskError> {
        self.finish(outcome, |task, event| task.note(journal::end(at, event)))
    }

    fn finish(
        self,
        outcome: Outcome,
        mut append: impl FnMut(&TaskDir, Event) -> Result<(), StoreError>,
    ) -> Result<(), TaskError> {
        match append(&self, Event::Ended { outcome: outcome.clone() }) {
            Err(StoreError::Full { .. }) => {
                // What was set aside is for this; what the task had in private goes first, it is the most.
                let _ = rustix::fs::unlinkat(&self.fd, RESERVE, AtFlags::empty());
                remove_scratch(&self)?;
                append(&self, Event::Ended { outcome })?;
            }
            ended => ended?,
        }
        // In the foreground there is nothing of a supervisor.
        for name in [RESERVE, control::NAME, seat::NAME].into_iter().filter(|_| !self.has_begun()) {
            let _ = rustix::fs::unlinkat(&self.fd, name, AtFlags::empty());
        }
        remove_scratch(&self)?;
        self.lock.release().map_err(|errno| TaskError::Io { action: "unlock", path: self.path, source: errno.into() })
    }

    fn note(&self, line: serde_json::Result<Vec<u8>>) -> Result<(), StoreError> {
        let path = || self.path.join(&format!("../../{}/{}", lock::DIRECTORY, self.id));
        let line = line.map_err(|error| StoreError::Io { action: "write", path: path(), source: error.into() })?;
        self.lock.note(&line).map_err(|errno| match errno {
            Errno::NOSPC | Errno::DQUOT => StoreError::Full { path: path() },
            _ => StoreError::Io { action: "write", path: path(), source: errno.into() },
        })
    }

    /// Removes the directory with all that is in it: the task never began, and leaves no record.
    pub fn discard(self) -> Result<(), TaskError> {
        let failed = |source| TaskError::Io { action: "remove", path: self.path.clone(), source };
        let parent = std::fs::File::open(self.path.parent().unwrap_or_else(AbsPath::root).as_path()).map_err(failed)?;
        let name = std::ffi::CString::new(self.id.as_str()).map_err(|error| failed(error.into()))?;
        remove_tree(parent.as_fd(), &name).map_err(failed)?;
        self.lock.remove().map_err(|errno| failed(errno.into()))
    }
}

/// Removes the directory of a task that is over: its output, and its layers.
pub fn remove_directory(state: &StateDir, id: &TaskId) -> Result<(), TaskError> {
    let path = state.path().join(&format!("{DIRECTORY}/{id}"));
    let failed = |source: io::Error| TaskError::Io { action: "remove", path: path.clone(), source };
    let parent = match files::open_directory(state.fd(), DIRECTORY) {
        Ok(parent) => parent,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(failed(errno.into())),
    };
    let name = std::ffi::CString::new(id.as_str()).map_err(|error| failed(error.into()))?;
    remove_tree(parent.as_fd(), &name).map_err(failed)
}

/// Removes what the task wrote in private, but for the layers that are kept. No process of the task may be left.
pub fn remove_scratch(task: &TaskDir) -> Result<(), TaskError> {
    remove_scratch_in(task.fd.as_fd(), &task.path)
}

pub(crate) fn remove_scratch_in(directory: BorrowedFd<'_>, path: &AbsPath) -> Result<(), TaskError> {
    layers::move_out(directory).map_err(|source| TaskError::Io { action: "keep the layers of", path: path.clone(), source })?;
    remove_tree(directory, SCRATCH).map_err(|source| TaskError::Io { action: "remove", path: path.join("scratch"), source })
}

fn attempt(state: &StateDir) -> Result<TaskDir, Errno> {
    let id = TaskId::from_random(files::random().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?);
    let name = format!("{DIRECTORY}/{id}");
    let lock = Lock::take_new(state, &id)?;
    if let Err(errno) = rustix::fs::mkdirat(state.fd(), name.as_str(), files::PRIVATE_DIRECTORY) {
        // The task that has the name is over, or it would have the lock; the lock is nobody's.
        lock.remove()?;
        return Err(errno);
    }
    let fd = files::open_directory(state.fd(), &name)?;
    Ok(TaskDir { path: state.path().join(&name), id, fd, lock })
}

fn failed(state: &StateDir, source: io::Error) -> TaskError {
    TaskError::Io { action: "create a task in", path: state.path().join(DIRECTORY), source }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;
    pub(crate) use crate::record::tests::{at, created};
    use crate::{ApprovedBy, State, Which};

    impl TaskDir {
        pub(crate) fn lock_for_tests(self) -> Lock {
            self.lock
        }
    }

    pub(crate) fn state(directory: &tempfile::TempDir) -> StateDir {
        StateDir::open_or_create(&AbsPath::new(&directory.path().join("remit")).unwrap()).unwrap()
    }

    #[test]
    fn a_task_leaves_its_record_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let mut store = Store::open(&state).unwrap();
        let task = TaskDir::create(&state).unwrap();
        let id = task.id().clone();
        let scratch = task.make_scratch().unwrap();
        task.reserve().unwrap();
        std::fs::create_dir_all(scratch.join("layer/upper").as_path()).unwrap();
        let approved = Event::Approved { by: ApprovedBy::TrustAll };
        store.create(&id, "make", at(0), vec![created(), approved, Event::Started { pid: 1 }]).unwrap();
        let path = task.path().clone();
        task.end(&mut store, at(5), Outcome::Killed { signal: 9 }).unwrap();

        let record = store.record(&id).unwrap();
        assert_eq!(record.approved, Some(ApprovedBy::TrustAll));
        let outcome = Outcome::Killed { signal: 9 };
        assert_eq!(record.state, State::Ended { started_at: Some(at(0)), ended_at: at(5), outcome });
        assert_eq!(std::fs::read_dir(state.path().join("running").as_path()).unwrap().count(), 0);
        assert_eq!(std::fs::read_dir(path.as_path()).unwrap().count(), 0);
    }

    #[test]
    fn a_task_that_never_began_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let task = TaskDir::create(&state).unwrap();
        task.make_scratch().unwrap();
        task.discard().unwrap();
        for directory in [DIRECTORY, lock::DIRECTORY] {
            assert_eq!(std::fs::read_dir(state.path().join(directory).as_path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn everything_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let mut store = Store::open(&state).unwrap();
        let task = TaskDir::create(&state).unwrap();
        task.make_scratch().unwrap();
        task.reserve().unwrap();
        store.create(task.id(), "make", at(0), vec![created()]).unwrap();
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for (name, expected) in [("", 0o700), ("scratch", 0o700), ("reserve", 0o600)] {
            assert_eq!(mode(&task.path().as_path().join(name)), expected, "{name}");
        }
        for name in ["tasks.db", "tasks.db-wal", "tasks.db-shm"] {
            assert_eq!(mode(&state.path().as_path().join(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn a_task_is_handed_on_without_a_moment_in_which_it_is_nobodys() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let mut store = Store::open(&state).unwrap();
        let task = TaskDir::create(&state).unwrap();
        let id = task.id().clone();
        store.create(&id, "make", at(0), vec![created()]).unwrap();
        let handed = task.hand_on().unwrap();
        drop(task);
        assert!(crate::sweep(&state, &mut store, at(1)).unwrap().lost.is_empty());
        let task = TaskDir::adopt(&state, id.clone(), handed).unwrap();
        let other = std::fs::File::open(directory.path()).unwrap();
        TaskDir::adopt(&state, id, other.into()).unwrap_err();
        task.end(&mut store, at(2), Outcome::Succeeded).unwrap();
    }

    #[test]
    fn many_tasks_made_and_swept_at_once_all_have_their_own_record() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let produce = || {
            let mut store = Store::open(&state).unwrap();
            let mut made = Vec::new();
            for _ in 0..25 {
                let task = TaskDir::create(&state).unwrap();
                store.create(task.id(), "make", at(0), vec![created()]).unwrap();
                made.push(task.id().clone());
                task.end(&mut store, at(1), Outcome::Succeeded).unwrap();
            }
            made
        };
        let sweep = || {
            let mut store = Store::open(&state).unwrap();
            for _ in 0..25 {
                let swept = crate::sweep(&state, &mut store, at(2)).unwrap();
                assert!(swept.problems.is_empty() && swept.lost.is_empty(), "{swept:?}");
            }
        };
        let all: Vec<TaskId> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..4).map(|_| scope.spawn(produce)).collect();
            let sweepers: Vec<_> = (0..2).map(|_| scope.spawn(sweep)).collect();
            for sweeper in sweepers {
                sweeper.join().unwrap();
            }
            makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect()
        });
        let made: BTreeSet<String> = all.iter().map(ToString::to_string).collect();
        let listed = Store::open(&state).unwrap().list(Which::All).unwrap();
        let (ids, names): (BTreeSet<String>, BTreeSet<String>) =
            listed.into_iter().map(|listed| (listed.id, listed.record.unwrap().name)).unzip();
        assert_eq!(made.len(), 100);
        assert_eq!(names.len(), 100, "names are unique");
        assert_eq!(made, ids);
    }
}
