//! mocha. It prints no header: it is known by the command, or by npm saying that it runs it. How many tests there are it
//! never says.

use super::{Heard, RUNS_TESTS, Recogniser, told};
use crate::progress::scan::{Scan, text};
use crate::progress::{Progress, Unit};
use crate::summary::{Summary, Tests, add_name};

#[derive(Clone, Debug, Default)]
pub(crate) struct Mocha {
    running: bool,
    done: u64,
    tests: Option<Tests>,
    /// The lines of the failure that is being shown: its names, from the outermost on.
    names: Option<Vec<String>>,
}

impl Mocha {
    pub(crate) fn of_command(command: &[String]) -> Mocha {
        let named = |word: &String| matches!(word.rsplit('/').next(), Some("mocha" | "_mocha"));
        Mocha { running: command.iter().take(4).any(named), ..Mocha::default() }
    }

    /// Reads `  9 passing (5ms)` and what follows it.
    fn counts(&mut self, line: &[u8]) -> Option<Heard> {
        let mut scan = Scan::new(line);
        scan.lit("  ")?;
        let count = scan.number()?;
        if scan.lit(" passing (").is_some() && scan.rest().ends_with(b")") {
            self.running = false;
            self.tests = Some(Tests {
                tool: "mocha".to_owned(),
                unit: Unit::Tests,
                passed: count,
                failed: 0,
                skipped: 0,
                failed_names: Vec::new(),
                complete: true,
            });
            return Some(Heard::Over);
        }
        let tests = self.tests.as_mut()?;
        match scan.rest() {
            b" pending" => tests.skipped = count,
            b" failing" => tests.failed = count,
            rest if rest.starts_with(b") ") => self.names = Some(vec![text(rest.get(2..)?)]),
            _ => return None,
        }
        Some(Heard::Nothing)
    }

    /// Reads a name of a failure: each on a line of its own, indented, the last with a colon.
    fn name(&mut self, line: &[u8]) {
        let Some(mut names) = self.names.take() else { return };
        let name = line.strip_prefix(b"       ").filter(|name| !name.is_empty() && names.len() < 16);
        let Some(name) = name else { return };
        match name.strip_suffix(b":") {
            None => {
                names.push(text(name));
                self.names = Some(names);
            }
            Some(last) => {
                names.push(text(last));
                if let Some(tests) = &mut self.tests {
                    add_name(&mut tests.failed_names, names.iter().map(|name| name.trim()).collect::<Vec<_>>().join(" › "));
                }
            }
        }
    }
}

impl Recogniser for Mocha {
    fn starts(&self) -> &'static [u8] {
        b">0123456789"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        if let Some(command) = line.strip_prefix(b"> ") {
            let mut words = command.split(|byte| *byte == b' ');
            if words.any(|word| word == b"mocha" || word.ends_with(b"/mocha")) {
                *self = Mocha { running: true, ..Mocha::default() };
            }
            return Heard::Nothing;
        }
        if let Some(heard) = self.counts(line) {
            return heard;
        }
        self.name(line);
        if self.running && is_result(line) {
            self.done += 1;
            return told(Progress::new(self.done, None, Unit::Tests));
        }
        Heard::Nothing
    }

    fn is_awake(&self) -> bool {
        self.running || self.names.is_some()
    }

    fn rank(&self) -> u8 {
        RUNS_TESTS
    }

    fn summarise(&self, summary: &mut Summary) {
        if let Some(tests) = &self.tests {
            summary.add_tests(tests.clone());
        }
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `    ✔ case 0`, `      1) is wrong` and `      - is pending`: four blanks at least.
fn is_result(line: &[u8]) -> bool {
    let Some(inner) = line.strip_prefix(b"    ") else { return false };
    let mut scan = Scan::trimmed(inner);
    if scan.lit("✔ ").is_some() || scan.lit("✓ ").is_some() || scan.lit("- ").is_some() {
        return true;
    }
    scan.number().is_some() && scan.lit(") ").is_some()
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::{recorded, told, told_of};

    #[test]
    fn recorded_output() {
        let command = ["npx".to_owned(), "mocha".to_owned()];
        insta::assert_snapshot!(told_of(&command, &recorded("mocha.txt")), @"
        1 test
        2 tests
        3 tests
        … 7 more …
        11 tests
        ---
        mocha: 9 passed, 1 failed, 1 skipped
          failed: Array › #indexOf() › is wrong
        ");
        insta::assert_snapshot!(told_of(&command, &recorded("mocha.pty")), @"
        1 test
        2 tests
        3 tests
        … 7 more …
        11 tests
        ---
        mocha: 9 passed, 1 failed, 1 skipped
          failed: Array › #indexOf() › is wrong
        ");
        let by_npm = [b"\n> sample@1.0.0 test\n> mocha mo\n\n".to_vec(), recorded("mocha.txt")].concat();
        insta::assert_snapshot!(told_of(&[], &by_npm), @"
        1 test
        2 tests
        3 tests
        … 7 more …
        11 tests
        ---
        mocha: 9 passed, 1 failed, 1 skipped
          failed: Array › #indexOf() › is wrong
        ");
        // Without its name there is no progress, but its end is its own.
        insta::assert_snapshot!(told("mocha.txt"), @"
        nothing
        ---
        mocha: 9 passed, 1 failed, 1 skipped
          failed: Array › #indexOf() › is wrong
        ");
        insta::assert_snapshot!(told("mocha-dot.txt"), @"
        nothing
        ---
        mocha: 9 passed, 1 failed, 1 skipped
          failed: Array › #indexOf() › is wrong
        ");
    }
}
