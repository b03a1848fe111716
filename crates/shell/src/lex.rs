use remit_diagnostics::Span;
use thiserror::Error;

/// The length in bytes above which a line is not read.
pub const MAX_LENGTH: usize = 64 * 1024;

/// Characters of a word that nothing is moved for.
const SHORT: usize = 16;

/// What cannot be known by reading, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Opaque {
    pub reason: &'static str,
    pub span: Span,
}

impl Opaque {
    pub(crate) fn new(reason: &'static str, span: Span) -> Opaque {
        Opaque { reason, span }
    }
}

/// A character of a word once quotes and backslashes are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) character: char,
    /// Whether a quote or a backslash took away any special meaning.
    pub(crate) quoted: bool,
    pub(crate) offset: usize,
}

/// A word and where it stands. A word may be empty, when it was written as two quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) letters: Vec<Letter>,
    pub(crate) span: Span,
}

impl Word {
    pub(crate) fn text(&self) -> String {
        self.letters.iter().map(|letter| letter.character).collect()
    }
}

/// Splits a line into words at unquoted blanks, and refuses what no word of a plain simple command can hold: operators,
/// expansions that begin with `$` or a backtick, control characters.
///
/// What is special only in some places (`*`, `~`, `#`, reserved words) is left to the caller.
pub(crate) fn words(line: &str) -> Result<Vec<Word>, Opaque> {
    if line.len() > MAX_LENGTH {
        return Err(Opaque::new("the line is longer than 64 KiB", Span::new(0, line.len())));
    }
    let mut lexer = Lexer { rest: line.char_indices().peekable(), end: line.len(), words: Vec::new(), word: None };
    while let Some((offset, character)) = lexer.next()? {
        lexer.unquoted(offset, character)?;
    }
    let end = lexer.end;
    lexer.finish_word(end);
    Ok(lexer.words)
}

struct Lexer<'a> {
    rest: std::iter::Peekable<std::str::CharIndices<'a>>,
    end: usize,
    words: Vec<Word>,
    word: Option<Word>,
}

impl Lexer<'_> {
    /// Returns the next character, whatever it is quoted by, if it is one that a word may hold at all.
    fn next(&mut self) -> Result<Option<(usize, char)>, Opaque> {
        let Some((offset, character)) = self.rest.next() else { return Ok(None) };
        let reason = match character {
            '\n' | '\r' => "there is more than one line",
            '\0' => "there is a NUL character",
            '\t' => return Ok(Some((offset, character))),
            _ if character.is_control() => "there is a control character",
            _ => return Ok(Some((offset, character))),
        };
        Err(Opaque::new(reason, Span::new(offset, offset + character.len_utf8())))
    }

    fn unquoted(&mut self, offset: usize, character: char) -> Result<(), Opaque> {
        let here = Span::new(offset, offset + character.len_utf8());
        let reason = match character {
            ' ' | '\t' => {
                self.finish_word(offset);
                return Ok(());
            }
            '\'' => return self.single_quotes(offset),
            '"' => return self.double_quotes(offset),
            '\\' => return self.backslash(offset),
            '$' => "a variable or a substitution",
            '`' => "a command substitution",
            '|' => "a pipe",
            '&' => "`&` runs more than one command",
            ';' => "`;` runs more than one command",
            '<' | '>' => "a redirection",
            '(' | ')' => "a parenthesis",
            // Which characters besides space and tab part words depends on the locale.
            _ if character.is_whitespace() => "a blank that is neither space nor tab",
            _ => {
                self.push(offset, character, false);
                return Ok(());
            }
        };
        Err(Opaque::new(reason, here))
    }

    fn single_quotes(&mut self, open: usize) -> Result<(), Opaque> {
        self.begin_word(open);
        loop {
            match self.next()? {
                None => return Err(Opaque::new("a quote is not closed", Span::new(open, self.end))),
                Some((_, '\'')) => return Ok(()),
                Some((offset, character)) => self.push(offset, character, true),
            }
        }
    }

    fn double_quotes(&mut self, open: usize) -> Result<(), Opaque> {
        self.begin_word(open);
        loop {
            match self.next()? {
                None => return Err(Opaque::new("a quote is not closed", Span::new(open, self.end))),
                Some((_, '"')) => return Ok(()),
                Some((offset, '$')) => {
                    return Err(Opaque::new("a variable or a substitution", Span::new(offset, offset + 1)));
                }
                Some((offset, '`')) => return Err(Opaque::new("a command substitution", Span::new(offset, offset + 1))),
                // An interactive bash reads it as history. No task's shell is interactive, and yet a person may paste
                // the line into one.
                Some((offset, '!')) => return Err(Opaque::new("a history expansion", Span::new(offset, offset + 1))),
                Some((offset, '\\')) => {
                    // Inside double quotes a backslash takes the meaning of these four only, and stays before others.
                    let escaped = self.rest.next_if(|(_, next)| matches!(next, '$' | '`' | '"' | '\\'));
                    let (at, character) = escaped.unwrap_or((offset, '\\'));
                    self.push(at, character, true);
                }
                Some((offset, character)) => self.push(offset, character, true),
            }
        }
    }

    fn backslash(&mut self, offset: usize) -> Result<(), Opaque> {
        self.begin_word(offset);
        match self.next()? {
            None => Err(Opaque::new("a backslash at the end continues the line", Span::new(offset, self.end))),
            Some((at, character)) => {
                self.push(at, character, true);
                Ok(())
            }
        }
    }

    fn begin_word(&mut self, offset: usize) -> &mut Word {
        self.word.get_or_insert_with(|| Word { letters: Vec::with_capacity(SHORT), span: Span::at(offset) })
    }

    fn push(&mut self, offset: usize, character: char, quoted: bool) {
        self.begin_word(offset).letters.push(Letter { character, quoted, offset });
    }

    fn finish_word(&mut self, end: usize) {
        if let Some(mut word) = self.word.take() {
            word.span = Span::new(word.span.start, end);
            self.words.push(word);
        }
    }
}
