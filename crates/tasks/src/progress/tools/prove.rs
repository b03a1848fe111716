//! `prove`, which runs files of TAP and prints a line for each.

use memchr::memmem;

use super::{Heard, RUNS_TESTS, Recogniser, told};
use crate::progress::scan::{Scan, text};
use crate::progress::{Progress, Unit};
use crate::summary::{Summary, Tests, add_name};

#[derive(Clone, Debug, Default)]
pub(crate) struct Prove {
    /// The file whose results come.
    file: Option<Vec<u8>>,
    done: u64,
    failed: u64,
    failed_names: Vec<String>,
    totals: Option<u64>,
    over: bool,
}

impl Recogniser for Prove {
    fn starts(&self) -> &'static [u8] {
        // `t/a.t`, `xt/a.t`, `./t/a.t`, `/work/t/a.t`; `Files=2, Tests=7`; `Result: FAIL`.
        b"tx./FR"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        if self.done > 0 {
            if let Some((name, failed)) = report(line) {
                self.failed += failed;
                add_name(&mut self.failed_names, text(name));
                return Heard::Nothing;
            }
            if let Some(counts) = line.strip_prefix(b"Files=") {
                let mut scan = Scan::new(counts);
                self.totals = scan.until("Tests=").and_then(|_| scan.number());
                return Heard::Nothing;
            }
            if self.totals.is_some() && line.starts_with(b"Result: ") {
                self.over = true;
                return Heard::Over;
            }
        }
        let Some((name, result)) = file(line) else { return Heard::Nothing };
        // A name alone comes first; on a terminal it comes again with each count, and last with the result.
        let again = self.file.as_deref() == Some(name);
        if again || !is_result(result) && result != b"" {
            return Heard::Nothing;
        }
        self.file = Some(name.to_vec());
        self.done += 1;
        told(Progress::new(self.done, None, Unit::TestFiles))
    }

    fn rank(&self) -> u8 {
        RUNS_TESTS + 1
    }

    fn summarise(&self, summary: &mut Summary) {
        let Some(total) = self.totals else { return };
        summary.add_tests(Tests {
            tool: "prove".to_owned(),
            unit: Unit::Tests,
            passed: total.saturating_sub(self.failed),
            failed: self.failed,
            skipped: 0,
            failed_names: self.failed_names.clone(),
            complete: self.over,
        });
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `t/a.t .. ok`: a file of tests, dots, what there is to say.
fn file(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memmem::find(line.get(..line.len().min(200))?, b".t ..")?;
    let name = line.get(..at + 2)?;
    let dots = line.get(at + 3..)?;
    let rest = dots.get(dots.iter().take_while(|byte| **byte == b'.').count()..)?;
    (!name.contains(&b' ')).then_some((name, rest.trim_ascii()))
}

fn is_result(result: &[u8]) -> bool {
    [&b"ok"[..], b"Failed", b"Dubious", b"skipped", b"All", b"No subtests"].iter().any(|word| result.starts_with(word))
}

/// Reads `t/a.t (Wstat: 0 Tests: 4 Failed: 1)`.
fn report(line: &[u8]) -> Option<(&[u8], u64)> {
    let at = memmem::find(line, b" (Wstat: ")?;
    let (name, rest) = line.split_at_checked(at)?;
    let mut scan = Scan::new(rest);
    scan.until("Failed: ")?;
    let failed = scan.number()?;
    Some((name, failed))
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("prove.txt"), @"
        1 test file
        2 test files
        ---
        prove: 5 passed, 2 failed
          failed: t/a.t
          failed: t/b.t
        ");
        insta::assert_snapshot!(told("prove-v.txt"), @"
        1 test file
        2 test files
        ---
        prove: 5 passed, 2 failed
          failed: t/a.t
          failed: t/b.t
        ");
        insta::assert_snapshot!(told("prove.pty"), @"
        1 test file
        2 test files
        ---
        prove: 5 passed, 2 failed
          failed: t/a.t
          failed: t/b.t
        ");
    }
}
