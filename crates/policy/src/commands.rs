use regex::Regex;
use remit_shell::PatternPart;
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
    /// A glob, word by word; `rest` when the last word is `*`, which is then not among the words.
    Words { text: String, words: Vec<Vec<PatternPart>>, rest: bool },
    /// A regular expression over the words joined by one space, anchored at both ends.
    Regex { text: String, regex: Regex },
}

/// A simple command, made ready for being matched with many patterns.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    words: Vec<String>,
    joined: String,
    /// With the program named without its directory, where it was named with one.
    plain: Option<(Vec<String>, String)>,
}

impl Subject {
    pub(crate) fn new(words: Vec<String>) -> Subject {
        let plain = words.split_first().and_then(|(program, arguments)| {
            let (_, name) = program.rsplit_once('/')?;
            let plain: Vec<String> = std::iter::once(name.to_owned()).chain(arguments.iter().cloned()).collect();
            let joined = plain.join(" ");
            Some((plain, joined))
        });
        Subject { joined: words.join(" "), words, plain }
    }
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
        self.allows_subject(&Subject::new(command.to_vec()))
    }

    /// Returns whether a deny pattern covers the command: as it was written, or with the program named without its
    /// directory, as in `/bin/rm`.
    pub fn denies(&self, command: &[String]) -> bool {
        self.denies_subject(&Subject::new(command.to_vec()))
    }

    pub(crate) fn allows_subject(&self, command: &Subject) -> bool {
        match self {
            CommandPattern::Regex { regex, .. } => regex.is_match(&command.joined),
            CommandPattern::Words { words, rest, .. } => {
                covers(words, *rest, &command.words)
                    && words.first().is_none_or(|first| same_kind_of_program(first, &command.words))
                    && words.iter().zip(&command.words).all(|(pattern, word)| !climbs(pattern, word))
            }
        }
    }

    pub(crate) fn denies_subject(&self, command: &Subject) -> bool {
        let plain = command.plain.as_ref();
        match self {
            CommandPattern::Regex { regex, .. } => {
                regex.is_match(&command.joined) || plain.is_some_and(|(_, joined)| regex.is_match(joined))
            }
            CommandPattern::Words { words, rest, .. } => {
                covers(words, *rest, &command.words) || plain.is_some_and(|(plain, _)| covers(words, *rest, plain))
            }
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

fn covers(words: &[Vec<PatternPart>], rest: bool, command: &[String]) -> bool {
    let enough = if rest { command.len() >= words.len() } else { command.len() == words.len() };
    enough && words.iter().zip(command).all(|(pattern, word)| covers_word(pattern, word))
}

/// Returns whether the parts cover the whole word. Each text is taken where it is first found, and the last one at the
/// end: for a pattern of stars only, that is exact, and takes one pass.
fn covers_word(parts: &[PatternPart], word: &str) -> bool {
    let mut rest = word;
    let mut starred = false;
    for (index, part) in parts.iter().enumerate() {
        match part {
            PatternPart::Star => starred = true,
            PatternPart::Text(text) if starred && index + 1 == parts.len() => return rest.ends_with(text.as_str()),
            PatternPart::Text(text) => {
                let after = if starred {
                    rest.split_once(text.as_str()).map(|(_, after)| after)
                } else {
                    rest.strip_prefix(text.as_str())
                };
                let Some(after) = after else { return false };
                rest = after;
                starred = false;
            }
        }
    }
    starred || rest.is_empty()
}

fn same_kind_of_program(first: &[PatternPart], command: &[String]) -> bool {
    texts(first).any(|text| text.contains('/')) || command.first().is_none_or(|program| !program.contains('/'))
}

/// Returns whether a wildcard that stands beside other characters has taken in a `..` that the pattern does not have. A
/// word that is nothing but `*` stands for any word.
fn climbs(parts: &[PatternPart], word: &str) -> bool {
    let ups = |text: &str| text.split(['/', '=', ':', ',']).filter(|part| *part == "..").count();
    let wild = parts.contains(&PatternPart::Star) && parts != [PatternPart::Star];
    // The `*` is kept between the texts, so that `.*.` is not taken for `..`.
    wild && ups(word) > ups(&texts(parts).collect::<Vec<_>>().join("*"))
}

fn texts(parts: &[PatternPart]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match part {
        PatternPart::Text(text) => Some(text.as_str()),
        PatternPart::Star => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use remit_shell::pattern_words;

    use super::*;

    proptest! {
        #[test]
        fn stars_match_as_globset_matches_them(pattern in "[ab*]{1,6}", word in "[ab]{0,8}") {
            let parts = pattern_words(&pattern).unwrap().remove(0);
            let glob = globset::Glob::new(&pattern).unwrap().compile_matcher();
            prop_assert_eq!(covers_word(&parts, &word), glob.is_match(&word));
        }
    }
}
