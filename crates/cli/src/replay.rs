//! What somebody sees who sits down at a terminal where much has been printed already.
//!
//! Printing all of it once more would ask the terminal old questions, whose answers would be typed to the task. So only text and
//! colours are printed, and the modes are set that the terminal would be in by now. A program that fills the screen draws it
//! anew when it is told the window's size.

use std::collections::BTreeMap;

/// So much text is printed.
const MOST: usize = 16 << 10;
/// The modes that outlive what set them: keys of the cursor, the cursor itself, reports of the mouse and of the focus, the second
/// screen, pasting in brackets.
const MODES: [&[u8]; 11] = [b"1", b"25", b"47", b"1000", b"1002", b"1003", b"1004", b"1006", b"1047", b"1049", b"2004"];
const SCREENS: [&[u8]; 3] = [b"47", b"1047", b"1049"];

/// Returns what to print, for a terminal that is as new.
pub(crate) fn replay(printed: &[u8]) -> Vec<u8> {
    let mut modes: BTreeMap<&[u8], bool> = BTreeMap::new();
    let mut text = Vec::new();
    let mut rest = printed;
    while let Some((first, after)) = rest.split_first() {
        let (token, behind) = if *first == 0x1b { sequence(rest) } else { (rest.get(..1).unwrap_or_default(), after) };
        rest = behind;
        match token {
            [0x1b, b'[', b'?', numbers @ .., set @ (b'h' | b'l')] => {
                for mode in numbers.split(|byte| *byte == b';').filter(|mode| MODES.contains(mode)) {
                    modes.insert(mode, *set == b'h');
                }
            }
            [0x1b, b'[', .., b'm' | b'K'] | [b'\n' | b'\r' | b'\t' | 0x08 | 0x20..=0x7e | 0x80..] => {
                text.extend_from_slice(token);
            }
            _ => {}
        }
    }
    let full = SCREENS.iter().any(|screen| modes.get(screen) == Some(&true));
    let mut shown = Vec::new();
    for (mode, set) in &modes {
        shown.extend([&b"\x1b[?"[..], mode, if *set { b"h" } else { b"l" }].concat());
    }
    if !full {
        shown.extend_from_slice(last(&text));
    }
    shown
}

/// Returns the last of a text, from the beginning of a line.
fn last(text: &[u8]) -> &[u8] {
    let Some(last) = text.len().checked_sub(MOST).and_then(|from| text.get(from..)) else { return text };
    let begin = last.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    last.get(begin..).unwrap_or_default()
}

/// Splits a sequence off that begins with an escape: `ESC [ … @-~`, a string up to its end, or two bytes.
fn sequence(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = match bytes.get(1) {
        Some(b'[') => bytes.iter().skip(2).position(|byte| matches!(byte, 0x40..=0x7e)).map(|at| at + 3),
        // OSC, DCS, SOS, PM, APC: up to BEL or ST.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            let end = bytes.iter().skip(2).position(|byte| matches!(byte, 0x07 | 0x1b)).map(|at| at + 2);
            end.map(|end| if bytes.get(end) == Some(&0x1b) { end + 2 } else { end + 1 })
        }
        // A character set has one byte more.
        Some(b'(' | b')' | b'*' | b'+' | b'#' | b'%' | b' ') => Some(3),
        _ => Some(2),
    };
    bytes.split_at(length.unwrap_or(bytes.len()).min(bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_question_is_asked_again() {
        let check = |printed: &str, expected: &str| {
            assert_eq!(String::from_utf8_lossy(&replay(printed.as_bytes())), expected, "{printed:?}");
        };
        check("plain\r\n\x1b[1;31mred\x1b[0m\x1b[K ü\t\n", "plain\r\n\x1b[1;31mred\x1b[0m\x1b[K ü\t\n");
        // The place of the cursor, what it is, the title, a colour, in DCS: all answered, or obeyed.
        check("a\x1b[6nb\x1b[>cc\x1b]0;title\x07d\x1b]11;?\x1b\\e\x1bP+q544e\x1b\\f\x05g\x1b(Bh\x1b7i", "abcdefghi");
        check("$ vi\r\n\x1b[?1049h\x1b[?25;2004l\x1b[Htext", "\x1b[?1049h\x1b[?2004l\x1b[?25l");
        check("\x1b[?1049hfull\x1b[?1049l$ ", "\x1b[?1049lfull$ ");
        for broken in ["\x1b", "\x1b[", "\x1b[?", "\x1b]0;x", "\x1bP", "\x1b(", "\x1b]\x1b"] {
            check(&format!("x{broken}"), "x");
        }
    }

    #[test]
    fn of_much_the_last_lines_are_shown() {
        let printed = "line\n".repeat(MOST);
        let shown = replay(printed.as_bytes());
        assert!(shown.len() <= MOST && shown.len() > MOST - 10 && shown.starts_with(b"line\n"), "{}", shown.len());
    }
}
