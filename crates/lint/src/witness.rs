//! Strings that a regular expression matches: the proofs that rules print.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// Characters that a class is asked for first: what a person would type.
const LIKELY: [char; 6] = ['a', 'x', '1', '-', ' ', '/'];
/// Bytes of a witness; a longer one proves nothing to a reader.
const LONGEST: usize = 200;

/// Returns a short string that the pattern is likely to match: every optional part is left out, of alternatives the
/// first is taken. Whoever prints it tries it first.
pub(crate) fn sample(pattern: &str) -> Option<String> {
    let tree = regex_syntax::parse(pattern).ok()?;
    let mut text = String::new();
    write(&tree, &mut text)?;
    Some(text)
}

fn write(tree: &Hir, text: &mut String) -> Option<()> {
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
            let times = if is_misread_glob(repetition) { 1 } else { repetition.min };
            (0..times).try_for_each(|_| write(&repetition.sub, text))
        }
        HirKind::Capture(capture) => write(&capture.sub, text),
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, text)),
        HirKind::Alternation(parts) => write(parts.first()?, text),
    }
}

/// Returns whether a `*` stands after a letter, as in `npm publish*`: its writer meant the word with its last letter.
fn is_misread_glob(repetition: &Repetition) -> bool {
    let is_letter = matches!(repetition.sub.kind(), HirKind::Literal(literal) if literal.0.iter().all(u8::is_ascii_alphanumeric));
    repetition.min == 0 && repetition.max.is_none() && is_letter
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
    use crate::products::command_regex;

    fn check(pattern: &str, expected: Option<&str>) {
        let found = sample(pattern);
        assert_eq!(found.as_deref(), expected, "{pattern}");
        if let Some(found) = found {
            assert!(command_regex(pattern).unwrap().is_match(&found), "{pattern}: {found}");
        }
    }

    #[test]
    fn samples_match_their_patterns() {
        check("git push.*", Some("git push"));
        check(r"aws .* (create|delete)-.+", Some("aws  create-a"));
        check(r"rm\s+-[rf]{2}", Some("rm -ff"));
        check(r"[^a-z]", Some("1"));
        check(r"(?:sudo )?rm\b.*", Some("rm"));
        check("npm publish*", Some("npm publish"));
        check("rm -rf *", Some("rm -rf"));
        check("", Some(""));
    }

    #[test]
    fn what_cannot_be_read_has_no_sample() {
        check("(?!ls).*", None);
        check("a{5000}", None);
        check("(((a{200}){200}){200}){200}", None);
    }
}
