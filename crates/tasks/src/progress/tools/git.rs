//! git's phases: `Receiving objects:  85% (342/402)`.

use super::{Heard, Recogniser, told_if};
use crate::progress::scan::Scan;
use crate::progress::{Progress, Unit};
use crate::summary::Summary;

#[derive(Clone, Debug, Default)]
pub(crate) struct Git;

const PHASES: [(&str, Unit); 12] = [
    ("Counting objects", Unit::Objects),
    ("Compressing objects", Unit::Objects),
    ("Receiving objects", Unit::Objects),
    ("Writing objects", Unit::Objects),
    ("Unpacking objects", Unit::Objects),
    ("Indexing objects", Unit::Objects),
    ("Checking objects", Unit::Objects),
    ("Resolving deltas", Unit::Deltas),
    ("Updating files", Unit::Files),
    ("Checking out files", Unit::Files),
    ("Filtering content", Unit::Files),
    ("Refresh index", Unit::Files),
];

impl Recogniser for Git {
    fn starts(&self) -> &'static [u8] {
        b"CRWUIFr"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        told_if(phase(line))
    }

    fn summarise(&self, _summary: &mut Summary) {}

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

fn phase(line: &[u8]) -> Option<Progress> {
    let mut scan = Scan::new(line);
    let _ = scan.lit("remote: ");
    let (name, unit) = PHASES.iter().find(|(name, _)| scan.lit(name).is_some())?;
    scan.lit(":")?;
    scan.gap()?;
    let percent = scan.number()?;
    scan.lit("% (")?;
    let (done, total) = scan.ratio()?;
    scan.lit(")")?;
    // The two have to say the same.
    (done * 100 / total == percent).then(|| Progress::new(done, Some(total), unit.clone()).labelled(Some((*name).to_owned())))
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("git-clone.txt"), @"
        1/402 objects, Counting objects
        5/402 objects, Counting objects
        9/402 objects, Counting objects
        … 299 more …
        402/402 objects, Receiving objects
        ---
        nothing
        ");
        insta::assert_snapshot!(told("git-clone.pty"), @"
        1/554 objects, Counting objects
        6/554 objects, Counting objects
        12/554 objects, Counting objects
        … 400 more …
        151/151 deltas, Resolving deltas
        ---
        nothing
        ");
        insta::assert_snapshot!(told("git-fetch.txt"), @"
        1/248 objects, Counting objects
        3/248 objects, Counting objects
        5/248 objects, Counting objects
        … 396 more …
        96/96 deltas, Resolving deltas
        ---
        nothing
        ");
    }
}
