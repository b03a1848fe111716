//! What programs do with their words: which options turn a command into another, which programs run another.
//!
//! The tables are data, in `policies/commands/`, and every row has its source. The gate reads them when it judges, and
//! what reads the same files cannot disagree with it. A word is examined as an option wherever it stands, also in the
//! place of a value: an option that is taken for one asks once too often, and one that is missed would run.

mod awk;
mod examine;
mod hash;
mod inner;
mod row;
mod sed;

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use serde::Deserialize;

pub(crate) use examine::{Escape, Value, examine, is_value, subcommand};
pub(crate) use inner::{Inner, inner};
pub(crate) use row::{Effect, List, Row};

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

/// The rows of the programs, as texts, and the names in order.
mod data {
    include!(concat!(env!("OUT_DIR"), "/tables.rs"));
}

/// Each is read when it is first asked for: a start asks for a row or two.
pub(crate) struct Tables {
    // In boxes: most stay empty, and a row is 600 bytes.
    rows: Vec<OnceLock<Box<Row>>>,
    assignments: LazyLock<Vec<AssignmentRow>>,
    read_only: LazyLock<Vec<ReadOnlyRow>>,
}

/// Names that may be assigned before a command.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AssignmentRow {
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever reads the data"))]
    source: String,
    names: List,
    /// Only these values.
    #[serde(default)]
    values: Option<List>,
}

/// A command that reads and does nothing else.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReadOnlyRow {
    pub(crate) names: List,
    pub(crate) source: String,
    /// `false`: no word names a file.
    pub(crate) paths: Option<bool>,
    /// `pattern`: the first operand names no file.
    pub(crate) first: String,
    /// Options that do not stay read-only, besides those of the program's own row.
    pub(crate) deny: List,
    /// Options whose value is the next word, and names no file.
    pub(crate) values: List,
    /// It starts what the settings in its directory name: only in the workspace itself, whose settings are protected.
    pub(crate) at_workspace: bool,
    /// Options before the subcommand.
    pub(crate) global: List,
    /// The only options.
    pub(crate) only: Option<List>,
    /// `false`: no operand.
    pub(crate) operands: Option<bool>,
    /// The only first operands.
    pub(crate) words: Option<List>,
    /// Whether one of `words` must be there.
    pub(crate) required: bool,
    pub(crate) required_option: Option<List>,
    /// Operands that it must not have.
    pub(crate) never: List,
    /// The only word after the program.
    pub(crate) exactly: Option<List>,
    pub(crate) sub: HashMap<String, ReadOnlyRow>,
}

impl Tables {
    fn new() -> Tables {
        let rows = data::ROWS.iter().map(|_| OnceLock::new()).collect();
        // Without the one no variable may be assigned; without the other nothing is known to only read. Then everything asks.
        let assignments =
            || serde_json::from_str(include_str!("../../../../policies/commands/assignments.json")).unwrap_or_default();
        let read_only = || serde_json::from_str(include_str!("../../../../policies/commands/readonly.json")).unwrap_or_default();
        Tables { rows, assignments: LazyLock::new(assignments), read_only: LazyLock::new(read_only) }
    }

    /// Returns the row of a program, named with its directory or without.
    pub(crate) fn row(&self, program: &str) -> Option<&Row> {
        let name = program.rsplit_once('/').map_or(program, |(_, name)| name);
        let index = index(name)?;
        let read = || Box::new(data::ROWS.get(index).map_or_else(Row::unreadable, |text| Row::read(text)));
        Some(self.rows.get(index)?.get_or_init(read))
    }

    /// Returns the rows that say when a program only reads.
    pub(crate) fn read_only<'a>(&'a self, program: &'a str) -> impl Iterator<Item = &'a ReadOnlyRow> {
        self.read_only.iter().filter(move |row| row.names.has(program))
    }

    /// Returns whether a variable may be assigned before a command; `value` is `None` where nobody knows it.
    pub(crate) fn may_assign(&self, name: &str, value: Option<&str>) -> bool {
        self.assignments.iter().any(|row| {
            row.names.has(name) && row.values.as_ref().is_none_or(|values| value.is_some_and(|value| values.has(value)))
        })
    }
}

/// Returns the row's place for a program of that name.
fn index(name: &str) -> Option<usize> {
    let mut slot = hash::hash(name) & (data::SLOTS.len() - 1);
    loop {
        // An empty slot holds a number that no name has.
        let (known, index) = named(*data::NAMES.get(usize::from(*data::SLOTS.get(slot)?))?);
        if known == name {
            return Some(index);
        }
        slot = (slot + 1) & (data::SLOTS.len() - 1);
    }
}

/// Returns a name of the table, and the place of its row.
fn named((start, end, row): (u16, u16, u16)) -> (&'static str, usize) {
    (data::TEXT.get(usize::from(start)..usize::from(end)).unwrap_or_default(), usize::from(row))
}

pub(crate) fn tables() -> &'static Tables {
    &TABLES
}

/// A word of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arg<'a> {
    /// The text, when it is always the same.
    pub(crate) text: Option<&'a str>,
    /// What it begins with, whatever its expansions become.
    pub(crate) prefix: &'a str,
    /// Whether it is one word, whatever its expansions become.
    pub(crate) one: bool,
    /// Whether every word that it becomes begins with `prefix`.
    pub(crate) all_begin: bool,
    /// Whether nothing in it is unknown but which file names match.
    pub(crate) globs: bool,
    /// As it was written.
    pub(crate) raw: &'a str,
}

impl<'a> Arg<'a> {
    pub(crate) fn fixed(text: &'a str) -> Arg<'a> {
        Arg { text: Some(text), prefix: text, one: true, all_begin: true, globs: true, raw: text }
    }

    /// Returns whether no option can come of it.
    pub(crate) fn is_no_option(&self) -> bool {
        match self.text {
            Some(text) => !text.starts_with('-'),
            None => self.all_begin && !self.prefix.is_empty() && !self.prefix.starts_with(['-', '+', '@']),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_read_and_each_row_has_a_source() {
        let tables = Tables::new();
        assert!(data::NAMES.iter().copied().map(named).is_sorted());
        for (name, _) in data::NAMES.iter().copied().map(named) {
            let row = tables.row(name).unwrap();
            assert!(!row.source.is_empty() && row.names.has(name), "{row:?}");
        }
        assert!(!tables.assignments.is_empty() && tables.assignments.iter().all(|row| !row.source.is_empty()));
        assert!(!tables.read_only.is_empty());
        assert!(tables.read_only.iter().all(|row| !row.source.is_empty() && !row.names.0.is_empty()));
    }

    #[test]
    fn a_row_that_cannot_be_read_may_be_any_program() {
        assert_eq!(Row::read("{").always, Some(Effect::Run));
        assert_eq!(Row::read(r#"{"names":"x","source":"y","unknown":1}"#).always, Some(Effect::Run));
    }

    #[test]
    fn no_variable_on_the_list_names_a_program_or_a_file() {
        let tables = Tables::new();
        for name in
            ["PATH", "LD_PRELOAD", "GIT_SSH_COMMAND", "NODE_OPTIONS", "PYTHONPATH", "BASH_ENV", "RUSTFLAGS", "IFS", "HOME"]
        {
            assert!(!tables.may_assign(name, Some("x")), "{name}");
        }
        assert!(tables.may_assign("CI", None));
        assert!(tables.may_assign("PAGER", Some("cat")));
        assert!(!tables.may_assign("PAGER", Some("sh")) && !tables.may_assign("PAGER", None));
    }
}
