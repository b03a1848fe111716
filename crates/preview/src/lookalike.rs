//! Characters that are drawn like those of ASCII: a name that has one is not the name that people read.

use std::fmt;

/// A character and the one that it is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lookalike {
    pub(crate) character: char,
    pub(crate) looks_like: char,
}

impl fmt::Display for Lookalike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meant = if self.looks_like == ' ' { "a space".to_owned() } else { format!("`{}`", self.looks_like) };
        write!(f, "U+{:04X} looks like {meant}", u32::from(self.character))
    }
}

/// Returns the characters of the text that are likely to be taken for others, each once.
///
/// A word of another script is what it is, unless every letter of it that is not ASCII has a twin there.
pub(crate) fn lookalikes(text: &str) -> Vec<Lookalike> {
    let mut found: Vec<Lookalike> = Vec::new();
    if text.is_ascii() {
        return found;
    }
    for part in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let letters: Vec<char> = part.chars().filter(|c| c.is_alphanumeric()).collect();
        let disguised = letters.iter().all(|c| c.is_ascii() || twin(*c).is_some());
        let mixed = letters.iter().any(char::is_ascii_alphabetic);
        for character in part.chars() {
            let Some(looks_like) = twin(character) else { continue };
            let counts = !character.is_alphanumeric() || disguised || mixed;
            if counts && !found.iter().any(|known| known.character == character) {
                found.push(Lookalike { character, looks_like });
            }
        }
    }
    found
}

/// Returns the character of ASCII that this one is drawn like.
fn twin(character: char) -> Option<char> {
    let code = u32::from(character);
    let ascii = |offset: u32, first: char| char::from_u32(u32::from(first) + offset);
    match code {
        // Full width.
        0xFF01..=0xFF5E => ascii(code - 0xFF01, '!'),
        // Mathematical letters and digits, in alphabets of 26.
        0x1D400..=0x1D6A3 if (code - 0x1D400) % 52 < 26 => ascii((code - 0x1D400) % 52, 'A'),
        0x1D400..=0x1D6A3 => ascii((code - 0x1D400) % 52 - 26, 'a'),
        0x1D7CE..=0x1D7FF => ascii((code - 0x1D7CE) % 10, '0'),
        // Spaces that are drawn.
        0xA0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => Some(' '),
        0x2010..=0x2015 | 0x2212 | 0xFE58 | 0xFE63 => Some('-'),
        _ => TWINS.iter().find(|(twins, _)| twins.contains(&code)).map(|(_, ascii)| *ascii),
    }
}

/// By code point: Cyrillic, Greek, Armenian, Cherokee, Latin and signs, none of which can be told apart here.
const TWINS: &[(&[u32], char)] = &[
    (&[0x430, 0x251, 0x3B1], 'a'),
    (&[0x410, 0x391, 0x13AA], 'A'),
    (&[0x412, 0x392, 0x13F4], 'B'),
    (&[0x441, 0x3F2, 0x217D], 'c'),
    (&[0x421, 0x3F9, 0x216D], 'C'),
    (&[0x501, 0x217E], 'd'),
    (&[0x216E, 0x13A0], 'D'),
    (&[0x435, 0x212E], 'e'),
    (&[0x415, 0x395, 0x13AC], 'E'),
    (&[0x17F], 'f'),
    (&[0x261, 0x581], 'g'),
    (&[0x50C], 'G'),
    (&[0x4BB, 0x570], 'h'),
    (&[0x41D, 0x397, 0x13BB], 'H'),
    (&[0x456, 0x131, 0x3B9, 0x2170], 'i'),
    (&[0x406, 0x399, 0x4C0, 0x2160], 'I'),
    (&[0x458, 0x3F3, 0x575], 'j'),
    (&[0x408, 0x13AB], 'J'),
    (&[0x43A, 0x3BA], 'k'),
    (&[0x41A, 0x39A, 0x212A, 0x13E6], 'K'),
    (&[0x4CF, 0x217C, 0x2113], 'l'),
    (&[0x216C, 0x13DE], 'L'),
    (&[0x217F], 'm'),
    (&[0x41C, 0x39C, 0x216F, 0x13B7], 'M'),
    (&[0x578, 0x3B7], 'n'),
    (&[0x39D], 'N'),
    (&[0x43E, 0x3BF, 0x585, 0x1D0F], 'o'),
    (&[0x41E, 0x39F, 0x555], 'O'),
    (&[0x440, 0x3C1, 0x584], 'p'),
    (&[0x420, 0x3A1, 0x13E2], 'P'),
    (&[0x51B, 0x566], 'q'),
    (&[0x433, 0x1D26], 'r'),
    (&[0x455], 's'),
    (&[0x405, 0x13DA], 'S'),
    (&[0x3C4], 't'),
    (&[0x422, 0x3A4, 0x13A2], 'T'),
    (&[0x57D, 0x3C5, 0x1D1C], 'u'),
    (&[0x54D], 'U'),
    (&[0x3BD, 0x475, 0x2174], 'v'),
    (&[0x474, 0x2164, 0x13D9], 'V'),
    (&[0x51D, 0x461], 'w'),
    (&[0x51C, 0x13B3], 'W'),
    (&[0x445, 0x3C7, 0x2179], 'x'),
    (&[0x425, 0x3A7, 0x2169], 'X'),
    (&[0x443, 0x3B3], 'y'),
    (&[0x423, 0x3A5, 0x4AE], 'Y'),
    (&[0x396, 0x13C3], 'Z'),
    (&[0x2044, 0x2215, 0x29F8, 0x2571], '/'),
    (&[0x2216, 0x29F5, 0x29F9, 0xFE68], '\\'),
    (&[0x2236, 0xA789, 0x2D0, 0x589], ':'),
    (&[0x37E, 0xFE54], ';'),
    (&[0x2024, 0x6D4, 0x701], '.'),
    (&[0x201A, 0x66B], ','),
    (&[0x2018, 0x2019, 0x2BC, 0x2B9, 0x2032], '\''),
    (&[0x201C, 0x201D, 0x2033, 0x2DD], '"'),
    (&[0x2217, 0x204E, 0x66D], '*'),
    (&[0x223C, 0x2DC, 0x2053], '~'),
    (&[0x1C3], '!'),
    (&[0x1C0, 0x2223, 0x2758, 0x23D0], '|'),
    (&[0x2039, 0x2329, 0x276E], '<'),
    (&[0x203A, 0x232A, 0x276F], '>'),
    (&[0x1FEF, 0x2CB, 0x2035], '`'),
    (&[0xFE60], '&'),
    (&[0xFE69], '$'),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found: Vec<String> = lookalikes(text).iter().map(Lookalike::to_string).collect();
        assert_eq!(found.join(", "), expected, "{text}");
    }

    #[test]
    fn a_name_that_is_not_what_it_looks_like_is_found() {
        check("git status", "");
        check("g\u{456}t status", "U+0456 looks like `i`");
        check("\u{440}\u{430}\u{440}", "U+0440 looks like `p`, U+0430 looks like `a`");
        check("rm\u{a0}-rf", "U+00A0 looks like a space");
        check("rm \u{2212}rf", "U+2212 looks like `-`");
        check("\u{ff47}it", "U+FF47 looks like `g`");
        check("\u{1d4f0}\u{1d4f2}\u{1d4fd}", "U+1D4F0 looks like `g`, U+1D4F2 looks like `i`, U+1D4FD looks like `t`");
        check("a\u{2215}b", "U+2215 looks like `/`");
    }

    #[test]
    fn a_word_of_another_script_is_what_it_is() {
        check("prüfen", "");
        check("日本語", "");
        check("\u{43f}\u{440}\u{43e}\u{432}\u{435}\u{440}\u{43a}\u{430}", "");
        check("tests-\u{43f}\u{440}\u{43e}\u{432}\u{435}\u{440}\u{43a}\u{430}", "");
    }
}
