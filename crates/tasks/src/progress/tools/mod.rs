//! The recognisers: a file for each tool, with recorded output of the real one as its test.

mod cargo_build;
mod cargo_test;
mod cmake;
mod counted;
mod ctest;
mod curl;
mod git;
mod go_test;
mod jest;
mod mocha;
mod nextest;
mod node_spec;
mod npm;
mod pip;
mod prove;
mod pytest;
mod rsync;
mod tap;
mod vitest;
mod warnings;
mod wget;

use std::fmt::Debug;

use super::Progress;
use crate::summary::Summary;

/// What a line told a recogniser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Nothing,
    Progress(Progress),
    /// The tool has come to its end, or to the end of a part that is counted for itself.
    Over,
}

/// Reads the lines of one tool. What it keeps is bounded.
pub(crate) trait Recogniser: Debug + Send {
    /// Returns the first bytes, after blanks, of the lines that it looks at.
    fn starts(&self) -> &'static [u8];

    /// Takes a line without escape sequences and without blanks at its end.
    fn line(&mut self, line: &[u8]) -> Heard;

    /// Returns what a line that has not ended yet would tell.
    fn partial(&self, _line: &[u8]) -> Option<Progress> {
        None
    }

    /// Returns whether it looks at every line, because its tool is at work.
    fn is_awake(&self) -> bool {
        false
    }

    /// Returns how much its lines are its tool's own: while a tool of a higher rank is at work, a lower one is not believed.
    fn rank(&self) -> u8 {
        1
    }

    /// Adds what its tool's output came to.
    fn summarise(&self, _summary: &mut Summary) {}

    fn copy(&self) -> Box<dyn Recogniser>;
}

/// The rank of what runs tests, and so may print what the tests print.
pub(crate) const RUNS_TESTS: u8 = 2;

/// Returns every recogniser, asleep, but for those that are known by the command alone. There are 32 at most.
pub(crate) fn all(command: &[String]) -> Vec<Box<dyn Recogniser>> {
    vec![
        Box::<nextest::Nextest>::default(),
        Box::<cargo_test::CargoTest>::default(),
        Box::<pytest::Pytest>::default(),
        Box::<jest::Jest>::default(),
        Box::<vitest::Vitest>::default(),
        Box::new(mocha::Mocha::of_command(command)),
        Box::<node_spec::NodeSpec>::default(),
        Box::<go_test::GoTest>::default(),
        Box::<tap::Tap>::default(),
        Box::<prove::Prove>::default(),
        Box::<ctest::Ctest>::default(),
        Box::<cargo_build::CargoBuild>::default(),
        Box::<cmake::Cmake>::default(),
        Box::<counted::Counted>::default(),
        Box::<npm::Npm>::default(),
        Box::<pip::Pip>::default(),
        Box::<git::Git>::default(),
        Box::<rsync::Rsync>::default(),
        Box::<curl::Curl>::default(),
        Box::<wget::Wget>::default(),
        Box::<warnings::Warnings>::default(),
    ]
}

/// Returns the progress as what was heard.
fn told(progress: Progress) -> Heard {
    Heard::Progress(progress)
}

/// Returns what was heard where a line may tell a progress.
fn told_if(progress: Option<Progress>) -> Heard {
    progress.map_or(Heard::Nothing, Heard::Progress)
}
