//! Looking for damage, and saving what can be read.

use remit_agent::AbsPath;
use rusqlite::{Connection, OpenFlags, params};

use super::read::read_events;
use super::{FILE, Store, StoreError, connect, journals, schema};
use crate::record::Record;
use crate::{StateDir, TaskId, Timestamp, files};

/// What a repair did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// Where the damaged store is now; `None` when only journals were damaged.
    pub old: Option<AbsPath>,
    pub saved: usize,
    /// What could not be saved, in words.
    pub lost: Vec<String>,
}

/// Returns what is wrong with the store and with journals, in words; nothing when all is well. Changes nothing.
pub fn check(state: &StateDir) -> Result<Vec<String>, StoreError> {
    let mut wrong = check_store(state)?;
    wrong.extend(journals::odd(state)?.into_iter().map(|odd| odd.error.to_string()));
    Ok(wrong)
}

/// Puts a new store with everything that can be read in the place of the damaged one, which is kept under another name. So is a
/// damaged journal.
///
/// A store in which nothing is wrong stays as it is, and so does what a newer version wrote.
pub fn repair(state: &StateDir, at: Timestamp) -> Result<Option<Repaired>, StoreError> {
    let (store, odd) = (check_store(state)?, journals::odd(state)?);
    if store.is_empty() && odd.is_empty() {
        return Ok(None);
    }
    let stamp = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let random = files::random::<3>().map_err(|source| super::io("repair", state, source))?;
    let suffix = format!("damaged-{stamp}-{}", files::hex(&random));
    let mut repaired = Repaired { old: None, saved: 0, lost: Vec::new() };
    if !store.is_empty() {
        renew(state, &suffix, &mut repaired)?;
    }
    let mut store = Store::open_alone(state)?;
    for odd in odd {
        match store.save_odd(state, &odd, &suffix)? {
            Some((true, line)) => {
                repaired.saved += 1;
                repaired.lost.push(line);
            }
            Some((false, line)) => repaired.lost.push(line),
            None => {}
        }
    }
    Ok(Some(repaired))
}

/// Puts the damaged store aside, and saves what is in it into a new one.
fn renew(state: &StateDir, suffix: &str, repaired: &mut Repaired) -> Result<(), StoreError> {
    let old_name = format!("{FILE}.{suffix}");
    for suffix in ["-wal", "-shm", ""] {
        match rustix::fs::renameat(state.fd(), format!("{FILE}{suffix}"), state.fd(), format!("{old_name}{suffix}")) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(errno) => return Err(super::io("repair", state, errno.into())),
        }
    }
    let old = state.path().join(&old_name);
    // What is in journals comes after what is known of them.
    let mut new = Store::open_alone(state)?;
    repaired.old = Some(old.clone());
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let root = state.fd().try_clone_to_owned().map_err(|source| super::io("repair", state, source))?;
    let read = Connection::open_with_flags(old.as_path(), flags);
    match read.map(|db| Store { db, path: old, version: schema::VERSION, root }) {
        Ok(damaged) => save(&damaged, &mut new, repaired),
        Err(error) => {
            repaired.lost.push(error.to_string());
            Ok(())
        }
    }
}

/// Returns what is wrong with the store alone. Where only journals are, there is none yet.
fn check_store(state: &StateDir) -> Result<Vec<String>, StoreError> {
    if files::stat(state.fd(), FILE).map_err(|source| super::io("open", state, source))?.is_none() {
        return Ok(Vec::new());
    }
    let store = match connect(state) {
        Ok(store) => store,
        Err(StoreError::Damaged { reason, .. }) => return Ok(vec![reason]),
        Err(error) => return Err(error),
    };
    if store.version > schema::VERSION {
        store.writable()?;
    }
    let mut wrong = Vec::new();
    match integrity(&store.db) {
        Ok(found) => wrong.extend(found),
        Err(error) => wrong.push(error.to_string()),
    }
    match store.names() {
        Ok(names) => wrong.extend(names.iter().filter_map(|(id, _)| judge(&store, id).err())),
        Err(error) => wrong.push(error.to_string()),
    }
    Ok(wrong)
}

fn save(damaged: &Store, new: &mut Store, repaired: &mut Repaired) -> Result<(), StoreError> {
    let mut ids = match damaged.names() {
        Ok(names) => names,
        Err(error) => {
            repaired.lost.push(format!("the list of tasks: {error}"));
            Vec::new()
        }
    };
    ids.extend(ids_of_events(&damaged.db).into_iter().map(|id| (id.clone(), id.to_string())));
    let mut done = std::collections::BTreeSet::new();
    for (id, name) in ids {
        if !done.insert(id.clone()) {
            continue;
        }
        let events = match read_events(&damaged.db, &id, &damaged.path) {
            Ok(events) if !events.is_empty() => events,
            Ok(_) => {
                repaired.lost.push(format!("{id}: it has no events"));
                continue;
            }
            Err(error) => {
                repaired.lost.push(format!("{id}: {error}"));
                continue;
            }
        };
        match copy(new, &id, &name, &events) {
            Ok(0) => repaired.saved += 1,
            Ok(left) => {
                repaired.saved += 1;
                repaired.lost.push(format!("{id}: its last {left} events contradict those before"));
            }
            Err(error @ (StoreError::Full { .. } | StoreError::Io { .. })) => return Err(error),
            Err(error) => repaired.lost.push(format!("{id}: {error}")),
        }
    }
    match damaged.settings() {
        Ok(settings) => settings.iter().try_for_each(|(key, value)| new.set(key, Some(value)))?,
        Err(error) => repaired.lost.push(format!("the settings: {error}")),
    }
    // What had ended before the damage has been told.
    new.db.execute("UPDATE tasks SET told = 1 WHERE over = 1", params![]).map_err(new.failed("write"))?;
    Ok(())
}

/// Writes the events of one task, as far as they fold, and returns how many do not.
fn copy(new: &mut Store, id: &TaskId, name: &str, events: &[(Timestamp, crate::Event)]) -> Result<usize, StoreError> {
    let Some(((at, first), rest)) = events.split_first() else { return Ok(0) };
    new.create(id, name, *at, vec![first.clone()])?;
    for (index, (at, event)) in rest.iter().enumerate() {
        match new.append(id, *at, std::slice::from_ref(event)) {
            Ok(_) => {}
            Err(StoreError::Fold { .. }) => return Ok(rest.len() - index),
            Err(error) => return Err(error),
        }
    }
    Ok(0)
}

fn ids_of_events(db: &Connection) -> Vec<TaskId> {
    let Ok(mut statement) = db.prepare("SELECT DISTINCT task FROM events") else { return Vec::new() };
    let Ok(rows) = statement.query_map([], |row| row.get::<_, String>(0)) else { return Vec::new() };
    rows.map_while(Result::ok).filter_map(|id| id.parse().ok()).collect()
}

fn integrity(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare("PRAGMA integrity_check(20)")?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut found = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    found.retain(|line| line != "ok");
    Ok(found)
}

/// Folds a task's events anew and compares the result with its row.
fn judge(store: &Store, id: &TaskId) -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| format!("{id}: {error}");
    let kept = store.record(id).map_err(|error| told(&error))?;
    let mut events = store.events(id).map_err(|error| told(&error))?.into_iter();
    let (at, first) = events.next().ok_or_else(|| format!("{id}: it has no events"))?;
    let begun = Record::begin(id.clone(), kept.name.clone(), 0, at, first).map_err(|error| told(&error))?;
    let folded = events.try_fold(begun, |record, (at, event)| record.with(at, event)).map_err(|error| told(&error))?;
    // Where it stood first is in no event.
    if (Record { position: kept.position, ..folded }) == kept {
        Ok(())
    } else {
        Err(format!("{id}: its row is not what its events say"))
    }
}
