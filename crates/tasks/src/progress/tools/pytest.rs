//! pytest: dots, `-v`, `-q`, and its plugin xdist.

use memchr::memmem;

use super::{Heard, RUNS_TESTS, Recogniser, told, told_if};
use crate::progress::scan::{Scan, count_before, text};
use crate::progress::{Progress, Unit};
use crate::summary::{Summary, Tests, add_name};

#[derive(Clone, Debug, Default)]
pub(crate) struct Pytest {
    stage: Stage,
    done: u64,
    total: Option<u64>,
    failed_names: Vec<String>,
    artefacts: Vec<String>,
    tests: Option<Tests>,
    warnings: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Unseen,
    Running,
    /// `-q`: no header and no total; the share at the end of each row.
    Quiet,
    /// The failures are shown.
    Reporting,
    Ended,
}

impl Pytest {
    fn progress(&self, done: u64) -> Progress {
        // A test whose clean-up fails has two marks.
        Progress::new(self.total.map_or(done, |total| done.min(total)), self.total, Unit::Tests)
    }

    fn running(&mut self, line: &[u8]) -> Heard {
        if let Some(total) = collected(line) {
            self.total = Some(total);
            return told(self.progress(0));
        }
        let marks = if is_result(line) { 1 } else { marks(line).unwrap_or(0) };
        if marks == 0 {
            return Heard::Nothing;
        }
        self.done += marks;
        told(self.progress(self.done))
    }

    fn report(&mut self, line: &[u8]) {
        let mut scan = Scan::new(line);
        if scan.lit("FAILED ").is_some() || scan.lit("ERROR ").is_some() {
            let rest = scan.rest();
            let name = rest.get(..memmem::find(rest, b" - ").unwrap_or(rest.len())).unwrap_or(rest);
            // `ERROR at setup of …` is a heading, `ERROR    root:…` a line of a log.
            if memmem::find(name, b"::").is_some() || name.ends_with(b".py") {
                add_name(&mut self.failed_names, text(name));
            }
        }
        if let Some(path) = artefact(line) {
            add_name(&mut self.artefacts, text(path));
        }
    }

    fn ended(&mut self, counts: &[u8]) -> Heard {
        let count = |words: &[&str]| words.iter().filter_map(|word| count_before(counts, word)).sum();
        self.stage = Stage::Ended;
        self.warnings += count(&["warning", "warnings"]);
        self.tests = Some(Tests {
            tool: "pytest".to_owned(),
            unit: Unit::Tests,
            passed: count(&["passed", "xpassed"]),
            failed: count(&["failed", "error", "errors"]),
            skipped: count(&["skipped", "xfailed"]),
            failed_names: std::mem::take(&mut self.failed_names),
            complete: true,
        });
        Heard::Over
    }
}

impl Recogniser for Pytest {
    fn starts(&self) -> &'static [u8] {
        b"=.FEsxXR"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        let heading = heading(line);
        if heading == Some(b"test session starts") {
            *self = Pytest { stage: Stage::Running, warnings: self.warnings, ..Pytest::default() };
            return Heard::Nothing;
        }
        if let Stage::Unseen | Stage::Ended = self.stage {
            let Some(percent) = quiet_row(line) else { return Heard::Nothing };
            *self = Pytest { stage: Stage::Quiet, ..Pytest::default() };
            return told_if(Progress::percentage(percent));
        }
        if let Some(counts) =
            ends(heading.unwrap_or(line), heading.is_some() || self.stage == Stage::Quiet || self.total.is_none())
        {
            return self.ended(counts);
        }
        if let (Stage::Quiet, Some(percent)) = (self.stage, quiet_row(line)) {
            return told_if(Progress::percentage(percent));
        }
        if heading.is_some() {
            self.stage = if self.stage == Stage::Quiet { Stage::Quiet } else { Stage::Reporting };
            return Heard::Nothing;
        }
        if self.stage == Stage::Running {
            return self.running(line);
        }
        self.report(line);
        Heard::Nothing
    }

    fn partial(&self, line: &[u8]) -> Option<Progress> {
        // The share at the end of the row may be there in part.
        let row = line.get(..memchr::memchr(b'[', line).unwrap_or(line.len()))?.trim_ascii_end();
        // A row that begins with a letter may yet become a file's name.
        let known = row.first() == Some(&b'.') || row.contains(&b' ');
        let more = marks(row).filter(|_| known).filter(|_| self.stage == Stage::Running && self.total.is_some())?;
        Some(self.progress(self.done + more))
    }

    fn is_awake(&self) -> bool {
        matches!(self.stage, Stage::Running | Stage::Quiet | Stage::Reporting)
    }

    fn rank(&self) -> u8 {
        RUNS_TESTS
    }

    fn summarise(&self, summary: &mut Summary) {
        let so_far = || Tests {
            tool: "pytest".to_owned(),
            unit: Unit::Tests,
            passed: self.done.saturating_sub(self.failed_names.len() as u64),
            failed: self.failed_names.len() as u64,
            skipped: 0,
            failed_names: self.failed_names.clone(),
            complete: false,
        };
        if self.stage != Stage::Unseen {
            summary.add_tests(self.tests.clone().unwrap_or_else(so_far));
        }
        summary.warnings += self.warnings;
        summary.add_artefacts(&self.artefacts);
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `==== FAILURES ====`.
fn heading(line: &[u8]) -> Option<&[u8]> {
    let inner = line.strip_prefix(b"==")?;
    let inner = inner.get(inner.iter().take_while(|byte| **byte == b'=').count()..)?.strip_prefix(b" ")?;
    let end = inner.iter().rposition(|byte| *byte != b'=')?;
    inner.get(..=end)?.strip_suffix(b" ")
}

/// Reads `collected 130 items / 120 deselected / 10 selected`, and xdist's `3 workers [130 items]`.
fn collected(line: &[u8]) -> Option<u64> {
    let mut scan = Scan::new(line);
    let _ = scan.lit("collecting ... ");
    if scan.lit("collected ").is_some() {
        let all = scan.number()?;
        scan.lit(" item")?;
        return Some(count_before(scan.rest(), "selected").unwrap_or(all));
    }
    scan.number()?;
    scan.lit(" worker")?;
    let _ = scan.lit("s");
    scan.lit(" [")?;
    let all = scan.number()?;
    scan.lit(" item")?;
    Some(all)
}

const STATES: [&[u8]; 6] = [b"PASSED", b"FAILED", b"ERROR", b"SKIPPED", b"XFAIL", b"XPASS"];

/// Reads a line of `-v`: `test_a.py::test_x PASSED [  3%]`, with xdist `[gw2] [  3%] PASSED test_a.py::test_x`.
fn is_result(line: &[u8]) -> bool {
    let mut scan = Scan::new(line);
    if scan.lit("[gw").is_some() {
        let word = scan.until("] [").and_then(|_| scan.until("%] ")).and_then(|_| scan.word());
        return word.is_some_and(|word| STATES.contains(&word));
    }
    let mut words = line.split(|byte| *byte == b' ').skip(1);
    let named = memmem::find(line, b"::").is_some_and(|at| !line.get(..at).unwrap_or_default().contains(&b' '));
    named && words.any(|word| STATES.contains(&word))
}

fn is_mark(byte: u8) -> bool {
    matches!(byte, b'.' | b'F' | b'E' | b's' | b'x' | b'X')
}

/// Counts the marks of a row: `sub/test_b.py ....F..  [ 44%]`, or its end on a line of its own.
fn marks(line: &[u8]) -> Option<u64> {
    let mut scan = Scan::new(line);
    let count = scan.run(is_mark);
    if count > 0 && (scan.end().is_some() || share(scan.rest()).is_some()) {
        return Some(count as u64);
    }
    let mut scan = Scan::new(line);
    let file = scan.word().filter(|file| memchr::memchr2(b'.', b'/', file).is_some())?;
    // A file's name, and not a sentence's end or a line of `-v`.
    memchr::memchr(b'.', file).filter(|at| at + 1 < file.len() && memmem::find(file, b"::").is_none())?;
    scan.lit(" ")?;
    let count = scan.run(is_mark);
    (count > 0).then_some(count as u64)
}

/// Reads the end of a row: `   [ 44%]` or `   [ 55/130]`.
fn share(end: &[u8]) -> Option<u64> {
    let mut scan = Scan::new(end);
    scan.gap()?;
    scan.lit("[")?;
    scan.blanks();
    let percent = scan.number()?;
    if scan.lit("%]").is_some() {
        scan.end()?;
        return Some(percent);
    }
    scan.lit("/")?;
    let total = scan.number().filter(|total| *total > 0)?;
    scan.lit("]")?;
    scan.end()?;
    Some(percent * 100 / total)
}

/// Reads a row of `-q`, which has nothing but marks and a share.
fn quiet_row(line: &[u8]) -> Option<u64> {
    let mut scan = Scan::new(line);
    (scan.run(is_mark) > 0).then(|| share(scan.rest()))?.filter(|percent| *percent <= 100)
}

/// Reads the last line, `2 failed, 125 passed, 1 warning in 0.43s`, with a heading's marks or, with `-q`, without.
fn ends(line: &[u8], plain: bool) -> Option<&[u8]> {
    if !plain {
        return None;
    }
    let mut scan = Scan::new(line);
    let none = scan.lit("no tests ran").is_some() || scan.lit("no tests collected").is_some();
    if !none {
        scan.number()?;
    }
    let at = memmem::rfind(line, b" in ")?;
    let mut time = Scan::new(line.get(at + 4..)?);
    time.number()?;
    time.lit(".")?;
    time.number()?;
    time.lit("s")?;
    let counts = line.get(..at)?;
    let words = ["passed", "failed", "error", "errors", "skipped", "deselected", "xfailed", "xpassed", "warnings", "warning"];
    (none || words.iter().any(|word| count_before(counts, word).is_some())).then_some(counts)
}

/// Reads `---------- generated xml file: /path/junit.xml ----------`.
fn artefact(line: &[u8]) -> Option<&[u8]> {
    let mut scan = Scan::new(line);
    scan.lit("--")?;
    scan.run(|byte| byte == b'-');
    scan.lit(" generated xml file: ").or_else(|| scan.lit(" Generated html report: "))?;
    let end = scan.rest().iter().rposition(|byte| *byte != b'-')?;
    scan.rest().get(..=end)
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("pytest.txt"), @"
        0/130 tests
        58/130 tests
        94/130 tests
        130/130 tests
        ---
        pytest: 125 passed, 3 failed, 2 skipped
          failed: sub/test_b.py::TestC::test_two[x/y]
          failed: test_a.py::test_fails
          failed: test_a.py::test_error
        1 warning
        ");
        insta::assert_snapshot!(told("pytest.pty"), @"
        0/130 tests
        58/130 tests
        94/130 tests
        130/130 tests
        ---
        pytest: 125 passed, 3 failed, 2 skipped
          failed: sub/test_b.py::TestC::test_two[x/y]
          failed: test_a.py::test_fails
          failed: test_a.py::test_error
        1 warning
        ");
    }

    #[test]
    fn recorded_with_options() {
        insta::assert_snapshot!(told("pytest-v.txt"), @"
        0/130 tests
        1/130 tests
        2/130 tests
        … 127 more …
        130/130 tests
        ---
        pytest: 125 passed, 3 failed, 2 skipped
          failed: sub/test_b.py::TestC::test_two[x/y]
          failed: test_a.py::test_fails
          failed: test_a.py::test_error
        1 warning
        wrote /tmp/progress-rec/out/pytest-junit.xml
        ");
        insta::assert_snapshot!(told("pytest-q.txt"), @"
        55%
        100%
        ---
        pytest: 125 passed, 3 failed, 2 skipped
          failed: sub/test_b.py::TestC::test_two[x/y]
          failed: test_a.py::test_fails
          failed: test_a.py::test_error
        1 warning
        ");
        insta::assert_snapshot!(told("pytest-count.txt"), @"
        0/130 tests
        55/130 tests
        94/130 tests
        130/130 tests
        ---
        pytest: 125 passed, 3 failed, 2 skipped
          failed: sub/test_b.py::TestC::test_two[x/y]
          failed: test_a.py::test_fails
          failed: test_a.py::test_error
        1 warning
        ");
        insta::assert_snapshot!(told("pytest-s.txt"), @"
        0/130 tests
        94/130 tests
        129/130 tests
        130/130 tests
        ---
        pytest: 125 passed, 3 failed, 2 skipped
          failed: sub/test_b.py::TestC::test_two[x/y]
          failed: test_a.py::test_fails
          failed: test_a.py::test_error
        1 warning
        ");
        insta::assert_snapshot!(told("pytest-xdist.txt"), @"
        0/130 tests
        72/130 tests
        130/130 tests
        ---
        pytest: 125 passed, 3 failed, 2 skipped
          failed: sub/test_b.py::TestC::test_two[x/y]
          failed: test_a.py::test_fails
          failed: test_a.py::test_error
        1 warning
        ");
        insta::assert_snapshot!(told("pytest-xdist.pty"), @"
        0/130 tests
        72/130 tests
        130/130 tests
        ---
        pytest: 125 passed, 3 failed, 2 skipped
          failed: sub/test_b.py::TestC::test_two[x/y]
          failed: test_a.py::test_fails
          failed: test_a.py::test_error
        1 warning
        ");
        insta::assert_snapshot!(told("pytest-xdist-v.txt"), @"
        0/130 tests
        1/130 tests
        2/130 tests
        … 127 more …
        130/130 tests
        ---
        pytest: 125 passed, 3 failed, 2 skipped
          failed: sub/test_b.py::TestC::test_two[x/y]
          failed: test_a.py::test_fails
          failed: test_a.py::test_error
        1 warning
        ");
        insta::assert_snapshot!(told("pytest7.txt"), @"
        0/130 tests
        36/130 tests
        94/130 tests
        130/130 tests
        ---
        pytest: 125 passed, 3 failed, 2 skipped
          failed: test_a.py::test_fails
          failed: sub/test_b.py::TestC::test_two[x/y]
          failed: test_a.py::test_error
        1 warning
        ");
    }
}
