//! pip: what it collects, and how far a download is.

use memchr::memmem;

use super::{Heard, Recogniser, told};
use crate::progress::scan::{Scan, text};
use crate::progress::{Progress, Unit};
use crate::summary::Summary;

#[derive(Clone, Debug, Default)]
pub(crate) struct Pip {
    /// The line before said that a package is collected; the next one has to agree.
    collecting: bool,
    collected: u64,
    label: Option<String>,
    note: Option<String>,
}

impl Recogniser for Pip {
    fn starts(&self) -> &'static [u8] {
        // The first byte of `━`, and of the words.
        &[b'C', b'D', b'U', b'S', b'O', 0xe2]
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        if let Some((done, total)) = bar(line).filter(|_| self.label.is_some()) {
            return told(Progress::new(done, Some(total), Unit::Bytes).labelled(self.label.clone()));
        }
        if let Some(file) = download(line).filter(|_| self.collecting || self.collected > 0) {
            self.collected += u64::from(std::mem::take(&mut self.collecting));
            self.label = Some(text(file));
            return told(Progress::new(self.collected, None, Unit::Packages));
        }
        if let Some(installed) = line.strip_prefix(b"Successfully installed ")
            && installed.split(|byte| *byte == b' ').all(is_versioned)
        {
            self.note = Some(text(line));
            return Heard::Over;
        }
        self.collecting = is_collecting(line);
        Heard::Nothing
    }

    fn summarise(&self, summary: &mut Summary) {
        summary.notes.extend(self.note.clone());
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `Collecting pluggy<2,>=1.5 (from pytest)`.
fn is_collecting(line: &[u8]) -> bool {
    let mut scan = Scan::new(line);
    let named = scan.lit("Collecting ").is_some() && scan.word().is_some();
    named && (scan.end().is_some() || scan.lit(" (from ").is_some())
}

/// Reads `  Downloading pygments-2.21.0-py3-none-any.whl (1.3 MB)`, and returns the file.
fn download(line: &[u8]) -> Option<&[u8]> {
    let mut scan = Scan::new(line);
    scan.lit("  Downloading ").or_else(|| scan.lit("  Using cached "))?;
    let file = scan.word()?;
    let known = [&b".whl"[..], b".tar.gz", b".zip", b".metadata"].iter().any(|ending| file.ends_with(ending));
    (known && scan.rest().starts_with(b" (")).then(|| file.rsplit(|byte| *byte == b'/').next())?
}

/// Reads `     ━━━━━━━━━ 0.9/1.3 MB 417.1 MB/s eta 0:00:00`, in bytes.
fn bar(line: &[u8]) -> Option<(u64, u64)> {
    let mut scan = Scan::trimmed(line);
    let front = scan.until(" ")?;
    let text = std::str::from_utf8(front).ok().filter(|front| !front.is_empty())?;
    if !text.chars().all(|bar| matches!(bar, '━' | '╸' | '╺')) {
        return None;
    }
    scan.blanks();
    let done = tenths(&mut scan)?;
    scan.lit("/")?;
    let total = tenths(&mut scan)?;
    scan.lit(" ")?;
    let scale = match scan.word()? {
        b"bytes" => 1,
        b"kB" => 1000,
        b"MB" => 1_000_000,
        b"GB" => 1_000_000_000,
        _ => return None,
    };
    memmem::find(scan.rest(), b" eta ")?;
    (total > 0 && done <= total).then_some((done * scale / 10, total * scale / 10))
}

/// Reads `0.9` as 9, and `7` as 70.
fn tenths(scan: &mut Scan<'_>) -> Option<u64> {
    let whole = scan.number().filter(|whole| *whole < 1_000_000)?;
    let tenth = if scan.lit(".").is_some() { scan.number().filter(|tenth| *tenth < 10)? } else { 0 };
    Some(whole * 10 + tenth)
}

/// Reads `pygments-2.21.0`.
fn is_versioned(word: &[u8]) -> bool {
    let version = word.iter().rposition(|byte| *byte == b'-').and_then(|at| word.get(at + 1..));
    version.and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("pip.txt"), @"
        1 package
        1.3 MB/1.3 MB, pygments-2.21.0-py3-none-any.whl
        2 packages
        876 kB/876 kB, setuptools-84.2.1-py3-none-any.whl
        ---
        Successfully installed pygments-2.21.0 setuptools-84.2.1
        ");
        insta::assert_snapshot!(told("pip.pty"), @"
        1 package
        0 B/1.3 MB, pygments-2.21.0-py3-none-any.whl
        1.3 MB/1.3 MB, pygments-2.21.0-py3-none-any.whl
        ---
        Successfully installed pygments-2.21.0
        ");
    }
}
