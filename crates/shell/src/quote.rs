//! Words and quotes.

use crate::cursor::{Parser, Read};
use crate::raw::Raw;
use crate::{Dynamic, Opaque};

/// What a word is read for, which decides the characters that end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A word of a command.
    Word,
    /// A pattern after `==` in `[[ ]]`, where extended patterns are on.
    Pattern,
    /// A regular expression after `=~` in `[[ ]]`.
    Regex,
}

impl Parser<'_, '_> {
    /// Reads a word up to a character that ends it. The word may be empty, without even quotes: then it is no word.
    pub(crate) fn raw(&mut self, place: Place) -> Read<Raw> {
        self.peek();
        let start = self.pos;
        let mut word = Raw::default();
        // How many parentheses of a pattern are open.
        let mut open = 0usize;
        while let Some(character) = self.peek() {
            let at = self.pos;
            match character {
                '\\' => self.backslash(&mut word)?,
                '\'' => self.single(&mut word)?,
                '"' => self.double(&mut word)?,
                '$' => self.dollar(false, &mut word)?,
                '`' => self.backticks(false, &mut word)?,
                '<' | '>' if self.looking_at(if character == '<' { "<(" } else { ">(" }) => self.process(&mut word)?,
                '(' if opens(place, open, &word) => {
                    open += 1;
                    self.bump(character);
                    word.dynamic(Dynamic::Glob('('), false);
                }
                ')' if open > 0 => {
                    open -= 1;
                    self.bump(character);
                }
                '|' if open > 0 || (place == Place::Regex && !self.looking_at("||")) => {
                    self.bump(character);
                    word.dynamic(Dynamic::Glob('|'), false);
                }
                ' ' | '\t' | '\n' | '|' | '&' | ';' | '(' | ')' | '<' | '>' => break,
                _ if character.is_ascii() => self.plain(&mut word),
                // Which characters besides space and tab part words depends on the locale.
                _ if character.is_whitespace() => return Err(self.unexpected("a blank that is neither space nor tab")),
                _ => {
                    self.bump(character);
                    word.character(character, false);
                }
            }
            debug_assert!(self.pos > at, "a word is read forwards");
        }
        if open > 0 {
            return Err(self.stop("a parenthesis in a pattern is not closed", start));
        }
        self.no_body_here_in_word(start)?;
        word.span = Some(self.span(start));
        Ok(word)
    }

    /// As lines may be joined before the body of a here-document, only newlines that are a part of the word count.
    fn no_body_here_in_word(&self, start: usize) -> Read<()> {
        let passed = self.text.get(start..self.pos).unwrap_or_default();
        if self.pending.is_empty() || !passed.contains('\n') || !passed.replace("\\\n", "").contains('\n') {
            return Ok(());
        }
        Err(self.stop("a here-document begins in the middle of a word", start))
    }

    /// Reads a run of characters that stand for themselves.
    fn plain(&mut self, word: &mut Raw) {
        let rest = self.text.get(self.pos..).unwrap_or_default();
        let ends = |b: u8| b" \t\n|&;()<>\\'\"$`".contains(&b) || !b.is_ascii();
        let length = rest.bytes().position(ends).unwrap_or(rest.len());
        word.text(rest.get(..length).unwrap_or_default(), false);
        self.pos += length;
    }

    fn backslash(&mut self, word: &mut Raw) -> Read<()> {
        let start = self.pos;
        self.pos += 1;
        // A newline cannot follow: the two would have been passed over.
        let Some(character) = self.peek_raw() else { return Err(self.stop("a backslash at the end", start)) };
        self.bump(character);
        word.character(character, true);
        Ok(())
    }

    fn single(&mut self, word: &mut Raw) -> Read<()> {
        let start = self.pos;
        let rest = self.text.get(self.pos + 1..).unwrap_or_default();
        let Some(length) = rest.find('\'') else { return Err(self.unclosed(start)) };
        word.text(rest.get(..length).unwrap_or_default(), true);
        self.pos += length + 2;
        Ok(())
    }

    pub(crate) fn double(&mut self, word: &mut Raw) -> Read<()> {
        let start = self.pos;
        self.pos += 1;
        word.text("", true);
        self.deeper(|parser| {
            loop {
                match parser.peek() {
                    None => return Err(parser.unclosed(start)),
                    Some('"') => {
                        parser.pos += 1;
                        return Ok(());
                    }
                    Some(character) => parser.quoted(character, "$`\"\\", word)?,
                }
            }
        })
    }

    /// Reads one character of a text in which only expansions are special, and a backslash before those of `escaped`.
    pub(crate) fn quoted(&mut self, character: char, escaped: &str, word: &mut Raw) -> Read<()> {
        match character {
            '$' => self.dollar(true, word)?,
            '`' => self.backticks(escaped.contains('"'), word)?,
            '\\' => {
                self.pos += 1;
                match self.peek_raw() {
                    Some(next) if escaped.contains(next) => {
                        self.bump(next);
                        word.character(next, true);
                    }
                    _ => word.text("\\", true),
                }
            }
            _ => {
                let rest = self.text.get(self.pos..).unwrap_or_default();
                let length = rest.find(['$', '`', '\\', '"']).unwrap_or(rest.len()).max(character.len_utf8());
                word.text(rest.get(..length).unwrap_or_default(), true);
                self.pos += length;
            }
        }
        Ok(())
    }

    /// Reads `<(…)` or `>(…)`.
    fn process(&mut self, word: &mut Raw) -> Read<()> {
        let start = self.pos;
        self.bump('<');
        self.eat("(");
        let mark = self.mark();
        self.substitution(start)?;
        if self.mark() == mark {
            return Err(self.stop("a process substitution of no command", start));
        }
        word.dynamic(Dynamic::Process, false);
        Ok(())
    }

    /// Reads the commands of a substitution, after its parenthesis, to the one that closes it.
    pub(crate) fn substitution(&mut self, start: usize) -> Read<()> {
        let pending = std::mem::take(&mut self.pending);
        let outer = !pending.is_empty();
        let dirs = self.shared.dirs.clone();
        let mark = self.mark();
        let printed = std::mem::replace(&mut self.printed, true);
        let documented = std::mem::replace(&mut self.documented, false);
        self.deeper(|parser| parser.list(crate::list::Until::Paren))?;
        self.printed = printed;
        self.documented = documented;
        if !self.pending.is_empty() {
            return Err(self.stop("a here-document without a body", start));
        }
        if !self.eat(")") {
            return Err(self.stop("a parenthesis is not closed", start));
        }
        self.pending = pending;
        if outer {
            self.no_body_here(start)?;
        }
        self.since(mark, |context| {
            context.in_substitution = true;
            context.in_subshell = true;
        });
        self.shared.dirs = dirs;
        self.closed = false;
        Ok(())
    }

    /// Reads a command substitution in backticks.
    ///
    /// Its text is taken out first, with the backslashes before the characters that are special in it; within double
    /// quotes a backslash before a quote goes too.
    pub(crate) fn backticks(&mut self, in_double_quotes: bool, word: &mut Raw) -> Read<()> {
        let start = self.pos;
        self.pos += 1;
        let mut text = String::new();
        loop {
            let Some(character) = self.peek_raw() else { return Err(self.stop("a backtick is not closed", start)) };
            self.bump(character);
            match character {
                '`' => break,
                '\\' => match self.peek_raw() {
                    Some(next @ ('`' | '\\' | '$')) => {
                        self.bump(next);
                        text.push(next);
                    }
                    Some('"') if in_double_quotes => {
                        self.bump('"');
                        text.push('"');
                    }
                    _ => text.push('\\'),
                },
                _ => text.push(character),
            }
        }
        self.no_body_here(start)?;
        self.nested(&text, start, |parser| {
            parser.list(crate::list::Until::End)?;
            if parser.pending.is_empty() { Ok(()) } else { Err(parser.stop("a here-document without a body", 0)) }
        })?;
        word.dynamic(Dynamic::Command, !in_double_quotes);
        Ok(())
    }

    /// Reads a text that was taken out of the line, and stands for what began at `start`.
    pub(crate) fn nested<T>(&mut self, text: &str, start: usize, read: impl FnOnce(&mut Parser<'_, '_>) -> Read<T>) -> Read<T> {
        let whole = Some(self.span(start));
        let dirs = self.shared.dirs.clone();
        let mark = self.mark();
        let result = self.deeper(|parser| read(&mut Parser::new(text, whole, parser.shared)))?;
        self.since(mark, |context| {
            context.in_substitution = true;
            context.in_subshell = true;
        });
        self.shared.dirs = dirs;
        Ok(result)
    }

    fn unclosed(&self, start: usize) -> Opaque {
        Opaque::new("a quote is not closed", self.whole.unwrap_or_else(|| remit_diagnostics::Span::new(start, self.text.len())))
    }
}

/// Returns whether a parenthesis opens a group of a pattern.
fn opens(place: Place, open: usize, word: &Raw) -> bool {
    let after = |characters: &[char]| match word.pieces.last() {
        Some(crate::raw::Piece::Text { text, quoted: false }) => text.ends_with(characters),
        _ => false,
    };
    match place {
        Place::Word => false,
        Place::Pattern => open > 0 || after(&['?', '*', '+', '@', '!']),
        Place::Regex => true,
    }
}
