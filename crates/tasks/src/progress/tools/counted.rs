//! Lines that begin with `[12/345]`: ninja, and many a makefile.
//!
//! A date and a page number look the same. So there have to be three of them with the same total, each higher than the one
//! before, or as many as there can be; and a total may grow by and by, as ninja's does when it finds more to do.

use super::cmake::artefact;
use super::{Heard, Recogniser, told};
use crate::progress::scan::{Scan, text};
use crate::progress::{Progress, Unit};
use crate::summary::{Summary, add_name};

const ENOUGH: u64 = 3;

#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    last: Option<(u64, u64)>,
    /// So many steps that go on from each other.
    rising: u64,
    built: Vec<String>,
}

impl Counted {
    fn step(&mut self, done: u64, total: u64) -> Heard {
        let sure = self.is_sure();
        match self.last {
            Some((last, of)) if of == total && done > last => self.rising += 1,
            Some((last, of)) if of == total && done == last => {}
            Some((last, of)) if sure && done >= last && total > of => {}
            _ => self.rising = 1,
        }
        self.last = Some((done, total));
        if self.is_sure() { told(Progress::new(done, Some(total), Unit::Steps)) } else { Heard::Nothing }
    }

    fn is_sure(&self) -> bool {
        self.last.is_some_and(|(_, total)| total >= 2 && self.rising >= ENOUGH.min(total))
    }
}

impl Recogniser for Counted {
    fn starts(&self) -> &'static [u8] {
        b"["
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        let Some((done, total, step)) = step(line) else { return Heard::Nothing };
        let heard = self.step(done, total);
        if let Some(name) = artefact(step) {
            add_name(&mut self.built, text(name));
        }
        heard
    }

    fn summarise(&self, summary: &mut Summary) {
        if self.is_sure() {
            summary.add_artefacts(&self.built);
        }
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `[ 12/345] CC a.o`. A count that begins with a zero is a date.
fn step(line: &[u8]) -> Option<(u64, u64, &[u8])> {
    let mut scan = Scan::new(line);
    scan.lit("[")?;
    scan.run(|byte| byte == b' ');
    if scan.rest().starts_with(b"0") && !scan.rest().starts_with(b"0/") {
        return None;
    }
    let (done, total) = scan.ratio()?;
    scan.lit("] ")?;
    (!scan.rest().is_empty()).then_some((done, total, scan.rest()))
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::{told, told_of};

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("ninja.txt"), @"
        3/7 steps
        4/7 steps
        5/7 steps
        6/7 steps
        7/7 steps
        ---
        4 warnings
        wrote libpart.a
        wrote hello
        ");
        insta::assert_snapshot!(told("ninja.pty"), @"
        2/7 steps
        3/7 steps
        4/7 steps
        5/7 steps
        6/7 steps
        7/7 steps
        ---
        4 warnings
        wrote libpart.a
        wrote hello
        ");
        insta::assert_snapshot!(told("ninja-fail.txt"), @"
        3/7 steps
        4/7 steps
        5/7 steps
        ---
        4 warnings
        ");
        insta::assert_snapshot!(told("make-count.txt"), @"
        3/12 steps
        4/12 steps
        5/12 steps
        … 6 more …
        12/12 steps
        ---
        nothing
        ");
    }

    #[test]
    fn what_only_looks_like_it_is_nothing() {
        for text in [
            "[11/22] a\n[11/23] b\n[11/24] c\n",
            "[10/11] a\n[11/11] b\n",
            "[01/12] a\n[02/12] b\n[03/12] c\n",
            "[1/2] once\nthen [2/2] inside\n",
            "[3/9] a\n[2/9] b\n[1/9] c\n",
            "[4/4] a\n[4/4] b\n[4/4] c\n",
            "[5/4] a\n[6/4] b\n[7/4] c\n",
            "[1/1] a\n[1/1] b\n",
            "[1/9]\n[2/9]\n[3/9]\n",
        ] {
            assert_eq!(told_of(&[], text.as_bytes()), "nothing\n---\nnothing", "{text}");
        }
    }

    #[test]
    fn totals_may_grow_and_a_second_run_begins_anew() {
        insta::assert_snapshot!(told_of(&[], b"[1/4] a\n[2/4] b\n[3/4] c\n[4/9] d\n[5/9] e\n[1/3] x\n[2/3] y\n[3/3] z\n"), @"
        3/4 steps
        4/9 steps
        5/9 steps
        3/3 steps
        ---
        nothing
        ");
    }
}
