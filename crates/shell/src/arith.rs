//! Arithmetic. Bash evaluates the value of each variable in it as arithmetic again, where a subscript may run commands:
//! with `x='a[$(rm f)]'` set, `$((x))` runs `rm`. So the names that are read are noted, and at the end of the line all
//! that were not certainly given a number there are opaque.

use std::collections::{HashMap, HashSet};

use remit_diagnostics::Span;

use crate::cursor::{Parser, Read};
use crate::raw::{Piece, Raw};
use crate::{Assignment, Dynamic, Opaque, Part, Script, Value, Word};

/// Commands that give variables values which are not seen here.
const ASSIGNERS: [&str; 12] =
    ["read", "mapfile", "readarray", "getopts", "eval", "source", ".", "let", "builtin", "command", "wait", "unset"];

/// Variables that bash itself keeps, and that are numbers.
const NUMBERS: [&str; 9] = ["RANDOM", "SRANDOM", "SECONDS", "LINENO", "PPID", "UID", "EUID", "BASHPID", "EPOCHSECONDS"];

/// What ends an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// `))`
    Parens,
    /// `))` of a `for`: there are two `;` before it.
    For,
    /// `]`
    Bracket,
    /// `}`
    Brace,
}

impl Parser<'_, '_> {
    /// Reads an expression after what opens it, to what closes it.
    pub(crate) fn arithmetic(&mut self, close: Close, start: usize) -> Read<()> {
        self.deeper(|parser| parser.expression(close, start))
    }

    fn expression(&mut self, close: Close, start: usize) -> Read<()> {
        let mut open: Vec<char> = Vec::new();
        let mut assigned = Vec::new();
        let mut semicolons = 0;
        // Whether the character before belongs to a name or a number, so that an expansion would continue it.
        let mut in_word = false;
        // `++` or `--` stands before.
        let mut stepped = false;
        loop {
            let Some(character) = self.peek() else { return Err(self.stop("arithmetic that is not closed", start)) };
            if open.is_empty() && self.closes(close) {
                break;
            }
            let at = self.pos;
            let was_in_word = std::mem::take(&mut in_word);
            let was_stepped = std::mem::take(&mut stepped);
            match character {
                'a'..='z' | 'A'..='Z' | '_' => {
                    let name = self.name();
                    in_word = true;
                    if was_in_word {
                        return Err(self.stop("arithmetic that is put together from parts", start));
                    }
                    self.variable(name, at, was_stepped, &mut assigned);
                }
                '0'..='9' => {
                    // `16#ff`, `0x1f`
                    while let Some(digit) = self.peek().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '#' | '@' | '_')) {
                        self.bump(digit);
                    }
                    in_word = true;
                    if was_in_word {
                        return Err(self.stop("arithmetic that is put together from parts", start));
                    }
                }
                '$' => {
                    let mut word = Raw::default();
                    self.dollar(true, &mut word)?;
                    in_word = true;
                    if was_in_word {
                        return Err(self.stop("arithmetic that is put together from parts", start));
                    }
                    self.operand(&word, at, start)?;
                }
                '(' | '[' | '?' => {
                    self.bump(character);
                    if character != '?' {
                        open.push(character);
                    }
                }
                ')' | ']' => {
                    self.bump(character);
                    if open.pop() != Some(if character == ')' { '(' } else { '[' }) {
                        return Err(self.stop("parentheses that may be arithmetic or a subshell", start));
                    }
                }
                ';' if close == Close::For && open.is_empty() => {
                    self.bump(character);
                    semicolons += 1;
                }
                ' ' | '\t' | '\n' => {
                    self.bump(character);
                    stepped = was_stepped;
                }
                '+' | '-' => {
                    self.bump(character);
                    stepped = self.peek() == Some(character) && self.eat(if character == '+' { "+" } else { "-" });
                }
                '*' | '/' | '%' | '<' | '>' | '=' | '!' | '&' | '|' | '^' | '~' | ':' | ',' => self.bump(character),
                _ => return Err(self.unexpected("something in arithmetic that is not known")),
            }
        }
        if close == Close::For && semicolons != 2 {
            return Err(self.stop("`for ((…))` without two semicolons", start));
        }
        self.no_body_here(start)?;
        if !assigned.is_empty() {
            let span = self.span(start);
            self.assign(assigned, span);
        }
        Ok(())
    }

    fn closes(&mut self, close: Close) -> bool {
        match close {
            Close::Parens | Close::For => self.eat("))"),
            Close::Bracket => self.eat("]"),
            Close::Brace => self.eat("}"),
        }
    }

    /// Notes that a variable is read, or assigned, or both.
    fn variable(&mut self, name: String, at: usize, stepped: bool, assigned: &mut Vec<Assignment>) {
        let span = self.span(at);
        let blanks = self.pos;
        while let Some(blank @ (' ' | '\t')) = self.peek() {
            self.bump(blank);
        }
        let plain = self.looking_at("=") && !self.looking_at("==");
        let operators = ["+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "^=", "|=", "++", "--", "["];
        let changed = operators.iter().any(|operator| self.looking_at(operator));
        self.pos = blanks;
        if plain || changed || stepped {
            assigned.push(Assignment { name: name.clone(), subscript: false, append: false, value: Value::Number, span });
        }
        if !plain {
            self.shared.evaluated.push((name, span));
        }
    }

    /// Notes what an expansion in an expression reads. Only some are certainly numbers.
    fn operand(&mut self, word: &Raw, at: usize, start: usize) -> Read<()> {
        match word.pieces.as_slice() {
            [Piece::Dynamic { dynamic: Dynamic::Arithmetic, .. }] => Ok(()),
            [Piece::Dynamic { dynamic: Dynamic::Variable(name), .. }] if matches!(name.as_str(), "#" | "?" | "$" | "!") => Ok(()),
            [Piece::Dynamic { dynamic: Dynamic::Variable(name), .. }] => {
                let span = self.span(at);
                self.shared.evaluated.push((name.clone(), span));
                Ok(())
            }
            [Piece::Dynamic { dynamic: Dynamic::Parameter, .. }]
                if self.text.get(at..self.pos).is_some_and(|text| text.starts_with("${#")) =>
            {
                Ok(())
            }
            _ => Err(self.stop("arithmetic of a text that is not known, which may be code", start)),
        }
    }

    /// Notes a word that is evaluated as arithmetic though it does not look like it, as after `-eq`.
    pub(crate) fn evaluates(&mut self, word: &Raw, at: usize) -> Read<()> {
        let end = self.pos;
        self.pos = word.place().end.min(end).max(at);
        let result = self.evaluated_pieces(word, at);
        self.pos = end;
        result
    }

    fn evaluated_pieces(&mut self, word: &Raw, at: usize) -> Read<()> {
        let mut digits = false;
        for piece in &word.pieces {
            match piece {
                Piece::Text { text, .. } if text.bytes().all(|b| b.is_ascii_digit() || b == b'-') => digits |= !text.is_empty(),
                Piece::Text { text, .. } if word.pieces.len() == 1 && is_name(text) => {
                    let span = self.span(at);
                    self.shared.evaluated.push((text.clone(), span));
                }
                _ => {
                    let alone = word.pieces.iter().all(|piece| !matches!(piece, Piece::Text { text, .. } if !text.is_empty()));
                    let only = Raw { pieces: vec![piece.clone()], span: None };
                    if digits || !alone {
                        return Err(self.stop("arithmetic that is put together from parts", at));
                    }
                    self.operand(&only, at, at)?;
                }
            }
        }
        Ok(())
    }
}

pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Returns what is not known of the variables that arithmetic reads: those that the line does not give a number, or
/// also gives something else.
pub(crate) fn unknown_values(script: &Script, evaluated: Vec<(String, Span)>) -> Vec<Opaque> {
    let reason = "arithmetic of a variable whose value may be code";
    let mut numbers: HashMap<&str, bool> = HashMap::new();
    let mut outside = false;
    for command in &script.commands {
        for assignment in &command.assignments {
            let number = match &assignment.value {
                Value::Number => true,
                Value::Word(word) => is_number(word),
                Value::Array(words) => words.iter().all(is_number),
            };
            *numbers.entry(&assignment.name).or_insert(true) &= number;
        }
        let mut words = command.words.iter();
        let name = words.next().map(|word| word.as_static().unwrap_or("eval"));
        match name {
            Some("declare" | "typeset" | "local" | "export" | "readonly") => {
                for word in words {
                    match word.as_static().map(|text| text.split_once('=')) {
                        Some(None) => outside |= word.prefix().starts_with(['-', '+']) || !is_name(word.prefix()),
                        Some(Some((name, value))) if is_name(name) => *numbers.entry(name).or_insert(true) &= is_digits(value),
                        _ => outside = true,
                    }
                }
            }
            Some("printf") => outside |= words.next().and_then(Word::as_static).is_none_or(|word| word.starts_with("-v")),
            Some(name) => outside |= ASSIGNERS.contains(&name),
            None => {}
        }
    }
    let mut seen = HashSet::new();
    evaluated
        .into_iter()
        .filter(|(name, _)| {
            outside || numbers.get(name.as_str()).map_or_else(|| !NUMBERS.contains(&name.as_str()), |number| !number)
        })
        .filter(|(name, _)| seen.insert(name.clone()))
        .map(|(_, span)| Opaque::new(reason, span))
        .collect()
}

fn is_number(word: &Word) -> bool {
    match word.parts.as_slice() {
        [Part::Literal(text)] => is_digits(text),
        [Part::Dynamic(Dynamic::Arithmetic)] => true,
        [Part::Dynamic(Dynamic::Variable(name))] => matches!(name.as_str(), "#" | "?" | "$" | "!"),
        _ => false,
    }
}

fn is_digits(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}
