//! What is known of a task: a fold over its log.

use std::os::fd::AsFd;

use remit_agent::AbsPath;
use rustix::fs::Dir;
use rustix::io::Errno;
use serde::Deserialize;
use thiserror::Error;

use crate::task::{DIRECTORY, LOG, Line, VERSION};
use crate::{ApprovedBy, Created, Event, Outcome, StateDir, TaskId, Timestamp, files};

/// A task, as its log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub id: TaskId,
    pub created_at: Timestamp,
    pub created: Created,
    pub approved: Option<ApprovedBy>,
    pub state: State,
    /// The log ends in a part of a line, because its writer died or the power went: what it was to say is not known.
    pub torn: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Created,
    Running {
        started_at: Timestamp,
        pid: u32,
    },
    Ended {
        started_at: Option<Timestamp>,
        ended_at: Timestamp,
        outcome: Outcome,
    },
    /// Its process is gone and wrote no end.
    Lost {
        started_at: Option<Timestamp>,
        found_at: Timestamp,
    },
}

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    #[error("there is no task `{id}`")]
    Missing { id: TaskId },
    #[error("record `{path}` is damaged in line {line}: {reason}")]
    Damaged { path: AbsPath, line: usize, reason: String },
    #[error("record `{path}` was written by a newer version of remit")]
    Newer { path: AbsPath },
    #[error("cannot read `{path}`")]
    Io { path: AbsPath, source: std::io::Error },
}

impl RecordError {
    /// Returns the cure, as an instruction.
    pub fn help(&self) -> Option<String> {
        match self {
            RecordError::Missing { .. } => Some("`remit tasks` lists the tasks".to_owned()),
            RecordError::Damaged { path, .. } => {
                path.parent().map(|directory| format!("look at the file; remove `{directory}` to forget the task"))
            }
            RecordError::Newer { .. } => Some("use the newer version".to_owned()),
            RecordError::Io { .. } => None,
        }
    }
}

impl Record {
    pub fn read(state: &StateDir, id: &TaskId) -> Result<Record, RecordError> {
        let name = format!("{DIRECTORY}/{id}/{LOG}");
        let path = state.path().join(&name);
        match files::read(state.fd(), &name) {
            // A log is made empty, and has its first lines a moment later.
            Ok(Some(log)) if log.is_empty() => Err(RecordError::Missing { id: id.clone() }),
            Ok(Some(log)) => Record::from_log(id, &log, &path),
            Ok(None) => Err(RecordError::Missing { id: id.clone() }),
            Err(source) => Err(RecordError::Io { path, source }),
        }
    }

    /// Folds a log. `path` is what errors call it.
    pub(crate) fn from_log(id: &TaskId, log: &[u8], path: &AbsPath) -> Result<Record, RecordError> {
        let (whole, torn) = log.split_at(whole_lines(log));
        let mut record = None;
        for (index, line) in whole.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let line = read_line(line, path, index + 1)?;
            let next = step(record, id, line);
            let damaged = |reason: &str| RecordError::Damaged { path: path.clone(), line: index + 1, reason: reason.to_owned() };
            record = Some(next.map_err(damaged)?);
        }
        match record {
            Some(record) => Ok(Record { torn: !torn.is_empty(), ..record }),
            None => Err(RecordError::Damaged { path: path.clone(), line: 1, reason: "it has no whole line".to_owned() }),
        }
    }

    /// Returns whether the log has its last event.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Ended { .. } | State::Lost { .. })
    }
}

/// Returns how much of a log is whole lines.
pub(crate) fn whole_lines(log: &[u8]) -> usize {
    log.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1)
}

/// A task of a listing; `record` is an error where the log cannot be read.
#[derive(Debug)]
pub struct Listed {
    pub id: TaskId,
    pub record: Result<Record, RecordError>,
}

/// Reads every record, oldest first, and after them those that cannot be read.
pub fn list(state: &StateDir) -> Result<Vec<Listed>, RecordError> {
    let read = |id| Listed { record: Record::read(state, &id), id };
    let mut listed: Vec<Listed> = ids(state, DIRECTORY)?.into_iter().map(read).collect();
    // No log yet: it is being made at this moment, or its maker died doing so, and a sweep takes it away.
    listed.retain(|listed| !matches!(listed.record, Err(RecordError::Missing { .. })));
    listed.sort_by_cached_key(|listed| {
        let created_at = listed.record.as_ref().map_or(Timestamp::MAX, |record| record.created_at);
        (created_at, listed.id.clone())
    });
    Ok(listed)
}

/// Returns the ids of the tasks that have an entry in `directory`, sorted.
pub(crate) fn ids(state: &StateDir, directory: &str) -> Result<Vec<TaskId>, RecordError> {
    let failed = |errno: Errno| RecordError::Io { path: state.path().join(directory), source: errno.into() };
    let directory = match files::open_directory(state.fd(), directory) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Ok(Vec::new()),
        Err(errno) => return Err(failed(errno)),
    };
    let mut ids = Vec::new();
    for entry in Dir::read_from(directory.as_fd()).map_err(failed)? {
        // What has another name is not a task's, and is left alone.
        ids.extend(entry.map_err(failed)?.file_name().to_str().ok().and_then(|name| name.parse().ok()));
    }
    ids.sort();
    Ok(ids)
}

/// What every version of a line has.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

fn read_line(line: &[u8], path: &AbsPath, number: usize) -> Result<Line, RecordError> {
    let newer = || RecordError::Newer { path: path.clone() };
    match serde_json::from_slice::<Line>(line) {
        Ok(line) if line.version > VERSION => Err(newer()),
        Ok(line) => Ok(line),
        Err(error) => match serde_json::from_slice(line) {
            Ok(Version { version }) if version > VERSION => Err(newer()),
            _ => Err(RecordError::Damaged { path: path.clone(), line: number, reason: error.to_string() }),
        },
    }
}

fn step(record: Option<Record>, id: &TaskId, line: Line) -> Result<Record, &'static str> {
    let Line { at, event, .. } = line;
    let Some(record) = record else {
        return match event {
            Event::Created(created) => {
                Ok(Record { id: id.clone(), created_at: at, created, approved: None, state: State::Created, torn: false })
            }
            _ => Err("the first event is not `created`"),
        };
    };
    let started_at = match record.state {
        State::Created => None,
        State::Running { started_at, .. } => Some(started_at),
        State::Ended { .. } | State::Lost { .. } => return Err("an event after the end"),
    };
    match event {
        Event::Created(_) => Err("a second `created`"),
        Event::Approved { .. } if record.approved.is_some() => Err("a second `approved`"),
        Event::Approved { by } => Ok(Record { approved: Some(by), ..record }),
        Event::Started { .. } if started_at.is_some() => Err("a second `started`"),
        Event::Started { pid } => Ok(Record { state: State::Running { started_at: at, pid }, ..record }),
        Event::Ended { outcome } => Ok(Record { state: State::Ended { started_at, ended_at: at, outcome }, ..record }),
        Event::Lost { .. } => Ok(Record { state: State::Lost { started_at, found_at: at }, ..record }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: &str = r#"{"version":1,"at":"2026-11-22T08:00:00Z","event":{"created":{"agent":{"name":"a","path":"/a.json"},"profile":"dev","digest":"d","workspace":"/w","command":["make"],"confinement":"confined"}}}"#;
    const APPROVED: &str = r#"{"version":1,"at":"2026-11-22T08:00:00Z","event":{"approved":{"by":"--yes"}}}"#;
    const STARTED: &str = r#"{"version":1,"at":"2026-11-22T08:00:01Z","event":{"started":{"pid":7}}}"#;
    const ENDED: &str = r#"{"version":1,"at":"2026-11-22T08:00:02Z","event":{"ended":{"outcome":{"failed":{"code":3}}}}}"#;
    const LOST: &str = r#"{"version":1,"at":"2026-11-22T08:00:03Z","event":{"lost":{"torn":null}}}"#;

    fn fold(log: &str) -> Result<Record, RecordError> {
        Record::from_log(&"task-000000".parse().unwrap(), log.as_bytes(), &AbsPath::root().join("log"))
    }

    fn at(second: i32) -> Timestamp {
        format!("2026-11-22T08:00:0{second}Z").parse().unwrap()
    }

    #[test]
    fn a_log_folds_to_its_last_state() {
        let check = |lines: &[&str], expected: State| {
            let record = fold(&(lines.join("\n") + "\n")).unwrap();
            assert_eq!(record.state, expected);
            assert!(!record.torn);
        };
        check(&[CREATED], State::Created);
        check(&[CREATED, APPROVED], State::Created);
        check(&[CREATED, APPROVED, STARTED], State::Running { started_at: at(1), pid: 7 });
        let outcome = Outcome::Failed { code: 3 };
        check(&[CREATED, STARTED, ENDED], State::Ended { started_at: Some(at(1)), ended_at: at(2), outcome: outcome.clone() });
        check(&[CREATED, ENDED], State::Ended { started_at: None, ended_at: at(2), outcome });
        check(&[CREATED, STARTED, LOST], State::Lost { started_at: Some(at(1)), found_at: at(3) });
    }

    #[test]
    fn a_torn_last_line_is_told_and_costs_nothing_else() {
        let whole = [CREATED, STARTED].join("\n") + "\n";
        for length in 1..ENDED.len() {
            let record = fold(&format!("{whole}{}", &ENDED[..length])).unwrap();
            assert!(record.torn);
            assert_eq!(record.state, State::Running { started_at: at(1), pid: 7 });
        }
    }

    #[test]
    fn damage_is_told_with_its_line() {
        let check = |lines: &[&str], expected: &str| {
            let error = fold(&(lines.join("\n") + "\n")).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(&[""], "in line 1");
        check(&[STARTED], "line 1: the first event is not `created`");
        check(&[CREATED, &ENDED[..20], STARTED], "in line 2");
        check(&[CREATED, "", ENDED], "in line 2");
        check(&[CREATED, CREATED], "line 2: a second `created`");
        check(&[CREATED, APPROVED, APPROVED], "line 3: a second `approved`");
        check(&[CREATED, STARTED, STARTED], "line 3: a second `started`");
        check(&[CREATED, ENDED, LOST], "line 3: an event after the end");
        check(&[CREATED, r#"{"version":2,"something":"else"}"#], "newer version");
        check(&[CREATED, &STARTED.replace("\"version\":1", "\"version\":2")], "newer version");
        assert!(fold("").unwrap_err().to_string().contains("no whole line"));
        assert!(fold("{").unwrap_err().to_string().contains("no whole line"));
    }
}
