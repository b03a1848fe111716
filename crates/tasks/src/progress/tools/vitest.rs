//! vitest: a line for each test file, and on a terminal a count that is painted over and over.

use memchr::memmem;

use super::{Heard, RUNS_TESTS, Recogniser, told};
use crate::progress::scan::{Scan, count_before, text};
use crate::progress::{Progress, Unit};
use crate::summary::{Summary, Tests, add_name};

#[derive(Clone, Debug, Default)]
pub(crate) struct Vitest {
    running: bool,
    seen: bool,
    done: u64,
    total: Option<u64>,
    failed_names: Vec<String>,
    tests: Option<Tests>,
}

impl Recogniser for Vitest {
    fn starts(&self) -> &'static [u8] {
        b"R"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        let mut scan = Scan::trimmed(line);
        if is_header(line) {
            *self = Vitest { running: true, seen: true, ..Vitest::default() };
            return Heard::Nothing;
        }
        if !self.running {
            return Heard::Nothing;
        }
        if scan.lit("Test Files ").is_some() {
            // What is done, by result, and in brackets how many there are.
            let count = |word| count_before(scan.rest(), word).unwrap_or(0);
            self.done = self.done.max(count("failed") + count("passed") + count("skipped"));
            self.total = in_brackets(scan.rest());
            return told(self.progress());
        }
        if scan.lit("Tests ").is_some() {
            let count = |word| count_before(scan.rest(), word).unwrap_or(0);
            self.tests = Some(Tests {
                tool: "vitest".to_owned(),
                unit: Unit::Tests,
                passed: count("passed"),
                failed: count("failed"),
                skipped: count("skipped") + count("todo"),
                failed_names: Vec::new(),
                complete: in_brackets(scan.rest()).is_some(),
            });
            return Heard::Nothing;
        }
        if scan.lit("FAIL  ").is_some() || scan.lit("FAIL ").is_some() {
            add_name(&mut self.failed_names, text(scan.rest()));
            return Heard::Nothing;
        }
        // On a terminal, this line is painted each time; at the end it says more than the time so far.
        if scan.lit("Duration ").is_some() && memmem::find(scan.rest(), b"(transform ").is_some() {
            self.running = false;
            return Heard::Over;
        }
        if is_file(line) {
            self.done += 1;
            return told(self.progress());
        }
        Heard::Nothing
    }

    fn is_awake(&self) -> bool {
        self.running
    }

    fn rank(&self) -> u8 {
        RUNS_TESTS
    }

    fn summarise(&self, summary: &mut Summary) {
        if let Some(tests) = self.tests.clone().filter(|_| self.seen) {
            summary.add_tests(Tests {
                failed_names: self.failed_names.clone(),
                complete: tests.complete && !self.running,
                ..tests
            });
        }
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

impl Vitest {
    fn progress(&self) -> Progress {
        Progress::new(self.done, self.total, Unit::TestFiles)
    }
}

/// Reads ` RUN  v4.1.12 /work`.
fn is_header(line: &[u8]) -> bool {
    let mut scan = Scan::trimmed(line);
    let version = (|| {
        scan.lit("RUN ").or_else(|| scan.lit("DEV "))?;
        scan.gap()?;
        scan.lit("v")?;
        scan.number()?;
        scan.lit(".")?;
        scan.number()?;
        scan.lit(".")?;
        scan.until(" /")
    })();
    version.is_some()
}

/// Reads ` ✓ vt/v1.test.ts (3 tests | 1 skipped) 204ms`.
fn is_file(line: &[u8]) -> bool {
    let mut scan = Scan::trimmed(line);
    let mark = ["✓ ", "❯ ", "× ", "↓ "].iter().any(|mark| scan.lit(mark).is_some());
    let Some(path) = scan.word().filter(|_| mark) else { return false };
    scan.blanks();
    let counted = scan.lit("(").and_then(|()| scan.number()).and_then(|_| scan.lit(" test"));
    counted.is_some() && path.contains(&b'.')
}

fn in_brackets(line: &[u8]) -> Option<u64> {
    let mut scan = Scan::new(line);
    scan.until("(")?;
    let number = scan.number()?;
    scan.lit(")")?;
    Some(number)
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("vitest.txt"), @"
        1 test file
        2 test files
        3 test files
        3/3 test files
        ---
        vitest: 6 passed, 1 failed, 3 skipped
          failed: vt/v2.test.ts > fails here
        1 warning
        ");
        insta::assert_snapshot!(told("vitest-verbose.txt"), @"
        3/3 test files
        ---
        vitest: 6 passed, 1 failed, 3 skipped
          failed: vt/v2.test.ts > fails here
        1 warning
        ");
        insta::assert_snapshot!(told("vitest.pty"), @"
        0/3 test files
        1/3 test files
        2/3 test files
        3/3 test files
        ---
        vitest: 6 passed, 1 failed, 3 skipped
          failed: vt/v2.test.ts > fails here
        ");
    }
}
