//! `[[ … ]]`.

use crate::arith::is_name;
use crate::cursor::{Parser, Read};
use crate::quote::Place;
use crate::raw::Raw;

impl Parser<'_, '_> {
    /// Reads a conditional expression after `[[`, and passes the `]]`.
    pub(crate) fn test(&mut self, start: usize) -> Read<()> {
        // How many parentheses are open.
        let mut open = 0usize;
        loop {
            self.newlines()?;
            // A term may be negated any number of times.
            while self.reserved() == Some("!") {
                self.eat("!");
                self.newlines()?;
            }
            if self.eat("(") {
                open += 1;
                continue;
            }
            self.term(start)?;
            self.newlines()?;
            while open > 0 && self.eat(")") {
                open -= 1;
                self.newlines()?;
            }
            if self.eat("&&") || self.eat("||") {
                continue;
            }
            if open == 0 && self.reserved() == Some("]]") {
                self.eat("]]");
                return Ok(());
            }
            return Err(self.stop("a test that is not closed", start));
        }
    }

    fn term(&mut self, start: usize) -> Read<()> {
        self.blanks();
        let at_first = self.pos;
        let first = self.operand_word(Place::Word)?;
        let at = self.pos;
        self.blanks();
        let bare = first.bare().unwrap_or_default();
        let ends = self.reserved() == Some("]]")
            || self.looking_at("&&")
            || self.looking_at("||")
            || matches!(self.peek(), Some(')' | '\n'));
        if ends {
            return if is_unary(bare) || self.peek() == Some('\n') {
                Err(self.stop("a test that is not known", start))
            } else {
                Ok(())
            };
        }
        if is_unary(bare) {
            let operand = self.operand_word(Place::Word)?;
            let plain = operand.bare().is_some_and(is_name);
            return if matches!(bare, "-v" | "-R") && !plain {
                Err(self.stop("a test that evaluates a subscript", at))
            } else {
                Ok(())
            };
        }
        if self.eat("<") || self.eat(">") {
            self.operand_word(Place::Word)?;
            return Ok(());
        }
        let operator = self.operand_word(Place::Word)?;
        self.blanks();
        let at_operand = self.pos;
        match operator.bare() {
            Some("==" | "=" | "!=") => {
                self.operand_word(Place::Pattern)?;
            }
            Some("=~") => {
                self.operand_word(Place::Regex)?;
            }
            Some("-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge") => {
                let second = self.operand_word(Place::Word)?;
                self.evaluates(&first, at_first)?;
                self.evaluates(&second, at_operand)?;
            }
            Some("-nt" | "-ot" | "-ef") => {
                self.operand_word(Place::Word)?;
            }
            _ => return Err(self.stop("a test that is not known", start)),
        }
        Ok(())
    }

    fn operand_word(&mut self, place: Place) -> Read<Raw> {
        self.blanks();
        if self.reserved() == Some("]]") {
            return Err(self.unexpected("a test without an operand"));
        }
        let raw = self.raw(place)?;
        if raw.pieces.is_empty() { Err(self.unexpected("a test without an operand")) } else { Ok(raw) }
    }
}

fn is_unary(word: &str) -> bool {
    matches!(
        word.as_bytes(),
        [b'-', b'a'..=b'h' | b'k' | b'n'..=b'p' | b'r'..=b'x' | b'z' | b'G' | b'L' | b'N' | b'O' | b'R' | b'S']
    )
}
