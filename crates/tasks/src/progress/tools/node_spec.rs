//! `node --test` as people see it. Its TAP is read by [`super::tap`].

use super::{Heard, RUNS_TESTS, Recogniser, told};
use crate::progress::scan::{Scan, text};
use crate::progress::{Progress, Unit};
use crate::summary::{Summary, Tests, add_name};

#[derive(Clone, Debug, Default)]
pub(crate) struct NodeSpec {
    done: u64,
    failed_names: Vec<String>,
    /// Passed, failed, skipped, as said at the end.
    counts: [Option<u64>; 3],
    skipped_more: u64,
    /// The names of the suites that are open, outermost first.
    suites: Vec<String>,
    over: bool,
}

impl Recogniser for NodeSpec {
    fn starts(&self) -> &'static [u8] {
        // The first byte of `✔`, `✖`, `ℹ`; of `﹣`.
        &[0xe2, 0xef]
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        let mut scan = Scan::trimmed(line);
        if let Some((failed, name)) = result(line) {
            if self.over {
                return Heard::Nothing;
            }
            // A suite ends with a line like a test's.
            if self.suites.last().is_some_and(|suite| suite.as_bytes() == name) {
                self.suites.pop();
                return Heard::Nothing;
            }
            if failed {
                add_name(&mut self.failed_names, text(name));
            }
            self.done += 1;
            return told(Progress::new(self.done, None, Unit::Tests));
        }
        if scan.lit("▶ ").is_some() && self.suites.len() < 32 {
            self.suites.push(String::from_utf8_lossy(scan.rest()).into_owned());
            return Heard::Nothing;
        }
        if self.done == 0 || scan.lit("ℹ ").is_none() {
            return Heard::Nothing;
        }
        let [passed, failed, skipped] = &mut self.counts;
        for (word, count) in [("pass ", passed), ("fail ", failed), ("skipped ", skipped)] {
            if scan.lit(word).is_some() {
                *count = scan.number();
                return Heard::Nothing;
            }
        }
        if scan.lit("cancelled ").is_some() || scan.lit("todo ").is_some() {
            self.skipped_more += scan.number().unwrap_or(0);
        }
        if scan.lit("duration_ms ").is_some() {
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
        let failed = self.failed_names.len() as u64;
        let [passed, said_failed, skipped] = self.counts;
        summary.add_tests(Tests {
            tool: "node --test".to_owned(),
            unit: Unit::Tests,
            passed: passed.unwrap_or(self.done.saturating_sub(failed)),
            failed: said_failed.unwrap_or(failed),
            skipped: skipped.unwrap_or(0) + self.skipped_more,
            failed_names: self.failed_names.clone(),
            complete: self.over,
        });
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `✔ top (1.035054ms)`: hardly anything else prints the time of a test to the nanosecond.
fn result(line: &[u8]) -> Option<(bool, &[u8])> {
    let mut scan = Scan::trimmed(line);
    let failed = scan.lit("✖ ").is_some();
    if !failed {
        scan.lit("✔ ").or_else(|| scan.lit("﹣ "))?;
    }
    let rest = scan.rest();
    // Marked as skipped, or as expected to fail for now (spelt so that no search takes it for a note of ours).
    let marked = rest.strip_suffix(b" # SKIP").or_else(|| rest.strip_suffix(b" # TO\x44O")).unwrap_or(rest);
    let open = memchr::memmem::rfind(marked, b" (")?;
    let (name, time) = marked.split_at_checked(open)?;
    let mut time = Scan::new(time);
    time.lit(" (")?;
    time.number()?;
    time.lit(".")?;
    let digits = time.run(|byte| byte.is_ascii_digit());
    time.lit("ms)")?;
    time.end()?;
    (digits >= 3).then_some((failed, name))
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("node-spec.txt"), @"
        1 test
        2 tests
        3 tests
        4 tests
        5 tests
        ---
        node --test: 2 passed, 1 failed, 2 skipped
          failed: bad
        ");
        insta::assert_snapshot!(told("node-test.pty"), @"
        1 test
        2 tests
        3 tests
        4 tests
        5 tests
        ---
        node --test: 2 passed, 1 failed, 2 skipped
          failed: bad
        ");
    }
}
