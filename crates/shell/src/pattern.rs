use crate::Opaque;
use crate::lex::{Word, words};

/// A piece of a word of a command pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternPart {
    /// Stands for itself. Never empty.
    Text(String),
    /// An unquoted `*`.
    Star,
}

/// Splits a command pattern into words as a command line is split, quotes and backslashes gone. Only an unquoted `*` is
/// special; a word of no parts is the empty word.
///
/// # Errors
///
/// Returns what can stand in no simple command: an operator, a variable, a quote that is not closed.
pub fn pattern_words(pattern: &str) -> Result<Vec<Vec<PatternPart>>, Opaque> {
    Ok(words(pattern)?.iter().map(parts).collect())
}

fn parts(word: &Word) -> Vec<PatternPart> {
    // Most words are one text of the length of the word, and long lists of patterns have many of them.
    let mut parts = Vec::with_capacity(1);
    for letter in &word.letters {
        match (letter.character, letter.quoted, parts.last_mut()) {
            // `**` says no more than `*`.
            ('*', false, Some(PatternPart::Star)) => {}
            ('*', false, _) => parts.push(PatternPart::Star),
            (character, _, Some(PatternPart::Text(text))) => text.push(character),
            (character, _, _) => {
                let mut text = String::with_capacity(word.letters.len());
                text.push(character);
                parts.push(PatternPart::Text(text));
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, expected: &str) {
        let shown = match pattern_words(pattern) {
            Ok(words) => words.iter().map(|word| show(word)).collect::<Vec<_>>().join(" "),
            Err(opaque) => format!("error: {opaque}"),
        };
        assert_eq!(shown, expected, "{pattern}");
    }

    fn show(parts: &[PatternPart]) -> String {
        let part = |part: &PatternPart| match part {
            PatternPart::Text(text) => format!("<{text}>"),
            PatternPart::Star => "*".to_owned(),
        };
        if parts.is_empty() { "<>".to_owned() } else { parts.iter().map(part).collect() }
    }

    #[test]
    fn only_an_unquoted_star_is_special() {
        check("npm test", "<npm> <test>");
        check("npm run *", "<npm> <run> *");
        check("npm run test:**", "<npm> <run> <test:>*");
        check("echo '*' \\* a?[b]", "<echo> <*> <*> <a?[b]>");
        check("git commit -m ''", "<git> <commit> <-m> <>");
        check("a && b", "error: `&` runs more than one command");
        check("a 'b", "error: a quote is not closed");
        check("", "");
    }
}
