use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The name of a task: `task-` and six characters, without those that look like others (`i`, `l`, `o`, `u`).
// INVARIANT: safe as a file name; only `from_random` and `from_str` make one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TaskId(String);

#[derive(Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not the id of a task")]
pub struct TaskIdError(pub String);

impl TaskIdError {
    /// Returns the cure, as an instruction.
    pub fn help(&self) -> Option<String> {
        Some("an id is `task-` and six letters or digits; `remit tasks` lists them".to_owned())
    }
}

const PREFIX: &str = "task-";
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 6;

impl TaskId {
    /// Returns the id that these random bytes make: the low five bits of each are a character.
    pub(crate) fn from_random(bytes: [u8; LENGTH]) -> TaskId {
        let letter = |byte: u8| char::from(LETTERS.get(usize::from(byte & 31)).copied().unwrap_or(b'0'));
        TaskId(PREFIX.chars().chain(bytes.into_iter().map(letter)).collect())
    }

    /// Returns whether this task, when it ends in the foreground, takes in what others like it have left: one in 256 does, so that
    /// not ever more lies there where nobody looks at his tasks.
    pub fn takes_in(&self) -> bool {
        matches!(self.0.strip_prefix(PREFIX).map(str::as_bytes), Some([b'0'..=b'3', b'0', ..]))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TaskId {
    type Err = TaskIdError;

    fn from_str(text: &str) -> Result<TaskId, TaskIdError> {
        let letters = text.strip_prefix(PREFIX).map(str::as_bytes);
        match letters {
            Some(letters) if letters.len() == LENGTH && letters.iter().all(|letter| LETTERS.contains(letter)) => {
                Ok(TaskId(text.to_owned()))
            }
            _ => Err(TaskIdError(text.to_owned())),
        }
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> String {
        id.0
    }
}

impl TryFrom<String> for TaskId {
    type Error = TaskIdError;

    fn try_from(text: String) -> Result<TaskId, TaskIdError> {
        text.parse()
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back() {
        let id = TaskId::from_random([0, 1, 31, 255, 32, 18]);
        assert_eq!(id.as_str(), "task-01zz0j");
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn one_in_256_takes_in() {
        let ids = (0..=u8::MAX).flat_map(|one| (0..=u8::MAX).map(move |two| TaskId::from_random([one, two, 1, 2, 3, 4])));
        assert_eq!(ids.filter(TaskId::takes_in).count(), 256);
    }

    #[test]
    fn nothing_else_is_an_id() {
        for text in ["", "task-", "task-12345", "task-1234567", "task-12345l", "task-12345A", "task-../../", "Task-123456"] {
            assert_eq!(text.parse::<TaskId>(), Err(TaskIdError(text.to_owned())));
        }
    }
}
