//! TAP, the Test Anything Protocol, at its outermost level.

use super::{Heard, RUNS_TESTS, Recogniser, told};
use crate::progress::scan::{Scan, text};
use crate::progress::{Progress, Unit};
use crate::summary::{Summary, Tests, add_name};

#[derive(Clone, Debug, Default)]
pub(crate) struct Tap {
    /// `TAP version 14`, or the second of two results that follow each other, or a result after a plan.
    sure: bool,
    /// Results that might be TAP.
    before: u64,
    plan: Option<u64>,
    /// Of the present plan.
    done: u64,
    passed: u64,
    failed: u64,
    skipped: u64,
    failed_names: Vec<String>,
    /// What a `# pass 9` at the end says.
    said: [Option<u64>; 3],
    complete: bool,
}

struct Outcome<'a> {
    failed: bool,
    skipped: bool,
    number: Option<u64>,
    name: &'a [u8],
}

impl Tap {
    fn result(&mut self, outcome: &Outcome<'_>) -> Heard {
        if outcome.number == Some(1) && self.done > 0 {
            // Another file's results begin.
            (self.done, self.before) = (0, 0);
            self.plan = self.plan.filter(|_| self.complete);
            self.complete = false;
        }
        if self.plan.is_some_and(|plan| self.done == plan && plan > 0) {
            self.plan = None;
        }
        let follows = outcome.number == Some(self.before + 1);
        self.sure |= follows && (self.before > 0 || self.plan.is_some());
        if !self.sure && !follows {
            (self.before, self.done, self.passed, self.failed, self.skipped) = (0, 0, 0, 0, 0);
            self.failed_names.clear();
            return Heard::Nothing;
        }
        self.before = outcome.number.unwrap_or(self.before + 1);
        self.done += 1;
        match (outcome.skipped, outcome.failed) {
            (true, _) => self.skipped += 1,
            (false, true) => {
                self.failed += 1;
                add_name(&mut self.failed_names, text(outcome.name));
            }
            (false, false) => self.passed += 1,
        }
        if self.sure { told(self.progress()) } else { Heard::Nothing }
    }

    fn progress(&self) -> Progress {
        Progress::new(self.done, self.plan, Unit::Tests)
    }

    fn said(&mut self, line: &[u8]) {
        let mut scan = Scan::new(line);
        let [passed, failed, skipped] = &mut self.said;
        for (word, count) in [("# pass ", passed), ("# fail ", failed), ("# skipped ", skipped)] {
            if scan.lit(word).is_some() {
                *count = scan.number().filter(|_| scan.end().is_some());
            }
        }
    }
}

impl Recogniser for Tap {
    fn starts(&self) -> &'static [u8] {
        b"Ton1#"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        if line.starts_with(b"#") {
            if self.sure {
                self.said(line);
            }
            return Heard::Nothing;
        }
        if let Some(version) = line.strip_prefix(b"TAP version ") {
            if matches!(version, b"12" | b"13" | b"14") {
                (self.sure, self.plan, self.done, self.before, self.complete) = (true, None, 0, 0, false);
            }
            return Heard::Nothing;
        }
        if let Some(plan) = plan(line) {
            // At the end, as many as there were; at the front, of the results to come.
            if self.sure && self.done == plan {
                self.complete = true;
                (self.plan, self.done) = (Some(plan), plan);
                let progress = self.progress();
                return told(progress);
            }
            (self.plan, self.done, self.before) = (Some(plan), 0, 0);
            return Heard::Nothing;
        }
        match outcome(line) {
            Some(outcome) => {
                let heard = self.result(&outcome);
                self.complete |= self.plan == Some(self.done);
                heard
            }
            None => Heard::Nothing,
        }
    }

    fn rank(&self) -> u8 {
        RUNS_TESTS
    }

    fn summarise(&self, summary: &mut Summary) {
        if !self.sure {
            return;
        }
        let [passed, failed, skipped] = self.said;
        summary.add_tests(Tests {
            tool: "TAP".to_owned(),
            unit: Unit::Tests,
            passed: passed.unwrap_or(self.passed),
            failed: failed.unwrap_or(self.failed),
            skipped: skipped.unwrap_or(self.skipped),
            failed_names: self.failed_names.clone(),
            complete: self.complete,
        });
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `1..4`.
fn plan(line: &[u8]) -> Option<u64> {
    let mut scan = Scan::new(line);
    scan.lit("1..")?;
    let plan = scan.number()?;
    scan.blanks();
    (scan.end().is_some() || scan.lit("#").is_some()).then_some(plan)
}

/// Reads `not ok 2 - a name # SKIP why`.
fn outcome(line: &[u8]) -> Option<Outcome<'_>> {
    let mut scan = Scan::new(line);
    let failed = scan.lit("not ").is_some();
    scan.lit("ok")?;
    if scan.end().is_none() {
        scan.gap()?;
    }
    let number = scan.number();
    // Without a number, `ok` is a word like any other.
    number?;
    scan.blanks();
    let _ = scan.lit("- ");
    let rest = scan.rest();
    let (name, directive) = match memchr::memchr(b'#', rest) {
        Some(at) => rest.split_at_checked(at)?,
        None => (rest, &[][..]),
    };
    let directive = directive.get(1..).unwrap_or_default().trim_ascii_start();
    let is = |word: &[u8]| directive.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    Some(Outcome { failed, skipped: is(b"skip") || is(b"todo"), number, name: name.trim_ascii() })
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::{told, told_of};

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("tap-a.txt"), @"
        1/4 tests
        2/4 tests
        3/4 tests
        4/4 tests
        ---
        TAP: 1 passed, 1 failed, 2 skipped
          failed: b b
        ");
        insta::assert_snapshot!(told("tap-b.txt"), @"
        2 tests
        3 tests
        3/3 tests
        ---
        TAP: 2 passed, 1 failed
          failed: sub
        ");
        insta::assert_snapshot!(told("mocha-tap.txt"), @"
        2 tests
        3 tests
        4 tests
        … 7 more …
        11/11 tests
        ---
        TAP: 9 passed, 1 failed, 1 skipped
          failed: Array indexOf() is wrong
        ");
        insta::assert_snapshot!(told("node-test.txt"), @"
        1 test
        2 tests
        3 tests
        3/3 tests
        ---
        TAP: 2 passed, 1 failed, 1 skipped
          failed: bad
        ");
    }

    #[test]
    fn a_plan_alone_or_one_result_is_not_tap() {
        for text in ["1..4\n", "ok 1\n", "ok\nok\nok\n", "ok 5 is fine\nok 6 too\n", "1..10\nthe range\n"] {
            assert_eq!(told_of(&[], text.as_bytes()), "nothing\n---\nnothing", "{text}");
        }
    }
}
