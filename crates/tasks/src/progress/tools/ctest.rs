//! ctest, which runs the tests of cmake.

use super::{Heard, RUNS_TESTS, Recogniser, told};
use crate::progress::scan::{Scan, text};
use crate::progress::{Progress, Unit};
use crate::summary::{Summary, Tests, add_name};

#[derive(Clone, Debug, Default)]
pub(crate) struct Ctest {
    done: u64,
    total: u64,
    failed: u64,
    failed_names: Vec<String>,
    over: bool,
}

impl Recogniser for Ctest {
    fn starts(&self) -> &'static [u8] {
        b"0123456789"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        if let Some(result) = result(line) {
            if self.over || result.total != self.total {
                *self = Ctest { total: result.total, ..Ctest::default() };
            }
            self.done += 1;
            if result.failed {
                self.failed += 1;
                add_name(&mut self.failed_names, text(result.name));
            }
            return told(Progress::new(self.done.min(self.total), Some(self.total), Unit::Tests));
        }
        if self.done > 0 && is_end(line) {
            self.over = true;
            return Heard::Over;
        }
        Heard::Nothing
    }

    fn rank(&self) -> u8 {
        RUNS_TESTS
    }

    fn summarise(&self, summary: &mut Summary) {
        summary.add_tests(Tests {
            tool: "ctest".to_owned(),
            unit: Unit::Tests,
            passed: self.done.saturating_sub(self.failed),
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

struct Outcome<'a> {
    total: u64,
    failed: bool,
    name: &'a [u8],
}

/// Reads `1/2 Test #1: good .............................   Passed    0.02 sec`.
fn result(line: &[u8]) -> Option<Outcome<'_>> {
    let mut scan = Scan::trimmed(line);
    let (_, total) = scan.ratio()?;
    scan.lit(" Test ")?;
    scan.blanks();
    scan.lit("#")?;
    scan.number()?;
    scan.lit(": ")?;
    let name = scan.word()?;
    scan.gap()?;
    (scan.run(|byte| byte == b'.') > 0 && line.ends_with(b" sec")).then_some(())?;
    scan.blanks();
    Some(Outcome { total, failed: !scan.rest().starts_with(b"Passed"), name })
}

/// Reads `50% tests passed, 1 tests failed out of 2`.
fn is_end(line: &[u8]) -> bool {
    let mut scan = Scan::new(line);
    scan.number().is_some() && scan.lit("% tests passed, ").is_some()
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("ctest.txt"), @"
        1/2 tests
        2/2 tests
        ---
        ctest: 1 passed, 1 failed
          failed: bad
        ");
    }
}
