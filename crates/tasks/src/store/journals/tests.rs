//! Tasks that open no store, and those who do.

use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::record::tests::{at, created};
use crate::store::{FILE, Listed, Which, check, repair};
use crate::task::tests::state;
use crate::{ApprovedBy, Event, Outcome, ProcessId, Record, State, TaskDir, Timestamp, remove_directory, sweep, sweep_locks};

fn gone() -> Event {
    Event::Supervised { by: ProcessId { pid: i32::MAX, started: 1, ..ProcessId::own().unwrap() } }
}

fn events() -> Vec<Event> {
    vec![created(), gone(), Event::Approved { by: ApprovedBy::Yes }, Event::Started { pid: 7 }]
}

fn begin(state: &StateDir, name: &str, at: Timestamp) -> TaskDir {
    let task = TaskDir::create(state).unwrap();
    task.make_scratch().unwrap();
    task.begin(name, at, &events()).unwrap();
    task
}

/// Opens the store as a command does that shows tasks.
fn open(state: &StateDir) -> Store {
    Store::open(state).unwrap();
    Store::open_existing(state).unwrap().unwrap()
}

fn list(store: &Store) -> Vec<Listed> {
    store.list(Which::All).unwrap()
}

fn names(store: &Store) -> Vec<String> {
    list(store).into_iter().map(|listed| listed.name).collect()
}

fn files_in(state: &StateDir, place: &str) -> usize {
    fs::read_dir(state.path().join(place).as_path()).map_or(0, Iterator::count)
}

/// Puts a journal where one that a process left behind would be, with nobody who holds its lock.
fn leave(state: &StateDir, place: &str, id: &TaskId, bytes: &[u8]) {
    for directory in [place, "tasks"] {
        fs::create_dir_all(state.path().join(directory).as_path()).unwrap();
    }
    fs::create_dir_all(state.path().join(&name("tasks", id)).as_path()).unwrap();
    fs::write(state.path().join(&name(place, id)).as_path(), bytes).unwrap();
}

fn id(number: usize) -> TaskId {
    format!("task-{number:06}").parse().unwrap()
}

#[test]
fn a_task_is_known_from_its_start_and_no_store_is_made_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    let unborn = TaskDir::create(&state).unwrap();
    assert!(Store::open_existing(&state).unwrap().is_none(), "a lock alone is no task");
    let task = begin(&state, "make", at(0));
    let id = task.id().clone();
    assert!(sweep_locks(&state, Some(&task), at(0)).unwrap().lost.is_empty());
    assert!(!state.path().join(FILE).as_path().exists());

    let store = Store::open_existing(&state).unwrap().unwrap();
    assert_eq!(store.record(&id).unwrap().state, State::Running { started_at: at(0), pid: 7, paused_at: None });
    assert_eq!(names(&store), ["make"]);
    task.end_noted(at(5), Outcome::Failed { code: 3 }).unwrap();
    assert_eq!((files_in(&state, DIRECTORY), files_in(&state, ENDED)), (1, 1));
    // Also for who opens it for another task.
    let store = Store::open(&state).unwrap();
    assert_eq!(store.record(&id).unwrap().outcome(), Some(&Outcome::Failed { code: 3 }));
    assert_eq!(files_in(&state, ENDED), 0);
    assert!(store.list(Which::Untold).unwrap().is_empty(), "its user was there");
    assert!(!state.path().join(&format!("tasks/{id}/scratch")).as_path().exists());
    unborn.discard().unwrap();
    assert_eq!(check(&state).unwrap(), Vec::<String>::new());
}

/// What goes by a journal is, in the end, what goes straight to the store.
#[test]
fn a_journal_and_the_store_say_the_same() {
    let of = |by_journal: bool| -> (Record, Vec<(Timestamp, Event)>) {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let mut store = open(&state);
        let task = TaskDir::create(&state).unwrap();
        let task_id = task.id().clone();
        if by_journal {
            task.begin("make", at(3), &events()).unwrap();
            task.end_noted(at(9), Outcome::Succeeded).unwrap();
            store = open(&state);
        } else {
            store.create(&task_id, "make", at(3), events()).unwrap();
            task.end_told(&mut store, at(9), Outcome::Succeeded).unwrap();
        }
        let record = store.record(&task_id).unwrap();
        (Record { id: id(0), ..record }, store.events(&task_id).unwrap())
    };
    assert_eq!(of(true), of(false));
}

#[test]
fn names_are_unique_and_the_order_is_that_of_the_starts() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    let tasks: Vec<TaskDir> = [4, 1, 3, 2].iter().map(|second| begin(&state, "make", at(*second))).collect();
    let mut ids: Vec<(usize, TaskId)> = [4, 1, 3, 2].into_iter().zip(tasks.iter().map(|task| task.id().clone())).collect();
    ids.sort();
    for (index, task) in tasks.into_iter().enumerate().filter(|(index, _)| index % 2 == 0) {
        task.end_noted(at(9 + i64::try_from(index).unwrap()), Outcome::Succeeded).unwrap();
    }
    let store = open(&state);
    assert_eq!(names(&store), ["make", "make.2", "make.3", "make.4"]);
    let listed: Vec<String> = list(&store).into_iter().map(|listed| listed.id).collect();
    assert_eq!(listed, ids.iter().map(|(_, id)| id.to_string()).collect::<Vec<_>>());
    for _ in 0..3 {
        assert_eq!(names(&open(&state)).len(), 4, "nothing is taken in twice");
    }
    for (_, id) in ids {
        assert!(matches!(store.events(&id).unwrap().len(), 4 | 5));
    }
}

/// Whatever the process had written when it was killed.
#[test]
fn a_maker_that_was_killed_at_any_byte_is_lost_or_was_never_there() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    let mut store = open(&state);
    let one = id(0);
    let first = journal::beginning(&one, "make", at(0), &events()).unwrap();
    let whole = [first.clone(), journal::end(at(5), Event::Ended { outcome: Outcome::Succeeded }).unwrap()].concat();
    for cut in 0..=whole.len() {
        leave(&state, DIRECTORY, &one, &whole[..cut]);
        let swept = sweep(&state, &mut store, at(6)).unwrap();
        assert!(swept.problems.is_empty(), "{cut}: {:?}", swept.problems);
        assert_eq!(files_in(&state, DIRECTORY), 0, "{cut}");
        let there = state.path().join("tasks/task-000000").as_path().exists();
        match store.record(&one) {
            Err(StoreError::Missing { .. }) => assert!(cut < first.len() && !there, "{cut}"),
            Ok(record) => {
                assert!(cut >= first.len() && there, "{cut}");
                let is_lost = matches!(record.outcome(), Some(Outcome::Lost { .. }));
                assert_eq!(is_lost, cut < whole.len(), "{cut}: {record:?}");
                assert_eq!(swept.lost.len(), usize::from(is_lost));
                remove_directory(&state, &one).unwrap();
                store.remove(&one).unwrap();
            }
            Err(error) => panic!("{cut}: {error}"),
        }
    }
}

#[test]
fn who_starts_a_task_clears_up_after_one_that_was_killed() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    let killed = begin(&state, "make", at(0));
    let (id, path) = (killed.id().clone(), killed.path().clone());
    drop(killed);
    let task = begin(&state, "make", at(1));
    assert_eq!(sweep_locks(&state, Some(&task), at(1)).unwrap().lost, std::slice::from_ref(&id));
    assert!(!path.join("scratch").as_path().exists());
    let store = open(&state);
    assert!(store.record(&id).unwrap().is_over() && !store.record(task.id()).unwrap().is_over());
    // An end that came too late changes nothing.
    leave(
        &state,
        ENDED,
        &id,
        &[
            journal::beginning(&id, "make", at(0), &events()).unwrap(),
            journal::end(at(5), Event::Ended { outcome: Outcome::Succeeded }).unwrap(),
        ]
        .concat(),
    );
    let store = open(&state);
    assert!(matches!(store.record(&id).unwrap().outcome(), Some(Outcome::Lost { .. })));
    assert_eq!(files_in(&state, ENDED), 0);
}

#[test]
fn what_cannot_be_understood_stays_and_is_told_and_repaired() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    let mut store = open(&state);
    let text = |id: &TaskId| String::from_utf8(journal::beginning(id, "make", at(0), &events()).unwrap()).unwrap();
    leave(&state, ENDED, &id(0), text(&id(0)).replace("{\"started\"", "{\"burnt\"").as_bytes());
    leave(&state, DIRECTORY, &id(1), format!("{}???\n", text(&id(1))).as_bytes());
    leave(&state, ENDED, &id(2), text(&id(2)).replace("\"version\":1", "\"version\":7").as_bytes());
    leave(&state, ENDED, &id(3), b"\0\0\0");
    leave(&state, DIRECTORY, &id(4), text(&id(5)).as_bytes());
    // The power went before a byte of it was on the disk.
    leave(&state, ENDED, &id(6), b"");
    let good = begin(&state, "good", at(1));
    good.end_noted(at(2), Outcome::Succeeded).unwrap();

    for _ in 0..2 {
        let swept = sweep(&state, &mut store, at(3)).unwrap();
        let mut told: Vec<String> = swept.problems.iter().map(ToString::to_string).collect();
        told.sort();
        let expected = [
            ("ended/task-000000", "damaged: unknown variant `burnt`"),
            ("ended/task-000002", "newer version of remit (its form is 7, this one knows 1)"),
            ("ended/task-000003", "damaged: it has no whole line"),
            ("running/task-000001", "damaged: expected value"),
            ("running/task-000004", "damaged: it is the journal of `task-000005`"),
        ];
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for (told, (place, reason)) in told.iter().zip(expected) {
            assert!(told.contains(place) && told.contains(reason), "{told}");
        }
        assert!(swept.lost.is_empty());
        assert_eq!(names(&store), ["good"]);
        assert_eq!(check(&state).unwrap().len(), 5);
        assert_eq!((files_in(&state, DIRECTORY), files_in(&state, ENDED)), (2, 3));
    }
    let repaired = repair(&state, at(4)).unwrap().unwrap();
    assert_eq!((repaired.old, repaired.saved, repaired.lost.len()), (None, 1, 5));
    let damaged = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().contains(".damaged-");
    let aside = fs::read_dir(state.path().as_path()).unwrap().filter(|entry| damaged(entry.as_ref().unwrap())).count();
    assert_eq!(aside, 4);
    assert_eq!((files_in(&state, DIRECTORY), files_in(&state, ENDED)), (0, 1), "what is newer stays where it is");
    // Its first line could be read.
    assert_eq!(sweep(&state, &mut store, at(5)).unwrap().lost, [id(1)]);
    assert_eq!(check(&state).unwrap().len(), 1);
}

#[test]
fn a_damaged_store_is_repaired_with_what_is_in_journals() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    let running = begin(&state, "make", at(0));
    open(&state);
    begin(&state, "later", at(1)).end_noted(at(2), Outcome::Succeeded).unwrap();
    fs::write(state.path().join(FILE).as_path(), "this is no database").unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(state.path().join(&format!("{FILE}{suffix}")).as_path());
    }
    let task = begin(&state, "last", at(3));
    sweep_locks(&state, Some(&task), at(3)).unwrap();
    assert!(Store::open(&state).is_err());
    assert_eq!(files_in(&state, ENDED), 1, "it waits");
    assert!(repair(&state, at(4)).unwrap().unwrap().old.is_some());
    assert_eq!(names(&open(&state)), ["make", "later", "last"]);
    assert!(!running.id().as_str().is_empty());
}

#[test]
fn a_newer_store_takes_in_nothing_and_the_journals_wait() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    open(&state).db.pragma_update(None, "user_version", 2).unwrap();
    drop(begin(&state, "killed", at(0)));
    let task = begin(&state, "make", at(0));
    sweep_locks(&state, Some(&task), at(1)).unwrap();
    task.end_noted(at(1), Outcome::Succeeded).unwrap();
    assert!(list(&open(&state)).is_empty());
    assert_eq!((files_in(&state, DIRECTORY), files_in(&state, ENDED)), (1, 1));
    open(&state).db.pragma_update(None, "user_version", 1).unwrap();
    assert_eq!(names(&open(&state)).len(), 2);
}

/// Another may have taken it in and not removed the file yet, or the task may have written its end and not moved it yet.
#[test]
fn what_is_deleted_is_not_taken_in_again() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    let one = id(0);
    let first = journal::beginning(&one, "make", at(0), &events()).unwrap();
    let whole = [first, journal::end(at(5), Event::Ended { outcome: Outcome::Succeeded }).unwrap()].concat();
    for place in [DIRECTORY, ENDED] {
        leave(&state, place, &one, &whole);
        let mut store = open(&state);
        leave(&state, place, &one, &whole);
        store.remove(&one).unwrap();
        assert!(list(&open(&state)).is_empty(), "{place}");
        assert_eq!(files_in(&state, place), 0, "{place}");
    }
    // The process that moves it comes too late.
    let task = begin(&state, "make", at(0));
    let mut store = open(&state);
    store.remove(task.id()).unwrap();
    task.end_noted(at(1), Outcome::Succeeded).unwrap();
    assert!(list(&open(&state)).is_empty());
}

/// Its file is moved from one directory to the other while both are read.
#[test]
fn a_task_is_seen_also_while_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    for _ in 0..200 {
        let task = begin(&state, "make", at(0));
        let id = task.id().clone();
        let meet = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                meet.wait();
                task.lock_for_tests().release().unwrap();
            });
            meet.wait();
            assert!(look(state.fd(), state.path()).unwrap().found.iter().any(|found| found.id == id));
        });
        fs::remove_file(state.path().join(&name(ENDED, &id)).as_path()).unwrap();
    }
}

/// Many start, end and are killed, while others look, sweep and delete: each has one record, and what is deleted stays so.
#[test]
fn many_at_once_all_have_their_own_record_and_what_is_deleted_stays_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    let produce = || -> Vec<String> {
        let make = |number: i64| {
            // Without anything in private: its own end, a sweep and a deletion would be at work in that at the same time.
            let task = TaskDir::create(&state).unwrap();
            task.begin("make", at(number), &events()).unwrap();
            sweep_locks(&state, Some(&task), at(number)).unwrap();
            let id = task.id().to_string();
            // The others are killed.
            if number % 10 != 0 {
                task.end_noted(at(number), Outcome::Succeeded).unwrap();
            }
            id
        };
        (1..=40).map(make).collect()
    };
    let look = |delete: bool| -> Vec<String> {
        let mut deleted = Vec::new();
        for _ in 0..40 {
            let mut store = open(&state);
            let swept = sweep(&state, &mut store, at(99)).unwrap();
            assert!(swept.problems.is_empty(), "{:?}", swept.problems);
            let over = list(&store).into_iter().map(|listed| listed.record.unwrap()).filter(Record::is_over);
            for Record { id, .. } in over.filter(|_| delete).step_by(3) {
                remove_directory(&state, &id).unwrap();
                if store.remove(&id).is_ok() {
                    deleted.push(id.to_string());
                }
            }
        }
        deleted
    };
    let (made, deleted) = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..4).map(|_| scope.spawn(produce)).collect();
        let lookers: Vec<_> = [false, false, true, true].into_iter().map(|delete| scope.spawn(move || look(delete))).collect();
        let made: Vec<String> = makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect();
        (made, lookers.into_iter().flat_map(|looker| looker.join().unwrap()).collect::<Vec<String>>())
    });
    let mut store = open(&state);
    sweep(&state, &mut store, at(99)).unwrap();
    let left: BTreeSet<String> = list(&store).into_iter().map(|listed| listed.id).collect();
    let lost = list(&store).into_iter().filter(|listed| listed.state == "lost").count();
    let names: BTreeSet<String> = names(&store).into_iter().collect();
    let deleted: BTreeSet<String> = deleted.into_iter().collect();
    assert!(left.is_disjoint(&deleted));
    assert_eq!(left.len() + deleted.len(), 160);
    assert_eq!(left.union(&deleted).cloned().collect::<BTreeSet<_>>(), made.into_iter().collect());
    assert_eq!(names.len(), left.len());
    assert!(lost <= 16);
    assert!(list(&store).iter().all(|listed| matches!(listed.state.as_str(), "lost" | "succeeded")));
    assert_eq!((files_in(&state, DIRECTORY), files_in(&state, ENDED)), (0, 0));
    assert_eq!(check(&state).unwrap(), Vec::<String>::new());
}
