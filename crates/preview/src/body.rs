//! Runs of words and names: the only way to the rendered text, so that nothing reaches a reader that is not made visible.

use remit_diagnostics::visible;

use crate::lookalike::{Lookalike, lookalikes};

/// What a piece of text is to a reader. The words say it as well: colour only points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Heading,
    /// The kernel holds it.
    Held,
    /// It asks, or is wider than it looks.
    Care,
    /// Nothing holds it.
    Gap,
}

/// Whose words they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours; what stands in backticks among them is somebody else's.
    Words,
    /// A path, a tool, a host.
    Name,
    /// A command or a pattern, which the text has in backticks.
    Code,
}

/// Pieces in a row with one space between them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub(crate) pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// Visible, whatever it came from.
    pub(crate) text: String,
    pub(crate) kind: Kind,
    pub(crate) tone: Tone,
    /// May be broken between any two words.
    pub(crate) breaks: bool,
    /// A mark that follows without a space.
    pub(crate) after: &'static str,
}

impl Body {
    /// Returns the words of a text, which may be broken between any two.
    pub(crate) fn of(text: &str, tone: Tone) -> Body {
        Body::default().words(text, tone)
    }

    /// Adds words that may be broken between any two. Each space of the text is kept, but where a line ends.
    pub(crate) fn words(self, text: &str, tone: Tone) -> Body {
        self.piece(text, Kind::Words, tone, true)
    }

    /// Adds a name, which stays together.
    pub(crate) fn name(self, text: &str, tone: Tone) -> Body {
        self.piece(text, Kind::Name, tone, false).marked(text)
    }

    /// Adds a command or a pattern, which stays together.
    pub(crate) fn code(self, text: &str, tone: Tone) -> Body {
        self.piece(text, Kind::Code, tone, false).marked(text)
    }

    /// Adds a command that may be broken between its words.
    pub(crate) fn line(self, text: &str, tone: Tone) -> Body {
        self.piece(text, Kind::Code, tone, true).marked(text)
    }

    /// Adds names with commas between them; of more than `most`, the first and how many more there are.
    pub(crate) fn names<I: AsRef<str>>(self, items: &[I], most: usize, tone: Tone) -> Body {
        self.list(items, most, tone, Body::name)
    }

    /// Adds patterns with commas between them, as [`Body::names`] does.
    pub(crate) fn codes<I: AsRef<str>>(self, items: &[I], most: usize, tone: Tone) -> Body {
        self.list(items, most, tone, Body::code)
    }

    /// Adds a mark to the last piece, without a space.
    pub(crate) fn mark(mut self, mark: &'static str) -> Body {
        if let Some(last) = self.pieces.last_mut() {
            last.after = mark;
        }
        self
    }

    fn list<I: AsRef<str>>(mut self, items: &[I], most: usize, tone: Tone, add: fn(Body, &str, Tone) -> Body) -> Body {
        // Cutting off a single one would save nothing.
        let shown = if items.len() <= most + 1 { items.len() } else { most };
        for (number, item) in items.iter().take(shown).enumerate() {
            self = add(self, item.as_ref(), tone);
            if number + 1 < shown {
                self = self.mark(",");
            }
        }
        match items.len() - shown {
            0 => self,
            more => self.words(&format!("and {more} more"), tone),
        }
    }

    fn piece(mut self, text: &str, kind: Kind, tone: Tone, breaks: bool) -> Body {
        self.pieces.push(Piece { text: visible(text), kind, tone, breaks, after: "" });
        self
    }

    /// Adds what a name only looks like, where it is not what it looks like.
    fn marked(self, text: &str) -> Body {
        let found: Vec<String> = lookalikes(text).iter().map(Lookalike::to_string).collect();
        if found.is_empty() { self } else { self.words(&format!("({})", found.join(", ")), Tone::Gap) }
    }
}
