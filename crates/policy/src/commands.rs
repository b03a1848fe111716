use globset::GlobMatcher;
use regex::Regex;
use serde::{Serialize, Serializer};

use crate::Origin;

/// Which command lines run unasked, which never, and what happens to the rest.
#[derive(Clone, Debug, Serialize)]
pub struct CommandGrants {
    pub deny: Vec<CommandRule>,
    pub allow: Vec<CommandRule>,
    /// The shell tool is pre-approved and no setting narrows it: every command line is allowed.
    pub everything: Option<Origin>,
    /// `autoAllowReadonly`: commands of the read-only table run unasked.
    pub read_only: Option<Origin>,
    pub otherwise: Otherwise,
}

/// What happens to a command line that no rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    Ask,
    Deny,
}

#[derive(Clone, Debug, Serialize)]
pub struct CommandRule {
    pub pattern: CommandPattern,
    #[serde(skip_serializing_if = "Origin::is_erased")]
    pub origin: Origin,
}

/// A pattern over one simple command.
#[derive(Clone, Debug)]
pub enum CommandPattern {
    /// A glob, word by word; `rest` when the last word is `*`.
    Words { text: String, words: Vec<GlobMatcher>, rest: bool },
    /// A regular expression over the words joined by one space, anchored at both ends.
    Regex { text: String, regex: Regex },
}

impl CommandPattern {
    /// Returns the pattern as written.
    pub fn text(&self) -> &str {
        match self {
            CommandPattern::Words { text, .. } | CommandPattern::Regex { text, .. } => text,
        }
    }

    /// Returns whether an allow pattern covers the command.
    ///
    /// A glob without a `/` in its first word covers no program with one: `git` is the one on the task's `PATH`, and
    /// `./git` is another. A `*` inside a word lets no path climb.
    pub fn allows(&self, command: &[String]) -> bool {
        match self {
            CommandPattern::Regex { regex, .. } => regex.is_match(&command.join(" ")),
            CommandPattern::Words { words, rest, .. } => {
                covers(words, *rest, command)
                    && words.first().is_none_or(|first| same_kind_of_program(first, command))
                    && words.iter().zip(command).all(|(glob, word)| !climbs(glob, word))
            }
        }
    }

    /// Returns whether a deny pattern covers the command: as it was written, or with the program named without its
    /// directory, as in `/bin/rm`.
    pub fn denies(&self, command: &[String]) -> bool {
        let plain = match command.split_first() {
            Some((program, arguments)) => {
                let name = program.rsplit('/').next().unwrap_or(program);
                let words = std::iter::once(name).chain(arguments.iter().map(String::as_str));
                words.map(str::to_owned).collect::<Vec<_>>()
            }
            None => return false,
        };
        match self {
            CommandPattern::Regex { regex, .. } => [command, &plain].iter().any(|words| regex.is_match(&words.join(" "))),
            CommandPattern::Words { words, rest, .. } => [command, &plain].iter().any(|command| covers(words, *rest, command)),
        }
    }
}

impl Serialize for CommandPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            CommandPattern::Words { text, .. } => serializer.serialize_newtype_variant("CommandPattern", 0, "glob", text),
            CommandPattern::Regex { text, .. } => serializer.serialize_newtype_variant("CommandPattern", 1, "regex", text),
        }
    }
}

fn covers(words: &[GlobMatcher], rest: bool, command: &[String]) -> bool {
    let enough = if rest { command.len() >= words.len() } else { command.len() == words.len() };
    enough && words.iter().zip(command).all(|(glob, word)| glob.is_match(word))
}

fn same_kind_of_program(first: &GlobMatcher, command: &[String]) -> bool {
    first.glob().glob().contains('/') || command.first().is_none_or(|program| !program.contains('/'))
}

/// Returns whether a wildcard that stands beside other characters has taken in a `..` that the pattern does not have. A
/// word that is nothing but `*` stands for any word.
fn climbs(glob: &GlobMatcher, word: &str) -> bool {
    let pattern = glob.glob().glob();
    let ups = |text: &str| text.split(['/', '=', ':', ',']).filter(|part| *part == "..").count();
    pattern != "*" && pattern.contains('*') && ups(word) > ups(pattern)
}
