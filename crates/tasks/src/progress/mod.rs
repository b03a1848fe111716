//! How far a task is, read from what its tools print.
//!
//! A [`Tracker`] is fed the bytes of a task's output as they come, in any pieces. It keeps no output and never blocks; what
//! it keeps is bounded. It knows three kinds of sources, and the surer one wins:
//!
//! 1. the line protocol, for any program: a line of its own, `::remit progress 12/345 tests::linking` (see `protocol`);
//! 2. OSC 9;4, the escape sequence by which programs show progress in a terminal's tab;
//! 3. the *recognisers* in `tools`: a file for each tool, tested with recorded output of the real one.
//!
//! A wrong guess is worse than none. A recogniser speaks only after a line that hardly anything else prints, such as a
//! header or a second line that continues the first; numbers that do not fit together are not a progress.

mod lines;
mod osc;
mod protocol;
mod scan;
#[cfg(test)]
pub(crate) mod tests;
mod tools;
mod tracker;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use tracker::Tracker;

pub use crate::Stream;

/// How far a task is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub done: u64,
    /// Never less than `done`. `None`: nobody knows how much there is to do.
    pub total: Option<u64>,
    pub unit: Unit,
    /// What is being done, in the tool's words: a phase, a file. Text of the task: to be made harmless before it is shown.
    pub label: Option<String>,
}

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Tests,
    TestFiles,
    Packages,
    Crates,
    Steps,
    Objects,
    Deltas,
    Files,
    Requests,
    Bytes,
    /// `done` is hundredths, `total` is 100.
    Percent,
    /// A program's own word, from the line protocol: letters only, 16 at most.
    Other(String),
}

impl Progress {
    /// Returns how much is done of what there is, from 0 to 100, rounded down.
    pub fn percent(&self) -> Option<u8> {
        let total = self.total.filter(|total| *total > 0)?;
        let share = u128::from(self.done) * 100 / u128::from(total);
        u8::try_from(share.min(100)).ok()
    }

    /// Returns a progress of `done`; a total that is less than that is no total.
    pub(crate) fn new(done: u64, total: Option<u64>, unit: Unit) -> Progress {
        Progress { done, total: total.filter(|total| *total >= done), unit, label: None }
    }

    pub(crate) fn percentage(percent: u64) -> Option<Progress> {
        (percent <= 100).then(|| Progress::new(percent, Some(100), Unit::Percent))
    }

    pub(crate) fn labelled(self, label: Option<String>) -> Progress {
        Progress { label, ..self }
    }
}

/// Writes the count without the label: `127/283 tests`, `45%`, `12 crates`.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.unit, self.total) {
            (Unit::Percent, _) => write!(f, "{}%", self.done),
            (Unit::Bytes, Some(total)) => write!(f, "{}/{}", Size(self.done), Size(total)),
            (Unit::Bytes, None) => write!(f, "{}", Size(self.done)),
            (unit, Some(total)) => write!(f, "{}/{total} {}", self.done, unit.word(total)),
            (unit, None) => write!(f, "{} {}", self.done, unit.word(self.done)),
        }
    }
}

impl Unit {
    /// Returns the word for `count` of them.
    pub fn word(&self, count: u64) -> &str {
        let one = count == 1;
        match self {
            Unit::Tests if one => "test",
            Unit::Tests => "tests",
            Unit::TestFiles if one => "test file",
            Unit::TestFiles => "test files",
            Unit::Packages if one => "package",
            Unit::Packages => "packages",
            Unit::Crates if one => "crate",
            Unit::Crates => "crates",
            Unit::Steps if one => "step",
            Unit::Steps => "steps",
            Unit::Objects if one => "object",
            Unit::Objects => "objects",
            Unit::Deltas if one => "delta",
            Unit::Deltas => "deltas",
            Unit::Files if one => "file",
            Unit::Files => "files",
            Unit::Requests if one => "request",
            Unit::Requests => "requests",
            Unit::Bytes if one => "byte",
            Unit::Bytes => "bytes",
            Unit::Percent => "percent",
            Unit::Other(word) => word,
        }
    }
}

/// Bytes as people read them, in powers of 1000.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut scale = 1;
        for unit in ["B", "kB", "MB", "GB", "TB"] {
            if self.0 / scale < 1000 || unit == "TB" {
                let tenth = self.0 % scale * 10 / scale;
                let whole = self.0 / scale;
                return if scale == 1 || whole >= 100 {
                    write!(f, "{whole} {unit}")
                } else {
                    write!(f, "{whole}.{tenth} {unit}")
                };
            }
            scale *= 1000;
        }
        Ok(())
    }
}
