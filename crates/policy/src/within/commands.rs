//! Command lines: what is denied there has to be denied here, what runs unasked here has to run unasked there.
//!
//! A pattern is more than the words that it covers. What it spells out is allowed to be an option that runs another
//! program, so that a narrower pattern can allow what a wider one does not: `git -c a=b log` and `git *`. A denial finds
//! options in any order, so that a wider regular expression can miss what a narrower list of words finds.

use std::collections::BTreeSet;

use remit_shell::PatternPart;

use super::language::{Dot, are_apart, is_within};
use super::{Beyond, Grant};
use crate::decide::is_plain;
use crate::{CommandPattern, Otherwise, Policy};

pub(super) fn compare(policy: &Policy, of: &Policy, all: &mut Beyond) {
    if !policy.runs_commands() {
        return;
    }
    let (own, wide) = (&policy.commands, &of.commands);
    for rule in wide.deny.iter().filter(|rule| !own.deny.iter().any(|own| denies(&own.pattern, &rule.pattern))) {
        all.say(Grant::Commands, format!("does not deny `{}`", rule.pattern.text()), None);
    }
    let runs_all = |policy: &Policy| policy.is_unrestricted() || policy.commands.everything.is_some();
    if runs_all(of) && (runs_all(policy) || wide.deny.is_empty()) {
        return;
    }
    if let Some(origin) = &own.everything {
        all.say(Grant::Commands, "runs every command line unasked", Some(origin));
    }
    // Where everything runs but what is denied, a line of which nobody knows whether it is denied asks; a pattern that
    // allows it does not.
    let asks_in_doubt = runs_all(of);
    for rule in own.allow.iter() {
        let exact = literal(&rule.pattern).is_some_and(|words| is_plain(&words));
        let covered = if asks_in_doubt { exact } else { wide.allow.iter().any(|wide| allows(&wide.pattern, &rule.pattern)) };
        if !covered {
            all.say(Grant::Commands, format!("runs `{}` unasked", rule.pattern.text()), Some(&rule.origin));
        }
    }
    if let Some(origin) = own.read_only.as_ref().filter(|_| wide.read_only.is_none()) {
        all.say(Grant::Commands, "runs commands that only read unasked", Some(origin));
    }
    let asks = |policy: &Policy| policy.is_unrestricted() || policy.commands.otherwise == Otherwise::Ask;
    if asks(policy) && !asks(of) {
        all.say(Grant::Commands, "asks for a command that no pattern allows, and does not deny it", None);
    }
}

/// Returns whether one denial finds everything that another does.
fn denies(own: &CommandPattern, wide: &CommandPattern) -> bool {
    match (own, wide) {
        (CommandPattern::Words { words: own, rest: own_rest, .. }, CommandPattern::Words { words: wide, rest, .. }) => {
            (own == wide && own_rest == rest) || (*own_rest && wide.starts_with(own))
        }
        (CommandPattern::Regex { regex: own_regex, .. }, CommandPattern::Regex { regex: wide_regex, .. }) => {
            // One that names its program is looked for under that name alone.
            let found = own.program().is_none() || own.program() == wide.program();
            found && is_within((wide_regex.as_str(), Dot::Any), (own_regex.as_str(), Dot::Any))
        }
        // Every command of that program, in whatever words.
        (CommandPattern::Regex { regex, .. }, CommandPattern::Words { words, rest: true, .. }) => {
            let [word] = words.as_slice() else { return false };
            let Some(program) = text(word).filter(|program| !program.contains('/')) else { return false };
            let all = format!(r"\A{}(?s-u: .*)?\z", regex::escape(program));
            own.program().is_none_or(|named| named == program) && is_within((&all, Dot::Any), (regex.as_str(), Dot::Any))
        }
        (CommandPattern::Words { .. }, CommandPattern::Regex { .. })
        | (CommandPattern::Regex { .. }, CommandPattern::Words { rest: false, .. }) => false,
    }
}

/// Returns whether whatever one pattern allows, another allows too.
fn allows(wide: &CommandPattern, narrow: &CommandPattern) -> bool {
    match (wide, narrow) {
        (CommandPattern::Words { words: outer, rest: outer_rest, .. }, CommandPattern::Words { words, rest, .. }) => {
            if outer == words && outer_rest == rest {
                return true;
            }
            let longer = words.len() > outer.len();
            let long_enough =
                if *outer_rest { words.len() >= outer.len() } else { !rest && !longer && words.len() == outer.len() };
            long_enough && (words.starts_with(outer) || covers_words(outer, words)) && spells_nothing_more(outer, words)
        }
        (CommandPattern::Regex { regex: outer, .. }, CommandPattern::Regex { regex: inner, .. }) => {
            let found = wide.program().is_none() || wide.program() == narrow.program();
            found
                && spells_no_word_more(narrow.text(), wide.text(), inner.as_str())
                && is_within((inner.as_str(), Dot::WithinLine), (outer.as_str(), Dot::WithinLine))
        }
        // The words of a command are compared with a regular expression when they are joined, which a blank in one of
        // them, and a word that is not known, make ambiguous: only a command without either is certain.
        (CommandPattern::Regex { .. }, CommandPattern::Words { .. }) => literal(narrow).is_some_and(|words| {
            let command: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            is_plain(&words)
                && words.iter().all(|word| !word.is_empty() && !word.contains(char::is_whitespace))
                && wide.covers(&command)
        }),
        (CommandPattern::Words { .. }, CommandPattern::Regex { .. }) => false,
    }
}

/// Returns the words of a pattern that covers one command alone.
fn literal(pattern: &CommandPattern) -> Option<Vec<&str>> {
    match pattern {
        CommandPattern::Words { words, rest: false, .. } => words.iter().map(|word| text(word)).collect(),
        _ => None,
    }
}

fn text(word: &[PatternPart]) -> Option<&str> {
    match word {
        [] => Some(""),
        [PatternPart::Text(text)] => Some(text),
        _ => None,
    }
}

fn covers_words(outer: &[Vec<PatternPart>], words: &[Vec<PatternPart>]) -> bool {
    outer.first() == words.first() && outer.iter().zip(words).all(|(outer, word)| covers_word(outer, word))
}

/// Returns whether a pattern's word covers every word that another covers; nothing that climbs is compared.
fn covers_word(outer: &[PatternPart], word: &[PatternPart]) -> bool {
    let climbs = || word.iter().any(|part| matches!(part, PatternPart::Text(text) if text.contains("..")));
    match (outer, word) {
        _ if outer == word => true,
        ([PatternPart::Star], _) => true,
        ([PatternPart::Text(prefix), PatternPart::Star], [PatternPart::Text(text), ..]) => text.starts_with(prefix) && !climbs(),
        _ => false,
    }
}

/// Returns whether the words that only the narrower pattern spells out can be no escapes: they, and those before them, are
/// fixed and plain.
fn spells_nothing_more(outer: &[Vec<PatternPart>], words: &[Vec<PatternPart>]) -> bool {
    let Some(last) = (0..words.len()).rev().find(|at| outer.get(*at) != words.get(*at)) else { return true };
    let fixed: Option<Vec<&str>> = words.iter().take(last + 1).map(|word| text(word)).collect();
    fixed.is_some_and(|words| is_plain(&words))
}

/// Returns whether no command under a regular expression has a word that this one spells out and the other does not.
fn spells_no_word_more(narrow: &str, wide: &str, regex: &str) -> bool {
    let (Some(narrow), Some(wide)) = (spelled(narrow), spelled(wide)) else { return narrow == wide };
    let more: Vec<String> = narrow.difference(&wide).map(|text| regex::escape(text)).collect();
    let word = format!(r"\A(?s-u:.* )?(?:{})(?s-u:.*)\z", more.join("|"));
    more.is_empty() || are_apart((regex, Dot::WithinLine), (&word, Dot::Any))
}

/// Returns every text that a regular expression spells out, as [`CommandPattern::spells`] finds them; `None` where those
/// are too many.
///
/// A text with a parenthesis or a star that is part of the syntax is left out, unless it is an option: no table lists a
/// word like `(git`.
fn spelled(pattern: &str) -> Option<BTreeSet<String>> {
    /// Characters of a pattern.
    const LONGEST: usize = 200;
    let mut literal = Vec::new();
    let mut escaped = false;
    for c in pattern.chars() {
        if c != '\\' {
            literal.push((c, !escaped && "(|)[]{}*+?^$".contains(c)));
        }
        escaped = c == '\\' && !escaped;
    }
    if literal.len() > LONGEST {
        return None;
    }
    let is = |at: usize, set: &str| literal.get(at).is_some_and(|(c, _)| set.contains(*c));
    let mut found = BTreeSet::new();
    for start in (0..literal.len()).filter(|at| *at == 0 || is(at - 1, " (|:^")) {
        for end in (start + 1..=literal.len()).filter(|end| *end == literal.len() || is(*end, " )|=.$?")) {
            let text = literal.get(start..end).unwrap_or_default();
            if is(start, "-+@") || !text.iter().any(|(_, syntax)| *syntax) {
                found.insert(text.iter().map(|(c, _)| c).collect::<String>());
            }
        }
    }
    // A single byte spells nothing out.
    found.retain(|text| text.len() > 1);
    Some(found)
}
