//! The journal of a task in the foreground: its events, in the file of its lock, until somebody opens the store and takes them in.
//!
//! So a start writes one line and an end another, and neither opens the database. A line counts when it is whole: what was cut short
//! never happened. The first says whose events these are; every one has a time, and what happened then.

use serde::{Deserialize, Serialize};

use crate::record::Record;
use crate::{Event, TaskId, Timestamp};

/// The form of the lines; a change of what they hold is a new one.
pub(crate) const VERSION: i64 = 1;

/// What a journal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Journal {
    /// The name that was asked for; the store makes it unique.
    pub(crate) name: String,
    /// At least one, with at least the creation.
    pub(crate) parts: Vec<Part>,
}

/// What happened at one time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Part {
    pub(crate) at: Timestamp,
    pub(crate) events: Vec<Event>,
    /// Its user was there, and knows of the end.
    #[serde(default)]
    pub(crate) told: bool,
}

/// Why a whole line is none of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Damaged(String),
    /// A newer version of remit wrote it.
    Newer {
        found: i64,
    },
}

#[derive(Serialize)]
struct Beginning<'a> {
    version: i64,
    id: &'a TaskId,
    name: &'a str,
    at: Timestamp,
    events: &'a [Event],
}

#[derive(Serialize)]
struct Addition<'a> {
    at: Timestamp,
    events: &'a [Event],
    told: bool,
}

/// What every version of the first line has.
#[derive(Deserialize)]
struct Head {
    version: i64,
}

#[derive(Deserialize)]
struct Owner {
    id: TaskId,
    name: String,
}

/// Returns the first line of a journal.
pub(crate) fn beginning(id: &TaskId, name: &str, at: Timestamp, events: &[Event]) -> serde_json::Result<Vec<u8>> {
    line(&Beginning { version: VERSION, id, name, at, events })
}

/// Returns the line with the end of a task whose user knows of it.
pub(crate) fn end(at: Timestamp, end: Event) -> serde_json::Result<Vec<u8>> {
    line(&Addition { at, events: &[end], told: true })
}

fn line(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(1024);
    serde_json::to_writer(&mut line, value)?;
    line.push(b'\n');
    Ok(line)
}

/// Returns what the whole lines of a task's journal say; `None` when there is none.
pub(crate) fn read(bytes: &[u8], id: &TaskId) -> Result<Option<Journal>, Wrong> {
    match as_far_as(bytes, id) {
        (journal, None) => Ok(journal),
        (_, Some(wrong)) => Err(wrong),
    }
}

/// Returns what a journal says as far as it can be understood, and why no further.
pub(crate) fn as_far_as(bytes: &[u8], id: &TaskId) -> (Option<Journal>, Option<Wrong>) {
    let mut read: Option<(Journal, Record)> = None;
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
    for line in lines {
        let next = match read.take() {
            None => first(line, id),
            Some((journal, record)) => match another(line, &record) {
                Ok((part, record)) => {
                    let parts = journal.parts.into_iter().chain([part]).collect();
                    Ok((Journal { parts, ..journal }, record))
                }
                Err(wrong) => return (Some(journal), Some(wrong)),
            },
        };
        match next {
            Ok(next) => read = Some(next),
            Err(wrong) => return (None, Some(wrong)),
        }
    }
    (read.map(|(journal, _)| journal), None)
}

fn first(line: &[u8], id: &TaskId) -> Result<(Journal, Record), Wrong> {
    let found = json::<Head>(line)?.version;
    if found > VERSION {
        return Err(Wrong::Newer { found });
    }
    if found != VERSION {
        return Err(Wrong::Damaged(format!("its form is {found}, which never was")));
    }
    let owner: Owner = json(line)?;
    if owner.id != *id {
        return Err(Wrong::Damaged(format!("it is the journal of `{}`", owner.id)));
    }
    let part: Part = json(line)?;
    let mut events = part.events.iter().cloned();
    let begun = match events.next() {
        Some(event) => Record::begin(id.clone(), owner.name.clone(), 0, part.at, event),
        None => Err(crate::record::FoldError::NotCreated),
    };
    let record =
        begun.and_then(|record| events.try_fold(record, |record, event| record.with(part.at, event))).map_err(damaged)?;
    Ok((Journal { name: owner.name, parts: vec![part] }, record))
}

fn another(line: &[u8], record: &Record) -> Result<(Part, Record), Wrong> {
    let part: Part = json(line)?;
    let record = part.events.iter().cloned().try_fold(record.clone(), |record, event| record.with(part.at, event));
    Ok((part, record.map_err(damaged)?))
}

fn json<T: for<'a> Deserialize<'a>>(line: &[u8]) -> Result<T, Wrong> {
    serde_json::from_slice(line).map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> Wrong {
    Wrong::Damaged(error.to_string())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::record::tests::{at, created};
    use crate::{ApprovedBy, Outcome};

    fn id() -> TaskId {
        "task-000000".parse().unwrap()
    }

    fn ended() -> Event {
        Event::Ended { outcome: Outcome::Failed { code: 3 } }
    }

    fn whole() -> Vec<u8> {
        let events = [created(), Event::Approved { by: ApprovedBy::Yes }, Event::Started { pid: 7 }];
        [beginning(&id(), "make", at(0), &events).unwrap(), end(at(2), ended()).unwrap()].concat()
    }

    #[test]
    fn what_is_written_is_read() {
        let journal = read(&whole(), &id()).unwrap().unwrap();
        assert_eq!(journal.name, "make");
        let [begun, over] = journal.parts.as_slice() else { panic!("{journal:?}") };
        assert_eq!((begun.at, begun.events.len(), begun.told), (at(0), 3, false));
        assert_eq!(over, &Part { at: at(2), events: vec![ended()], told: true });
    }

    #[test]
    fn a_line_counts_when_it_is_whole() {
        let whole = whole();
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
        for cut in 0..=whole.len() {
            let parts = read(&whole[..cut], &id()).unwrap().map_or(0, |journal| journal.parts.len());
            assert_eq!(parts, usize::from(cut > first) + usize::from(cut == whole.len()), "{cut}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_told() {
        let text = String::from_utf8(whole()).unwrap();
        let check = |from: &str, to: &str, expected: &str, parts: usize| {
            assert!(text.contains(from), "{from}");
            let (journal, wrong) = as_far_as(text.replacen(from, to, 1).as_bytes(), &id());
            let Some(Wrong::Damaged(reason)) = wrong else { panic!("{from}: {wrong:?}") };
            assert!(reason.contains(expected), "{reason}");
            assert_eq!(journal.map_or(0, |journal| journal.parts.len()), parts, "{from}");
        };
        check("{\"version\"", "\n{\"version\"", "EOF", 0);
        check("\"version\":1", "\"version\":0", "never was", 0);
        check("\"version\":1,", "", "missing field `version`", 0);
        check("task-000000", "task-000001", "the journal of `task-000001`", 0);
        check("\"started\":{\"pid\":7}", "\"burnt\":{\"pid\":7}", "unknown variant", 0);
        check("{\"started\":{\"pid\":7}}", "\"paused\"", "`paused` in the state `queued`", 0);
        check("\"failed\":{\"code\":3}", "\"failed\":{\"code\":\"3\"}", "invalid type", 1);
        check("\"ended\":{", "\"approved\":{\"by\":\"--yes\"},\"ended\":{", "expected", 1);
        check("\"told\":true}", "\"told\":true}\n{}", "missing field", 2);
        let newer = text.replacen("\"version\":1", "\"version\":2", 1).replace("events", "happenings");
        assert_eq!(read(newer.as_bytes(), &id()), Err(Wrong::Newer { found: 2 }));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let whole = whole();
        for index in 0..whole.len() {
            for byte in [0, b'\n', b'"', b'}', 0xFF] {
                let mut bytes = whole.clone();
                bytes[index] = byte;
                let _ = as_far_as(&bytes, &id());
            }
        }
    }
}
