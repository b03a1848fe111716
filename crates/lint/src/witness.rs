//! Strings that a regular expression matches: the proofs that rules print.

use std::borrow::Cow;

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// Characters that a class is asked for first: what a person would type.
const LIKELY: [char; 6] = ['x', 'a', '1', '-', ' ', '/'];
/// Bytes of a witness; a longer one proves nothing to a reader.
const LONGEST: usize = 200;

/// Returns a short string that the pattern is likely to match: every optional part is left out, of alternatives the
/// first is taken. Whoever prints it tries it first.
pub fn sample(pattern: &str) -> Option<String> {
    written(pattern, false)
}

/// Returns a string that the pattern is likely to match, with something where it takes anything: `git x` for `git .*`.
pub(crate) fn filled(pattern: &str) -> Option<String> {
    written(pattern, true)
}

/// Returns what somebody who took the pattern for a glob means by it: the command without and with words for its stars.
pub(crate) fn as_glob(pattern: &str) -> [String; 2] {
    let pattern = if pattern.contains("**") { Cow::Owned(pattern.replace("**", "*")) } else { Cow::Borrowed(pattern) };
    // Of a last `build:*` the word is left, without what joins the rest to it.
    let bare =
        pattern.trim_end().strip_suffix('*').map_or(&*pattern, |bare| bare.trim_end_matches([' ', ':', '-', '_', '/', '=', '.']));
    [with_words(bare), with_words(&pattern)]
}

/// Returns the text with a word for each star, and one blank between words.
fn with_words(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut is_apart = false;
    for character in text.chars() {
        if character.is_whitespace() {
            is_apart = !line.is_empty();
            continue;
        }
        if std::mem::take(&mut is_apart) {
            line.push(' ');
        }
        line.push(if character == '*' { 'x' } else { character });
    }
    line
}

/// Returns whether the pattern has a star where a glob has one and a regular expression hardly ever: after a blank, a
/// letter, a slash, or nothing.
pub(crate) fn is_glob_like(pattern: &str) -> bool {
    let mut before = None;
    for c in pattern.chars() {
        if c == '*' && before.is_none_or(|before: char| before.is_ascii_alphanumeric() || " /-_:@=*".contains(before)) {
            return true;
        }
        // What is escaped is a class: `\s*`.
        before = if before == Some('\\') { Some(')') } else { Some(c) };
    }
    false
}

fn written(pattern: &str, fill: bool) -> Option<String> {
    let tree = regex_syntax::parse(pattern).ok()?;
    let mut text = String::new();
    write(&tree, fill, &mut text)?;
    Some(text)
}

fn write(tree: &Hir, fill: bool, text: &mut String) -> Option<()> {
    if text.len() > LONGEST {
        return None;
    }
    match tree.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(()),
        HirKind::Literal(literal) => {
            text.push_str(std::str::from_utf8(&literal.0).ok()?);
            Some(())
        }
        HirKind::Class(class) => {
            text.push(member(class)?);
            Some(())
        }
        HirKind::Repetition(repetition) => {
            let wanted = is_misread_glob(repetition) || (fill && takes_anything(repetition));
            let times = if wanted { repetition.min.max(1) } else { repetition.min };
            (0..times).try_for_each(|_| write(&repetition.sub, fill, text))
        }
        HirKind::Capture(capture) => write(&capture.sub, fill, text),
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, fill, text)),
        HirKind::Alternation(parts) => write(parts.first()?, fill, text),
    }
}

/// Returns whether a `*` stands after a letter, as in `npm publish*`: its writer meant the word with its last letter.
fn is_misread_glob(repetition: &Repetition) -> bool {
    let is_letter = matches!(repetition.sub.kind(), HirKind::Literal(literal) if literal.0.iter().all(u8::is_ascii_alphanumeric));
    repetition.min == 0 && repetition.max.is_none() && is_letter
}

/// Returns whether any text can stand here, as for `.*`.
fn takes_anything(repetition: &Repetition) -> bool {
    let is_wide = matches!(repetition.sub.kind(), HirKind::Class(class) if member(class) == LIKELY.first().copied());
    repetition.max.is_none() && is_wide
}

fn member(class: &Class) -> Option<char> {
    match class {
        Class::Unicode(class) => {
            let holds = |wanted: char| class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&wanted));
            LIKELY
                .into_iter()
                .find(|wanted| holds(*wanted))
                .or_else(|| class.ranges().first().map(regex_syntax::hir::ClassUnicodeRange::start))
        }
        Class::Bytes(class) => class.ranges().first().map(|range| char::from(range.start())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pattern;

    fn check(pattern: &str, expected: Option<&str>) {
        let found = sample(pattern);
        assert_eq!(found.as_deref(), expected, "{pattern}");
        if let Some(found) = found {
            assert!(Pattern::new(pattern).matches(&found) == Some(true), "{pattern}: {found}");
        }
    }

    #[test]
    fn samples_match_their_patterns() {
        check("git push.*", Some("git push"));
        check(r"aws .* (create|delete)-.+", Some("aws  create-x"));
        check(r"rm\s+-[rf]{2}", Some("rm -ff"));
        check(r"[^a-z]", Some("1"));
        check(r"(?:sudo )?rm\b.*", Some("rm"));
        check("npm publish*", Some("npm publish"));
        check("rm -rf *", Some("rm -rf"));
        check("", Some(""));
    }

    #[test]
    fn filled_samples_have_words() {
        let check = |pattern: &str, expected: Option<&str>| assert_eq!(filled(pattern).as_deref(), expected, "{pattern}");
        check("git .*", Some("git x"));
        check("git status", Some("git status"));
        check(r"git\s+log.*", Some("git logx"));
        check("(?!x)", None);
    }

    #[test]
    fn globs_are_known_by_their_stars() {
        let check = |pattern: &str, expected: bool| assert_eq!(is_glob_like(pattern), expected, "{pattern}");
        for pattern in ["git *", "npm run build:*", "*", "ls -*", "a/**", "rm*"] {
            check(pattern, true);
        }
        for pattern in ["git .*", r"git\s*", "[a-z]*", "(ab)*", "git status", r"a\w*"] {
            check(pattern, false);
        }
        assert_eq!(as_glob("npm run *"), ["npm run", "npm run x"]);
        assert_eq!(as_glob("aws * get-* x"), ["aws x get-x x", "aws x get-x x"]);
    }

    #[test]
    fn what_cannot_be_read_has_no_sample() {
        check("(?!ls).*", None);
        check("a{5000}", None);
        check("(((a{200}){200}){200}){200}", None);
    }
}
