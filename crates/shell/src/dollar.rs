//! What begins with `$`.

use crate::arith::Close;
use crate::cursor::{Parser, Read};
use crate::raw::Raw;
use crate::{Assignment, Dynamic, Value};

impl Parser<'_, '_> {
    /// Reads an expansion, or a `$` that stands for itself.
    pub(crate) fn dollar(&mut self, quoted: bool, word: &mut Raw) -> Read<()> {
        let start = self.pos;
        self.pos += 1;
        let Some(next) = self.peek() else {
            word.text("$", quoted);
            return Ok(());
        };
        match next {
            '(' if self.eat("((") => {
                self.arithmetic(Close::Parens, start)?;
                word.dynamic(Dynamic::Arithmetic, !quoted);
            }
            '(' => {
                self.eat("(");
                self.substitution(start)?;
                word.dynamic(Dynamic::Command, !quoted);
            }
            '[' => {
                self.eat("[");
                self.arithmetic(Close::Bracket, start)?;
                word.dynamic(Dynamic::Arithmetic, !quoted);
            }
            '{' => {
                self.eat("{");
                self.deeper(|parser| parser.parameter(start, quoted, word))?;
            }
            '\'' if !quoted => {
                self.eat("'");
                self.ansi(start, word)?;
            }
            '"' if !quoted => {
                self.peek();
                let mut inner = Raw::default();
                self.double(&mut inner)?;
                word.dynamic(Dynamic::Locale, inner.splits());
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let name = self.name();
                word.variable(name, quoted);
            }
            '0'..='9' | '@' | '*' | '#' | '?' | '-' | '$' | '!' => {
                self.bump(next);
                word.dynamic(Dynamic::Variable(next.to_string()), !quoted || next == '@');
            }
            _ => word.text("$", quoted),
        }
        Ok(())
    }

    /// Reads a name, which may be empty when none begins here.
    pub(crate) fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(character) = self.peek() {
            match character {
                'a'..='z' | 'A'..='Z' | '_' => {}
                '0'..='9' if !name.is_empty() => {}
                _ => break,
            }
            name.push(character);
            self.bump(character);
        }
        name
    }

    /// Reads `${…}` after its brace.
    fn parameter(&mut self, start: usize, quoted: bool, word: &mut Raw) -> Read<()> {
        let bad = "an expansion of a parameter that is not known";
        let (length, indirect) = match self.peek() {
            Some('#') if !self.looking_at("#}") => (self.eat("#"), false),
            Some('!') if !self.looking_at("!}") => (false, self.eat("!")),
            Some(' ' | '\t' | '\n' | '|') => return Err(self.stop("`${ …; }` runs commands in newer versions of bash", start)),
            _ => (false, false),
        };
        let mut name = self.name();
        if name.is_empty() {
            match self.peek() {
                Some(special @ ('@' | '*' | '#' | '?' | '-' | '$' | '!')) => {
                    self.bump(special);
                    name.push(special);
                }
                Some('0'..='9') => {
                    while let Some(digit @ '0'..='9') = self.peek() {
                        self.bump(digit);
                        name.push(digit);
                    }
                }
                _ => return Err(self.stop(bad, start)),
            }
        }
        let mut many = name == "@";
        let mut subscript = false;
        if self.eat("[") {
            subscript = true;
            if self.eat("@]") {
                many = true;
            } else if !self.eat("*]") {
                self.arithmetic(Close::Bracket, start)?;
            }
        }
        if indirect {
            // The names of variables, or the subscripts of an array, and not what a variable says the name of.
            let names = if subscript {
                true
            } else if self.eat("@}") {
                word.dynamic(Dynamic::Parameter, true);
                return Ok(());
            } else {
                self.eat("*")
            };
            if !names || !self.eat("}") {
                return Err(self.stop("the value of a variable is the name of another, and may be code", start));
            }
            word.dynamic(Dynamic::Parameter, !quoted || many);
            return Ok(());
        }
        if self.eat("}") {
            let dynamic = if length || subscript { Dynamic::Parameter } else { Dynamic::Variable(name) };
            word.dynamic(dynamic, !quoted || (many && !length));
            return Ok(());
        }
        if length {
            return Err(self.stop(bad, start));
        }
        let splits = self.operator(&name, start, quoted)?;
        word.dynamic(Dynamic::Parameter, !quoted || many || splits);
        Ok(())
    }

    /// Reads the operator of `${NAME…}` and what follows, to the brace. Returns whether the word in it splits.
    fn operator(&mut self, name: &str, start: usize, quoted: bool) -> Read<bool> {
        let bad = "an expansion of a parameter that is not known";
        let Some(first) = self.peek() else { return Err(self.stop("a brace is not closed", start)) };
        if first == '@' {
            self.bump(first);
            return match self.peek() {
                Some('P') => Err(self.stop("`${…@P}` runs what is in the value of a variable", start)),
                Some(letter @ ('Q' | 'E' | 'A' | 'K' | 'a' | 'k' | 'U' | 'u' | 'L')) => {
                    self.bump(letter);
                    if self.eat("}") { Ok(true) } else { Err(self.stop(bad, start)) }
                }
                _ => Err(self.stop(bad, start)),
            };
        }
        let colon = self.eat(":");
        let assigns = match self.peek() {
            Some(operator @ ('-' | '=' | '?' | '+')) => {
                self.bump(operator);
                operator == '='
            }
            _ if colon => {
                self.arithmetic(Close::Brace, start)?;
                return Ok(false);
            }
            Some('#' | '%' | '/' | '^' | ',') => false,
            _ => return Err(self.stop(bad, start)),
        };
        let raw = self.in_braces(start, quoted)?;
        let splits = raw.splits();
        if assigns {
            let value = Value::Word(crate::word::value(&raw));
            let span = self.span(start);
            self.assign(vec![Assignment { name: name.to_owned(), subscript: false, append: false, value, span }], span);
        }
        Ok(splits)
    }

    /// Reads the word after an operator of `${…}`, to the brace that closes it.
    fn in_braces(&mut self, start: usize, quoted: bool) -> Read<Raw> {
        let mut word = Raw::default();
        loop {
            match self.peek() {
                None => return Err(self.stop("a brace is not closed", start)),
                Some('}') => {
                    self.pos += 1;
                    word.span = Some(self.span(start));
                    return Ok(word);
                }
                Some('$') => self.dollar(quoted, &mut word)?,
                Some('`') => self.backticks(quoted, &mut word)?,
                Some('"') => self.double(&mut word)?,
                Some('\'') if quoted => return Err(self.stop("a single quote in `\"${…}\"`", start)),
                Some('\'') => {
                    let rest = self.text.get(self.pos + 1..).unwrap_or_default();
                    let Some(length) = rest.find('\'') else { return Err(self.stop("a quote is not closed", start)) };
                    word.text(rest.get(..length).unwrap_or_default(), true);
                    self.pos += length + 2;
                }
                Some('<' | '>') if self.looking_at("<(") || self.looking_at(">(") => {
                    return Err(self.stop("a process substitution in `${…}`", start));
                }
                Some('\\') => {
                    self.pos += 1;
                    let Some(next) = self.peek_raw() else { return Err(self.stop("a brace is not closed", start)) };
                    self.bump(next);
                    word.character(next, true);
                }
                Some(character) => {
                    self.bump(character);
                    word.character(character, quoted);
                }
            }
        }
    }
}
