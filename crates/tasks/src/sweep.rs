//! Clears up after processes that died.

use std::os::fd::AsFd;

use rustix::io::Errno;

use crate::lock::{self, Lock};
use crate::process::Found;
use crate::store::{Store, StoreError, Which};
use crate::task::{DIRECTORY, remove_directory, remove_scratch_in};
use crate::{Event, Outcome, Record, StateDir, TaskDir, TaskError, TaskId, Timestamp, files, orphans};

/// What a sweep found.
#[derive(Debug, Default)]
pub struct Swept {
    /// Tasks whose process is gone without having written an end; their records say so now.
    pub lost: Vec<TaskId>,
    /// What could not be cleared; the next sweep tries again.
    pub problems: Vec<TaskError>,
}

/// Ends what tasks have left running whose process is gone, clears what they had in private, and records them as lost.
///
/// What is in journals is taken in first. Any number of processes may sweep at once, while others make and end tasks: whatever is done
/// to a task is done under its lock, and a task whose lock somebody holds is left alone. A task that ended in order costs nothing.
pub fn sweep(state: &StateDir, store: &mut Store, at: Timestamp) -> Result<Swept, TaskError> {
    let odd = match store.take_in() {
        Ok(odd) => odd,
        Err(error @ StoreError::Damaged { .. }) => return Err(error.into()),
        Err(error) => return Ok(Swept { lost: Vec::new(), problems: vec![error.into()] }),
    };
    // Of a task whose journal cannot be understood nobody knows what there is to do.
    let is_odd = |id: &TaskId| odd.iter().any(|odd| odd.id == *id);
    let mut swept = abandoned(state, store, locks(state)?.into_iter().filter(|id| !is_odd(id)).collect(), at);
    // A record has a lock as long as it is not over; without one, its lock was removed by hand.
    for listed in store.list(Which::Unfinished)? {
        let Some(record) = listed.record.ok().filter(|record| !is_odd(&record.id)) else { continue };
        if files::stat(state.fd(), &format!("{}/{}", lock::DIRECTORY, record.id)).is_ok_and(|lock| lock.is_none()) {
            match lose_unlocked(store, &record.id, at) {
                Ok(true) => swept.lost.push(record.id),
                Ok(false) => {}
                Err(error) => swept.problems.push(error),
            }
        }
    }
    swept.problems.extend(odd.into_iter().map(|odd| odd.error.into()));
    make_known(state, store, swept)
}

/// Does what [`sweep`] does for the tasks that have a lock, and opens the store only where somebody died: for a command that starts a
/// task, and shows none. The task of its own needs no look.
pub fn sweep_locks(state: &StateDir, own: Option<&TaskDir>, at: Timestamp) -> Result<Swept, TaskError> {
    let mut ids = match own {
        Some(own) => own.locks()?,
        None => locks(state)?,
    };
    ids.retain(|id| own.is_none_or(|own| own.id() != id) && is_abandoned(state, id));
    if ids.is_empty() {
        return Ok(Swept::default());
    }
    let mut store = Store::open(state)?;
    if store.is_newer() {
        return Ok(Swept::default());
    }
    let swept = abandoned(state, &mut store, ids, at);
    make_known(state, &store, swept)
}

/// Returns whether nobody holds the lock of a task, or it cannot be looked at.
fn is_abandoned(state: &StateDir, id: &TaskId) -> bool {
    !matches!(Lock::take_abandoned(state, id), Ok(None))
}

fn abandoned(state: &StateDir, store: &mut Store, ids: Vec<TaskId>, at: Timestamp) -> Swept {
    let mut swept = Swept::default();
    for id in ids {
        match sweep_task(state, store, &id, at) {
            Ok(true) => swept.lost.push(id),
            Ok(false) => {}
            Err(error) => swept.problems.push(error),
        }
    }
    swept
}

fn make_known(state: &StateDir, store: &Store, swept: Swept) -> Result<Swept, TaskError> {
    if !swept.lost.is_empty() {
        // Whoever swept may tell it at once; the next prompt tells it in any case.
        let _ = crate::notify::mark(state);
        // There is room now for others.
        crate::wake(state, store, None)?;
    }
    Ok(swept)
}

/// Returns the ids of the tasks that have a lock, sorted.
fn locks(state: &StateDir) -> Result<Vec<TaskId>, TaskError> {
    let ids = match files::open_directory(state.fd(), lock::DIRECTORY) {
        Ok(directory) => files::ids(directory.as_fd()),
        Err(Errno::NOENT) => Ok(Vec::new()),
        Err(errno) => Err(errno),
    };
    let path = || state.path().join(lock::DIRECTORY);
    ids.map_err(|errno| TaskError::Io { action: "read", path: path(), source: errno.into() })
}

/// Clears up after one task, and returns whether it is lost.
fn sweep_task(state: &StateDir, store: &mut Store, id: &TaskId, at: Timestamp) -> Result<bool, TaskError> {
    let name = format!("{DIRECTORY}/{id}");
    let path = state.path().join(&name);
    let failed = |action: &'static str| {
        let path = path.clone();
        move |errno: Errno| TaskError::Io { action, path, source: errno.into() }
    };
    let Some(lock) = Lock::take_abandoned(state, id).map_err(failed("lock"))? else { return Ok(false) };
    // What it wrote after the journals were taken in; nothing comes after that.
    store.take_in_one(id)?;
    let lost = match store.record(id) {
        Ok(record) if record.is_over() => false,
        Ok(record) => lose(store, &record, at)?,
        // Its maker died before it had a record.
        Err(StoreError::Missing { .. }) => {
            remove_directory(state, id)?;
            false
        }
        Err(error) => return Err(error.into()),
    };
    match files::open_directory(state.fd(), &name) {
        Ok(directory) => remove_scratch_in(directory.as_fd(), &path)?,
        Err(Errno::NOENT) => {}
        Err(errno) => return Err(failed("open")(errno)),
    }
    lock.remove().map_err(failed("unlock"))?;
    Ok(lost)
}

/// Records a task as lost that has no lock; `false` when it has ended.
fn lose_unlocked(store: &mut Store, id: &TaskId, at: Timestamp) -> Result<bool, TaskError> {
    // Since the journals were taken in, its own may have been moved, with its end in it.
    store.take_in()?;
    match store.record(id) {
        Ok(record) if record.is_over() => Ok(false),
        Ok(record) => lose(store, &record, at),
        Err(StoreError::Missing { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Records a task as lost, with the evidence, and ends what is left of it; `false` when it ended meanwhile.
fn lose(store: &mut Store, record: &Record, at: Timestamp) -> Result<bool, TaskError> {
    let mut evidence = match &record.supervisor {
        None => "the command that made it was gone before its supervisor began".to_owned(),
        Some(supervisor) => match supervisor.find() {
            Ok(Found::Gone(why)) => format!("its supervisor is gone: {why}"),
            // It gave up its lock and lives: it is about to end the task, or to end itself.
            Ok(Found::Alive(_)) => return Ok(false),
            Err(error) => format!("its supervisor cannot be looked for: {error}"),
        },
    };
    let ended = orphans::end(&record.id);
    if ended > 0 {
        evidence = format!("{evidence}; {ended} processes of it were still there and have been killed");
    }
    match store.append(&record.id, at, &[Event::Ended { outcome: Outcome::Lost { evidence } }]) {
        Ok(_) => Ok(true),
        Err(StoreError::Fold { .. } | StoreError::Missing { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::task::tests::{at, created, state};
    use crate::{ProcessId, State};

    /// Makes a task with a scratch directory that is not easy to remove.
    fn make(state: &StateDir) -> TaskDir {
        let task = TaskDir::create(state).unwrap();
        let work = task.make_scratch().unwrap().join("layer/work/work");
        fs::create_dir_all(work.as_path()).unwrap();
        fs::set_permissions(work.as_path(), PermissionsExt::from_mode(0o0)).unwrap();
        task
    }

    fn gone() -> Event {
        Event::Supervised { by: ProcessId { pid: i32::MAX, started: 1, ..ProcessId::own().unwrap() } }
    }

    fn evidence(store: &Store, id: &TaskId) -> String {
        match store.record(id).unwrap().state {
            State::Ended { outcome: Outcome::Lost { evidence }, .. } => evidence,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_dead_task_is_lost_and_cleared_and_a_living_one_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let mut store = Store::open(&state).unwrap();
        let living = make(&state);
        store.create(living.id(), "a", at(0), vec![created(), Event::Started { pid: 1 }]).unwrap();
        let dead = make(&state);
        let (id, path) = (dead.id().clone(), dead.path().clone());
        store.create(&id, "b", at(0), vec![created(), gone(), Event::Started { pid: 1 }]).unwrap();
        drop(dead);
        let unborn = make(&state);
        let early = unborn.id().clone();
        store.create(&early, "c", at(0), vec![created()]).unwrap();
        drop(unborn);

        let mut lost = sweep(&state, &mut store, at(2)).unwrap().lost;
        lost.sort();
        let mut expected = vec![id.clone(), early.clone()];
        expected.sort();
        assert_eq!(lost, expected);
        assert!(evidence(&store, &id).contains("is gone"));
        assert!(evidence(&store, &early).contains("before its supervisor began"));
        assert!(!path.join("scratch").as_path().exists());
        assert!(living.path().join("scratch").as_path().exists());
        assert!(!store.record(living.id()).unwrap().is_over());
        assert!(sweep(&state, &mut store, at(3)).unwrap().lost.is_empty(), "once");
        fs::set_permissions(living.path().join("scratch/layer/work/work").as_path(), PermissionsExt::from_mode(0o700)).unwrap();
    }

    #[test]
    fn an_end_that_could_not_clear_up_is_cleared_and_not_lost() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let mut store = Store::open(&state).unwrap();
        let task = make(&state);
        let (id, path) = (task.id().clone(), task.path().clone());
        store.create(&id, "a", at(0), vec![created(), Event::Ended { outcome: Outcome::Succeeded }]).unwrap();
        drop(task);
        assert!(sweep(&state, &mut store, at(2)).unwrap().lost.is_empty());
        assert!(!path.join("scratch").as_path().exists());
        assert_eq!(fs::read_dir(state.path().join(lock::DIRECTORY).as_path()).unwrap().count(), 0);
    }

    #[test]
    fn what_died_while_it_was_made_goes_and_what_is_not_a_task_stays() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let mut store = Store::open(&state).unwrap();
        assert!(sweep(&state, &mut store, at(0)).unwrap().problems.is_empty(), "no directory of tasks yet");
        let (tasks, running) = (state.path().join(DIRECTORY), state.path().join(lock::DIRECTORY));
        for name in ["task-000001", "mine"] {
            fs::create_dir_all(tasks.join(name).as_path()).unwrap();
        }
        fs::create_dir(running.as_path()).unwrap();
        // Died before it had a directory, before it had a record; and something of somebody else's.
        for name in ["task-000000", "task-000001", "mine"] {
            fs::write(running.join(name).as_path(), "").unwrap();
        }
        let swept = sweep(&state, &mut store, at(0)).unwrap();
        assert!(swept.lost.is_empty() && swept.problems.is_empty(), "{swept:?}");
        for directory in [tasks, running] {
            let left: Vec<_> = fs::read_dir(directory.as_path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, ["mine"], "{directory}");
        }
    }

    #[test]
    fn a_record_whose_lock_is_gone_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let mut store = Store::open(&state).unwrap();
        let task = TaskDir::create(&state).unwrap();
        let id = task.id().clone();
        store.create(&id, "a", at(0), vec![created(), gone()]).unwrap();
        fs::remove_dir_all(state.path().join(lock::DIRECTORY).as_path()).unwrap();
        assert_eq!(sweep(&state, &mut store, at(1)).unwrap().lost, std::slice::from_ref(&id));
        evidence(&store, &id);
    }

    /// A journal may go on after the journals were taken in, and before its own task is looked at.
    #[test]
    fn what_a_journal_says_in_the_meantime_counts() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let mut store = Store::open(&state).unwrap();
        let begin = || {
            let task = make(&state);
            task.begin("a", at(0), &[created(), gone(), Event::Started { pid: 1 }]).unwrap();
            task
        };
        let killed = begin();
        let id = killed.id().clone();
        drop(killed);
        assert!(sweep_task(&state, &mut store, &id, at(1)).unwrap(), "it had a record");
        evidence(&store, &id);

        let task = begin();
        let id = task.id().clone();
        store.take_in().unwrap();
        assert!(!store.record(&id).unwrap().is_over());
        task.end_noted(at(2), Outcome::Succeeded).unwrap();
        assert!(!lose_unlocked(&mut store, &id, at(3)).unwrap());
        assert_eq!(store.record(&id).unwrap().outcome(), Some(&Outcome::Succeeded));
        assert_eq!(lock_names(&state), 0);
    }

    fn lock_names(state: &StateDir) -> usize {
        fs::read_dir(state.path().join(lock::DIRECTORY).as_path()).unwrap().count()
    }
}
