//! What is known of a task: a fold over its events. Pure.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{ApprovedBy, Created, Event, Outcome, ProcessId, Question, TaskId, Timestamp};

/// A task, as its events tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub id: TaskId,
    /// Unique among the tasks that are kept.
    pub name: String,
    pub created_at: Timestamp,
    pub created: Created,
    /// The process that looks after it, or did.
    pub supervisor: Option<ProcessId>,
    pub approved: Option<ApprovedBy>,
    /// Where it stands among those that wait: the smallest goes first.
    pub position: i64,
    pub state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Queued,
    /// For a person's yes.
    Waiting {
        asked_at: Timestamp,
        question: Question,
    },
    /// It has a place, and the sandbox is being made.
    Starting,
    Running {
        started_at: Timestamp,
        pid: u32,
        /// Since when it stands still.
        paused_at: Option<Timestamp>,
    },
    Ended {
        started_at: Option<Timestamp>,
        ended_at: Timestamp,
        outcome: Outcome,
    },
}

/// Why an event cannot follow the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FoldError {
    #[error("the first event is not `created`")]
    NotCreated,
    #[error("a second `{0}`")]
    Second(&'static str),
    #[error("`{0}` after the end")]
    AfterTheEnd(&'static str),
    #[error("`{0}` in the state `{1}`")]
    OutOfPlace(&'static str, &'static str),
}

impl Record {
    /// Begins a record; the first event has to be the creation.
    pub fn begin(id: TaskId, name: String, position: i64, at: Timestamp, first: Event) -> Result<Record, FoldError> {
        let Event::Created(created) = first else { return Err(FoldError::NotCreated) };
        Ok(Record { id, name, created_at: at, created, supervisor: None, approved: None, position, state: State::Queued })
    }

    /// Returns the record with one more event.
    pub fn with(self, at: Timestamp, event: Event) -> Result<Record, FoldError> {
        let (what, before) = (event.word(), self.state.word());
        let out_of_place = Err(FoldError::OutOfPlace(what, before));
        if self.is_over() {
            return Err(FoldError::AfterTheEnd(what));
        }
        let state = match (event, self.state.clone()) {
            (Event::Created(_), _) => return Err(FoldError::Second(what)),
            (Event::Supervised { .. }, _) if self.supervisor.is_some() => return Err(FoldError::Second(what)),
            (Event::Supervised { by }, _) => return Ok(Record { supervisor: Some(by), ..self }),
            (Event::Approved { by }, State::Queued | State::Waiting { .. }) => {
                return Ok(Record { approved: Some(by), state: State::Queued, ..self });
            }
            (Event::Moved { position }, State::Queued | State::Waiting { .. }) => return Ok(Record { position, ..self }),
            (Event::Asked(question), State::Queued) => State::Waiting { asked_at: at, question },
            (Event::Starting, State::Queued) => State::Starting,
            // In the foreground nobody waits for a place.
            (Event::Started { pid }, State::Queued | State::Starting) => State::Running { started_at: at, pid, paused_at: None },
            (Event::Paused, State::Running { started_at, pid, paused_at: None }) => {
                State::Running { started_at, pid, paused_at: Some(at) }
            }
            (Event::Resumed, State::Running { started_at, pid, paused_at: Some(_) }) => {
                State::Running { started_at, pid, paused_at: None }
            }
            (Event::Ended { outcome }, state) => State::Ended { started_at: state.started_at(), ended_at: at, outcome },
            _ => return out_of_place,
        };
        Ok(Record { state, ..self })
    }

    /// Returns whether the last event has happened.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Ended { .. })
    }

    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Ended { outcome, .. } => Some(outcome),
            _ => None,
        }
    }
}

impl State {
    /// Returns the state in the words that are shown.
    pub fn word(&self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Waiting { .. } => "waiting for approval",
            State::Starting => "starting",
            State::Running { paused_at: Some(_), .. } => "paused",
            State::Running { .. } => "running",
            State::Ended { outcome, .. } => outcome.word(),
        }
    }

    pub fn started_at(&self) -> Option<Timestamp> {
        match self {
            State::Running { started_at, .. } => Some(*started_at),
            State::Ended { started_at, .. } => *started_at,
            State::Queued | State::Waiting { .. } | State::Starting => None,
        }
    }

    /// Returns whether it has one of the places in which tasks run.
    pub fn has_place(&self) -> bool {
        matches!(self, State::Starting | State::Running { .. })
    }
}

impl Outcome {
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed { .. } => "failed",
            Outcome::Killed { .. } => "killed",
            Outcome::TimedOut => "timed out",
            Outcome::OverLimit { .. } => "over limit",
            Outcome::Cancelled { .. } => "cancelled",
            Outcome::Denied { .. } => "denied",
            Outcome::CouldNotStart { .. } => "could not start",
            Outcome::Lost { .. } => "lost",
        }
    }
}

impl Event {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Event::Created(_) => "created",
            Event::Supervised { .. } => "supervised",
            Event::Asked(_) => "asked",
            Event::Approved { .. } => "approved",
            Event::Moved { .. } => "moved",
            Event::Starting => "starting",
            Event::Started { .. } => "started",
            Event::Paused => "paused",
            Event::Resumed => "resumed",
            Event::Ended { .. } => "ended",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Attended, CancelledBy, Confinement};

    pub(crate) fn created() -> Event {
        Event::Created(Created {
            agent: None,
            profile: "unrestricted".to_owned(),
            digest: "d".to_owned(),
            workspace: "/work".to_owned(),
            command: vec!["make".to_owned(), "a\nb".to_owned()],
            confinement: Confinement::Unrestricted,
            attended: Attended::Foreground,
            gaps: Vec::new(),
        })
    }

    pub(crate) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn question() -> Question {
        Question { digest: "d".to_owned(), policy: true, command: None, launched: None }
    }

    /// The event of each letter: c s a y m S r p u e.
    fn event(letter: char) -> Event {
        match letter {
            'c' => created(),
            's' => Event::Supervised { by: ProcessId { pid: 7, started: 8, boot: "b".to_owned() } },
            'a' => Event::Asked(question()),
            'y' => Event::Approved { by: ApprovedBy::Terminal },
            'm' => Event::Moved { position: -5 },
            'S' => Event::Starting,
            'r' => Event::Started { pid: 7 },
            'p' => Event::Paused,
            'u' => Event::Resumed,
            'e' => Event::Ended { outcome: Outcome::Cancelled { by: CancelledBy::User } },
            _ => unreachable!(),
        }
    }

    /// Folds the events of the letters, one a second.
    fn fold(letters: &str) -> Result<Record, FoldError> {
        let mut letters = letters.chars().zip(0..);
        let (first, _) = letters.next().unwrap();
        let record = Record::begin("task-000000".parse().unwrap(), "make".to_owned(), 3, at(0), event(first))?;
        letters.try_fold(record, |record, (letter, second)| record.with(at(second), event(letter)))
    }

    #[test]
    fn events_fold_to_a_state() {
        let check = |letters: &str, expected: State| assert_eq!(fold(letters).unwrap().state, expected, "{letters}");
        let running = |second, paused_at| State::Running { started_at: at(second), pid: 7, paused_at };
        let outcome = Outcome::Cancelled { by: CancelledBy::User };
        check("c", State::Queued);
        check("cs", State::Queued);
        check("csa", State::Waiting { asked_at: at(2), question: question() });
        check("csay", State::Queued);
        check("csaym", State::Queued);
        check("csyS", State::Starting);
        check("csySr", running(4, None));
        check("csySrp", running(4, Some(at(5))));
        check("csySrpu", running(4, None));
        check("cysr", running(3, None));
        check("csySrpe", State::Ended { started_at: Some(at(4)), ended_at: at(6), outcome: outcome.clone() });
        check("ce", State::Ended { started_at: None, ended_at: at(1), outcome: outcome.clone() });
        check("csae", State::Ended { started_at: None, ended_at: at(3), outcome });
        assert_eq!(fold("cm").unwrap().position, -5);
        assert_eq!(fold("cs").unwrap().supervisor.unwrap().pid, 7);
    }

    #[test]
    fn what_cannot_follow_is_refused() {
        let check = |letters: &str, expected: &str| assert_eq!(fold(letters).unwrap_err().to_string(), expected, "{letters}");
        check("s", "the first event is not `created`");
        check("cc", "a second `created`");
        check("css", "a second `supervised`");
        check("caa", "`asked` in the state `waiting for approval`");
        check("caS", "`starting` in the state `waiting for approval`");
        check("car", "`started` in the state `waiting for approval`");
        check("cSm", "`moved` in the state `starting`");
        check("cSy", "`approved` in the state `starting`");
        check("crr", "`started` in the state `running`");
        check("cp", "`paused` in the state `queued`");
        check("crpp", "`paused` in the state `paused`");
        check("cru", "`resumed` in the state `running`");
        for letter in "csaymSrpue".chars() {
            let word = event(letter).word();
            check(&format!("ce{letter}"), &format!("`{word}` after the end"));
        }
    }

    /// Whatever follows whatever: there is no panic, an end stays the end, and nothing runs before a question is answered.
    #[test]
    fn every_short_log_folds_or_is_refused() {
        let letters: Vec<char> = "saymSrpue".chars().collect();
        let mut logs = vec!["c".to_owned()];
        for _ in 0..4 {
            logs = logs.iter().flat_map(|log| letters.iter().map(move |letter| format!("{log}{letter}"))).collect();
            for log in &logs {
                let Ok(record) = fold(log) else { continue };
                let asked = log.rfind('a').is_some_and(|asked| !log[asked..].contains('y'));
                assert!(!(asked && record.state.has_place()), "{log}");
                assert_eq!(record.is_over(), log.contains('e'), "{log}");
            }
        }
    }
}
