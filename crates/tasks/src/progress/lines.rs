//! Bytes in any pieces become lines without escape sequences.
//!
//! A line ends at a line feed, at a carriage return, and where the cursor is moved up, down or to a column: what a bar
//! paints next is a line of its own. Colours and erasures are taken out. What belongs to an operating system command
//! (OSC) is handed over apart.

use memchr::memchr3;

/// The longest line that is looked at. Of a longer one the front is.
const LONGEST_LINE: usize = 4096;
/// The longest OSC that is handed over.
const LONGEST_OSC: usize = 64;

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

/// What the bytes came to.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    /// A line, without its end.
    Line(&'a [u8]),
    /// The inside of an OSC.
    Osc(&'a [u8]),
}

/// The line and the escape sequence that the last piece broke off in. Bounded, whatever comes.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    line: Vec<u8>,
    osc: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After ESC and a byte that wants one more, as in `ESC ( B`.
    EscapeOneMore,
    /// In `ESC [ … `.
    Csi,
    /// In `ESC ] …`.
    Osc,
    /// After ESC inside an OSC or a string.
    OscEscape,
    /// In another string, such as `ESC P …`: passed over.
    Skipped,
    SkippedEscape,
}

impl Lines {
    /// Takes bytes, and hands over every line and OSC that they complete.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(Piece<'_>)) {
        while !bytes.is_empty() {
            if self.state == State::Text {
                bytes = self.text(bytes, &mut take);
            } else if let Some((byte, rest)) = bytes.split_first() {
                self.escape(*byte, &mut take);
                bytes = rest;
            }
        }
    }

    /// Returns the line that has not ended yet.
    pub(crate) fn partial(&self) -> &[u8] {
        &self.line
    }

    /// Takes text up to the next line's end or escape, and returns what comes after that.
    fn text<'a>(&mut self, bytes: &'a [u8], take: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        let Some(at) = memchr3(b'\n', b'\r', ESCAPE, bytes) else {
            self.keep(bytes);
            return &[];
        };
        let (text, rest) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
        let (end, rest) = rest.split_first().map_or((b'\n', rest), |(end, rest)| (*end, rest));
        if end == ESCAPE {
            self.keep(text);
            self.state = State::Escape;
        } else if self.line.is_empty() {
            // Nothing is copied: this is the way that nearly all output goes.
            take(Piece::Line(text.get(..LONGEST_LINE).unwrap_or(text)));
        } else {
            self.keep(text);
            self.end_line(take);
        }
        rest
    }

    fn escape(&mut self, byte: u8, take: &mut impl FnMut(Piece<'_>)) {
        self.state = match (self.state, byte) {
            (State::Escape, b']') => {
                self.osc.clear();
                State::Osc
            }
            (State::Escape, b'P' | b'X' | b'^' | b'_') => State::Skipped,
            (State::Escape, 0x20..=0x2f) => State::EscapeOneMore,
            (State::Escape, b'[') | (State::Csi, 0x20..=0x3f) => State::Csi,
            (State::Osc, ESCAPE) => State::OscEscape,
            (State::Osc, BELL) | (State::OscEscape, b'\\') => self.end_osc(take),
            // The cursor goes elsewhere. And a line's end ends what was never closed, so that one broken sequence cannot
            // swallow a task's output.
            (State::Csi, b'A'..=b'H' | b'J' | b'f' | b'd' | b'S' | b'T')
            | (State::Osc | State::OscEscape | State::Skipped | State::SkippedEscape | State::Csi, b'\n' | b'\r') => {
                self.end_line(take);
                State::Text
            }
            (State::Osc, byte) => {
                if self.osc.len() <= LONGEST_OSC {
                    self.osc.push(byte);
                }
                State::Osc
            }
            (State::Skipped | State::SkippedEscape, ESCAPE) => State::SkippedEscape,
            (State::Skipped, byte) if byte != BELL => State::Skipped,
            (_, ESCAPE) => State::Escape,
            _ => State::Text,
        };
    }

    fn end_osc(&mut self, take: &mut impl FnMut(Piece<'_>)) -> State {
        if self.osc.len() <= LONGEST_OSC {
            take(Piece::Osc(&self.osc));
        }
        self.osc.clear();
        State::Text
    }

    fn end_line(&mut self, take: &mut impl FnMut(Piece<'_>)) {
        if !self.line.is_empty() {
            take(Piece::Line(&self.line));
            self.line.clear();
        }
    }

    fn keep(&mut self, text: &[u8]) {
        let room = LONGEST_LINE - self.line.len().min(LONGEST_LINE);
        self.line.extend_from_slice(text.get(..room).unwrap_or(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(bytes: &[u8], size: usize) -> (Vec<String>, String) {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for chunk in bytes.chunks(size) {
            lines.feed(chunk, |piece| {
                found.push(match piece {
                    Piece::Line(line) => String::from_utf8_lossy(line).into_owned(),
                    Piece::Osc(osc) => format!("OSC {}", String::from_utf8_lossy(osc)),
                });
            });
        }
        (found, String::from_utf8_lossy(lines.partial()).into_owned())
    }

    #[test]
    fn lines_have_no_escapes() {
        let check = |text: &str, expected: &[&str], partial: &str| {
            for size in [1, 2, 3, 100] {
                let (mut found, rest) = pieces(text.as_bytes(), size);
                found.retain(|line| !line.is_empty());
                assert_eq!(
                    (&found[..], &rest[..]),
                    (&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..], partial),
                    "{text:?}"
                );
            }
        };
        check("a\nb\r\nc", &["a", "b"], "c");
        check("\x1b[1m\x1b[92m   Compiling\x1b[0m x\r\n", &["   Compiling x"], "");
        check("ok\x1b(B\x1b[m\n", &["ok"], "");
        check("50%\r\x1b[K60%\r\x1b[2K", &["50%", "60%"], "");
        check("one\x1b[2Atwo\x1b[1Gthree\n", &["one", "two", "three"], "");
        check("\x1b]9;4;1;25\x1b\\x\x1b]0;title\x07y\n", &["OSC 9;4;1;25", "OSC 0;title", "xy"], "");
        check("\x1bPq#0;2\x1b\\z\n", &["z"], "");
        check("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\\n", &["OSC 8;;https://example.org", "OSC 8;;", "link"], "");
        check("\x1b]never closed\nnext\n", &["next"], "");
        check("\x1b[12\nnext\n", &["next"], "");
        check("\x1b\x1b[1mx\n", &["x"], "");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut lines = Lines::default();
        for _ in 0..100 {
            lines.feed(&[b'x'; 4000], |_| {});
            lines.feed(b"\x1b]", |_| {});
            lines.feed(&[b'y'; 4000], |_| {});
            lines.feed(b"\x07", |_| {});
        }
        assert!(lines.line.capacity() <= 4 * LONGEST_LINE, "{}", lines.line.capacity());
        assert!(lines.osc.capacity() <= 4 * LONGEST_OSC, "{}", lines.osc.capacity());
    }
}
