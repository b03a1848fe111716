use remit_diagnostics::Span;

use crate::flow::Dirs;
use crate::heredoc::Pending;
use crate::{MAX_DEPTH, Opaque, Script};

pub(crate) type Read<T> = Result<T, Opaque>;

/// A place in a text that is being read. The methods of the parser proper are in the other modules, by topic.
pub(crate) struct Parser<'t, 's> {
    pub(crate) text: &'t str,
    pub(crate) pos: usize,
    /// What every span is, in a text that is not part of the line as it stands: backticks and here-documents.
    pub(crate) whole: Option<Span>,
    /// Here-documents whose bodies begin after the next newline.
    pub(crate) pending: Vec<Pending>,
    /// Whether the command just read ended in a reserved word or a parenthesis, so that another may follow at once.
    pub(crate) closed: bool,
    /// Whether this is in `$(…)`. Bash 5.2 reads that, prints it, and reads what it has printed, which is not always the
    /// same: commands after a here-document, and `coproc`, come out as others.
    pub(crate) printed: bool,
    /// Whether a here-document has been read in this `$(…)`.
    pub(crate) documented: bool,
    pub(crate) shared: &'s mut Shared,
}

/// What the parsers of the nested texts of one line write to together.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) script: Script,
    pub(crate) depth: usize,
    /// How many words braces have made.
    pub(crate) expanded: usize,
    /// Variables that arithmetic reads, with the place.
    pub(crate) evaluated: Vec<(String, Span)>,
    /// Where the next command may run.
    pub(crate) dirs: Dirs,
}

impl<'t, 's> Parser<'t, 's> {
    pub(crate) fn new(text: &'t str, whole: Option<Span>, shared: &'s mut Shared) -> Self {
        Parser { text, pos: 0, whole, pending: Vec::new(), closed: false, printed: false, documented: false, shared }
    }

    /// Returns the next character. A backslash before a newline joins two lines, and is passed over.
    pub(crate) fn peek(&mut self) -> Option<char> {
        while self.text.as_bytes().get(self.pos) == Some(&b'\\') && self.text.as_bytes().get(self.pos + 1) == Some(&b'\n') {
            self.pos += 2;
        }
        self.peek_raw()
    }

    /// Returns the next character, whatever it is.
    pub(crate) fn peek_raw(&self) -> Option<char> {
        match self.text.as_bytes().get(self.pos) {
            Some(byte) if byte.is_ascii() => Some(char::from(*byte)),
            Some(_) => self.text.get(self.pos..)?.chars().next(),
            None => None,
        }
    }

    /// Passes the character that was peeked at.
    pub(crate) fn bump(&mut self, character: char) {
        self.pos += character.len_utf8();
    }

    /// Returns whether these ASCII characters come next, lines joined.
    pub(crate) fn looking_at(&mut self, expected: &str) -> bool {
        self.end_of(expected).is_some()
    }

    /// Passes these ASCII characters if they come next.
    pub(crate) fn eat(&mut self, expected: &str) -> bool {
        let end = self.end_of(expected);
        self.pos = end.unwrap_or(self.pos);
        end.is_some()
    }

    fn end_of(&mut self, expected: &str) -> Option<usize> {
        let start = self.pos;
        let mut all = true;
        for character in expected.chars() {
            all = self.peek() == Some(character);
            if !all {
                break;
            }
            self.bump(character);
        }
        let end = std::mem::replace(&mut self.pos, start);
        all.then_some(end)
    }

    /// Passes blanks, and a comment if one begins here.
    pub(crate) fn blanks(&mut self) {
        while let Some(character @ (' ' | '\t')) = self.peek() {
            self.bump(character);
        }
        if self.peek() == Some('#') {
            let rest = self.text.get(self.pos..).unwrap_or_default();
            // A backslash at the end of a comment joins no lines.
            self.pos += rest.find('\n').unwrap_or(rest.len());
        }
    }

    /// Passes blanks, comments and newlines, and the bodies of here-documents after a newline.
    pub(crate) fn newlines(&mut self) -> Read<bool> {
        let mut any = false;
        loop {
            self.blanks();
            if self.peek() != Some('\n') {
                return Ok(any);
            }
            any = true;
            self.pos += 1;
            self.here_documents()?;
        }
    }

    pub(crate) fn span(&self, start: usize) -> Span {
        self.whole.unwrap_or_else(|| Span::new(start.min(self.pos), self.pos))
    }

    /// Makes the error for something that began at `start` and is not known here.
    pub(crate) fn stop(&self, reason: &'static str, start: usize) -> Opaque {
        Opaque::new(reason, self.span(start))
    }

    /// Makes the error for the next character, which cannot stand here.
    pub(crate) fn unexpected(&mut self, reason: &'static str) -> Opaque {
        let start = self.pos;
        let end = start + self.peek().map_or(0, char::len_utf8);
        Opaque::new(reason, self.whole.unwrap_or_else(|| Span::new(start.min(end), end.min(self.text.len()))))
    }

    /// Notes what is not known, and reads on.
    pub(crate) fn unknown(&mut self, reason: &'static str, span: Span) {
        self.shared.script.opaque.push(Opaque::new(reason, span));
    }

    /// Reads something that nests.
    pub(crate) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.shared.depth >= MAX_DEPTH {
            return Err(self.unexpected("the line is nested too deeply"));
        }
        self.shared.depth += 1;
        let result = read(self);
        self.shared.depth -= 1;
        result
    }

    /// Refuses anything but a newline behind a here-document in `$(…)`.
    pub(crate) fn printed_as_read(&mut self) -> Read<()> {
        if !self.printed || self.pending.is_empty() || self.peek() == Some('\n') {
            return Ok(());
        }
        Err(self.unexpected("more on the line of a here-document in a substitution"))
    }

    /// Refuses a newline where the body of a here-document would begin in the middle of something else.
    pub(crate) fn no_body_here(&self, start: usize) -> Read<()> {
        let passed = self.text.get(start..self.pos).unwrap_or_default();
        if self.pending.is_empty() || !passed.contains('\n') {
            return Ok(());
        }
        Err(self.stop("a here-document begins in the middle of a word", start))
    }
}
