//! What a task printed, as lines that cannot do anything to a terminal.

use std::fmt::Write as _;

use remit_diagnostics::visible;

/// A line that is longer is shown in parts.
const LONGEST: usize = 64 << 10;

/// Text of one stream, as it comes in.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Returns the lines that are whole by now, each with its end.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.begun.extend_from_slice(bytes);
        let whole = match self.begun.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => last + 1,
            None if self.begun.len() > LONGEST => self.begun.len(),
            None => return String::new(),
        };
        let rest = self.begun.split_off(whole);
        let lines = std::mem::replace(&mut self.begun, rest);
        show(&lines)
    }

    /// Returns the line that has no end, with one.
    pub(crate) fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.begun);
        if rest.is_empty() { String::new() } else { show(&rest) }
    }
}

fn show(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::with_capacity(text.len());
    for line in text.lines() {
        // Of a line that was written over, what stood there in the end.
        let line = line.trim_end_matches('\r');
        let line = line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or("");
        let parts: Vec<String> = without_styles(line).split('\t').map(visible).collect();
        // Writing to a string does not fail.
        let _ = writeln!(shown, "{}", parts.join("\t"));
    }
    shown
}

/// Leaves out the sequences that only colour: `ESC [ … m` and `ESC [ … K`. All others are made visible.
fn without_styles(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after.find(|letter: char| !(letter.is_ascii_digit() || matches!(letter, ';' | ':')));
        if let Some(("m" | "K", behind)) = end.and_then(|end| Some((after.get(end..=end)?, after.get(end + 1..)?))) {
            rest = behind;
        } else {
            plain.push_str("\u{1b}[");
            rest = after;
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_do_nothing_to_a_terminal() {
        let check = |text: &str, expected: &str| {
            let mut lines = Lines::default();
            let shown = lines.push(text.as_bytes()) + &lines.finish();
            assert_eq!(shown, expected);
            assert!(!shown.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t')));
        };
        check("a\nb", "a\nb\n");
        check("\u{1b}[1;31mred\u{1b}[0m\u{1b}[K\tand\n", "red\tand\n");
        check("\u{1b}[2J\u{1b}]0;title\u{7}x\n", "\\u{1b}[2J\\u{1b}]0;title\\u{7}x\n");
        check("10%\r50%\r100%\r\n", "100%\n");
        check("\u{1b}[", "\\u{1b}[\n");
        check("\u{1b}[31ä", "\\u{1b}[31ä\n");
        check("\u{202e}x\r\r\n\n", "\\u{202e}x\n\n");
    }

    #[test]
    fn bytes_in_any_parts_show_the_same() {
        let text = "ünï\u{1b}[32mgreen\u{1b}[0m\r\nsecond\n\u{1b}[5Athird".as_bytes();
        let mut whole = Lines::default();
        let expected = whole.push(text) + &whole.finish();
        let mut lines = Lines::default();
        let shown: String = text.iter().map(|byte| lines.push(&[*byte])).collect();
        assert_eq!(shown + &lines.finish(), expected);
        let mut long = Lines::default();
        assert_eq!(long.push(&vec![b'x'; LONGEST + 1]).len(), LONGEST + 2);
    }
}
