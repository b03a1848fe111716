//! Places as the protocol counts them: lines and UTF-16 code units, both from 0.

use remit_diagnostics::{Source, Span};
use serde_json::{Value, json};

pub(super) fn range(source: &Source, span: Span) -> Value {
    json!({ "start": position(source, span.start), "end": position(source, span.end) })
}

fn position(source: &Source, offset: usize) -> Value {
    let line = source.line_column(offset).line;
    let before = source.slice(Span::new(source.line_span(line).start, offset));
    json!({ "line": line - 1, "character": before.encode_utf16().count() })
}

/// Returns the byte at a position; one past the end of a line is its end, and one past the last line is the text's.
pub(super) fn offset(source: &Source, position: &Value) -> Option<usize> {
    let number = |key: &str| usize::try_from(position.get(key)?.as_u64()?).ok();
    let line = source.line_span(number("line")?.checked_add(1)?);
    let (character, mut units) = (number("character")?, 0);
    let found = source.slice(line).char_indices().find(|(_, c)| {
        let is_here = units >= character;
        units += c.len_utf16();
        is_here
    });
    Some(found.map_or(line.end, |(at, _)| line.start + at))
}

/// Returns the span of a range.
pub(super) fn span(source: &Source, range: &Value) -> Option<Span> {
    Some(Span::new(offset(source, range.get("start")?)?, offset(source, range.get("end")?)?))
}
