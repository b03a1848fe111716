//! Redirections.

use crate::cursor::{Parser, Read};
use crate::quote::Place;
use crate::{Fd, Operator, Redirect, Word};

impl Parser<'_, '_> {
    /// Reads a redirection if one begins here.
    pub(crate) fn redirect(&mut self, redirects: &mut Vec<Redirect>) -> Read<bool> {
        self.peek();
        let start = self.pos;
        let fd = self.descriptor()?;
        let Some(operator) = self.operator_of_redirect() else {
            self.pos = start;
            return Ok(false);
        };
        let here = operator == "<<" || operator == "<<-";
        while let Some(blank @ (' ' | '\t')) = self.peek() {
            self.bump(blank);
        }
        let at = self.pos;
        let raw = if here { crate::raw::Raw::default() } else { self.raw(Place::Word)? };
        if !here && (raw.pieces.is_empty() || self.text.as_bytes().get(at) == Some(&b'#')) {
            return Err(self.stop("a redirection without a file", start));
        }
        let next = raw.bare().is_some_and(|text| text.starts_with('{') || text.bytes().all(|b| b.is_ascii_digit()));
        if next && matches!(self.peek(), Some('<' | '>')) {
            return Err(self.stop("a redirection to what begins another", at));
        }
        if here {
            let target = self.here_document(operator == "<<-", redirects.len())?;
            redirects.push(Redirect { fd, operator: Operator::HereDocument, target, span: self.span(start) });
            return Ok(true);
        }
        if operator == "<<<" {
            let target = crate::word::value(&raw);
            redirects.push(Redirect { fd, operator: Operator::HereString, target, span: self.span(start) });
            return Ok(true);
        }
        let mut words = Vec::new();
        self.arguments(&raw, &mut words)?;
        let (Some(target), None) = (words.pop(), words.pop()) else {
            return Err(self.stop("a redirection to more than one file", at));
        };
        let operator = match operator {
            "<" => Operator::Read,
            ">" => Operator::Write,
            ">|" => Operator::Clobber,
            ">>" => Operator::Append,
            "<>" => Operator::ReadWrite,
            "&>" => Operator::WriteBoth,
            "&>>" => Operator::AppendBoth,
            duplicate => self.duplicate(duplicate, &fd, &target, start)?,
        };
        redirects.push(Redirect { fd, operator, target, span: self.span(start) });
        Ok(true)
    }

    /// Decides what `>&` or `<&` is.
    fn duplicate(&mut self, operator: &str, fd: &Fd, target: &Word, start: usize) -> Read<Operator> {
        let text = target.as_static();
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let number = text.is_some_and(|text| digits(text.strip_suffix('-').unwrap_or(text)) && !text.is_empty());
        // Bash expands the name of the file twice: `>& '$(a)'` runs `a`.
        let plain = text.is_some_and(|text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./+-=:@%,".contains(&b)));
        match (operator, number) {
            ("<&", true) => Ok(Operator::DuplicateInput),
            (_, true) => Ok(Operator::DuplicateOutput),
            (">&", false) if plain && matches!(fd, Fd::Default | Fd::Number(1)) => Ok(Operator::WriteBoth),
            _ => Err(self.stop("a descriptor that is not known", start)),
        }
    }

    /// Reads what may stand before the operator, `2` or `{name}`, and nothing when no operator follows.
    fn descriptor(&mut self) -> Read<Fd> {
        let start = self.pos;
        let fd = match self.peek() {
            Some('0'..='9') => {
                let mut digits = String::new();
                while let Some(digit @ '0'..='9') = self.peek() {
                    self.bump(digit);
                    digits.push(digit);
                }
                if self.looking_at("<(") || self.looking_at(">(") || !matches!(self.peek(), Some('<' | '>')) {
                    self.pos = start;
                    return Ok(Fd::Default);
                }
                let Ok(number) = digits.parse::<u16>() else { return Err(self.stop("a descriptor that is not known", start)) };
                Fd::Number(u32::from(number))
            }
            Some('{') => {
                self.bump('{');
                let name = self.name();
                let named = !name.is_empty();
                if named && self.looking_at("[") {
                    return self.element(start);
                }
                if !named
                    || !self.eat("}")
                    || self.looking_at("<(")
                    || self.looking_at(">(")
                    || !matches!(self.peek(), Some('<' | '>'))
                {
                    self.pos = start;
                    return Ok(Fd::Default);
                }
                Fd::Variable(name)
            }
            _ => Fd::Default,
        };
        Ok(fd)
    }

    /// Refuses `{name[…]}>`, and leaves everything else that begins like it.
    fn element(&mut self, start: usize) -> Read<Fd> {
        let rest = self.text.get(self.pos..).unwrap_or_default();
        let end = rest.find([' ', '\t', '\n', ';', '&', '|']).unwrap_or(rest.len());
        if rest.get(..end).is_some_and(|word| word.contains("]}<") || word.contains("]}>")) {
            return Err(self.stop("a descriptor that is not known", start));
        }
        self.pos = start;
        Ok(Fd::Default)
    }

    /// Reads the operator, if one comes next.
    fn operator_of_redirect(&mut self) -> Option<&'static str> {
        match self.peek() {
            Some('<' | '>') if self.looking_at("<(") || self.looking_at(">(") => None,
            Some('<' | '>' | '&') => {
                let known = ["<<<", "<<-", "<<", "<&", "<>", "<", ">>", ">&", ">|", ">", "&>>", "&>"];
                known.into_iter().find(|operator| self.eat(operator))
            }
            _ => None,
        }
    }
}
