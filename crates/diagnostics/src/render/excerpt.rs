//! The lines of a source that a diagnostic shows: few, short and harmless, whatever the source holds.
//!
//! A file may be one line of a megabyte, with two labels far apart on it. So the places are put in groups that can be
//! shown together, and of each line only what is near its places is taken.

use crate::render::visible::shown;
use crate::{Diagnostic, Location, Source, Span};

/// Neighbouring lines of one source, made [visible](crate::visible), and what is to be marked on them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) source: Source,
    /// The place of the first mark, for the heading: line and column in the source itself.
    pub(crate) at: usize,
    /// The number of the first line, from 1.
    pub(crate) first_line: usize,
    pub(crate) text: String,
    pub(crate) marks: Vec<Mark>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The range in the excerpt's text.
    pub(crate) span: Span,
    pub(crate) label: String,
    pub(crate) primary: bool,
}

/// Returns what to show of the diagnostic, that with the primary place first.
pub(crate) fn excerpts(diagnostic: &Diagnostic) -> Vec<Excerpt> {
    let others = diagnostic.labels.iter().map(|label| place(&label.location, &label.text, false));
    let mut places: Vec<Place> = std::iter::once(place(&diagnostic.location, &diagnostic.label, true)).chain(others).collect();
    places.sort_by_key(|place| (*place.source != diagnostic.location.source, place.span));
    let mut groups: Vec<Vec<Place>> = Vec::new();
    for place in places {
        match groups.last_mut() {
            Some(group) if belongs(group, &place) => group.push(place),
            _ => groups.push(vec![place]),
        }
    }
    groups.sort_by_key(|group| !group.iter().any(|place| place.primary));
    groups.iter().filter_map(|group| excerpt(group)).collect()
}

/// The most bytes of a line that are shown beside a place, on either side, and of the place itself.
const MARGIN: usize = 120;
const LONGEST_PLACE: usize = 240;
/// The most lines that may lie between two places that are shown together.
const GAP: usize = 4;

/// A place to mark: of a span over several lines, what is on the first.
struct Place<'d> {
    source: &'d Source,
    line: usize,
    span: Span,
    label: &'d str,
    primary: bool,
}

fn place<'d>(location: &'d Location, label: &'d str, primary: bool) -> Place<'d> {
    let (source, span) = (&location.source, location.source.clamp(location.span));
    let line = source.line_column(span.start).line;
    let end = span.end.min(source.line_span(line).end).max(span.start);
    Place { source, line, span: Span::new(span.start, end), label, primary }
}

fn belongs(group: &[Place], place: &Place) -> bool {
    let Some(last) = group.last() else { return false };
    if *last.source != *place.source || place.line.saturating_sub(last.line) > GAP {
        return false;
    }
    let on_the_line = group.iter().filter(|other| other.line == place.line);
    on_the_line.map(|other| other.span.start).min().is_none_or(|start| place.span.end - start <= LONGEST_PLACE)
}

fn excerpt(group: &[Place]) -> Option<Excerpt> {
    let (first, last) = (group.first()?, group.last()?);
    let at = group.iter().find(|place| place.primary).unwrap_or(first).span.start;
    let mut text = String::new();
    let mut marks = Vec::new();
    for line in first.line..=last.line {
        let places: Vec<&Place> = group.iter().filter(|place| place.line == line).collect();
        add_line(&mut text, &mut marks, first.source, line, &places);
        text.push('\n');
    }
    Some(Excerpt { source: first.source.clone(), at, first_line: first.line, text, marks })
}

fn add_line(text: &mut String, marks: &mut Vec<Mark>, source: &Source, line: usize, places: &[&Place]) {
    let line = source.line_span(line);
    let window = window(source, line, places);
    if window.start > line.start {
        text.push('…');
    }
    let base = text.len();
    // How far into the excerpt an offset of the source has come.
    let moved = |offset: usize| {
        let offset = offset.clamp(window.start, window.end);
        base + drawn(source.slice(Span::new(window.start, offset))).len()
    };
    for place in places {
        let span = Span::new(moved(place.span.start), moved(place.span.end));
        marks.push(Mark { span, label: place.label.to_owned(), primary: place.primary });
    }
    let body = drawn(source.slice(window));
    text.push_str(&body);
    if window.end < line.end {
        text.push('…');
    }
}

/// Returns the part of the line that is near its places, on character boundaries.
fn window(source: &Source, line: Span, places: &[&Place]) -> Span {
    let start = places.iter().map(|place| place.span.start).min().unwrap_or(line.start);
    let end = places.iter().map(|place| place.span.end).max().unwrap_or(start);
    let end = end.min(start + LONGEST_PLACE);
    let text = source.text();
    let start = text.floor_char_boundary(start.saturating_sub(MARGIN).max(line.start));
    Span::new(start, text.ceil_char_boundary((end + MARGIN).min(line.end)))
}

/// Returns a piece of a line as it is drawn: tabs as four columns, everything else visible.
fn drawn(piece: &str) -> String {
    let pieces: Vec<_> = piece.split('\t').map(shown).collect();
    pieces.join("    ")
}
