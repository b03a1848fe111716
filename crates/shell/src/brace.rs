//! Brace expansion: `{a,b}` and `{1..3}`.
//!
//! Bash expands braces in the text, before anything else, and is not regular where they do not pair. Words in which they
//! do not, and those in which an expansion could join a name, are opaque.

use remit_diagnostics::Span;

use crate::cursor::{Parser, Read};
use crate::raw::{Piece, Raw};
use crate::{MAX_DEPTH, MAX_EXPANDED, Opaque};

/// A character, or an expansion, of a word.
#[derive(Clone, Debug)]
enum Unit {
    Character(char, bool),
    Piece(Piece),
}

impl Parser<'_, '_> {
    /// Returns the words that braces make of one, or `None` when they make nothing.
    pub(crate) fn braces(&mut self, raw: &Raw, span: Span) -> Read<Option<Vec<Raw>>> {
        let texts = || {
            raw.pieces.iter().filter_map(|piece| match piece {
                Piece::Text { text, quoted: false } => Some(text.as_str()),
                _ => None,
            })
        };
        if !texts().any(|text| text.contains('{')) || !texts().any(|text| text.contains(',') || text.contains("..")) {
            return Ok(None);
        }
        let stop = |reason| Opaque::new(reason, span);
        let units = units(raw);
        let joins = |pair: &[Unit]| {
            let open = matches!(pair.first(), Some(Unit::Character('$', false) | Unit::Piece(Piece::Dynamic { open: true, .. })));
            open && matches!(pair.last(), Some(Unit::Character('{' | '}' | ',', false)))
        };
        if units.windows(2).any(joins) {
            return Err(stop("a variable that braces may join with what is beside it"));
        }
        let nodes = Nodes { units: &units, at: 0 }.sequence(0, false).ok_or_else(|| stop("braces that do not pair"))?;
        let mut budget = MAX_EXPANDED.saturating_sub(self.shared.expanded);
        let made = expand(&nodes, &mut budget).ok_or_else(|| stop("braces that make too many words"))?;
        self.shared.expanded += made.iter().map(|units| 1 + units.len()).sum::<usize>();
        // A word that becomes nothing at all is no word: `{,}` alone makes none.
        Ok(Some(made.iter().filter(|units| !units.is_empty()).map(|units| raw_of(units, span)).collect()))
    }
}

fn units(raw: &Raw) -> Vec<Unit> {
    let mut units = Vec::new();
    for piece in &raw.pieces {
        match piece {
            Piece::Text { text, quoted } if text.is_empty() => {
                units.push(Unit::Piece(Piece::Text { text: String::new(), quoted: *quoted }));
            }
            Piece::Text { text, quoted } => units.extend(text.chars().map(|character| Unit::Character(character, *quoted))),
            dynamic @ Piece::Dynamic { .. } => units.push(Unit::Piece(dynamic.clone())),
        }
    }
    units
}

fn raw_of(units: &[Unit], span: Span) -> Raw {
    let mut raw = Raw { pieces: Vec::new(), span: Some(span) };
    for unit in units {
        match unit {
            Unit::Character(character, quoted) => raw.character(*character, *quoted),
            Unit::Piece(Piece::Text { text, quoted }) => raw.text(text, *quoted),
            Unit::Piece(piece) => raw.pieces.push(piece.clone()),
        }
    }
    raw
}

enum Node {
    Unit(Unit),
    Choice(Vec<Vec<Node>>),
}

struct Nodes<'a> {
    units: &'a [Unit],
    at: usize,
}

impl Nodes<'_> {
    /// Reads up to the end, or in braces up to a `,` or `}` of theirs.
    fn sequence(&mut self, depth: usize, inside: bool) -> Option<Vec<Node>> {
        let mut nodes = Vec::new();
        loop {
            match self.units.get(self.at) {
                None => return (!inside).then_some(nodes),
                Some(Unit::Character(',' | '}', false)) if inside => return Some(nodes),
                Some(Unit::Character('}', false)) => return None,
                Some(Unit::Character('{', false)) => {
                    self.at += 1;
                    self.group(depth, &mut nodes)?;
                }
                Some(unit) => {
                    nodes.push(Node::Unit(unit.clone()));
                    self.at += 1;
                }
            }
        }
    }

    fn group(&mut self, depth: usize, nodes: &mut Vec<Node>) -> Option<()> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let start = self.at;
        let mut choices = Vec::new();
        loop {
            choices.push(self.sequence(depth + 1, true)?);
            let ended = matches!(self.units.get(self.at), Some(Unit::Character('}', _)));
            self.at += 1;
            if ended {
                break;
            }
        }
        if choices.len() > 1 {
            nodes.push(Node::Choice(choices));
            return Some(());
        }
        let inside = self.units.get(start..self.at - 1)?;
        if has_dots(&choices) {
            let made = series(&plain(inside)?)?;
            nodes.push(Node::Choice(made.iter().map(|text| characters(text)).collect()));
            return Some(());
        }
        nodes.push(Node::Unit(Unit::Character('{', true)));
        nodes.extend(choices.into_iter().flatten());
        nodes.push(Node::Unit(Unit::Character('}', true)));
        Some(())
    }
}

fn characters(text: &str) -> Vec<Node> {
    text.chars().map(|character| Node::Unit(Unit::Character(character, false))).collect()
}

/// Returns whether two unquoted dots stand side by side.
fn has_dots(choices: &[Vec<Node>]) -> bool {
    let dot = |node: &Node| matches!(node, Node::Unit(Unit::Character('.', false)));
    choices.iter().any(|nodes| nodes.windows(2).any(|pair| pair.iter().all(dot)))
}

fn plain(units: &[Unit]) -> Option<String> {
    units
        .iter()
        .map(|unit| match unit {
            Unit::Character(character, false) => Some(*character),
            _ => None,
        })
        .collect()
}

/// Returns the words of `1..5`, `01..10..2` or `a..e`, and `None` for what is not one of these or too long.
fn series(text: &str) -> Option<Vec<String>> {
    let mut parts = text.split("..");
    let (first, last) = (parts.next()?, parts.next()?);
    let step: i64 = parts.next().map_or(Some(1), number)?;
    if parts.next().is_some() {
        return None;
    }
    let step = step.abs().max(1);
    let (from, to, letters, width) = match (letter(first), letter(last)) {
        // Between the cases lie characters that are special to the shell.
        (Some(from), Some(to)) if from.is_ascii_lowercase() == to.is_ascii_lowercase() => {
            (i64::from(from), i64::from(to), true, 0)
        }
        (None, None) => {
            let padded = |text: &str| {
                let digits = text.trim_start_matches(['-', '+']);
                digits.len() > 1 && digits.starts_with('0')
            };
            // How wide bash makes what has a sign is not regular.
            let width = if padded(first) || padded(last) { first.len().max(last.len()) } else { 0 };
            if width > 0 && (first.starts_with(['-', '+']) || last.starts_with(['-', '+'])) {
                return None;
            }
            (number(first)?, number(last)?, false, width)
        }
        _ => return None,
    };
    let count = usize::try_from((to - from).abs() / step).ok()?;
    if count >= MAX_EXPANDED {
        return None;
    }
    let direction = if from <= to { step } else { -step };
    let values = (0..=count).filter_map(|index| Some(from + direction * i64::try_from(index).ok()?));
    Some(values.map(|value| if letters { letter_text(value) } else { format!("{value:0width$}") }).collect())
}

fn letter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(*letter),
        _ => None,
    }
}

fn letter_text(value: i64) -> String {
    u8::try_from(value).map(char::from).map(String::from).unwrap_or_default()
}

fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let fits = !digits.is_empty() && digits.len() <= 9 && digits.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// Returns all words, in bash's order, unless they hold more units than the budget.
fn expand(nodes: &[Node], budget: &mut usize) -> Option<Vec<Vec<Unit>>> {
    let mut words = vec![Vec::new()];
    for node in nodes {
        match node {
            Node::Unit(unit) => {
                *budget = budget.checked_sub(words.len())?;
                for word in &mut words {
                    word.push(unit.clone());
                }
            }
            Node::Choice(choices) => {
                let mut endings = Vec::new();
                for choice in choices {
                    endings.extend(expand(choice, budget)?);
                }
                let length = |words: &[Vec<Unit>]| words.iter().map(|word| word.len() + 1).sum::<usize>();
                let total = length(&words).checked_mul(endings.len())?.checked_add(length(&endings).checked_mul(words.len())?)?;
                *budget = budget.checked_sub(total)?;
                words = words.iter().flat_map(|word| endings.iter().map(|ending| [word.as_slice(), ending].concat())).collect();
            }
        }
    }
    Some(words)
}
