//! Makefiles that cmake wrote: `[ 14%] Building C object …`.

use super::{Heard, Recogniser, told_if};
use crate::progress::Progress;
use crate::progress::scan::{Scan, text};
use crate::summary::{Summary, add_name};

/// What cmake's own rules do.
const VERBS: [&[u8]; 11] = [
    b"Building",
    b"Linking",
    b"Built",
    b"Generating",
    b"Automatic",
    b"Scanning",
    b"Performing",
    b"Creating",
    b"Completed",
    b"No",
    b"Running",
];

#[derive(Clone, Debug, Default)]
pub(crate) struct Cmake {
    built: Vec<String>,
}

impl Recogniser for Cmake {
    fn starts(&self) -> &'static [u8] {
        b"["
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        let Some((percent, rest)) = step(line) else { return Heard::Nothing };
        if let Some(name) = artefact(rest) {
            add_name(&mut self.built, text(name));
        }
        told_if(Progress::percentage(percent))
    }

    fn summarise(&self, summary: &mut Summary) {
        summary.add_artefacts(&self.built);
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

fn step(line: &[u8]) -> Option<(u64, &[u8])> {
    let mut scan = Scan::new(line);
    scan.lit("[")?;
    scan.blanks();
    let percent = scan.number()?;
    scan.lit("%] ")?;
    let rest = scan.rest();
    VERBS.contains(&scan.word()?).then_some((percent, rest))
}

/// Reads `Linking C executable hello`.
pub(crate) fn artefact(step: &[u8]) -> Option<&[u8]> {
    let mut scan = Scan::new(step);
    scan.lit("Linking ")?;
    scan.word()?;
    for kind in [" executable ", " static library ", " shared library ", " shared module "] {
        if scan.lit(kind).is_some() {
            return Some(scan.rest());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("make-cmake.txt"), @"
        14%
        28%
        42%
        … 3 more …
        100%
        ---
        4 warnings
        wrote libpart.a
        wrote hello
        ");
        insta::assert_snapshot!(told("make-cmake.pty"), @"
        14%
        28%
        42%
        … 3 more …
        100%
        ---
        4 warnings
        wrote libpart.a
        wrote hello
        ");
        insta::assert_snapshot!(told("cmake-configure.txt"), @"
        nothing
        ---
        nothing
        ");
    }
}
