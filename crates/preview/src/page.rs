//! Text in columns: the only way to the rendered text, so that nothing reaches a terminal that is not made visible.
//!
//! A [`Page`] has headings, rows (a label and a body) and paragraphs. A [`Body`] is a run of pieces that are not broken,
//! unless one alone is wider than its column.

use anstyle::{AnsiColor, Style};
use remit_diagnostics::visible;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How the text is to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenderStyle {
    pub color: bool,
    /// Columns; fewer than 40 are taken as 40.
    pub width: usize,
}

/// What a piece of text is to a reader. The words say it as well: colour only points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Heading,
    /// The kernel holds it.
    Held,
    /// It asks, or is wider than it looks.
    Care,
    /// Nothing holds it.
    Gap,
}

#[derive(Debug)]
pub(crate) struct Page {
    style: RenderStyle,
    text: String,
}

/// Pieces in a row with one space between them.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    text: String,
    tone: Tone,
}

/// Columns before a row's label, of its label, and before its body.
const INDENT: usize = 2;
const LABEL: usize = 13;
const BODY: usize = INDENT + LABEL + 2;

impl Page {
    pub(crate) fn new(style: RenderStyle) -> Page {
        Page { style: RenderStyle { width: style.width.max(40), ..style }, text: String::new() }
    }

    /// Writes a section's head, after an empty line unless it is the first.
    pub(crate) fn heading(&mut self, text: &str, tone: Tone) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.lines(0, "", &Body::of(text, tone));
    }

    pub(crate) fn paragraph(&mut self, body: &Body) {
        self.lines(INDENT, "", body);
    }

    /// Writes a label and a body beside it. A label that is too long has a line of its own.
    pub(crate) fn row(&mut self, label: &str, body: &Body) {
        let label = visible(label);
        let start = format!("{:INDENT$}{label}", "");
        if label.width() > LABEL {
            self.text.push_str(&start);
            self.text.push('\n');
            self.lines(BODY, "", body);
        } else {
            self.lines(BODY, &start, body);
        }
    }

    /// Writes a body after a sign of one column.
    pub(crate) fn bullet(&mut self, sign: &str, body: &Body) {
        self.lines(INDENT + 2, &format!("{:INDENT$}{sign}", ""), body);
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// Writes a body from column `indent` on, the first line after `start`.
    fn lines(&mut self, indent: usize, start: &str, body: &Body) {
        let room = self.style.width.saturating_sub(indent).max(1);
        let mut lines: Vec<Vec<Piece>> = Vec::new();
        let mut used = room;
        for piece in &body.pieces {
            for part in split(&piece.text, room) {
                let width = part.width();
                match lines.last_mut() {
                    Some(line) if used + 1 + width <= room => {
                        used += 1 + width;
                        push(line, part, piece.tone);
                    }
                    _ => {
                        used = width;
                        lines.push(vec![Piece { text: part.to_owned(), tone: piece.tone }]);
                    }
                }
            }
        }
        let mut before = start;
        for line in &lines {
            let gap = indent.saturating_sub(before.width());
            let painted: Vec<String> = line.iter().map(|piece| self.painted(&piece.text, piece.tone)).collect();
            let line = format!("{before}{:gap$}{}", "", painted.join(" "));
            self.text.push_str(line.trim_end_matches(' '));
            self.text.push('\n');
            before = "";
        }
    }

    fn painted(&self, text: &str, tone: Tone) -> String {
        let style = match tone {
            Tone::Plain => Style::new(),
            Tone::Heading => Style::new().bold(),
            Tone::Held => AnsiColor::Green.on_default(),
            Tone::Care => AnsiColor::Yellow.on_default(),
            Tone::Gap => AnsiColor::Red.on_default(),
        };
        if self.style.color && style != Style::new() && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

impl Body {
    /// Returns the words of a text, which may be broken between any two.
    pub(crate) fn of(text: &str, tone: Tone) -> Body {
        Body::default().words(text, tone)
    }

    /// Adds words that may be broken between any two. Each space of the text is kept, but where a line ends.
    pub(crate) fn words(mut self, text: &str, tone: Tone) -> Body {
        self.pieces.extend(text.split(' ').map(|word| Piece { text: visible(word), tone }));
        self
    }

    /// Adds a text that stays together.
    pub(crate) fn item(mut self, text: &str, tone: Tone) -> Body {
        self.pieces.push(Piece { text: visible(text), tone });
        self
    }

    /// Adds items with commas between them; of more than `most`, the first and how many more there are.
    pub(crate) fn list<I: AsRef<str>>(mut self, items: &[I], most: usize, tone: Tone) -> Body {
        // Cutting off a single one would save nothing.
        let shown = if items.len() <= most + 1 { items.len() } else { most };
        for (number, item) in items.iter().take(shown).enumerate() {
            let comma = if number + 1 < shown { "," } else { "" };
            self.pieces.push(Piece { text: format!("{}{comma}", visible(item.as_ref())), tone });
        }
        match items.len() - shown {
            0 => self,
            more => self.item(&format!("and {more} more"), tone),
        }
    }

    /// Adds a mark to the last piece, without a space.
    pub(crate) fn mark(mut self, mark: &str) -> Body {
        if let Some(last) = self.pieces.last_mut() {
            last.text.push_str(mark);
        }
        self
    }
}

/// Adds a part to a line, to the last piece where the tone is the same: a run of words is painted once.
fn push(line: &mut Vec<Piece>, part: &str, tone: Tone) {
    match line.last_mut() {
        Some(last) if last.tone == tone => {
            last.text.push(' ');
            last.text.push_str(part);
        }
        _ => line.push(Piece { text: part.to_owned(), tone }),
    }
}

/// Returns the text in parts of at most `room` columns.
fn split(text: &str, room: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.width() > room {
        let mut used = 0;
        let fits = rest.char_indices().find(|(_, c)| {
            used += c.width().unwrap_or(0);
            used > room
        });
        // A first character that is wider than the room is taken nevertheless, or there would be no end.
        let at = fits.map_or(rest.len(), |(at, _)| at).max(rest.chars().next().map_or(1, char::len_utf8));
        // After a space, where there is one.
        let at = rest.get(..at).and_then(|part| part.rfind(' ')).map_or(at, |space| space + 1);
        let (part, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}
