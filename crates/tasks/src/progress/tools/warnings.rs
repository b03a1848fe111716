//! Warnings of compilers that name the place as gcc and clang do: `a.c:1:19: warning: …`. Counted, and nothing else.

use memchr::memmem;

use super::{Heard, Recogniser};
use crate::progress::scan::Scan;
use crate::summary::Summary;

#[derive(Clone, Debug, Default)]
pub(crate) struct Warnings {
    count: u64,
}

impl Recogniser for Warnings {
    fn starts(&self) -> &'static [u8] {
        b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ./_"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        self.count += u64::from(is_warning(line));
        Heard::Nothing
    }

    fn summarise(&self, summary: &mut Summary) {
        summary.warnings += self.count;
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

fn is_warning(line: &[u8]) -> bool {
    // The place has no blank in it, so the word is the first after a blank. Looked at for nearly every line there is.
    let Some(blank) = memchr::memchr2(b' ', b':', line) else { return false };
    if line.get(blank) == Some(&b' ') {
        return false;
    }
    let Some(blank) = memchr::memchr(b' ', line) else { return false };
    let Some((place, rest)) = line.split_at_checked(blank) else { return false };
    rest.starts_with(b" warning: ") && place.ends_with(b":") && is_place(place)
}

/// Reads `a.c:1:19:` or `a.c:1:`.
fn is_place(place: &[u8]) -> bool {
    let Some(colon) = memmem::find(place, b":") else { return false };
    let mut scan = Scan::new(place.get(colon + 1..).unwrap_or_default());
    let line = colon > 0 && scan.number().is_some() && scan.lit(":").is_some();
    line && (scan.end().is_some() || scan.number().is_some() && scan.lit(":").is_some() && scan.end().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_has_a_place() {
        let check = |line: &str, expected: bool| assert_eq!(is_warning(line.as_bytes()), expected, "{line}");
        check("/work/a.c:1:19: warning: unused variable ‘x’ [-Wunused-variable]", true);
        check("a.c:1: warning: x", true);
        check("a.c: warning: x", false);
        check("warning: x", false);
        check("12:30:00 warning: x", false);
        check("a.c:1:19: error: x", false);
        check("a.c:1:19: note: a warning: x", false);
    }
}
