use std::sync::{Arc, OnceLock};

use regex::{Regex, RegexBuilder};
use regex_automata::util::syntax;
use regex_syntax::hir::{Dot, Hir, HirKind, Look};

/// A regular expression over commands, with anchors of its own. Its automaton is built when a command comes that has what
/// the expression asks for: most commands do not, and to build one takes longer than all that it is asked.
#[derive(Clone, Debug)]
pub struct CommandRegex(Arc<Known>);

#[derive(Debug)]
struct Known {
    text: String,
    every_line: bool,
    shape: Shape,
    built: OnceLock<Option<Regex>>,
}

/// What can be said of a text without an automaton.
#[derive(Debug, PartialEq, Eq)]
enum Shape {
    /// It is this text.
    Exact(String),
    /// It begins with this one; what follows may have a line's end where the second is true.
    Beginning(String, bool),
    /// It begins with the first, and has the second.
    Having(String, String),
}

/// Bytes of a compiled regular expression; a pattern that needs more is refused.
const SIZE: usize = 1 << 20;
/// Bytes of a pattern which cannot need so much, as long as it counts nothing and names few classes.
const SHORT: usize = 256;
const FEW: usize = 12;

impl CommandRegex {
    /// Reads a regular expression; under `every_line` a `.` stands for a line's end too, so that none escapes a denial.
    ///
    /// # Errors
    ///
    /// Returns why it does not compile, or that it is too large.
    pub(crate) fn compile(text: &str, every_line: bool) -> Result<CommandRegex, regex::Error> {
        let built = OnceLock::new();
        let config = syntax::Config::new().dot_matches_new_line(every_line);
        let shape = match syntax::parse_with(text, &config) {
            Ok(tree) if is_small(text) => Shape::of(&tree),
            // Whether it can be built has to come out now.
            _ => {
                let _ = built.set(Some(build(text, every_line)?));
                Shape::Having(String::new(), String::new())
            }
        };
        Ok(CommandRegex(Arc::new(Known { text: text.to_owned(), every_line, shape, built })))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0.text
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        let known = &*self.0;
        match &known.shape {
            Shape::Exact(exact) => text == exact,
            Shape::Beginning(start, any) => text.strip_prefix(start.as_str()).is_some_and(|rest| *any || !rest.contains('\n')),
            Shape::Having(start, part) => {
                if !text.starts_with(start.as_str()) || !text.contains(part.as_str()) {
                    return false;
                }
                let built = known.built.get_or_init(|| build(&known.text, known.every_line).ok());
                // A denial that could not be built would deny everything; an allowance nothing.
                built.as_ref().map_or(known.every_line, |regex| regex.is_match(text))
            }
        }
    }
}

fn build(text: &str, every_line: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).size_limit(SIZE).dot_matches_new_line(every_line).build()
}

/// Returns whether a pattern that can be read can surely be built.
fn is_small(text: &str) -> bool {
    let classes = text.matches('\\').count() + text.matches("[^").count();
    text.len() <= SHORT && !text.contains('{') && classes <= FEW
}

impl Shape {
    /// Reads the tree of an expression, of whose parts each has to match where they stand in a row.
    fn of(tree: &Hir) -> Shape {
        let HirKind::Concat(parts) = tree.kind() else { return Shape::Having(String::new(), String::new()) };
        let (start, rest) = match parts.as_slice() {
            [begin, first, rest @ ..] if is_look(begin, Look::Start) => match literal(first) {
                Some(start) => (start, rest),
                None => ("", parts.as_slice()),
            },
            all => ("", all),
        };
        match rest {
            [end] if is_look(end, Look::End) && !start.is_empty() => return Shape::Exact(start.to_owned()),
            [tail, end] if is_look(end, Look::End) && !start.is_empty() => {
                if let Some(any) = takes_all(tail) {
                    return Shape::Beginning(start.to_owned(), any);
                }
            }
            _ => {}
        }
        let longest = rest.iter().filter_map(literal).max_by_key(|text| text.len()).unwrap_or_default();
        Shape::Having(start.to_owned(), longest.to_owned())
    }
}

fn is_look(tree: &Hir, wanted: Look) -> bool {
    matches!(tree.kind(), HirKind::Look(look) if *look == wanted)
}

fn literal(tree: &Hir) -> Option<&str> {
    match tree.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok(),
        _ => None,
    }
}

/// Returns, of `.*`, whether it takes in lines' ends.
fn takes_all(tree: &Hir) -> Option<bool> {
    let HirKind::Repetition(repetition) = tree.kind() else { return None };
    let any = if *repetition.sub == Hir::dot(Dot::AnyChar) {
        true
    } else if *repetition.sub == Hir::dot(Dot::AnyCharExceptLF) {
        false
    } else {
        return None;
    };
    (repetition.min == 0 && repetition.max.is_none()).then_some(any)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &Shape) {
        assert_eq!(CommandRegex::compile(text, true).unwrap().0.shape, *expected, "{text}");
    }

    #[test]
    fn what_a_text_has_to_have() {
        let having = |start: &str, part: &str| Shape::Having(start.to_owned(), part.to_owned());
        check(r"\A(?:git status)\z", &Shape::Exact("git status".to_owned()));
        check(r"\A(?:git push.*)\z", &Shape::Beginning("git push".to_owned(), true));
        check(r"\A(?:\s*git push.*)\z", &having("", "git push"));
        check(r"\A(?:git .* --force.*)\z", &having("git ", " --force"));
        check(r"\A(?:a|b)\z", &having("", ""));
        check(r"\Aa|b.*\z", &having("", ""));
        check(r"\A(?:(?i)git x)\z", &having("", " "));
        check(r"\A(?:git *)\z", &having("git", ""));
        check(r"\A(?:x{3}y)\z", &having("", ""));
    }

    #[test]
    fn what_is_not_built_at_once_can_be_built() {
        for class in [r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", r"\pL", r"\PL", r"\b", "[^a]", r"[^\w]"] {
            for filler in ["é", "(?i)k", "[a-z]", ".", "(x*)*", "|s"] {
                let some = class.repeat(FEW / (class.matches('\\').count() + class.matches("[^").count()));
                let text = format!("{some}{}", filler.repeat((SHORT - some.len()) / filler.len()));
                if syntax::parse(&text).is_ok() {
                    assert!(is_small(&text), "{text}");
                    assert!(build(&text, true).is_ok(), "{text}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn every_way_says_what_the_regular_expression_says(
            pattern in r"([ab .*?|()^$+\n]|\.\*|\\s\*|\(\?i\)){0,8}",
            texts in prop::collection::vec("[abAB .\n]{0,6}", 8),
            every_line: bool,
        ) {
            for anchored in [format!(r"\A(?:{pattern})\z"), format!(r"\A{pattern}\z")] {
                let expected = build(&anchored, every_line).ok();
                let found = CommandRegex::compile(&anchored, every_line).ok();
                prop_assert_eq!(expected.is_some(), found.is_some());
                if let (Some(expected), Some(found)) = (expected, found) {
                    for text in &texts {
                        prop_assert_eq!(expected.is_match(text), found.is_match(text), "{:?} over {:?}", anchored, text);
                    }
                }
            }
        }
    }
}
