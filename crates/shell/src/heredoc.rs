//! Here-documents.

use crate::cursor::{Parser, Read};
use crate::flow::Dirs;
use crate::quote::Place;
use crate::raw::Raw;
use crate::{Context, Directory, Opaque, Word};

/// A here-document whose body has not been read.
#[derive(Debug)]
pub(crate) struct Pending {
    delimiter: String,
    /// Whether a part of the delimiter was quoted, so that nothing in the body is expanded.
    quoted: bool,
    /// Whether tabs at the beginning of lines go.
    strip: bool,
    start: usize,
    /// The command, once it is known, and which of its redirections this is.
    pub(crate) command: Option<usize>,
    redirect: usize,
}

impl Parser<'_, '_> {
    /// Reads the delimiter after `<<`, and waits for the body. Returns a word to be replaced by the body.
    pub(crate) fn here_document(&mut self, strip: bool, redirect: usize) -> Read<Word> {
        let start = self.pos;
        let raw = self.raw(Place::Word)?;
        let delimiter = match raw.literal() {
            Some(text) if !raw.pieces.is_empty() && !text.contains('\n') && !text.contains('\\') => text,
            _ => return Err(self.stop("a here-document with a delimiter that is not a plain word", start)),
        };
        let source = self.text.get(start..self.pos).unwrap_or_default();
        if source.contains(['$', '`', '(']) {
            return Err(self.stop("a here-document with a delimiter that is not a plain word", start));
        }
        let quoted = source.replace("\\\n", "").contains(['\'', '"', '\\']);
        self.pending.push(Pending { delimiter, quoted, strip, start, command: None, redirect });
        Ok(Word { parts: Vec::new(), splits: false, span: self.span(start) })
    }

    /// Reads the bodies that begin here, after a newline.
    pub(crate) fn here_documents(&mut self) -> Read<()> {
        for pending in std::mem::take(&mut self.pending) {
            self.documented = true;
            let start = self.pos;
            let text = self.body_of(&pending)?;
            let word = if pending.quoted {
                let mut raw = Raw { pieces: Vec::new(), span: Some(self.span(start)) };
                raw.text(&text, true);
                crate::word::body(&raw)
            } else {
                self.expanded(&text, start, &pending)?
            };
            let place = pending.command.and_then(|index| self.shared.script.commands.get_mut(index));
            match place.and_then(|command| command.redirects.get_mut(pending.redirect)) {
                Some(redirect) => redirect.target = word,
                None => return Err(self.stop("a here-document begins in the middle of a word", pending.start)),
            }
        }
        Ok(())
    }

    /// Returns the lines up to the delimiter.
    fn body_of(&mut self, pending: &Pending) -> Read<String> {
        let start = self.pos;
        let mut body = String::new();
        loop {
            if self.pos >= self.text.len() {
                let span = self.whole.unwrap_or_else(|| remit_diagnostics::Span::new(pending.start, start));
                return Err(Opaque::new("a here-document is not closed", span));
            }
            let line = self.line(pending.quoted);
            let line = if pending.strip { line.trim_start_matches('\t') } else { &line };
            if line.strip_suffix('\n').unwrap_or(line) == pending.delimiter {
                return Ok(body);
            }
            body.push_str(line);
        }
    }

    /// Returns the next line with its newline. Where it is expanded, a backslash before a newline joins two lines.
    fn line(&mut self, quoted: bool) -> String {
        let mut line = String::new();
        loop {
            let rest = self.text.get(self.pos..).unwrap_or_default();
            let length = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
            let physical = rest.get(..length).unwrap_or_default();
            self.pos += length;
            let text = physical.strip_suffix('\n').unwrap_or(physical);
            let backslashes = text.len() - text.trim_end_matches('\\').len();
            if quoted || backslashes % 2 == 0 || text.len() == physical.len() {
                line.push_str(physical);
                return line;
            }
            line.push_str(text.get(..text.len() - 1).unwrap_or_default());
        }
    }

    /// Reads the expansions of a body. What runs in them runs where and when the command does.
    fn expanded(&mut self, text: &str, start: usize, pending: &Pending) -> Read<Word> {
        let span = self.span(start);
        let owner = pending.command.and_then(|index| self.shared.script.commands.get(index));
        let context = owner.map_or_else(Context::default, |command| command.context.clone());
        let before = match &context.directory {
            Directory::AnyOf(chains) => Dirs::AnyOf(chains.clone()),
            Directory::Unknown => Dirs::Unknown,
        };
        let dirs = std::mem::replace(&mut self.shared.dirs, before);
        let mark = self.mark();
        let mut raw = self.nested(text, start, |parser| {
            let mut raw = Raw::default();
            while let Some(character) = parser.peek() {
                parser.quoted(character, "$`\\", &mut raw)?;
            }
            Ok(raw)
        })?;
        raw.span = Some(span);
        self.since(mark, |inner| {
            inner.in_pipeline |= context.in_pipeline;
            inner.in_function |= context.in_function;
            inner.in_loop |= context.in_loop;
            inner.in_background |= context.in_background;
            inner.conditional |= context.conditional;
        });
        self.shared.dirs = dirs;
        Ok(crate::word::body(&raw))
    }
}
