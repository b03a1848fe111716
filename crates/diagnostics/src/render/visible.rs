use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns the text with every control and direction character made visible, so that a file's own words cannot repaint
/// a terminal, hide in it, or make a line of their own.
///
/// What was made visible stays as it is when it comes through here again. A backslash is left alone, so the result is
/// for people: nothing can be read back out of it.
pub fn visible(text: &str) -> String {
    shown(text).into_owned()
}

/// Returns [`visible`] text, without a copy where there is nothing to change.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if is_unseen(character) => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    Cow::Owned(out)
}

/// Returns whether the character moves, hides or turns round what stands beside it instead of being seen itself.
fn is_unseen(character: char) -> bool {
    // By code point: most of these cannot be told apart, or seen at all, when written as themselves.
    character.is_control()
        || matches!(
            u32::from(character),
            0xAD // soft hyphen
                | 0x34F // combining grapheme joiner
                | 0x61C // Arabic letter mark
                | 0x115F..=0x1160 // Hangul fillers
                | 0x17B4..=0x17B5 // Khmer vowels that are not drawn
                | 0x180B..=0x180F // Mongolian variation selectors
                | 0x200B..=0x200F // zero width, left-to-right and right-to-left marks
                | 0x2028..=0x202E // line and paragraph separators, embeddings and overrides
                | 0x2060..=0x206F // word joiner, invisible operators, isolates
                | 0x2800 // braille blank
                | 0x3164 // Hangul filler
                | 0xFE00..=0xFE0F // variation selectors
                | 0xFEFF // byte order mark
                | 0xFFA0 // half-width Hangul filler
                | 0xFFF0..=0xFFFB // interlinear annotations
                | 0x1D173..=0x1D17A // musical controls
                | 0xE0000..=0xE0FFF // tags and further variation selectors
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(visible(text), expected);
        assert_eq!(visible(expected), expected, "what is visible stays as it is");
    }

    #[test]
    fn plain_text_is_unchanged() {
        for text in ["", "cargo test -p core", "ünïcödé — 日本語 🦀", r"C:\path\n"] {
            check(text, text);
            assert!(matches!(shown(text), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn what_moves_the_cursor_is_seen() {
        check("\u{1b}[2J\u{1b}[H", r"\u{1b}[2J\u{1b}[H");
        check("\u{9b}31m", r"\u{9b}31m");
        check("a\r\nb\tc", r"a\r\nb\tc");
        check("\u{7}\u{8}\u{0}\u{7f}", r"\u{7}\u{8}\u{0}\u{7f}");
    }

    #[test]
    fn what_turns_or_hides_text_is_seen() {
        check("\u{202e}txt.exe\u{2066}", r"\u{202e}txt.exe\u{2066}");
        check("r\u{200b}m\u{feff}\u{ad}", r"r\u{200b}m\u{feff}\u{ad}");
        check("a\u{2028}b\u{2029}c\u{85}", r"a\u{2028}b\u{2029}c\u{85}");
        check("\u{e0061}\u{fe0f}", r"\u{e0061}\u{fe0f}");
    }
}
