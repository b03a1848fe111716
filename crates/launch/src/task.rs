use std::ffi::OsString;
use std::os::fd::BorrowedFd;

use remit_agent::AbsPath;
use remit_sandbox::Watch;

/// What is to run, and what belongs to this task alone. How it is held is in the plan.
#[derive(Debug)]
pub struct Task<'a> {
    /// The file that is executed.
    pub program: AbsPath,
    /// With the program's name as the caller spelt it in front.
    pub arguments: &'a [OsString],
    pub directory: AbsPath,
    pub stdio: Stdio<'a>,
    /// Where the task's private files live; needed when the plan has layers, private directories or a `TMPDIR`.
    pub scratch: &'a Scratch,
    /// Where the sockets go on which a proxy listens inside the task's network; needed when the plan has one.
    pub proxy: Option<BorrowedFd<'a>>,
    /// What an observer is to keep; `None`: nobody looks on, and it costs nothing.
    pub watch: Option<Watch>,
    /// One more variable of the environment, by which the task's processes are known.
    pub mark: Option<(&'a str, &'a str)>,
}

impl Task<'_> {
    /// Returns the path of the task's terminal in a root of its own.
    pub(crate) fn console() -> AbsPath {
        AbsPath::root().join("/dev/console")
    }
}

/// The three descriptors that the task gets. Every other one is closed.
#[derive(Debug)]
pub struct Stdio<'a> {
    pub input: BorrowedFd<'a>,
    pub output: BorrowedFd<'a>,
    pub error: BorrowedFd<'a>,
    /// The controlling terminal, when one of the three is a terminal made for this task, and its path.
    pub terminal: Option<(BorrowedFd<'a>, AbsPath)>,
}

/// A directory of the task's own, outside everything that is granted. It is made on demand and removed by its owner.
#[derive(Debug)]
pub struct Scratch {
    pub path: AbsPath,
}
