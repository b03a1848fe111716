//! jest: a line for each test file, and on a terminal how many there are.

use super::{Heard, RUNS_TESTS, Recogniser, told};
use crate::progress::scan::{Scan, count_before, text};
use crate::progress::{Progress, Unit};
use crate::summary::{Summary, Tests, add_name};

const ENDINGS: [&[u8]; 6] = [b".js", b".ts", b".jsx", b".tsx", b".mjs", b".cjs"];

#[derive(Clone, Debug, Default)]
pub(crate) struct Jest {
    done: u64,
    failed: u64,
    total: Option<u64>,
    failed_names: Vec<String>,
    tests: Option<Tests>,
    /// After the totals: the failures are shown once more.
    over: bool,
}

impl Recogniser for Jest {
    fn starts(&self) -> &'static [u8] {
        "PFT●".as_bytes()
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        let mut scan = Scan::trimmed(line);
        if let Some(failed) = file(line) {
            if self.over {
                return Heard::Nothing;
            }
            self.done += 1;
            self.failed += u64::from(failed);
            return told(Progress::new(self.done, self.total, Unit::TestFiles));
        }
        if self.done > 0 && scan.lit("● ").is_some() && line.starts_with(b"  ") {
            // `  ● Console` and the like are headings of what was printed.
            let name = scan.rest();
            if !matches!(name, b"Console" | b"Test suite failed to run") {
                add_name(&mut self.failed_names, text(name));
            }
            return Heard::Nothing;
        }
        if let Some(total) = line.strip_prefix(b"Test Suites: ").and_then(|counts| count_before(counts, "total")) {
            self.total = Some(total);
            return told(Progress::new(self.done, self.total, Unit::TestFiles));
        }
        if let Some(counts) = line.strip_prefix(b"Tests:  ").filter(|_| self.done > 0) {
            let count = |word| count_before(counts, word).unwrap_or(0);
            self.tests = Some(Tests {
                tool: "jest".to_owned(),
                unit: Unit::Tests,
                passed: count("passed"),
                failed: count("failed"),
                skipped: count("skipped") + count("todo"),
                failed_names: self.failed_names.clone(),
                complete: true,
            });
            return Heard::Nothing;
        }
        if line.starts_with(b"Time: ") && self.tests.is_some() && self.total == Some(self.done) {
            self.over = true;
            return Heard::Over;
        }
        Heard::Nothing
    }

    fn rank(&self) -> u8 {
        RUNS_TESTS
    }

    fn summarise(&self, summary: &mut Summary) {
        if self.done == 0 {
            return;
        }
        let so_far = || Tests {
            tool: "jest".to_owned(),
            unit: Unit::TestFiles,
            passed: self.done - self.failed,
            failed: self.failed,
            skipped: 0,
            failed_names: Vec::new(),
            complete: false,
        };
        let tests = self.tests.clone().filter(|_| self.over).unwrap_or_else(so_far);
        summary.add_tests(tests);
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `PASS test/m1.test.js (5.2 s)`, and tells whether the file failed.
fn file(line: &[u8]) -> Option<bool> {
    let mut scan = Scan::trimmed(line);
    let failed = match scan.word()? {
        b"PASS" => false,
        b"FAIL" => true,
        _ => return None,
    };
    scan.gap()?;
    let path = scan.word()?;
    let known = ENDINGS.iter().any(|ending| path.ends_with(ending));
    let timed = scan.end().is_some() || (scan.lit(" (").is_some() && scan.rest().ends_with(b")"));
    (known && timed).then_some(failed)
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("jest.txt"), @"
        1 test file
        2 test files
        3 test files
        3/3 test files
        ---
        jest: 6 passed, 1 failed, 3 skipped
          failed: fails here
        ");
        insta::assert_snapshot!(told("jest-verbose.txt"), @"
        1 test file
        2 test files
        3 test files
        3/3 test files
        ---
        jest: 6 passed, 1 failed, 3 skipped
          failed: fails here
        ");
        insta::assert_snapshot!(told("jest.pty"), @"
        1 test file
        2 test files
        3 test files
        3/3 test files
        ---
        jest: 6 passed, 1 failed, 3 skipped
          failed: fails here
        ");
        insta::assert_snapshot!(told("npm-test-jest.txt"), @"
        1 test file
        2 test files
        3 test files
        3/3 test files
        ---
        jest: 6 passed, 1 failed, 3 skipped
          failed: fails here
        1 warning
        ");
    }
}
