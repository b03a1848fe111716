//! npm where it installs. It shows a spinner and no count; with `--loglevel=http` each request is a line.

use super::{Heard, Recogniser, told};
use crate::progress::scan::{Scan, text};
use crate::progress::{Progress, Unit};
use crate::summary::Summary;

#[derive(Clone, Debug, Default)]
pub(crate) struct Npm {
    requests: u64,
    warnings: u64,
    note: Option<String>,
}

impl Recogniser for Npm {
    fn starts(&self) -> &'static [u8] {
        b"nacru"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        let mut scan = Scan::new(line);
        if scan.lit("npm ").is_some() {
            if scan.lit("http fetch ").is_some() {
                self.requests += 1;
                return told(Progress::new(self.requests, None, Unit::Requests));
            }
            // One warning may be several lines under one word.
            self.warnings += u64::from(scan.lit("warn ").is_some() && scan.word().is_some_and(|word| word != b"install-scripts"));
            return Heard::Nothing;
        }
        if is_end(line) {
            self.note = Some(text(line));
            return Heard::Over;
        }
        Heard::Nothing
    }

    fn summarise(&self, summary: &mut Summary) {
        summary.warnings += self.warnings;
        summary.notes.extend(self.note.clone());
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `added 333 packages, and audited 334 packages in 22s`, `changed …`, `removed …` and `up to date in 1s`.
fn is_end(line: &[u8]) -> bool {
    let mut scan = Scan::new(line);
    let counted = (scan.lit("added ").is_some() || scan.lit("changed ").is_some() || scan.lit("removed ").is_some())
        && scan.number().is_some()
        && scan.lit(" package").is_some();
    if !counted && scan.lit("up to date").is_none() {
        return false;
    }
    let Some(time) = memchr::memmem::rfind(line, b" in ").and_then(|at| line.get(at + 4..)) else { return false };
    time.first().is_some_and(u8::is_ascii_digit) && matches!(time.last(), Some(b's' | b'm'))
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("npm-install.txt"), @"
        nothing
        ---
        1 warning
        added 333 packages in 22s
        ");
        insta::assert_snapshot!(told("npm-install.pty"), @"
        nothing
        ---
        1 warning
        added 25 packages in 2s
        ");
        insta::assert_snapshot!(told("npm-http.txt"), @"
        1 request
        2 requests
        3 requests
        … 25 more …
        29 requests
        ---
        1 warning
        added 27 packages in 2s
        ");
    }
}
