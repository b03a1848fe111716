//! `cargo nextest run`: a count in each line, and on a terminal a bar.

use memchr::memmem;

use super::{Heard, RUNS_TESTS, Recogniser, told};
use crate::progress::scan::{Scan, count_before, text};
use crate::progress::{Progress, Unit};
use crate::summary::{Summary, Tests, add_name};

#[derive(Clone, Debug, Default)]
pub(crate) struct Nextest {
    stage: Stage,
    done: u64,
    total: u64,
    tests: Option<Tests>,
    failed_names: Vec<String>,
    failed: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Unseen,
    Running,
    Ended,
}

impl Nextest {
    fn progress(&self) -> Progress {
        Progress::new(self.done.min(self.total), Some(self.total), Unit::Tests)
    }

    fn running(&mut self, line: &[u8]) -> Heard {
        let mut heard = Heard::Nothing;
        // On a terminal a line is filled up with blanks instead of being ended, and several are one.
        for part in parts(line) {
            if part.starts_with(b"Summary [") {
                return self.ended(part);
            }
            if let Some(result) = result(part) {
                if result.failed {
                    self.failed += 1;
                    add_name(&mut self.failed_names, result.name);
                }
                // Without the count of newer versions, each line is one more.
                self.done = result.count.map_or(self.done + 1, |(done, _)| done.max(self.done));
                heard = told(self.progress());
            }
        }
        if let Some((done, total)) = bar(line) {
            (self.done, self.total) = (done.max(self.done), total);
            heard = told(self.progress());
        }
        heard
    }

    fn ended(&mut self, counts: &[u8]) -> Heard {
        let count = |word| count_before(counts, word).unwrap_or(0);
        self.stage = Stage::Ended;
        self.tests = Some(Tests {
            tool: "cargo nextest".to_owned(),
            unit: Unit::Tests,
            passed: count("passed"),
            failed: count("failed") + count("timed out") + count("exec failed"),
            skipped: count("skipped"),
            failed_names: std::mem::take(&mut self.failed_names),
            // `9/20 tests run` where the run was cut short.
            complete: !counts.contains(&b'/'),
        });
        Heard::Over
    }
}

impl Recogniser for Nextest {
    fn starts(&self) -> &'static [u8] {
        // ` Nextest run ID …`, `Starting 9 tests across 4 binaries`, and the bar of a terminal.
        b"SR"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        if let Some(total) = announced(line) {
            *self = Nextest { stage: Stage::Running, total, ..Nextest::default() };
            return told(self.progress());
        }
        if self.stage == Stage::Unseen
            && let Some((done, total)) = bar(line)
        {
            *self = Nextest { stage: Stage::Running, done, total, ..Nextest::default() };
            return told(self.progress());
        }
        if self.stage == Stage::Running { self.running(line) } else { Heard::Nothing }
    }

    fn is_awake(&self) -> bool {
        self.stage == Stage::Running
    }

    fn rank(&self) -> u8 {
        RUNS_TESTS + 1
    }

    fn summarise(&self, summary: &mut Summary) {
        let so_far = || Tests {
            tool: "cargo nextest".to_owned(),
            unit: Unit::Tests,
            passed: self.done.saturating_sub(self.failed),
            failed: self.failed,
            skipped: 0,
            failed_names: self.failed_names.clone(),
            complete: false,
        };
        if self.stage != Stage::Unseen {
            summary.add_tests(self.tests.clone().unwrap_or_else(so_far));
        }
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Returns what stands between five blanks or more.
fn parts(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        let end = memmem::find(rest, b"     ").unwrap_or(rest.len());
        let (part, after) = rest.split_at_checked(end)?;
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

/// Reads `    Starting 9 tests across 4 binaries (1 test skipped)`.
fn announced(line: &[u8]) -> Option<u64> {
    let at = memmem::find(line, b"    Starting ")?;
    let mut scan = Scan::new(line.get(at..)?);
    scan.lit("    Starting ")?;
    let total = scan.number()?;
    scan.lit(" test")?;
    scan.until(" across ")?;
    scan.number()?;
    scan.lit(" binar")?;
    Some(total)
}

struct Outcome {
    failed: bool,
    count: Option<(u64, u64)>,
    name: String,
}

/// Reads `        PASS [   0.009s] (1/9) alpha tests::deep::adds`.
fn result(line: &[u8]) -> Option<Outcome> {
    let mut scan = Scan::trimmed(line);
    let failed = match scan.word()? {
        b"PASS" | b"LEAK" | b"FLAKY" => false,
        b"FAIL" | b"TIMEOUT" | b"ABORT" | b"SIGSEGV" | b"SIGABRT" | b"SIGKILL" | b"SIGTERM" | b"XFAIL" | b"LEAK-FAIL" => true,
        _ => return None,
    };
    scan.gap()?;
    scan.lit("[")?;
    scan.until("]")?;
    scan.blanks();
    let mut after = scan;
    let count = after.lit("(").and_then(|()| {
        after.blanks();
        let count = after.ratio()?;
        after.lit(") ")?;
        Some(count)
    });
    let name = if count.is_some() { after.rest() } else { scan.rest() };
    Some(Outcome { failed, count, name: text(name) })
}

/// Reads `     Running [ 00:00:00] ████▌ 8/9: 1 running, 6 passed`, wherever it stands.
fn bar(line: &[u8]) -> Option<(u64, u64)> {
    let at = memmem::rfind(line, b"     Running [")?;
    let mut scan = Scan::new(line.get(at..)?);
    scan.until("] ")?;
    scan.run(|byte| !byte.is_ascii_digit());
    let count = scan.ratio()?;
    scan.lit(":")?;
    Some(count)
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("nextest.txt"), @"
        0/9 tests
        1/9 tests
        2/9 tests
        … 6 more …
        9/9 tests
        ---
        cargo nextest: 7 passed, 2 failed, 1 skipped
          failed: alpha tests::other
          failed: alpha tests::deep::wrong
        2 warnings
        ");
        insta::assert_snapshot!(told("nextest.pty"), @"
        0/9 tests
        1/9 tests
        2/9 tests
        … 3 more …
        9/9 tests
        ---
        cargo nextest: 7 passed, 2 failed, 1 skipped
          failed: alpha tests::other
          failed: alpha tests::deep::wrong
        2 warnings
        ");
    }
}
