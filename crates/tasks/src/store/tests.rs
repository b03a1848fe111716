//! The store as several processes use it.

use super::*;
use crate::queue::Turn;
use crate::record::tests::{at, created};
use crate::task::tests::state;
use crate::{After, ApprovedBy, Attended, Background, CancelledBy, Event, OnAsk, Outcome, State};

fn id(text: &str) -> TaskId {
    format!("task-{text}").parse().unwrap()
}

fn in_background(after: Option<After>) -> Event {
    let Event::Created(created) = created() else { unreachable!() };
    let background = Background {
        read_as: None,
        strict: false,
        on_ask: OnAsk::Wait,
        ask_limit: 1,
        after,
        launched: None,
        input: None,
        terminal: None,
        junit: Vec::new(),
        explain: false,
    };
    Event::Created(crate::Created { attended: Attended::Background(Box::new(background)), ..created })
}

#[test]
fn what_cannot_follow_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(&state(&directory)).unwrap();
    let one = id("000000");
    store.create(&one, "make", at(0), vec![created()]).unwrap();
    let ended = Event::Ended { outcome: Outcome::Succeeded };
    let error = store.append(&one, at(1), &[Event::Started { pid: 1 }, Event::Started { pid: 2 }]).unwrap_err();
    assert!(matches!(error, StoreError::Fold { .. }), "{error}");
    assert_eq!(store.record(&one).unwrap().state, State::Queued, "all of it or nothing");
    assert_eq!(store.events(&one).unwrap().len(), 1);
    store.append(&one, at(1), std::slice::from_ref(&ended)).unwrap();
    store.append(&one, at(2), &[ended]).unwrap_err();
    assert!(matches!(store.append(&id("000001"), at(2), &[]), Err(StoreError::Missing { .. })));
    assert!(store.tell_once(&one).unwrap());
    assert!(!store.tell_once(&one).unwrap(), "an end is told once");
}

#[test]
fn a_long_log_is_written_back_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    let mut store = Store::open(&state).unwrap();
    let log = || std::fs::metadata(state.path().join(LOG).as_path()).unwrap().len();
    let mut made = 0;
    while log() < u64::try_from(LONG).unwrap() {
        store.write_back();
        store.create(&id(&format!("{made:06}")), "make", at(made), vec![created()]).unwrap();
        made += 1;
    }
    assert!(made > 5);
    // Somebody who reads keeps it from being cut off, and is not waited for.
    let reader = Store::open(&state).unwrap();
    reader.db.execute_batch("BEGIN; SELECT count(*) FROM tasks").unwrap();
    store.create(&id("zzzzzz"), "make", at(made), vec![created()]).unwrap();
    store.write_back();
    assert!(log() > 0);
    reader.db.execute_batch("COMMIT").unwrap();
    store.write_back();
    assert_eq!(log(), 0);
    drop(store);
    assert_eq!(Store::open(&state).unwrap().list(Which::All).unwrap().len(), usize::try_from(made).unwrap() + 1);
}

#[test]
fn events_are_only_appended() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(&state(&directory)).unwrap();
    let one = id("000000");
    store.create(&one, "make", at(0), vec![created()]).unwrap();
    store.db.execute("UPDATE events SET at = 'x'", []).unwrap_err();
    store.db.execute("DELETE FROM events", []).unwrap_err();
    store.remove(&one).unwrap();
    let left: i64 = store.db.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0, "they go with their task");
}

#[test]
fn turns_are_taken_in_order_and_after_others() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(&state(&directory)).unwrap();
    store.set("tasks.maxConcurrent", Some("1")).unwrap();
    let (one, two, three) = (id("000000"), id("000001"), id("000002"));
    store.create(&one, "a", at(0), vec![in_background(None)]).unwrap();
    store.create(&two, "a", at(0), vec![in_background(None)]).unwrap();
    let after = After { tasks: vec![one.clone()], any: false };
    store.create(&three, "a", at(0), vec![in_background(Some(after))]).unwrap();
    assert_eq!(store.record(&three).unwrap().name, "a.3");
    assert!(matches!(store.take_turn(&two, at(1)).unwrap(), Turn::Later { .. }));
    assert_eq!(store.take_turn(&one, at(1)).unwrap(), Turn::Now);
    assert_eq!(store.record(&one).unwrap().state, State::Starting);
    assert_eq!(store.take_turn(&one, at(1)).unwrap(), Turn::NotQueued);
    let position = store.position(&Place::Before(two.clone())).unwrap();
    store.append(&three, at(1), &[Event::Moved { position }]).unwrap();
    let outcome = Outcome::Cancelled { by: CancelledBy::User };
    store.append(&one, at(2), &[Event::Ended { outcome }]).unwrap();
    assert_eq!(store.take_turn(&three, at(3)).unwrap(), Turn::Never { because: one });
    assert_eq!(store.take_turn(&two, at(3)).unwrap(), Turn::Now);
}

#[test]
fn wishes_are_taken_once_in_order_and_only_for_who_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(&state(&directory)).unwrap();
    let one = id("000000");
    store.create(&one, "make", at(0), vec![in_background(None)]).unwrap();
    let answer = Wish::Answer { yes: true, digest: "d".to_owned(), by: ApprovedBy::Terminal };
    for wish in [&answer, &Wish::Pause, &Wish::Cancel { grace: 5 }] {
        store.wish(&one, wish).unwrap();
    }
    assert_eq!(store.take_wishes(&one).unwrap(), [answer, Wish::Pause, Wish::Cancel { grace: 5 }]);
    assert_eq!(store.take_wishes(&one).unwrap(), []);
    assert!(matches!(store.wish(&id("000001"), &Wish::Pause), Err(StoreError::Missing { .. })));
}

#[test]
fn a_newer_store_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    let mut store = Store::open(&state).unwrap();
    let one = id("000000");
    store.create(&one, "make", at(0), vec![created()]).unwrap();
    store.db.pragma_update(None, "user_version", 2).unwrap();
    let mut store = Store::open(&state).unwrap();
    assert!(store.is_newer());
    assert_eq!(store.record(&one).unwrap().name, "make");
    for error in [
        store.append(&one, at(1), &[Event::Paused]).unwrap_err(),
        store.set("delegate.enabled", None).unwrap_err(),
        store.remove(&one).unwrap_err(),
        repair(&state, at(2)).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }), "{error}");
    }
}

/// A clock that is set back makes no contradiction: the order of events is their own.
#[test]
fn a_clock_that_is_set_back_changes_no_order() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    let mut store = Store::open(&state).unwrap();
    let one = id("000000");
    store.create(&one, "make", at(100), vec![created()]).unwrap();
    store.append(&one, at(50), &[Event::Started { pid: 1 }]).unwrap();
    store.append(&one, at(10), &[Event::Ended { outcome: Outcome::Succeeded }]).unwrap();
    assert!(store.record(&one).unwrap().is_over());
    assert_eq!(check(&state).unwrap(), Vec::<String>::new());
}

#[test]
fn a_row_that_is_not_what_its_events_say_is_found_and_mended() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory);
    let mut store = Store::open(&state).unwrap();
    let one = id("000000");
    store.create(&one, "make", at(0), vec![created(), Event::Ended { outcome: Outcome::Failed { code: 3 } }]).unwrap();
    store.set("tasks.maxConcurrent", Some("3")).unwrap();
    store.db.execute(r#"UPDATE tasks SET record = replace(record, '"code":3', '"code":0')"#, []).unwrap();
    assert!(check(&state).unwrap().iter().any(|line| line.contains("task-000000")), "{:?}", check(&state));
    drop(store);
    let repaired = repair(&state, at(5)).unwrap().unwrap();
    assert_eq!((repaired.saved, repaired.lost), (1, vec![]));
    let store = Store::open(&state).unwrap();
    assert_eq!(store.record(&one).unwrap().outcome(), Some(&Outcome::Failed { code: 3 }));
    assert_eq!(store.setting("tasks.maxConcurrent").unwrap().as_deref(), Some("3"));
    assert!(repaired.old.unwrap().as_path().exists());
    assert_eq!(repair(&state, at(6)).unwrap(), None, "nothing is wrong any more");
}
