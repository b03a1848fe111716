//! `cargo test`, and any binary of Rust's own test harness.
//!
//! Each binary counts for itself: how many more there are is not said before they run. Its name, from the line `Running …`,
//! is the label.

use super::{Heard, RUNS_TESTS, Recogniser, told};
use crate::progress::scan::{Scan, count_before, text};
use crate::progress::{Progress, Unit};
use crate::summary::{Summary, Tests, add_name};

#[derive(Clone, Debug, Default)]
pub(crate) struct CargoTest {
    /// The name of the binary that runs, or will next.
    binary: Option<String>,
    /// The binary that runs: how many of how many.
    running: Option<(u64, u64)>,
    ended: u64,
    passed: u64,
    failed: u64,
    skipped: u64,
    failed_names: Vec<String>,
}

impl CargoTest {
    fn progress(&self, done: u64, total: u64) -> Progress {
        Progress::new(done.min(total), Some(total), Unit::Tests).labelled(self.binary.clone())
    }

    fn count(&mut self, done: u64) -> Heard {
        match &mut self.running {
            Some((so_far, total)) => {
                *so_far = done.min(*total);
                let (so_far, total) = (*so_far, *total);
                told(self.progress(so_far, total))
            }
            None => Heard::Nothing,
        }
    }

    /// Reads a line while a binary runs.
    fn inside(&mut self, line: &[u8], done: u64) -> Heard {
        let mut scan = Scan::new(line);
        if scan.lit("test ").is_some() {
            if let Some(result) = scan.rest().rsplit(|byte| *byte == b' ').next()
                && let Some(name) = scan.until(" ...")
            {
                if result == b"FAILED" {
                    add_name(&mut self.failed_names, text(name));
                }
                let over = matches!(result, b"ok" | b"FAILED") || scan.rest().starts_with(b" ignored");
                return if over || scan.rest().starts_with(b" bench:") { self.count(done + 1) } else { Heard::Nothing };
            }
            if scan.lit("result: ").is_some() {
                return self.ended(scan.rest());
            }
        }
        // With `--nocapture`, what a test prints stands between its name and its result.
        if matches!(line, b"ok" | b"FAILED") {
            return self.count(done + 1);
        }
        if let Some(name) = line.strip_suffix(b" --- FAILED") {
            add_name(&mut self.failed_names, text(name));
            return self.count(done + 1);
        }
        match row(line) {
            Some(Row::UpTo(done)) => self.count(done),
            Some(Row::More(more)) => self.count(done + more),
            None => Heard::Nothing,
        }
    }

    fn ended(&mut self, counts: &[u8]) -> Heard {
        self.running = None;
        self.ended += 1;
        let count = |word| count_before(counts, word).unwrap_or(0);
        self.passed += count("passed");
        self.failed += count("failed");
        self.skipped += count("ignored");
        Heard::Over
    }
}

impl Recogniser for CargoTest {
    fn starts(&self) -> &'static [u8] {
        b"rRD"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        if let Some(total) = announced(line) {
            self.running = Some((0, total));
            return told(self.progress(0, total));
        }
        if let Some(binary) = binary(line) {
            self.binary = Some(binary);
            return Heard::Nothing;
        }
        match self.running {
            Some((done, _)) => self.inside(line, done),
            None => Heard::Nothing,
        }
    }

    fn partial(&self, line: &[u8]) -> Option<Progress> {
        let (done, total) = self.running?;
        match row(line)? {
            Row::UpTo(done) => Some(self.progress(done, total)),
            Row::More(more) => Some(self.progress(done + more, total)),
        }
    }

    fn is_awake(&self) -> bool {
        self.running.is_some()
    }

    fn rank(&self) -> u8 {
        RUNS_TESTS
    }

    fn summarise(&self, summary: &mut Summary) {
        // What a binary that did not come to its end has run so far: its failures by name, the others passed.
        let failed = self.failed.max(self.failed_names.len() as u64);
        let running = self.running.map_or(0, |(done, _)| done.saturating_sub(failed - self.failed));
        summary.add_tests(Tests {
            tool: "cargo test".to_owned(),
            unit: Unit::Tests,
            passed: self.passed + running,
            failed,
            skipped: self.skipped,
            failed_names: self.failed_names.clone(),
            complete: self.running.is_none() && self.ended > 0,
        });
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `running 12 tests`.
fn announced(line: &[u8]) -> Option<u64> {
    let mut scan = Scan::new(line);
    scan.lit("running ")?;
    let total = scan.number()?;
    matches!((total, scan.rest()), (1, b" test") | (_, b" tests")).then_some(total)
}

/// Reads `     Running unittests src/lib.rs (target/debug/deps/alpha-b0bdc582c338aa3b)` and `   Doc-tests beta`.
fn binary(line: &[u8]) -> Option<String> {
    let mut scan = Scan::new(line);
    if scan.lit("   Doc-tests ").is_some() {
        return Some(format!("{} doc-tests", text(scan.rest())));
    }
    scan.lit("     Running ")?;
    let target = scan.until(" (")?;
    let path = scan.rest().strip_suffix(b")")?;
    let file = path.rsplit(|byte| *byte == b'/').next()?;
    let dash = file.iter().rposition(|byte| *byte == b'-')?;
    Some(format!("{} {}", text(file.get(..dash)?), text(target)))
}

enum Row {
    /// So many more than before the row.
    More(u64),
    /// So many from the first test on.
    UpTo(u64),
}

/// Reads a row of `--quiet`: `..F.i`, and at times `.... 88/283`.
fn row(line: &[u8]) -> Option<Row> {
    let mut scan = Scan::new(line);
    let marks = scan.run(|byte| matches!(byte, b'.' | b'F' | b'i'));
    if marks == 0 {
        return None;
    }
    if scan.end().is_some() {
        return Some(Row::More(marks as u64));
    }
    scan.lit(" ")?;
    let (done, _) = scan.ratio()?;
    scan.end()?;
    Some(Row::UpTo(done))
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("cargo-test.txt"), @"
        0/5 tests, alpha unittests src/lib.rs
        1/5 tests, alpha unittests src/lib.rs
        2/5 tests, alpha unittests src/lib.rs
        … 13 more …
        1/1 test, beta doc-tests
        ---
        cargo test: 8 passed, 2 failed, 1 skipped
          failed: tests::other
          failed: tests::deep::wrong
        2 warnings
        ");
        insta::assert_snapshot!(told("cargo-test.pty"), @"
        0/5 tests, alpha unittests src/lib.rs
        1/5 tests, alpha unittests src/lib.rs
        2/5 tests, alpha unittests src/lib.rs
        … 13 more …
        1/1 test, beta doc-tests
        ---
        cargo test: 8 passed, 2 failed, 1 skipped
          failed: tests::other
          failed: tests::deep::wrong
        2 warnings
        ");
        insta::assert_snapshot!(told("cargo-test-quiet.txt"), @"
        0/5 tests
        2/5 tests
        3/5 tests
        … 9 more …
        1/1 test
        ---
        cargo test: 8 passed, 2 failed, 1 skipped
          failed: tests::other
          failed: tests::deep::wrong
        ");
    }
}
