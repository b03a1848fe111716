//! From a word as it was read to words as a command gets them.

use remit_diagnostics::Span;

use crate::cursor::{Parser, Read};
use crate::raw::{Piece, Raw};
use crate::{Dynamic, Part, Word};

impl Parser<'_, '_> {
    /// Makes the words of a command: braces are expanded, then `~` and file name patterns are seen.
    pub(crate) fn arguments(&mut self, raw: &Raw, words: &mut Vec<Word>) -> Read<()> {
        let span = raw.place();
        match self.braces(raw, span)? {
            None => words.push(finish(raw, span, Use::Argument)),
            Some(made) => words.extend(made.iter().map(|raw| finish(raw, span, Use::Argument))),
        }
        Ok(())
    }
}

/// Makes the word of an assignment, which is neither split nor a pattern.
pub(crate) fn value(raw: &Raw) -> Word {
    finish(raw, raw.place(), Use::Value)
}

/// Makes the text of a here-document, in which nothing but the expansions is special.
pub(crate) fn body(raw: &Raw) -> Word {
    finish(raw, raw.place(), Use::Text)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Argument,
    Value,
    Text,
}

fn finish(raw: &Raw, span: Span, purpose: Use) -> Word {
    let mut word = Word { parts: Vec::new(), splits: purpose == Use::Argument && raw.splits(), span };
    // A `[` is a pattern only when a `]` may follow it.
    let last_close = raw.pieces.iter().rposition(|piece| match piece {
        Piece::Text { text, .. } => text.contains(']'),
        Piece::Dynamic { .. } => true,
    });
    for (index, piece) in raw.pieces.iter().enumerate() {
        match piece {
            Piece::Dynamic { dynamic, .. } => word.parts.push(Part::Dynamic(dynamic.clone())),
            Piece::Text { text, quoted: true } => literal(&mut word, text),
            Piece::Text { text, quoted: false } if purpose == Use::Text => literal(&mut word, text),
            Piece::Text { text, quoted: false } => {
                let closes = |rest: &str| last_close.is_some_and(|last| last > index) || rest.contains(']');
                unquoted(&mut word, text, purpose == Use::Argument, purpose == Use::Value && index == 0, closes);
            }
        }
    }
    word
}

fn unquoted(word: &mut Word, text: &str, globs: bool, value: bool, closes: impl Fn(&str) -> bool) {
    if !text.contains(['*', '?', '[', '~']) {
        return literal(word, text);
    }
    // Whether a `]` stands behind: looked for once, from the end.
    let last = if closes("") { text.len() } else { text.rfind(']').unwrap_or(0) };
    let mut from = 0;
    let mut skip = 0;
    for (at, character) in text.char_indices() {
        let dynamic = match character {
            _ if at < skip => continue,
            '*' | '?' | '[' if globs && (character != '[' || at < last) => Dynamic::Glob(character),
            '~' if may_be_home(word, text, at, from) || (value && at == 0) => {
                let rest = text.get(at + 1..).unwrap_or_default();
                let name = rest.split(['/', ':']).next().unwrap_or_default();
                skip = at + 1 + name.len();
                Dynamic::Tilde(name.to_owned())
            }
            _ => continue,
        };
        literal(word, text.get(from..at).unwrap_or_default());
        from = skip.max(at + 1);
        word.splits |= matches!(dynamic, Dynamic::Glob(_));
        word.parts.push(Part::Dynamic(dynamic));
    }
    literal(word, text.get(from..).unwrap_or_default());
}

/// Returns whether bash might put a directory for the `~` at `at`: at the beginning of a word, and after `=` or `:`,
/// which it does in some words only.
fn may_be_home(word: &Word, text: &str, at: usize, from: usize) -> bool {
    match text.get(from..at).and_then(|before| before.chars().next_back()) {
        Some(before) => matches!(before, '=' | ':'),
        None => match word.parts.last() {
            Some(Part::Literal(before)) => before.ends_with(['=', ':']),
            Some(Part::Dynamic(_)) | None => true,
        },
    }
}

fn literal(word: &mut Word, more: &str) {
    match word.parts.last_mut() {
        _ if more.is_empty() => {}
        Some(Part::Literal(text)) => text.push_str(more),
        _ => word.parts.push(Part::Literal(more.to_owned())),
    }
}
