//! cargo where it builds: the bar of a terminal, or without one the crates that it names.

use memchr::memmem;

use super::{Heard, Recogniser, told};
use crate::progress::scan::{Scan, text};
use crate::progress::{Progress, Unit};
use crate::summary::{Summary, add_name};

#[derive(Clone, Debug, Default)]
pub(crate) struct CargoBuild {
    started: u64,
    /// The bar's total; where there is a bar, the names say nothing new.
    bar: Option<u64>,
    warnings: u64,
    artefacts: Vec<String>,
}

/// What cargo does with a crate, as long as the column that it stands in.
const VERBS: [&str; 3] = ["   Compiling ", "    Checking ", " Documenting "];

impl Recogniser for CargoBuild {
    fn starts(&self) -> &'static [u8] {
        b"BCDFEGwd"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        if let Some((done, total)) = bar(line) {
            self.bar = Some(total);
            return told(Progress::new(done, Some(total), Unit::Crates));
        }
        if is_crate(line) {
            self.started += 1;
            return if self.bar.is_some() { Heard::Nothing } else { told(Progress::new(self.started, None, Unit::Crates)) };
        }
        if line.starts_with(b"    Finished `") {
            self.started = 0;
            // The bar is taken away before it is full.
            let full = |total| told(Progress::new(total, Some(total), Unit::Crates));
            return self.bar.take().map_or(Heard::Over, full);
        }
        self.warnings += warnings(line).unwrap_or(0);
        if let Some(path) = artefact(line) {
            add_name(&mut self.artefacts, text(path));
        }
        Heard::Nothing
    }

    fn summarise(&self, summary: &mut Summary) {
        summary.warnings += self.warnings;
        summary.add_artefacts(&self.artefacts);
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `    Building [======>        ] 1/4: itoa, alpha`.
fn bar(line: &[u8]) -> Option<(u64, u64)> {
    let mut scan = Scan::new(line);
    scan.lit("    Building ").or_else(|| scan.lit("    Checking ")).or_else(|| scan.lit(" Documenting "))?;
    scan.lit("[")?;
    scan.run(|byte| matches!(byte, b'=' | b'>' | b' '));
    scan.lit("] ")?;
    let count = scan.ratio()?;
    (scan.end().is_some() || scan.lit(":").is_some()).then_some(count)
}

/// Reads `   Compiling beta v0.1.0 (/work/beta)`.
fn is_crate(line: &[u8]) -> bool {
    let mut scan = Scan::new(line);
    if !VERBS.iter().any(|verb| scan.lit(verb).is_some()) {
        return false;
    }
    let versioned = scan.word().is_some() && scan.lit(" v").is_some() && scan.number().is_some() && scan.lit(".").is_some();
    versioned && scan.number().is_some()
}

/// Reads ``warning: `alpha` (lib test) generated 3 warnings (1 duplicate)``, and returns how many are new.
fn warnings(line: &[u8]) -> Option<u64> {
    let mut scan = Scan::new(line);
    scan.lit("warning: `")?;
    scan.until("` (")?;
    scan.until(") generated ")?;
    let all = scan.number()?;
    scan.lit(" warning")?;
    let _ = scan.lit("s");
    let twice = scan.lit(" (").and_then(|()| scan.number()).filter(|_| scan.rest().starts_with(b" duplicate"));
    Some(all.saturating_sub(twice.unwrap_or(0)))
}

/// Reads `  Executable unittests src/lib.rs (/work/target/debug/deps/alpha-b0bd)` and `   Generated /work/index.html and 1 other file`.
fn artefact(line: &[u8]) -> Option<&[u8]> {
    let mut scan = Scan::new(line);
    if scan.lit("  Executable ").is_some() {
        scan.until(" (")?;
        return scan.rest().strip_suffix(b")");
    }
    scan.lit("   Generated /")?;
    let rest = line.get("   Generated ".len()..)?;
    rest.get(..memmem::find(rest, b" and ").unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("cargo-build.txt"), @"
        1 crate
        2 crates
        3 crates
        ---
        2 warnings
        ");
        insta::assert_snapshot!(told("cargo-build.pty"), @"
        1 crate
        2 crates
        0/4 crates
        … 3 more …
        4/4 crates
        ---
        2 warnings
        ");
        insta::assert_snapshot!(told("cargo-build-osc.pty"), @"
        1 crate
        0%
        25%
        50%
        75%
        4/4 crates
        ---
        2 warnings
        ");
        insta::assert_snapshot!(told("cargo-clippy.txt"), @"
        1 crate
        2 crates
        ---
        2 warnings
        ");
        insta::assert_snapshot!(told("cargo-doc.txt"), @"
        1 crate
        2 crates
        3 crates
        4 crates
        5 crates
        ---
        1 warning
        wrote /tmp/progress-rec/rs-target/doc/alpha/index.html
        ");
        insta::assert_snapshot!(told("cargo-test-no-run.txt"), @"
        nothing
        ---
        2 warnings
        wrote /tmp/progress-rec/rs-target/debug/deps/alpha-b0bdc582c338aa3b
        wrote /tmp/progress-rec/rs-target/debug/deps/alpha-33b7e39f95f42fa3
        wrote /tmp/progress-rec/rs-target/debug/deps/whole-e6f9f5f13c21a36b
        wrote /tmp/progress-rec/rs-target/debug/deps/beta-4f45755dc7df9273
        ");
    }
}
