//! What a task's output came to, for people: which tests failed, how many warnings, what was written.
//!
//! Read from the same lines, by the same recognisers, as the progress ([`crate::progress`]); deterministic, and bounded in
//! size. Names and paths are the task's own text: they are to be made harmless before they are shown.

mod junit;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use junit::read_junit;

use crate::progress::{Tracker, Unit};

/// So many names of each kind are kept; more are counted.
const MOST_NAMES: usize = 50;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub tests: Vec<Tests>,
    pub warnings: u64,
    /// Paths, as the tools name them.
    pub artefacts: Vec<String>,
    /// What else a tool says at its end, such as `added 333 packages`.
    pub notes: Vec<String>,
}

/// What one tool's tests came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tests {
    pub tool: String,
    /// What `passed`, `failed` and `skipped` count.
    pub unit: Unit,
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
    /// Bounded: there may be fewer than `failed`.
    pub failed_names: Vec<String>,
    /// The tool came to its end and said so. Otherwise the counts are as far as it came.
    pub complete: bool,
}

/// Returns what output came to; `None` when no known tool said anything.
///
/// Where the middle of an output was thrown away, counts that the tool itself adds up at its end are still right.
pub fn summarise(output: &[u8]) -> Option<Summary> {
    let mut tracker = Tracker::new();
    tracker.feed(output);
    tracker.summary()
}

impl Summary {
    /// Returns the summary when there is anything in it.
    pub(crate) fn settled(mut self) -> Option<Summary> {
        // The same tests, told by what runs them and by what runs that.
        for (outer, inner) in [("cargo nextest", "cargo test"), ("prove", "TAP")] {
            if self.tests.iter().any(|tests| tests.tool == outer) {
                self.tests.retain(|tests| tests.tool != inner);
            }
        }
        (self != Summary::default()).then_some(self)
    }

    pub(crate) fn add_tests(&mut self, tests: Tests) {
        if tests.passed + tests.failed + tests.skipped > 0 || tests.complete {
            self.tests.push(tests);
        }
    }

    pub(crate) fn add_artefacts(&mut self, artefacts: &[String]) {
        for artefact in artefacts {
            if !self.artefacts.contains(artefact) && self.artefacts.len() < MOST_NAMES {
                self.artefacts.push(artefact.clone());
            }
        }
    }
}

/// Adds a name to a list that stays bounded; a name that is there already is not added.
pub(crate) fn add_name(names: &mut Vec<String>, name: String) {
    if names.len() < MOST_NAMES && !name.is_empty() && !names.contains(&name) {
        names.push(name);
    }
}

/// Writes lines for people, without an end of line after the last.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = self.tests.iter().map(ToString::to_string).collect();
        match self.warnings {
            0 => {}
            1 => lines.push("1 warning".to_owned()),
            many => lines.push(format!("{many} warnings")),
        }
        lines.extend(self.notes.iter().cloned());
        lines.extend(self.artefacts.iter().map(|path| format!("wrote {path}")));
        f.write_str(&lines.join("\n"))
    }
}

impl fmt::Display for Tests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.tool)?;
        if self.unit != Unit::Tests {
            write!(f, "{}: ", self.unit.word(2))?;
        }
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        if !self.complete {
            f.write_str(" (it did not come to its end)")?;
        }
        for name in &self.failed_names {
            write!(f, "\n  failed: {name}")?;
        }
        let more = self.failed.saturating_sub(self.failed_names.len() as u64);
        if more > 0 && !self.failed_names.is_empty() {
            write!(f, "\n  and {more} more")?;
        }
        Ok(())
    }
}
