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
}

impl Serialize for CommandPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            CommandPattern::Words { text, .. } => serializer.serialize_newtype_variant("CommandPattern", 0, "glob", text),
            CommandPattern::Regex { text, .. } => serializer.serialize_newtype_variant("CommandPattern", 1, "regex", text),
        }
    }
}
