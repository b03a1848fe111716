//! wget: its rows of dots, and its bar on a terminal.

use memchr::memmem;

use super::{Heard, Recogniser, told_if};
use crate::progress::Progress;
use crate::progress::scan::{Scan, text};
use crate::summary::{Summary, add_name};

#[derive(Clone, Debug, Default)]
pub(crate) struct Wget {
    saving: bool,
    saved: Vec<String>,
}

impl Recogniser for Wget {
    fn starts(&self) -> &'static [u8] {
        b"S"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        if line.starts_with("Saving to: ‘".as_bytes()) || line.starts_with(b"Saving to: '") {
            self.saving = true;
            return Heard::Nothing;
        }
        if !self.saving {
            return Heard::Nothing;
        }
        if let Some(name) = saved(line) {
            self.saving = false;
            add_name(&mut self.saved, text(name));
            return Heard::Over;
        }
        told_if(dots(line).or_else(|| bar(line)).and_then(Progress::percentage))
    }

    fn is_awake(&self) -> bool {
        self.saving
    }

    fn summarise(&self, summary: &mut Summary) {
        summary.add_artefacts(&self.saved);
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `  3072K ........ ........ ........ ........ ........ ........ 20% 7.28M 2s`.
fn dots(line: &[u8]) -> Option<u64> {
    let mut scan = Scan::trimmed(line);
    scan.number()?;
    scan.lit("K ")?;
    (scan.run(|byte| matches!(byte, b'.' | b',' | b' ')) > 8).then_some(())?;
    let percent = scan.number()?;
    scan.lit("%")?;
    Some(percent)
}

/// Reads `/work/file   6%[>                   ]   1.83M  8.99MB/s`.
fn bar(line: &[u8]) -> Option<u64> {
    let at = memmem::find(line, b"%[")?;
    let (front, rest) = line.split_at_checked(at)?;
    let digits = front.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let percent = Scan::new(front.get(front.len() - digits..)?).number()?;
    let mut scan = Scan::new(rest);
    scan.lit("%[")?;
    scan.run(|byte| matches!(byte, b'=' | b'>' | b' ' | b'+'));
    scan.lit("]")?;
    Some(percent)
}

/// Reads `2026-11-22 11:04:07 (9.22 MB/s) - ‘/work/file’ saved [30000000/30000000]`.
fn saved(line: &[u8]) -> Option<&[u8]> {
    let at = memmem::rfind(line, b" saved [")?;
    let front = line.get(..at)?;
    let start = memmem::find(front, b"/s) - ")? + b"/s) - ".len();
    let name = front.get(start..)?;
    let name = name.strip_prefix("‘".as_bytes()).or_else(|| name.strip_prefix(b"'"))?;
    name.strip_suffix("’".as_bytes()).or_else(|| name.strip_suffix(b"'"))
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("wget-small.txt"), @"
        1%
        3%
        5%
        … 55 more …
        100%
        ---
        wrote /tmp/progress-rec/w
        ");
        insta::assert_snapshot!(told("wget-mega.txt"), @"
        10%
        20%
        31%
        … 6 more …
        100%
        ---
        wrote /tmp/progress-rec/w
        ");
        insta::assert_snapshot!(told("wget.pty"), @"
        0%
        6%
        12%
        … 13 more …
        100%
        ---
        wrote /tmp/progress-rec/w
        ");
    }
}
