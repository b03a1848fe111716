//! The directory of one task, held by the process that runs it.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use remit_agent::AbsPath;
use rustix::fs::OFlags;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::lock::{self, Lock};
use crate::remove::remove_tree;
use crate::{Event, Outcome, StateDir, TaskId, Timestamp, files, layers};

pub(crate) const VERSION: u32 = 1;
pub(crate) const DIRECTORY: &str = "tasks";
pub(crate) const LOG: &str = "events.jsonl";
const SCRATCH: &std::ffi::CStr = c"scratch";

/// The directory of a task that this process runs.
///
/// Its lock is held until the value is dropped or the process dies, however it dies; by that others know that the task is
/// still running. A child that keeps the descriptor holds it too.
#[derive(Debug)]
pub struct TaskDir {
    id: TaskId,
    path: AbsPath,
    fd: OwnedFd,
    log: File,
    lock: Lock,
}

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TaskError {
    #[error("cannot {action} `{path}`")]
    Io { action: &'static str, path: AbsPath, source: io::Error },
}

impl TaskError {
    /// Returns the cure, as an instruction.
    pub fn help(&self) -> Option<String> {
        let TaskError::Io { source, .. } = self;
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some("make room on the disk".to_owned()),
            _ => None,
        }
    }
}

/// A line of the log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) version: u32,
    pub(crate) at: Timestamp,
    pub(crate) event: Event,
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
                    for directory in [lock::DIRECTORY, DIRECTORY] {
                        files::make_directory(state.fd(), directory).map_err(|errno| failed(state, errno.into()))?;
                    }
                }
                Err(Errno::EXIST) => last = Errno::EXIST,
                Err(errno) => return Err(failed(state, errno.into())),
            }
        }
        Err(failed(state, last.into()))
    }

    pub fn id(&self) -> &TaskId {
        &self.id
    }

    pub fn path(&self) -> &AbsPath {
        &self.path
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Appends events to the log, all with one time and in one write.
    ///
    /// Nothing is synced to the disk: what a process wrote survives its own death, however it dies, and syncing would cost
    /// every start milliseconds. A power cut may take the last lines; a record without an end then reads as lost.
    pub fn append(&self, at: Timestamp, events: &[Event]) -> Result<(), TaskError> {
        write_events(&self.log, at, events).map_err(|source| TaskError::Io { action: "write", path: self.path.join(LOG), source })
    }

    /// Makes the directory for what the task writes in private, and returns its path. It goes when the task ends.
    pub fn make_scratch(&self) -> Result<AbsPath, TaskError> {
        let path = self.path.join("scratch");
        match files::make_directory(self.fd.as_fd(), "scratch") {
            Ok(()) => Ok(path),
            Err(errno) => Err(TaskError::Io { action: "create", path, source: errno.into() }),
        }
    }

    /// Writes how the task ended, removes its scratch directory and gives up its lock.
    ///
    /// The end is in the log even when an error is returned because the scratch directory could not be removed; a later
    /// sweep tries that again.
    pub fn end(self, at: Timestamp, outcome: Outcome) -> Result<(), TaskError> {
        self.append(at, &[Event::Ended { outcome }])?;
        remove_scratch(&self)?;
        self.lock.remove().map_err(|errno| TaskError::Io { action: "unlock", path: self.path, source: errno.into() })
    }

    /// Removes the directory with all that is in it: the task never began, and leaves no record.
    pub fn discard(self) -> Result<(), TaskError> {
        let failed = |source| TaskError::Io { action: "remove", path: self.path.clone(), source };
        remove_scratch(&self)?;
        let parent = std::fs::File::open(self.path.parent().unwrap_or_else(AbsPath::root).as_path()).map_err(failed)?;
        let name = std::ffi::CString::new(self.id.as_str()).map_err(|error| failed(error.into()))?;
        remove_tree(parent.as_fd(), &name).map_err(failed)?;
        self.lock.remove().map_err(|errno| failed(errno.into()))
    }
}

/// Removes what the task wrote in private, but for the layers that are kept. No process of the task may be left.
pub fn remove_scratch(task: &TaskDir) -> Result<(), TaskError> {
    remove_scratch_in(task.fd.as_fd(), &task.path)
}

pub(crate) fn remove_scratch_in(directory: BorrowedFd<'_>, path: &AbsPath) -> Result<(), TaskError> {
    layers::move_out(directory).map_err(|source| TaskError::Io { action: "keep the layers of", path: path.clone(), source })?;
    remove_tree(directory, SCRATCH).map_err(|source| TaskError::Io { action: "remove", path: path.join("scratch"), source })
}

pub(crate) fn write_events(mut log: &File, at: Timestamp, events: &[Event]) -> io::Result<()> {
    let mut lines = Vec::with_capacity(512);
    for event in events {
        serde_json::to_writer(&mut lines, &Line { version: VERSION, at, event: event.clone() })?;
        lines.push(b'\n');
    }
    log.write_all(&lines)
}

/// Opens the log of the task in `directory` for appending.
pub(crate) fn open_log(directory: BorrowedFd<'_>, create: OFlags) -> Result<File, Errno> {
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC | create;
    Ok(File::from(rustix::fs::openat(directory, LOG, flags, files::PRIVATE_FILE)?))
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
    let log = open_log(fd.as_fd(), OFlags::CREATE | OFlags::EXCL)?;
    Ok(TaskDir { path: state.path().join(&name), id, fd, log, lock })
}

fn failed(state: &StateDir, source: io::Error) -> TaskError {
    TaskError::Io { action: "create a task in", path: state.path().join(DIRECTORY), source }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{ApprovedBy, Confinement, Created, Record, State, list};

    pub(crate) fn state(directory: &tempfile::TempDir) -> StateDir {
        StateDir::open_or_create(&AbsPath::new(&directory.path().join("remit")).unwrap()).unwrap()
    }

    pub(crate) fn created() -> Event {
        Event::Created(Created {
            agent: None,
            profile: "unrestricted".to_owned(),
            digest: "d".to_owned(),
            workspace: "/work".to_owned(),
            command: vec!["make".to_owned(), "a\nb".to_owned()],
            confinement: Confinement::Unrestricted,
        })
    }

    pub(crate) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_task_leaves_its_record_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let task = TaskDir::create(&state).unwrap();
        let id = task.id().clone();
        let scratch = task.make_scratch().unwrap();
        std::fs::create_dir_all(scratch.join("layer/upper").as_path()).unwrap();
        let approved = Event::Approved { by: ApprovedBy::TrustAll };
        task.append(at(0), &[created(), approved, Event::Started { pid: 1 }]).unwrap();
        let path = task.path().clone();
        task.end(at(5), Outcome::Killed { signal: 9 }).unwrap();

        let record = Record::read(&state, &id).unwrap();
        assert_eq!(record.created.confinement, Confinement::Unrestricted);
        assert_eq!(record.approved, Some(ApprovedBy::TrustAll));
        let outcome = Outcome::Killed { signal: 9 };
        assert_eq!(record.state, State::Ended { started_at: Some(at(0)), ended_at: at(5), outcome });
        assert_eq!(std::fs::read_dir(state.path().join("running").as_path()).unwrap().count(), 0);
        let left: Vec<_> = std::fs::read_dir(path.as_path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["events.jsonl"]);
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
        let task = TaskDir::create(&state).unwrap();
        task.make_scratch().unwrap();
        for (name, expected) in [("", 0o700), ("scratch", 0o700), ("events.jsonl", 0o600)] {
            let mode = std::fs::metadata(task.path().as_path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, expected, "{name}");
        }
    }

    #[test]
    fn many_tasks_made_and_swept_at_once_all_have_their_own_record() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let produce = || {
            let mut made = Vec::new();
            for _ in 0..50 {
                let task = TaskDir::create(&state).unwrap();
                task.append(at(0), &[created()]).unwrap();
                made.push(task.id().clone());
                task.end(at(1), Outcome::Succeeded).unwrap();
            }
            made
        };
        let sweep = || {
            for _ in 0..50 {
                let swept = crate::sweep(&state, at(2)).unwrap();
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
        let made: BTreeSet<TaskId> = all.into_iter().collect();
        let listed: BTreeSet<TaskId> = list(&state)
            .unwrap()
            .into_iter()
            .map(|listed| {
                assert!(matches!(listed.record.unwrap().state, State::Ended { outcome: Outcome::Succeeded, .. }));
                listed.id
            })
            .collect();
        assert_eq!(made.len(), 200);
        assert_eq!(made, listed);
    }
}
