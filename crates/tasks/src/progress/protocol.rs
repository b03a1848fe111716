//! The line protocol, for programs that no recogniser knows: a line of its own, on either stream.
//!
//! ```text
//! ::remit progress 12/345 tests::linking the tests
//! ::remit progress 45%::
//! ::remit progress 1200 rows::
//! ::remit progress none::
//! ```
//!
//! The count is `DONE/TOTAL`, `DONE` or a share of 100; the unit is one word, `steps` when it is left out; what comes after
//! the second pair of colons is shown beside it. `none` takes it back. A program that speaks it is believed before any
//! recogniser. A line that is not like this is output like any other.

use super::osc::Said;
use super::scan::{Scan, text};
use super::{Progress, Unit};

const HEAD: &str = "::remit progress ";
const LONGEST_UNIT: usize = 16;

/// Reads a line; `None` when it is ordinary output.
pub(crate) fn read(line: &[u8]) -> Option<Said> {
    let mut scan = Scan::new(line);
    scan.lit(HEAD)?;
    let mut count = Scan::new(scan.until("::")?);
    let label = Some(text(scan.rest())).filter(|label| !label.is_empty());
    if count.rest() == b"none" {
        return Some(Said::Nothing);
    }
    let done = count.number()?;
    let progress = match count.rest().first() {
        Some(b'%') => {
            count.lit("%")?;
            Progress::percentage(done)?
        }
        Some(b'/') => {
            count.lit("/")?;
            let total = count.number().filter(|total| *total > 0 && *total >= done)?;
            Progress::new(done, Some(total), unit(&mut count)?)
        }
        _ => Progress::new(done, None, unit(&mut count)?),
    };
    count.end()?;
    Some(Said::Progress(progress.labelled(label)))
}

fn unit(count: &mut Scan<'_>) -> Option<Unit> {
    if count.end().is_some() {
        return Some(Unit::Steps);
    }
    count.lit(" ")?;
    let word = count.word()?;
    let known = match word {
        b"tests" => Unit::Tests,
        b"packages" => Unit::Packages,
        b"crates" => Unit::Crates,
        b"steps" => Unit::Steps,
        b"objects" => Unit::Objects,
        b"files" => Unit::Files,
        b"requests" => Unit::Requests,
        b"bytes" => Unit::Bytes,
        _ if word.len() <= LONGEST_UNIT && word.iter().all(u8::is_ascii_alphabetic) => Unit::Other(text(word)),
        _ => return None,
    };
    Some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_how_far_it_is() {
        let check = |line: &str, count: &str, label: Option<&str>| {
            let Some(Said::Progress(progress)) = read(line.as_bytes()) else { panic!("{line}") };
            assert_eq!((progress.to_string(), progress.label.as_deref()), (count.to_owned(), label), "{line}");
        };
        check("::remit progress 12/345 tests::linking the tests", "12/345 tests", Some("linking the tests"));
        check("::remit progress 12/345::", "12/345 steps", None);
        check("::remit progress 45%::half way", "45%", Some("half way"));
        check("::remit progress 1200 rows::", "1200 rows", None);
        check("::remit progress 1500000/3000000 bytes::", "1.5 MB/3.0 MB", None);
        check("::remit progress 0/3::a::b", "0/3 steps", Some("a::b"));
        assert_eq!(read(b"::remit progress none::"), Some(Said::Nothing));
    }

    #[test]
    fn everything_else_is_output() {
        for line in [
            "",
            "::remit progress",
            "::remit progress ::",
            "::remit progress 12/345 tests",
            "::remit progress 346/345::",
            "::remit progress 0/0::",
            "::remit progress 101%::",
            "::remit progress -1::",
            "::remit progress 1 two words::",
            "::remit progress 1 a-word::",
            "::remit progress 1 averyveryverylongword::",
            " ::remit progress 1::",
            "x::remit progress 1::",
            "::remit progress 1/2 tests x::",
        ] {
            assert_eq!(read(line.as_bytes()), None, "{line}");
        }
    }
}
