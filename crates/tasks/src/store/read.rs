//! Reading: a listing reads one row for each task.

use remit_agent::AbsPath;
use rusqlite::{Connection, OptionalExtension};

use super::write::from_json;
use super::{Store, StoreError};
use crate::queue::{Entry, Phase, Predecessor};
use crate::record::Record;
use crate::{Event, Outcome, State, TaskId, Timestamp};

/// Which tasks a listing has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    /// Those that are not over, and so many of the newest others.
    Recent(u32),
    Unfinished,
    /// Those that are over and whose end nobody has been told.
    Untold,
}

/// A task of a listing; `record` is an error where the row cannot be understood.
#[derive(Debug)]
pub struct Listed {
    pub id: String,
    pub name: String,
    /// In a word, also where the record cannot be read.
    pub state: String,
    pub record: Result<Record, StoreError>,
}

impl Store {
    /// Returns what is known of a task.
    pub fn record(&self, id: &TaskId) -> Result<Record, StoreError> {
        read_record(&self.db, id, &self.path)
    }

    /// Returns the tasks, oldest first.
    pub fn list(&self, which: Which) -> Result<Vec<Listed>, StoreError> {
        let failed = self.failed("read");
        let (sql, limit) = match which {
            Which::All => ("SELECT id, name, state, record FROM tasks ORDER BY created, position", 0),
            Which::Unfinished => (
                "SELECT id, name, state, record FROM tasks INDEXED BY tasks_unfinished WHERE over = 0 ORDER BY created, position",
                0,
            ),
            Which::Untold => {
                ("SELECT id, name, state, record FROM tasks WHERE over = 1 AND told = 0 ORDER BY created, position", 0)
            }
            Which::Recent(limit) => (
                "SELECT id, name, state, record FROM tasks WHERE over = 0 OR id IN
                 (SELECT id FROM tasks WHERE over = 1 ORDER BY created DESC, position DESC LIMIT ?1) ORDER BY created, position",
                limit,
            ),
        };
        let mut statement = self.db.prepare(sql).map_err(&failed)?;
        let mut rows =
            if limit == 0 && !matches!(which, Which::Recent(_)) { statement.query([]) } else { statement.query([limit]) }
                .map_err(&failed)?;
        let mut listed = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let text = row.get_ref(3).map_err(&failed)?.as_str().unwrap_or_default();
            listed.push(Listed {
                id: row.get(0).map_err(&failed)?,
                name: row.get(1).map_err(&failed)?,
                state: row.get(2).map_err(&failed)?,
                record: self.understand(text),
            });
        }
        Ok(listed)
    }

    /// Returns the ids and names of all tasks.
    pub fn names(&self) -> Result<Vec<(TaskId, String)>, StoreError> {
        let failed = self.failed("read");
        let mut statement = self.db.prepare("SELECT id, name FROM tasks ORDER BY created, position").map_err(&failed)?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).map_err(&failed)?;
        let mut names = Vec::new();
        for row in rows {
            let (id, name) = row.map_err(&failed)?;
            names.extend(id.parse().ok().map(|id| (id, name)));
        }
        Ok(names)
    }

    /// Returns a task that waits for its turn until this one has ended, and then asks how.
    pub fn waits_for(&self, id: &TaskId) -> Result<Option<TaskId>, StoreError> {
        let waits = |record: &Record| {
            let after = record.created.background().and_then(|background| background.after.as_ref());
            record.state == State::Queued && after.is_some_and(|after| after.tasks.contains(id))
        };
        Ok(unfinished(&self.db, &self.path)?.into_iter().find(waits).map(|record| record.id))
    }

    /// Returns the events of a task, with their times.
    pub fn events(&self, id: &TaskId) -> Result<Vec<(Timestamp, Event)>, StoreError> {
        read_events(&self.db, id, &self.path)
    }

    /// Returns what the queue has to know, of every task that is not over.
    pub fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        entries(&self.db, &self.path)
    }

    fn understand(&self, text: &str) -> Result<Record, StoreError> {
        from_json(text, &self.path).map_err(|error| match self.writable() {
            // What a newer version wrote is not damaged.
            Err(newer) => newer,
            Ok(()) => error,
        })
    }
}

pub(super) fn read_record(db: &Connection, id: &TaskId, path: &AbsPath) -> Result<Record, StoreError> {
    let sql = "SELECT record FROM tasks WHERE id = ?";
    let text: Option<String> =
        db.query_row(sql, [id.as_str()], |row| row.get(0)).optional().map_err(super::failed(path, "read"))?;
    from_json(&text.ok_or_else(|| StoreError::Missing { id: id.to_string() })?, path)
}

pub(super) fn read_events(db: &Connection, id: &TaskId, path: &AbsPath) -> Result<Vec<(Timestamp, Event)>, StoreError> {
    let failed = super::failed(path, "read");
    let mut statement = db.prepare("SELECT at, event FROM events WHERE task = ? ORDER BY seq").map_err(&failed)?;
    let rows =
        statement.query_map([id.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).map_err(&failed)?;
    let mut events = Vec::new();
    for row in rows {
        let (at, event) = row.map_err(&failed)?;
        let at =
            at.parse().map_err(|error: jiff::Error| StoreError::Damaged { path: path.clone(), reason: error.to_string() })?;
        events.push((at, from_json(&event, path)?));
    }
    Ok(events)
}

fn unfinished(db: &Connection, path: &AbsPath) -> Result<Vec<Record>, StoreError> {
    let failed = super::failed(path, "read");
    let mut statement = db.prepare("SELECT record FROM tasks WHERE over = 0 ORDER BY position").map_err(&failed)?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).map_err(&failed)?;
    rows.map(|row| from_json(&row.map_err(&failed)?, path)).collect()
}

pub(super) fn entries(db: &Connection, path: &AbsPath) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    for record in unfinished(db, path)? {
        // What runs in the foreground has no place: somebody waits for it.
        let Some(background) = record.created.background() else { continue };
        let after = background.after.as_ref().filter(|_| record.state == State::Queued);
        let predecessors = match after {
            Some(after) => after.tasks.iter().map(|id| predecessor(db, id, after.any, path)).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        entries.push(Entry {
            agent: record.created.agent.map(|agent| agent.name),
            position: record.position,
            phase: Phase::of(&record.state, predecessors),
            id: record.id,
        });
    }
    Ok(entries)
}

fn predecessor(db: &Connection, id: &TaskId, any: bool, path: &AbsPath) -> Result<Predecessor, StoreError> {
    let outcome = match read_record(db, id, path) {
        Ok(record) if !record.is_over() => return Ok(Predecessor::Pending(id.clone())),
        Ok(record) => record.outcome().cloned(),
        Err(StoreError::Missing { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(if any || outcome == Some(Outcome::Succeeded) { Predecessor::Done } else { Predecessor::Failed(id.clone()) })
}
