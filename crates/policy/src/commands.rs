use std::ops::Deref;

use remit_shell::PatternPart;
use serde::{Serialize, Serializer};

use crate::names::ByName;
use crate::programs::tables;
use crate::{CommandRegex, Origin};

/// Which command lines run unasked, which never, and what happens to the rest.
#[derive(Clone, Debug, Serialize)]
pub struct CommandGrants {
    pub deny: CommandRules,
    pub allow: CommandRules,
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

/// Rules over commands, found by the program that they name.
#[derive(Clone, Debug, Default)]
pub struct CommandRules {
    rules: Vec<CommandRule>,
    by_program: ByName<Vec<usize>>,
    /// Those that name no program.
    of_any: Vec<usize>,
}

/// A pattern over one simple command.
#[derive(Clone, Debug)]
pub enum CommandPattern {
    /// A glob, word by word; `rest` when the last word is `*`, which is then not among the words.
    Words { text: String, words: Vec<Vec<PatternPart>>, rest: bool },
    /// A regular expression over the words joined by one space, anchored at both ends.
    Regex { text: String, regex: CommandRegex },
}

impl CommandRules {
    pub fn new(rules: Vec<CommandRule>) -> CommandRules {
        let mut by_program: ByName<Vec<usize>> = ByName::default();
        let mut of_any = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            match rule.pattern.program() {
                Some(program) => by_program.entry(program.to_owned()).or_default().push(index),
                None => of_any.push(index),
            }
        }
        CommandRules { rules, by_program, of_any }
    }

    /// Returns the rules that may cover a command of that program.
    pub(crate) fn of<'a>(&'a self, program: &str) -> impl Iterator<Item = &'a CommandRule> {
        let named = self.by_program.get(program).map_or(&[][..], Vec::as_slice);
        named.iter().chain(&self.of_any).filter_map(|index| self.rules.get(*index))
    }

    /// Returns the rules that name no program.
    pub(crate) fn of_any(&self) -> impl Iterator<Item = &CommandRule> {
        self.of_any.iter().filter_map(|index| self.rules.get(*index))
    }
}

impl Deref for CommandRules {
    type Target = [CommandRule];

    fn deref(&self) -> &[CommandRule] {
        &self.rules
    }
}

impl Serialize for CommandRules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rules.serialize(serializer)
    }
}

impl CommandPattern {
    /// Returns the pattern as written.
    pub fn text(&self) -> &str {
        match self {
            CommandPattern::Words { text, .. } | CommandPattern::Regex { text, .. } => text,
        }
    }

    /// Returns whether the words of a command are those of the pattern, whatever they do: how an allow pattern is read
    /// before the options of the program are looked at.
    ///
    /// A glob without a `/` in its first word covers no program with one: `git` is the one on the task's `PATH`, and
    /// `./git` is another. A `*` inside a word lets no path climb.
    pub fn covers(&self, command: &[String]) -> bool {
        match self {
            CommandPattern::Regex { regex, .. } => regex.is_match(&command.join(" ")),
            CommandPattern::Words { words, rest, .. } => {
                let enough = if *rest { command.len() >= words.len() } else { command.len() == words.len() };
                enough
                    && words.iter().zip(command).enumerate().all(|(at, (pattern, word))| covers_word(pattern, word, at == 0))
                    && (!words.is_empty() || *rest)
            }
        }
    }

    /// Returns the program that an allow pattern with a wildcard names and no table describes: what its options do is not
    /// examined.
    pub fn unexamined_program(&self) -> Option<&str> {
        let wild = match self {
            CommandPattern::Words { words, rest, .. } => *rest || words.iter().any(|word| word.contains(&PatternPart::Star)),
            CommandPattern::Regex { text, .. } => text.contains(['*', '+', '?', '.']),
        };
        self.program().filter(|program| wild && tables().row(program).is_none())
    }

    /// Returns the program that every command under the pattern is.
    pub(crate) fn program(&self) -> Option<&str> {
        match self {
            CommandPattern::Words { words, .. } => match words.first()?.as_slice() {
                [PatternPart::Text(text)] => Some(text),
                _ => None,
            },
            CommandPattern::Regex { text, .. } => program_of_regex(text.strip_prefix("regex:").unwrap_or(text)),
        }
    }

    /// Returns whether the pattern is nothing but a wildcard: whoever writes it means every command.
    pub(crate) fn is_universal(&self) -> bool {
        match self {
            CommandPattern::Words { words, rest, .. } => words.is_empty() && *rest,
            CommandPattern::Regex { text, .. } => {
                let text = text.strip_prefix("regex:").unwrap_or(text);
                matches!(text.trim_start_matches('^').trim_end_matches('$'), ".*" | ".+" | "(.*)")
            }
        }
    }

    /// Returns whether the pattern itself has the first `end` bytes of a word, and not a wildcard in their place.
    pub(crate) fn spells(&self, at: usize, text: &str, end: usize) -> bool {
        match self {
            // What is no word is spelled out by a pattern that ends.
            CommandPattern::Words { words, rest, .. } => words.get(at).map_or(!rest, |word| match word.as_slice() {
                [PatternPart::Text(_)] => true,
                [PatternPart::Text(prefix), ..] => prefix.len() >= end,
                _ => false,
            }),
            CommandPattern::Regex { text: pattern, .. } => {
                let literal: String = pattern.chars().filter(|c| *c != '\\').collect();
                let named = text.get(..end.min(text.len())).unwrap_or(text);
                named.len() > 1
                    && literal.match_indices(named).any(|(start, found)| {
                        let before = literal.get(..start).and_then(|before| before.chars().next_back());
                        let after = literal.get(start + found.len()..).and_then(|after| after.chars().next());
                        before.is_none_or(|c| " (|:^".contains(c)) && after.is_none_or(|c| " )|=.$?".contains(c))
                    })
            }
        }
    }

    /// Returns whether no wildcard stands for a word from `from` on.
    pub(crate) fn spells_all_from(&self, from: usize, count: usize) -> bool {
        match self {
            CommandPattern::Words { words, rest, .. } => {
                !rest && (from..count).all(|at| words.get(at).is_some_and(|word| !word.contains(&PatternPart::Star)))
            }
            CommandPattern::Regex { .. } => false,
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

/// Returns whether a pattern's word covers a word of a command that is to be allowed.
pub(crate) fn covers_word(pattern: &[PatternPart], word: &str, is_program: bool) -> bool {
    matches_word(pattern, word)
        && !climbs(pattern, word)
        && (!is_program || !word.contains('/') || texts(pattern).any(|text| text.contains('/')))
}

/// Returns whether the parts cover the whole word. Each text is taken where it is first found, and the last one at the
/// end: for a pattern of stars only, that is exact, and takes one pass.
pub(crate) fn matches_word(parts: &[PatternPart], word: &str) -> bool {
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

/// Returns the first word that every text under a regular expression begins with, when that is plain to see.
fn program_of_regex(regex: &str) -> Option<&str> {
    let regex = regex.strip_prefix('^').unwrap_or(regex);
    let mut depth = 0_i32;
    let mut escaped = false;
    for c in regex.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '|' if depth == 0 => return None,
            _ => {}
        }
    }
    let end = regex.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).unwrap_or(regex.len());
    let (word, rest) = regex.split_at_checked(end)?;
    // A quantifier after the blank would leave the word open.
    let blank = rest.strip_prefix(' ').is_some_and(|rest| !rest.starts_with(['*', '?', '{']));
    (!word.is_empty() && (rest.is_empty() || blank || rest == "$")).then_some(word)
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
            prop_assert_eq!(matches_word(&parts, &word), glob.is_match(&word));
        }
    }

    #[test]
    fn the_program_of_a_regular_expression() {
        let check = |regex: &str, expected: Option<&str>| assert_eq!(program_of_regex(regex), expected, "{regex}");
        check("git status", Some("git"));
        check("^git status$", Some("git"));
        check("git (status|log).*", Some("git"));
        check("git", Some("git"));
        check("git.*", None);
        check("git?", None);
        check("git *", None);
        check("git|rm", None);
        check("(git|rm) x", None);
        check(".*rm.*", None);
    }
}
