use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use regex::Regex;
use regex_automata::{meta, util::syntax};
use regex_syntax::hir::{Hir, HirKind, Look};

use crate::witness;

/// A pattern of `allowedCommands` or `deniedCommands` as the products compile it, when it is first needed.
///
/// The anchors are not around a group: an alternation splits them, there as here.
#[derive(Clone, Debug)]
pub struct Pattern(Rc<Known>);

/// What is found out about a pattern, each part when it is first asked for.
#[derive(Debug)]
struct Known {
    text: String,
    plain: Plain,
    /// The first byte of every match, where that is plain to see: most lines begin otherwise.
    first: Option<u8>,
    /// What a line has to begin with, and what it has to have, before the automaton is asked, where that is known.
    needed: OnceCell<Option<(String, String)>>,
    /// For lines of ASCII, in which nearly all of Unicode need not be looked for; `None` where the pattern speaks of it.
    ascii: OnceCell<Option<meta::Regex>>,
    regex: OnceCell<Option<Regex>>,
    sample: OnceCell<Option<String>>,
    filled: OnceCell<Option<String>>,
}

/// What most patterns are, and no automaton is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plain {
    /// No character has a meaning.
    Exact,
    /// Nothing has but a last `.*`.
    Beginning,
    /// Nothing has but a last `*`, which repeats the character before it: what globs are when they are read so.
    Repeated(char),
    No,
}

thread_local! {
    /// What was asked for before: agents of one workspace have most patterns in common, and to compile one takes longer
    /// than all that is asked of it.
    static KNOWN: RefCell<HashMap<String, Pattern>> = RefCell::default();
}

/// Bytes of an automaton; what `regex` holds itself to.
const LARGEST: usize = 10 << 20;
/// How many are kept; then they are all let go.
const KEPT: usize = 1024;

impl Pattern {
    pub fn new(text: impl Into<String>) -> Pattern {
        let text = text.into();
        if let Some(known) = KNOWN.with_borrow(|known| known.get(&text).cloned()) {
            return known;
        }
        let plain = plain(&text);
        let pattern = Pattern(Rc::new(Known {
            plain,
            first: first(&text, plain),
            text: text.clone(),
            needed: OnceCell::new(),
            ascii: OnceCell::new(),
            regex: OnceCell::new(),
            sample: OnceCell::new(),
            filled: OnceCell::new(),
        }));
        KNOWN.with_borrow_mut(|known| {
            if known.len() >= KEPT {
                known.clear();
            }
            known.insert(text, pattern.clone());
        });
        pattern
    }

    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Returns whether the whole line is a match, or `None` where the pattern does not compile.
    pub fn matches(&self, line: &str) -> Option<bool> {
        let known = &*self.0;
        if known.first.is_some() && known.first != line.bytes().next() {
            return Some(false);
        }
        match known.plain {
            Plain::Exact => return Some(line == known.text),
            Plain::Beginning => {
                let beginning = known.text.strip_suffix(".*").unwrap_or_default();
                return Some(line.strip_prefix(beginning).is_some_and(|rest| !rest.contains('\n')));
            }
            Plain::Repeated(character) => {
                let rest = line.strip_prefix(known.before(character));
                return Some(rest.is_some_and(|rest| rest.chars().all(|other| other == character)));
            }
            Plain::No => {}
        }
        if let Some((start, part)) = known.needed.get_or_init(|| needed(&known.text))
            && !(line.starts_with(start.as_str()) && line.contains(part.as_str()))
        {
            return Some(false);
        }
        if line.is_ascii()
            && let Some(regex) = known.ascii.get_or_init(|| ascii(&known.text))
        {
            return Some(regex.is_match(line.as_bytes()));
        }
        let regex = known.regex.get_or_init(|| Regex::new(&anchored(&known.text)).ok());
        regex.as_ref().map(|regex| regex.is_match(line))
    }

    pub fn compiles(&self) -> bool {
        self.matches("").is_some()
    }

    /// Returns a short line that the pattern is likely to match, as [`witness::sample`] does.
    pub(crate) fn sample(&self) -> Option<&str> {
        self.0.sample.get_or_init(|| self.0.plain_line(false).or_else(|| witness::sample(&self.0.text))).as_deref()
    }

    /// Returns a line that the pattern is likely to match, as [`witness::filled`] does.
    pub(crate) fn filled(&self) -> Option<&str> {
        self.0.filled.get_or_init(|| self.0.plain_line(true).or_else(|| witness::filled(&self.0.text))).as_deref()
    }
}

impl Known {
    /// Returns what stands before a repeated last character.
    fn before(&self, character: char) -> &str {
        self.text.strip_suffix('*').and_then(|text| text.strip_suffix(character)).unwrap_or_default()
    }

    /// Returns the line that the pattern's tree would give, where the tree is plain.
    fn plain_line(&self, filled: bool) -> Option<String> {
        /// Bytes; of a longer one the tree may give none.
        const LONG: usize = 100;
        if self.text.len() > LONG {
            return None;
        }
        Some(match self.plain {
            Plain::Exact => self.text.clone(),
            Plain::Beginning => self.text.strip_suffix(".*")?.to_owned() + if filled { "x" } else { "" },
            // Whoever repeats a letter meant the word.
            Plain::Repeated(character) if character.is_ascii_alphanumeric() => self.text.strip_suffix('*')?.to_owned(),
            Plain::Repeated(character) => self.before(character).to_owned(),
            Plain::No => return None,
        })
    }
}

fn anchored(text: &str) -> String {
    format!(r"\A{text}\z")
}

fn plain(text: &str) -> Plain {
    // All of these are of one byte, and no byte of another character is one of them.
    let is_meant = |byte: u8| {
        matches!(byte, b'\\' | b'.' | b'+' | b'*' | b'?' | b'(' | b')' | b'|' | b'[' | b']' | b'{' | b'}' | b'^' | b'$')
    };
    let Some(first) = text.bytes().position(is_meant) else { return Plain::Exact };
    match text.split_at_checked(first) {
        Some((_, ".*")) => Plain::Beginning,
        Some((before, "*")) => before.chars().next_back().map_or(Plain::No, Plain::Repeated),
        _ => Plain::No,
    }
}

/// Returns the first byte of what the pattern matches, of one that needs no automaton.
fn first(text: &str, plain: Plain) -> Option<u8> {
    // What may be repeated no time is not needed.
    let second = text.chars().nth(1);
    text.bytes().next().filter(|_| plain != Plain::No && !text.starts_with('.') && second != Some('*'))
}

/// Compiles a pattern for lines of ASCII, on which it says what it says with the whole of Unicode. Whether it compiles is
/// not for this to say: what might be too large, or is of Unicode, is left out.
fn ascii(text: &str) -> Option<meta::Regex> {
    let text = anchored(text);
    if text.contains('{') || !text.is_ascii() || regex_syntax::parse(&text).is_err() {
        return None;
    }
    // Few lines are asked about: to build states as they are met takes less than to build all of them.
    let config = meta::Config::new().utf8_empty(false).dfa(false).onepass(false).nfa_size_limit(Some(LARGEST));
    let syntax = syntax::Config::new().unicode(false).utf8(false);
    meta::Regex::builder().configure(config).syntax(syntax).build(&text).ok()
}

/// Returns what every match begins with and what it has, of a pattern that surely compiles.
fn needed(text: &str) -> Option<(String, String)> {
    /// Bytes, and classes, of which no pattern is too large that counts nothing.
    const SHORT: usize = 256;
    const FEW: usize = 12;
    let classes = text.matches('\\').count() + text.matches("[^").count();
    if text.len() > SHORT || text.contains('{') || classes > FEW {
        return None;
    }
    let tree = regex_syntax::parse(&anchored(text)).ok()?;
    let HirKind::Concat(parts) = tree.kind() else { return None };
    let literal = |part: &Hir| match part.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok().map(str::to_owned),
        _ => None,
    };
    let start = match parts.as_slice() {
        [begin, first, ..] if *begin.kind() == HirKind::Look(Look::Start) => literal(first).unwrap_or_default(),
        _ => String::new(),
    };
    let longest = parts.iter().filter_map(literal).max_by_key(String::len)?;
    Some((start, longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_says_what_the_regular_expression_says() {
        let patterns = [
            "git status",
            "git .*",
            "git.*",
            r"git\.*",
            "a|b.*",
            "[^|]*",
            r"\s*rm\b.*",
            r"\w+ x",
            "(?i)k.*",
            "é.*",
            "x{2}",
            ".*",
            "",
            "(?!x)",
            "(",
            r"\x{212A}",
            "a.*b",
            "^ls$",
            "ls *",
            "x*",
            "*",
            "é*",
            r"[\s\S]*",
            ".",
            r"\D",
            r"\s*git .*",
            "git .* x.*",
            "(?i)git .*",
            "git (a|b).*",
            "git x|ls",
            r"\w\w\w.*git",
            "(?-u:\\xFF)",
        ];
        let lines = [
            "",
            "git status",
            "git",
            "git x\n",
            "gitx",
            "a",
            "xb",
            " rm x",
            "é1",
            "\u{212a}",
            "xx",
            "ls  ",
            "\n",
            "a x b",
            "rm",
            ".",
        ];
        for pattern in patterns {
            let whole = Regex::new(&anchored(pattern)).ok();
            for line in lines {
                let expected = whole.as_ref().map(|regex| regex.is_match(line));
                assert_eq!(Pattern::new(pattern).matches(line), expected, "{pattern} over {line:?}");
            }
            assert_eq!(Pattern::new(pattern).sample(), witness::sample(pattern).as_deref(), "{pattern}");
            assert_eq!(Pattern::new(pattern).filled(), witness::filled(pattern).as_deref(), "{pattern}");
        }
    }
}
