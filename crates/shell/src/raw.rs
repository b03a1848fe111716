//! A word as it is read: what was quoted is still known, braces are not expanded yet.

use remit_diagnostics::Span;

use crate::Dynamic;

#[derive(Clone, Debug, Default)]
pub(crate) struct Raw {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) span: Option<Span>,
}

#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text { text: String, quoted: bool },
    Dynamic { dynamic: Dynamic, splits: bool, open: bool },
}

impl Raw {
    pub(crate) fn text(&mut self, more: &str, more_quoted: bool) {
        match self.pieces.last_mut() {
            Some(Piece::Text { text, quoted }) if *quoted == more_quoted => text.push_str(more),
            _ => self.pieces.push(Piece::Text { text: more.to_owned(), quoted: more_quoted }),
        }
    }

    pub(crate) fn character(&mut self, character: char, quoted: bool) {
        self.text(character.encode_utf8(&mut [0; 4]), quoted);
    }

    pub(crate) fn dynamic(&mut self, dynamic: Dynamic, splits: bool) {
        self.pieces.push(Piece::Dynamic { dynamic, splits, open: false });
    }

    /// Adds `$NAME` without braces: unquoted, what braces put after it could become a part of the name.
    pub(crate) fn variable(&mut self, name: String, quoted: bool) {
        self.pieces.push(Piece::Dynamic { dynamic: Dynamic::Variable(name), splits: !quoted, open: !quoted });
    }

    pub(crate) fn place(&self) -> Span {
        self.span.unwrap_or_else(|| Span::at(0))
    }

    pub(crate) fn splits(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Dynamic { splits: true, .. }))
    }

    /// Returns the text of a word in which nothing is quoted or expanded, by whatever else it may be special.
    pub(crate) fn bare(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text { text, quoted: false }] => Some(text),
            _ => None,
        }
    }

    /// Returns the text of a word in which nothing is expanded.
    pub(crate) fn literal(&self) -> Option<String> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text { text, .. } => Some(text.as_str()),
                Piece::Dynamic { .. } => None,
            })
            .collect()
    }
}
