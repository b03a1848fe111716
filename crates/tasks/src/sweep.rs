//! Clears up after processes that died.

use std::os::fd::{AsFd, BorrowedFd};

use remit_agent::AbsPath;
use rustix::fs::{AtFlags, OFlags};
use rustix::io::Errno;

use crate::lock::{self, Lock};
use crate::record::{ids, whole_lines};
use crate::task::{DIRECTORY, LOG, open_log, remove_scratch_in, write_events};
use crate::{Event, Record, RecordError, StateDir, TaskError, TaskId, Timestamp, files};

/// What a sweep found.
#[derive(Debug, Default)]
pub struct Swept {
    /// Tasks whose process is gone without having written an end; their records say so now.
    pub lost: Vec<TaskId>,
    /// What could not be cleared; the next sweep tries again.
    pub problems: Vec<TaskError>,
}

/// Removes the scratch directories of tasks whose process is gone, and writes into their logs that they are lost.
///
/// Any number of processes may sweep at once, while others make and end tasks: whatever is done to a task is done under
/// its lock, and a task whose lock somebody holds is left alone. A task that ended in order costs nothing.
pub fn sweep(state: &StateDir, at: Timestamp) -> Result<Swept, RecordError> {
    let mut swept = Swept::default();
    for id in ids(state, lock::DIRECTORY)? {
        match sweep_task(state, &id, at) {
            Ok(Found::Lost) => swept.lost.push(id),
            Ok(Found::Nothing) => {}
            Err(error) => swept.problems.push(error),
        }
    }
    Ok(swept)
}

enum Found {
    Lost,
    Nothing,
}

fn sweep_task(state: &StateDir, id: &TaskId, at: Timestamp) -> Result<Found, TaskError> {
    let name = format!("{DIRECTORY}/{id}");
    let path = state.path().join(&name);
    let failed = |action: &'static str| {
        let path = path.clone();
        move |errno: Errno| TaskError::Io { action, path, source: errno.into() }
    };
    let Some(lock) = Lock::take_abandoned(state, id).map_err(failed("lock"))? else { return Ok(Found::Nothing) };
    let directory = match files::open_directory(state.fd(), &name) {
        Ok(directory) => directory,
        // Its maker died before it had a directory.
        Err(Errno::NOENT) => return lock.remove().map(|()| Found::Nothing).map_err(failed("unlock")),
        Err(errno) => return Err(failed("open")(errno)),
    };
    // A log that is empty is as good as none: its maker died before the first line.
    let log = files::read(directory.as_fd(), LOG).map(|log| log.filter(|log| !log.is_empty()));
    let log = log.map_err(|source| TaskError::Io { action: "read", path: path.join(LOG), source })?;
    let found = match log.as_deref().map(|log| (log, Record::from_log(id, log, &path.join(LOG)))) {
        // Nothing is known of what a newer version does with its directories.
        Some((_, Err(RecordError::Newer { .. }))) => return Ok(Found::Nothing),
        Some((log, Ok(record))) if !record.is_over() => {
            write_lost(directory.as_fd(), &path, at, log)?;
            Found::Lost
        }
        // Over; or damaged, which every listing tells.
        Some(_) | None => Found::Nothing,
    };
    remove_scratch_in(directory.as_fd(), &path)?;
    if log.is_none() {
        let _ = rustix::fs::unlinkat(&directory, LOG, AtFlags::empty());
        rustix::fs::unlinkat(state.fd(), name.as_str(), AtFlags::REMOVEDIR).map_err(failed("remove"))?;
    }
    lock.remove().map_err(failed("unlock"))?;
    Ok(found)
}

fn write_lost(directory: BorrowedFd<'_>, path: &AbsPath, at: Timestamp, log: &[u8]) -> Result<(), TaskError> {
    let (whole, torn) = log.split_at(whole_lines(log));
    let torn = (!torn.is_empty()).then(|| String::from_utf8_lossy(torn).into_owned());
    let write = || -> std::io::Result<()> {
        let file = open_log(directory, OFlags::empty())?;
        if torn.is_some() {
            // What stood there goes on in the event: a part of a line in the middle would make the log unreadable.
            file.set_len(u64::try_from(whole.len()).unwrap_or(u64::MAX))?;
        }
        write_events(&file, at, &[Event::Lost { torn: torn.clone() }])
    };
    write().map_err(|source| TaskError::Io { action: "write", path: path.join(LOG), source })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::task::tests::{at, created, state};
    use crate::{Outcome, State, TaskDir};

    /// Makes a task with a scratch directory that is not easy to remove.
    fn make(state: &StateDir) -> TaskDir {
        let task = TaskDir::create(state).unwrap();
        let work = task.make_scratch().unwrap().join("layer/work/work");
        fs::create_dir_all(work.as_path()).unwrap();
        fs::set_permissions(work.as_path(), PermissionsExt::from_mode(0o0)).unwrap();
        task
    }

    #[test]
    fn a_task_whose_process_is_gone_is_lost_once() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let task = make(&state);
        let (id, path) = (task.id().clone(), task.path().clone());
        task.append(at(0), &[created(), Event::Started { pid: 1 }]).unwrap();

        let swept = sweep(&state, at(1)).unwrap();
        assert!(swept.lost.is_empty(), "it is running");
        assert!(path.join("scratch").as_path().exists());

        // What a process that dies leaves: the log without an end, and no lock.
        drop(task);
        let swept = sweep(&state, at(2)).unwrap();
        assert_eq!(swept.lost, std::slice::from_ref(&id));
        assert!(swept.problems.is_empty());
        assert!(!path.join("scratch").as_path().exists());
        let record = Record::read(&state, &id).unwrap();
        assert_eq!(record.state, State::Lost { started_at: Some(at(0)), found_at: at(2) });

        let log = fs::read(path.join(LOG).as_path()).unwrap();
        assert!(sweep(&state, at(3)).unwrap().lost.is_empty());
        assert_eq!(fs::read(path.join(LOG).as_path()).unwrap(), log);
    }

    #[test]
    fn a_torn_line_is_kept_inside_the_event() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let task = make(&state);
        let (id, log) = (task.id().clone(), task.path().join(LOG));
        task.append(at(0), &[created()]).unwrap();
        drop(task);
        let whole = fs::read_to_string(log.as_path()).unwrap();
        fs::write(log.as_path(), format!("{whole}{{\"version\":1,\"at")).unwrap();

        assert_eq!(sweep(&state, at(2)).unwrap().lost, std::slice::from_ref(&id));
        assert_eq!(Record::read(&state, &id).unwrap().state, State::Lost { started_at: None, found_at: at(2) });
        let text = fs::read_to_string(log.as_path()).unwrap();
        assert!(text.starts_with(&whole) && text.contains(r#""torn":"{\"version\":1,\"at""#), "{text}");
    }

    #[test]
    fn an_end_that_could_not_clear_up_is_cleared_and_not_lost() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let task = make(&state);
        let (id, path) = (task.id().clone(), task.path().clone());
        task.append(at(0), &[created(), Event::Ended { outcome: Outcome::Succeeded }]).unwrap();
        drop(task);
        assert!(sweep(&state, at(2)).unwrap().lost.is_empty());
        assert!(!path.join("scratch").as_path().exists());
        assert_eq!(fs::read_dir(state.path().join(lock::DIRECTORY).as_path()).unwrap().count(), 0);
        assert!(Record::read(&state, &id).unwrap().is_over());
    }

    #[test]
    fn what_died_while_it_was_made_goes_and_what_is_not_a_task_stays() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        assert!(sweep(&state, at(0)).unwrap().problems.is_empty(), "no directory of tasks yet");
        let (tasks, running) = (state.path().join(DIRECTORY), state.path().join(lock::DIRECTORY));
        for name in ["task-000001", "task-000002", "mine"] {
            fs::create_dir_all(tasks.join(name).as_path()).unwrap();
        }
        fs::create_dir(running.as_path()).unwrap();
        // Died before it had a directory, before it had a log, before the first line; and a link in a directory's place.
        for name in ["task-000000", "task-000001", "task-000002", "task-000003", "mine"] {
            fs::write(running.join(name).as_path(), "").unwrap();
        }
        fs::write(tasks.join("task-000002/events.jsonl").as_path(), "").unwrap();
        std::os::unix::fs::symlink("mine", tasks.join("task-000003").as_path()).unwrap();

        let swept = sweep(&state, at(0)).unwrap();
        assert!(swept.lost.is_empty());
        assert_eq!(swept.problems.len(), 1, "the symbolic link: {swept:?}");
        for directory in [tasks, running] {
            let names = fs::read_dir(directory.as_path()).unwrap().map(|entry| entry.unwrap().file_name());
            let mut left: Vec<_> = names.collect();
            left.sort();
            assert_eq!(left, ["mine", "task-000003"], "{directory}");
        }
    }

    #[test]
    fn a_newer_or_damaged_log_is_not_written_to() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        for (text, scratch_stays) in [("{\"version\":2}\n", true), ("what\n", false), ("{", false)] {
            let task = make(&state);
            let path = task.path().clone();
            drop(task);
            fs::write(path.join(LOG).as_path(), text).unwrap();
            let swept = sweep(&state, at(2)).unwrap();
            assert!(swept.lost.is_empty() && swept.problems.is_empty(), "{swept:?}");
            assert_eq!(fs::read_to_string(path.join(LOG).as_path()).unwrap(), text);
            assert_eq!(path.join("scratch").as_path().exists(), scratch_stays, "{text}");
            remove_scratch_in(fs::File::open(path.as_path()).unwrap().as_fd(), &path).unwrap();
        }
    }
}
