//! Reading a line from its front, piece by piece. What does not fit is `None`, and nothing is read twice.

use memchr::memmem;

/// The longest text that is taken out of a line, in bytes.
const LONGEST: usize = 200;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    pub(crate) fn new(line: &'a [u8]) -> Scan<'a> {
        Scan { rest: line }
    }

    /// Starts after the blanks at the front.
    pub(crate) fn trimmed(line: &'a [u8]) -> Scan<'a> {
        Scan { rest: line.trim_ascii_start() }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Passes exactly this text.
    pub(crate) fn lit(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text.as_bytes())?;
        Some(())
    }

    /// Passes blanks; there may be none.
    pub(crate) fn blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// Passes blanks; there has to be one.
    pub(crate) fn gap(&mut self) -> Option<()> {
        let before = self.rest.len();
        self.blanks();
        (self.rest.len() < before).then_some(())
    }

    /// Reads decimal digits. No sign; more than 18 digits are no number that anybody counts to.
    pub(crate) fn number(&mut self) -> Option<u64> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || digits > 18 {
            return None;
        }
        let (number, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        Some(number.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
    }

    /// Reads `K/N`, with N at least 1 and K no more than N.
    pub(crate) fn ratio(&mut self) -> Option<(u64, u64)> {
        let done = self.number()?;
        self.lit("/")?;
        let total = self.number()?;
        (total > 0 && done <= total).then_some((done, total))
    }

    /// Reads what stands before `text`, and passes both.
    pub(crate) fn until(&mut self, text: &str) -> Option<&'a [u8]> {
        let at = memmem::find(self.rest, text.as_bytes())?;
        let (before, rest) = self.rest.split_at_checked(at)?;
        self.rest = rest.strip_prefix(text.as_bytes())?;
        Some(before)
    }

    /// Reads up to the next blank or the end; `None` when nothing is there.
    pub(crate) fn word(&mut self) -> Option<&'a [u8]> {
        let length = self.rest.iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        let (word, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// Passes every byte that `wanted` takes, and returns how many there were.
    pub(crate) fn run(&mut self, wanted: impl Fn(u8) -> bool) -> usize {
        let length = self.rest.iter().take_while(|byte| wanted(**byte)).count();
        self.rest = self.rest.get(length..).unwrap_or_default();
        length
    }

    /// Returns whether anything is left.
    pub(crate) fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

/// Returns text of a line for people, cut where it is too long.
pub(crate) fn text(bytes: &[u8]) -> String {
    let bytes = bytes.trim_ascii();
    let cut = bytes.get(..LONGEST).unwrap_or(bytes);
    let mut text = String::from_utf8_lossy(cut).into_owned();
    if cut.len() < bytes.len() {
        // What the cut took from a character.
        text.truncate(text.trim_end_matches('\u{fffd}').len());
        text.push('…');
    }
    text
}

/// Reads the number before a word in a list such as `3 passed; 1 failed, 2 ignored`.
pub(crate) fn count_before(list: &[u8], word: &str) -> Option<u64> {
    memmem::find_iter(list, word.as_bytes()).find_map(|at| {
        let (before, after) = list.split_at_checked(at)?;
        let after = after.get(word.len()).copied();
        let number = before.strip_suffix(b" ")?;
        let digits = number.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let ends = after.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        if ends { Scan::new(number.get(number.len() - digits..)?).number() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_from_its_front() {
        let mut scan = Scan::trimmed(b"  [12/345] CC a.o");
        scan.lit("[").unwrap();
        assert_eq!(scan.ratio(), Some((12, 345)));
        assert_eq!(scan.lit("]"), Some(()));
        assert_eq!(scan.gap(), Some(()));
        assert_eq!(scan.word(), Some(&b"CC"[..]));
        assert_eq!(scan.until("."), Some(&b" a"[..]));
        assert_eq!((scan.end(), scan.rest()), (None, &b"o"[..]));
    }

    #[test]
    fn numbers_have_bounds() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(Scan::new(text.as_bytes()).number(), expected, "{text}");
        check("0", Some(0));
        check("007x", Some(7));
        check("999999999999999999", Some(999_999_999_999_999_999));
        check("9999999999999999999", None);
        check("-1", None);
        check("", None);
        assert_eq!(Scan::new(b"3/2").ratio(), None);
        assert_eq!(Scan::new(b"0/0").ratio(), None);
    }

    #[test]
    fn counts_are_found_by_their_word() {
        let list = b"2 failed, 125 passed, 1 xfailed, 1 warning, 3 tests failed";
        let check = |word, expected| assert_eq!(count_before(list, word), expected, "{word}");
        check("failed", Some(2));
        check("passed", Some(125));
        check("xfailed", Some(1));
        check("warning", Some(1));
        check("warnings", None);
        check("tests failed", Some(3));
        check("skipped", None);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let long = "ä".repeat(150);
        assert_eq!(text(long.as_bytes()), "ä".repeat(100) + "…");
        assert_eq!(text(&"xä".repeat(150).into_bytes()).chars().last(), Some('…'));
        assert_eq!(text(b"  short "), "short");
    }
}
