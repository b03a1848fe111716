use std::fmt;
use std::sync::Arc;

use crate::Span;

/// A text and the name under which people know it, shared by everything that points into it.
#[derive(Clone, PartialEq, Eq)]
pub struct Source(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    name: String,
    text: String,
    /// The offset of the first byte of each line.
    line_starts: Vec<usize>,
}

/// A line and a column, both counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineColumn {
    pub line: usize,
    pub column: usize,
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        let text = text.into();
        let line_starts =
            std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1)).collect();
        Source(Arc::new(Inner { name: name.into(), text, line_starts }))
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Returns the text at `span`, or nothing where the span does not lie on character boundaries inside the text.
    pub fn slice(&self, span: Span) -> &str {
        self.0.text.get(span.start..span.end).unwrap_or("")
    }

    /// Returns the place of a byte; an offset past the end is the end.
    pub fn line_column(&self, offset: usize) -> LineColumn {
        let offset = offset.min(self.0.text.len());
        let line = self.0.line_starts.partition_point(|start| *start <= offset);
        let start = self.0.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.0.text.as_bytes().get(start..offset).unwrap_or(&[]);
        // Continuation bytes are not characters; an offset inside a character counts as on it.
        let column = before.iter().filter(|b| (**b & 0xC0) != 0x80).count() + 1;
        LineColumn { line, column }
    }

    /// Returns the range of a line, counted from 1, without its line end; the empty range at the end where there is none.
    pub fn line_span(&self, line: usize) -> Span {
        let len = self.0.text.len();
        let start = line.checked_sub(1).and_then(|line| self.0.line_starts.get(line)).copied().unwrap_or(len);
        let end = self.0.line_starts.get(line).map_or(len, |next| next.saturating_sub(1));
        let text = self.0.text.get(start..end).unwrap_or("");
        Span::new(start, start + text.strip_suffix('\r').unwrap_or(text).len())
    }

    /// Returns the span, made to lie inside the text and on character boundaries.
    pub fn clamp(&self, span: Span) -> Span {
        let text = &self.0.text;
        Span::new(text.floor_char_boundary(span.start), text.ceil_char_boundary(span.end))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.0.name)
    }
}

/// A place in a source that is carried along with what was read there.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    pub source: Source,
    pub span: Span,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.source.line_column(self.span.start);
        write!(f, "{}:{}:{}", self.source.name(), at.line, at.column)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_without_their_ends() {
        let source = Source::new("", "a\r\n\nbc");
        let check = |line: usize, expected: &str| assert_eq!(source.slice(source.line_span(line)), expected, "{line}");
        check(0, "");
        check(1, "a");
        check(2, "");
        check(3, "bc");
        check(4, "");
    }

    #[test]
    fn columns_count_characters() {
        let source = Source::new("", "é\nxéy");
        let check = |offset: usize, line: usize, column: usize| {
            assert_eq!(source.line_column(offset), LineColumn { line, column }, "{offset}");
        };
        check(0, 1, 1);
        check(2, 1, 2);
        check(3, 2, 1);
        check(6, 2, 3);
        check(99, 2, 4);
    }

    #[test]
    fn spans_are_widened_to_whole_characters() {
        let source = Source::new("", "aéb");
        assert_eq!(source.clamp(Span::new(2, 2)), Span::new(1, 3));
        assert_eq!(source.clamp(Span::new(9, 12)), Span::at(4));
    }
}
