//! The page in columns, for a terminal.

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::body::{Body, Kind, Piece, Tone};
use crate::sheet::{Line, Section, Sheet};

/// How the text is to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenderStyle {
    pub color: bool,
    /// Columns; fewer than 40 are taken as 40.
    pub width: usize,
}

pub(crate) fn text(sheet: &Sheet, style: RenderStyle) -> String {
    let mut page = Page { style: RenderStyle { width: style.width.max(40), ..style }, text: String::new() };
    for section in &sheet.sections {
        page.section(section);
    }
    page.text
}

struct Page {
    style: RenderStyle,
    text: String,
}

/// A part of a line that is not broken.
struct Token {
    text: String,
    tone: Tone,
}

/// Columns before a row's label, and of its label.
const INDENT: usize = 2;
const LABEL: usize = 13;

impl Page {
    fn section(&mut self, section: &Section) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.lines(0, Vec::new(), &section.title);
        let tree = self.tree(section);
        for line in &section.lines {
            match line {
                Line::Row { label, body } => self.beside(INDENT, LABEL, &Body::of(label, Tone::Plain), body),
                Line::Branch { depth, name, body } => self.beside(INDENT + 2 * depth, tree.saturating_sub(2 * depth), name, body),
                Line::Item { sign, body } => {
                    let start = vec![Token { text: format!("{:INDENT$}{sign}", ""), tone: Tone::Plain }];
                    self.lines(INDENT + sign.width() + 1, start, body);
                }
                Line::Text(body) => self.lines(INDENT, Vec::new(), body),
            }
        }
    }

    /// Returns the columns that the names of a section's tree take, no more than two fifths of the page.
    fn tree(&self, section: &Section) -> usize {
        let widths = section.lines.iter().filter_map(|line| match line {
            Line::Branch { depth, name, .. } => Some(2 * depth + width(&tokens(name))),
            _ => None,
        });
        let most = self.style.width * 2 / 5;
        widths.filter(|width| *width <= most).max().unwrap_or(LABEL).max(LABEL)
    }

    /// Writes a label and a body beside it. A label that is too long has a line of its own.
    fn beside(&mut self, indent: usize, label: usize, name: &Body, body: &Body) {
        let mut start = vec![Token { text: " ".repeat(indent.saturating_sub(1)), tone: Tone::Plain }];
        let names = tokens(name);
        if width(&names) > label {
            self.lines(indent, Vec::new(), name);
            return self.lines(indent + label + 2, Vec::new(), body);
        }
        start.extend(names);
        self.lines(indent + label + 2, start, body);
    }

    /// Writes a body from column `indent` on, the first line after `start`.
    fn lines(&mut self, indent: usize, start: Vec<Token>, body: &Body) {
        let room = self.style.width.saturating_sub(indent).max(1);
        let mut lines: Vec<Vec<Token>> = Vec::new();
        let mut used = room;
        for token in tokens(body) {
            for part in split(&token.text, room) {
                let width = part.width();
                match lines.last_mut() {
                    Some(line) if used + 1 + width <= room => {
                        used += 1 + width;
                        push(line, part, token.tone);
                    }
                    _ => {
                        used = width;
                        lines.push(vec![Token { text: part.to_owned(), tone: token.tone }]);
                    }
                }
            }
        }
        let mut before = start;
        if lines.is_empty() && !before.is_empty() {
            lines.push(Vec::new());
        }
        for line in &lines {
            let gap = indent.saturating_sub(width(&before));
            let line = format!("{}{:gap$}{}", self.joined(&before), "", self.joined(line));
            self.text.push_str(line.trim_end_matches(' '));
            self.text.push('\n');
            before = Vec::new();
        }
    }

    fn joined(&self, tokens: &[Token]) -> String {
        tokens.iter().map(|token| self.painted(token)).collect::<Vec<_>>().join(" ")
    }

    fn painted(&self, token: &Token) -> String {
        let style = match token.tone {
            Tone::Plain => Style::new(),
            Tone::Heading => Style::new().bold(),
            Tone::Held => AnsiColor::Green.on_default(),
            Tone::Care => AnsiColor::Yellow.on_default(),
            Tone::Gap => AnsiColor::Red.on_default(),
        };
        if self.style.color && style != Style::new() && !token.text.is_empty() {
            format!("{style}{}{style:#}", token.text)
        } else {
            token.text.clone()
        }
    }
}

/// Returns the parts of a body between which a line may end.
fn tokens(body: &Body) -> Vec<Token> {
    body.pieces.iter().flat_map(piece_tokens).collect()
}

fn piece_tokens(piece: &Piece) -> Vec<Token> {
    let ticks = if piece.kind == Kind::Code { "`" } else { "" };
    let text = format!("{ticks}{}{ticks}{}", piece.text, piece.after);
    let token = |text: &str| Token { text: text.to_owned(), tone: piece.tone };
    if piece.breaks { text.split(' ').map(token).collect() } else { vec![token(&text)] }
}

/// Returns the columns of the tokens with a space between each two.
fn width(tokens: &[Token]) -> usize {
    let widths: usize = tokens.iter().map(|token| token.text.width()).sum();
    widths + tokens.len().saturating_sub(1)
}

/// Adds a part to a line, to the last token where the tone is the same: a run of words is painted once.
fn push(line: &mut Vec<Token>, part: &str, tone: Tone) {
    match line.last_mut() {
        Some(last) if last.tone == tone => {
            last.text.push(' ');
            last.text.push_str(part);
        }
        _ => line.push(Token { text: part.to_owned(), tone }),
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
