//! `go test`, plain, `-v` and `-json`. Packages are counted, or tests where each is told; how many there are is never said.

use memchr::memmem;

use super::{Heard, RUNS_TESTS, Recogniser, told};
use crate::progress::scan::{Scan, text};
use crate::progress::{Progress, Unit};
use crate::summary::{Summary, Tests, add_name};

#[derive(Clone, Debug, Default)]
pub(crate) struct GoTest {
    tests: Counts,
    told: u64,
    packages: Counts,
    failed_names: Vec<String>,
    /// Each test is told, not only those that fail.
    verbose: bool,
    /// Only after a line of `-v` or of a package is a `--- FAIL` surely a test's.
    failed_before: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

impl Counts {
    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Skipped => self.skipped += 1,
        }
    }

    fn sum(self) -> u64 {
        self.passed + self.failed + self.skipped
    }
}

impl GoTest {
    fn progress(&self) -> Progress {
        if self.verbose {
            Progress::new(self.told, None, Unit::Tests)
        } else {
            Progress::new(self.packages.sum(), None, Unit::Packages)
        }
    }

    fn test(&mut self, outcome: Outcome, name: &[u8]) {
        self.told += 1;
        self.tests.add(outcome);
        if outcome != Outcome::Failed {
            return;
        }
        let name = text(name);
        // A test that failed because a part of it did is told, and counted, by the part.
        if let Some((parent, _)) = name.rsplit_once('/')
            && let Some(at) = self.failed_before.iter().position(|other| other == parent)
        {
            self.failed_before.remove(at);
            self.tests.failed -= 1;
        }
        let is_part = |other: &String| other.strip_prefix(&*name).is_some_and(|rest| rest.starts_with('/'));
        if self.failed_before.iter().any(is_part) {
            self.tests.failed -= 1;
        } else {
            add_name(&mut self.failed_before, name);
        }
    }

    fn package(&mut self, outcome: Outcome) -> Heard {
        self.packages.add(outcome);
        for name in std::mem::take(&mut self.failed_before) {
            add_name(&mut self.failed_names, name);
        }
        told(self.progress())
    }

    fn json(&mut self, line: &[u8]) -> Option<Heard> {
        let mut scan = Scan::new(line);
        scan.lit("{\"")?;
        // Build output has no time; then there is no result either.
        scan.lit("Time\":\"")?;
        scan.until("\",\"Action\":\"")?;
        let action = scan.until("\",\"Package\":\"")?;
        scan.until("\"")?;
        let outcome = match action {
            b"pass" => Outcome::Passed,
            b"fail" => Outcome::Failed,
            b"skip" => Outcome::Skipped,
            _ => return None,
        };
        self.verbose = true;
        if scan.lit(",\"Test\":\"").is_none() {
            return Some(self.package(outcome));
        }
        let name = scan.until("\"")?;
        self.test(outcome, name);
        Some(told(self.progress()))
    }
}

impl Recogniser for GoTest {
    fn starts(&self) -> &'static [u8] {
        b"-=oF?{"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        if line.first() == Some(&b'{') {
            return self.json(line).unwrap_or(Heard::Nothing);
        }
        if let Some(name) = line.strip_prefix(b"=== RUN   ") {
            self.verbose |= !name.is_empty() && !name.contains(&b' ');
            return Heard::Nothing;
        }
        if let Some((outcome, name)) = test(line) {
            self.test(outcome, name);
            return if self.verbose { told(self.progress()) } else { Heard::Nothing };
        }
        match package(line) {
            Some(outcome) => self.package(outcome),
            None => Heard::Nothing,
        }
    }

    fn rank(&self) -> u8 {
        RUNS_TESTS
    }

    fn summarise(&self, summary: &mut Summary) {
        let (unit, counts) = if self.verbose { (Unit::Tests, self.tests) } else { (Unit::Packages, self.packages) };
        // A `--- FAIL` alone may be anybody's.
        if !self.verbose && self.packages.sum() == 0 {
            return;
        }
        let names = self.failed_names.iter().chain(&self.failed_before).cloned().collect();
        let complete = self.packages.sum() > 0 && self.failed_before.is_empty();
        summary.add_tests(Tests {
            tool: "go test".to_owned(),
            unit,
            passed: counts.passed,
            failed: counts.failed,
            skipped: counts.skipped,
            failed_names: names,
            complete,
        });
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `    --- FAIL: TestB/sub1 (0.00s)`.
fn test(line: &[u8]) -> Option<(Outcome, &[u8])> {
    let mut scan = Scan::trimmed(line);
    scan.lit("--- ")?;
    let outcome = match scan.until(": ")? {
        b"PASS" => Outcome::Passed,
        b"FAIL" => Outcome::Failed,
        b"SKIP" => Outcome::Skipped,
        _ => return None,
    };
    let name = scan.until(" (")?;
    scan.number()?;
    scan.lit(".")?;
    scan.number()?;
    scan.lit("s)")?;
    scan.end()?;
    Some((outcome, name))
}

/// Reads `ok  \texample.com/sample/one\t0.005s`, with `FAIL` or `?` too.
fn package(line: &[u8]) -> Option<Outcome> {
    let mut scan = Scan::new(line);
    let outcome = match scan.until("\t")? {
        b"ok  " => Outcome::Passed,
        b"FAIL" => Outcome::Failed,
        b"?   " | b"" => Outcome::Skipped,
        _ => return None,
    };
    let path = scan.until("\t").or_else(|| scan.until(" "))?;
    if path.is_empty() || path.contains(&b' ') {
        return None;
    }
    let timed = scan.rest().first().is_some_and(u8::is_ascii_digit) && scan.rest().contains(&b's');
    let said = [&b"(cached)"[..], b"[no test files]", b"[no tests to run]", b"[build failed]", b"[setup failed]"];
    (timed || said.iter().any(|said| memmem::find(scan.rest(), said).is_some())).then_some(outcome)
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("go-test.txt"), @"
        1 package
        2 packages
        3 packages
        ---
        go test: packages: 1 passed, 1 failed, 1 skipped
          failed: TestB/sub1
        ");
        insta::assert_snapshot!(told("go-test-v.txt"), @"
        1 test
        2 tests
        3 tests
        … 8 more …
        12 tests
        ---
        go test: 8 passed, 1 failed, 2 skipped
          failed: TestB/sub1
        ");
        insta::assert_snapshot!(told("go-test-json.txt"), @"
        1 test
        2 tests
        3 tests
        … 8 more …
        12 tests
        ---
        go test: 8 passed, 1 failed, 2 skipped
          failed: TestB/sub1
        ");
    }
}
