//! Writing: one transaction for each thing that happens.

use std::os::fd::AsFd;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use super::read::read_record;
use super::{Store, StoreError};
use crate::queue::{self, Turn};
use crate::record::Record;
use crate::{ApprovedBy, Event, TaskId, Timestamp, name};

/// How far apart places in the queue are made, so that another fits between.
const APART: i64 = 1 << 20;

/// What the command line wants of a task's supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Somebody answered; `digest` is the policy that was shown.
    Answer {
        yes: bool,
        digest: String,
        by: ApprovedBy,
    },
    /// End it; what is left after so many milliseconds is killed.
    Cancel {
        grace: u64,
    },
    Pause,
    Resume,
    Move {
        position: i64,
    },
}

/// Where a queued task is moved to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    First,
    Last,
    Before(TaskId),
}

impl Store {
    /// Makes the record of a new task. The name is what is asked for, with a number behind it when it is another's.
    pub fn create(&mut self, id: &TaskId, wanted: &str, at: Timestamp, events: Vec<Event>) -> Result<Record, StoreError> {
        self.writing("write", |transaction, path| create_in(transaction, id, wanted, at, events, path))
    }

    /// Appends events to a task, all with one time. What cannot follow the events that are there is refused, and then none is
    /// appended.
    pub fn append(&mut self, id: &TaskId, at: Timestamp, events: &[Event]) -> Result<Record, StoreError> {
        self.writing("write", |transaction, path| append_in(transaction, id, at, events, path))
    }

    /// Appends the end of a task whose user was there: there is nothing to tell any more.
    pub fn append_told(&mut self, id: &TaskId, at: Timestamp, end: Event) -> Result<Record, StoreError> {
        self.writing("write", |transaction, path| {
            let record = append_in(transaction, id, at, &[end], path)?;
            tell(transaction, id).map_err(super::failed(path, "write"))?;
            Ok(record)
        })
    }

    /// Gives a task its place when it is its turn, and says whether it was.
    pub fn take_turn(&mut self, id: &TaskId, at: Timestamp) -> Result<Turn, StoreError> {
        let limits = self.limits()?;
        self.writing("write", |transaction, path| {
            let entries = super::read::entries(transaction, path)?;
            let turn = queue::turn(&entries, &limits, id);
            if turn == Turn::Now {
                append_in(transaction, id, at, &[Event::Starting], path)?;
            }
            Ok(turn)
        })
    }

    /// Leaves a wish for the supervisor of a task.
    pub fn wish(&mut self, id: &TaskId, wish: &Wish) -> Result<(), StoreError> {
        self.writing("write", |transaction, path| {
            let text = to_json(wish, path)?;
            let sql = "INSERT INTO wishes (task, wish) SELECT id, ? FROM tasks WHERE id = ? AND over = 0";
            let inserted = transaction.execute(sql, params![text, id.as_str()]).map_err(super::failed(path, "write"))?;
            if inserted == 0 { Err(StoreError::Missing { id: id.to_string() }) } else { Ok(()) }
        })
    }

    /// Takes the wishes that were left for a task, in order.
    pub fn take_wishes(&mut self, id: &TaskId) -> Result<Vec<Wish>, StoreError> {
        let failed = self.failed("read");
        // Mostly there is none, and then nothing has to be written.
        let any: bool = self
            .db
            .query_row("SELECT EXISTS (SELECT 1 FROM wishes WHERE task = ?)", [id.as_str()], |row| row.get(0))
            .map_err(&failed)?;
        if !any {
            return Ok(Vec::new());
        }
        self.writing("write", |transaction, path| {
            let failed = super::failed(path, "read");
            let mut statement =
                transaction.prepare("DELETE FROM wishes WHERE task = ? RETURNING number, wish").map_err(&failed)?;
            let rows = statement
                .query_map([id.as_str()], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
                .map_err(&failed)?;
            let mut wishes = rows.collect::<Result<Vec<_>, _>>().map_err(&failed)?;
            wishes.sort();
            wishes.into_iter().map(|(_, text)| from_json(&text, path)).collect()
        })
    }

    /// Returns the position that puts a task at a place.
    pub fn position(&self, place: &Place) -> Result<i64, StoreError> {
        let failed = self.failed("read");
        let one = |sql: &str| self.db.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map_err(&failed);
        match place {
            Place::First => Ok(one("SELECT min(position) FROM tasks WHERE over = 0")?.unwrap_or(0).saturating_sub(APART)),
            Place::Last => last(&self.db, Timestamp::now()).map_err(&failed),
            Place::Before(other) => {
                let other = self.record(other)?;
                let sql = "SELECT max(position) FROM tasks WHERE over = 0 AND position < ?";
                let ahead: Option<i64> = self.db.query_row(sql, [other.position], |row| row.get(0)).map_err(&failed)?;
                Ok(ahead.map_or(other.position.saturating_sub(APART), |ahead| ahead + (other.position - ahead) / 2))
            }
        }
    }

    /// Removes a task and its events.
    pub fn remove(&mut self, id: &TaskId) -> Result<(), StoreError> {
        let root = self.root.try_clone().map_err(|source| StoreError::Io { action: "open", path: self.path.clone(), source })?;
        self.writing("write", |transaction, path| {
            // First what could bring it back.
            super::journals::forget(root.as_fd(), id).map_err(|errno| StoreError::Io {
                action: "write",
                path: path.clone(),
                source: errno.into(),
            })?;
            let removed =
                transaction.execute("DELETE FROM tasks WHERE id = ?", [id.as_str()]).map_err(super::failed(path, "write"))?;
            if removed == 0 { Err(StoreError::Missing { id: id.to_string() }) } else { Ok(()) }
        })
    }

    /// Says that a task's end is told, and returns whether this caller is the one to tell it: of several, one is.
    pub fn tell_once(&mut self, id: &TaskId) -> Result<bool, StoreError> {
        self.writing("write", |transaction, path| tell(transaction, id).map_err(super::failed(path, "write")))
    }

    /// Runs `work` in one transaction, which nobody else writes beside.
    pub(super) fn writing<T>(
        &mut self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>, &remit_agent::AbsPath) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.writable()?;
        let path = self.path.clone();
        let failed = self.failed(action);
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let done = work(&transaction, &path)?;
        transaction.commit().map_err(&failed)?;
        Ok(done)
    }
}

pub(super) fn tell(transaction: &Transaction<'_>, id: &TaskId) -> rusqlite::Result<bool> {
    let sql = "UPDATE tasks SET told = 1 WHERE id = ? AND over = 1 AND told = 0";
    Ok(transaction.execute(sql, [id.as_str()])? == 1)
}

pub(super) fn create_in(
    transaction: &Transaction<'_>,
    id: &TaskId,
    wanted: &str,
    at: Timestamp,
    events: Vec<Event>,
    path: &remit_agent::AbsPath,
) -> Result<Record, StoreError> {
    let failed = super::failed(path, "write");
    let position = last(transaction, at).map_err(&failed)?;
    let name = unused_name(transaction, wanted).map_err(&failed)?;
    let mut events = events.into_iter();
    let refused = |source| StoreError::Fold { id: id.clone(), source };
    let first = events.next().ok_or(refused(crate::record::FoldError::NotCreated))?;
    let record = Record::begin(id.clone(), name, position, at, first.clone()).map_err(refused)?;
    let sql = "INSERT INTO tasks (id, name, created, position, over, told, state, record) VALUES (?, ?, ?, ?, 0, 0, '', '')";
    transaction.execute(sql, params![id.as_str(), record.name, at.as_millisecond(), position]).map_err(&failed)?;
    insert(transaction, id, 0, at, &first).map_err(&failed)?;
    follow(transaction, record, 1, at, events, path)
}

pub(super) fn append_in(
    transaction: &Transaction<'_>,
    id: &TaskId,
    at: Timestamp,
    events: &[Event],
    path: &remit_agent::AbsPath,
) -> Result<Record, StoreError> {
    let failed = super::failed(path, "read");
    let record = read_record(transaction, id, path)?;
    let seq: i64 = transaction
        .query_row("SELECT coalesce(max(seq), -1) + 1 FROM events WHERE task = ?", [id.as_str()], |row| row.get(0))
        .map_err(&failed)?;
    follow(transaction, record, seq, at, events.iter().cloned(), path)
}

/// Adds events behind a record and writes what they fold to.
fn follow(
    transaction: &Transaction<'_>,
    record: Record,
    first: i64,
    at: Timestamp,
    events: impl Iterator<Item = Event>,
    path: &remit_agent::AbsPath,
) -> Result<Record, StoreError> {
    let failed = super::failed(path, "write");
    let mut record = record;
    for (seq, event) in (first..).zip(events) {
        let id = record.id.clone();
        insert(transaction, &id, seq, at, &event).map_err(&failed)?;
        record = record.with(at, event).map_err(|source| StoreError::Fold { id, source })?;
    }
    let sql = "UPDATE tasks SET position = ?, over = ?, state = ?, record = ? WHERE id = ?";
    let text = to_json(&record, path)?;
    transaction
        .execute(sql, params![record.position, record.is_over(), record.state.word(), text, record.id.as_str()])
        .map_err(&failed)?;
    Ok(record)
}

fn insert(db: &Connection, id: &TaskId, seq: i64, at: Timestamp, event: &Event) -> rusqlite::Result<()> {
    let text = serde_json::to_string(event).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let mut statement = db.prepare("INSERT INTO events (task, seq, at, event) VALUES (?, ?, ?, ?)")?;
    statement.execute(params![id.as_str(), seq, at.to_string(), text]).map(|_| ())
}

/// Returns a position behind all that wait. It grows with the time, so that finished tasks, of which there may be many, need
/// not be looked at.
fn last(db: &Connection, at: Timestamp) -> rusqlite::Result<i64> {
    let sql = "SELECT max(position) FROM tasks INDEXED BY tasks_unfinished WHERE over = 0";
    let highest: Option<i64> = db.query_row(sql, [], |row| row.get(0))?;
    let by_time = at.as_millisecond().saturating_mul(APART);
    Ok(highest.map_or(by_time, |highest| by_time.max(highest.saturating_add(APART))))
}

fn unused_name(transaction: &Transaction<'_>, wanted: &str) -> rusqlite::Result<String> {
    let mut statement = transaction.prepare("SELECT 1 FROM tasks WHERE name = ?")?;
    let mut error = None;
    let name = name::unique(wanted, |name| match statement.query_row([name], |_| Ok(())).optional() {
        Ok(found) => found.is_some(),
        Err(failed) => {
            error = Some(failed);
            false
        }
    });
    error.map_or(Ok(name), Err)
}

pub(super) fn to_json(value: &impl Serialize, path: &remit_agent::AbsPath) -> Result<String, StoreError> {
    let failed = |error: serde_json::Error| StoreError::Sql { action: "write", path: path.clone(), reason: error.to_string() };
    serde_json::to_string(value).map_err(failed)
}

pub(super) fn from_json<T: for<'a> Deserialize<'a>>(text: &str, path: &remit_agent::AbsPath) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged { path: path.clone(), reason: error.to_string() })
}
