//! The exit codes: every one of them is chosen here.
//!
//! | code | when |
//! | --- | --- |
//! | 0 | done; `lint`: clean; `run`: the command's own |
//! | 1 | the command failed; `lint`: findings; `test`: an example fails |
//! | 2 | the arguments are wrong; `lint`, `check`, `test`: something cannot be read |
//! | 3 | `check`: ask |
//! | 124 | `run`: over a limit of time |
//! | 125 | `run`: could not start, wrong arguments included |
//! | 126 | `run`, `check`: denied |
//! | 127 | `run`: the command was not found |
//! | 128 + n | `run`: the command was killed by signal n |
//! | 141 | nobody reads what is printed any more |
//!
//! `run` passes the command's own code through, whatever it is.

use std::process::ExitCode;

use remit_tasks::Outcome;

use crate::commands::Command;
use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    Findings,
    Usage,
    Unreadable,
    Asks,
    OverTime,
    CouldNotStart,
    Denied,
    NotFound,
    /// The command's own.
    Passed(u8),
    Killed(u8),
    BrokenPipe,
}

impl Exit {
    /// Returns the number that this process ends with.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed | Exit::Findings => 1,
            Exit::Usage | Exit::Unreadable => 2,
            Exit::Asks => 3,
            Exit::OverTime => 124,
            Exit::CouldNotStart => 125,
            Exit::Denied => 126,
            Exit::NotFound => 127,
            Exit::Passed(code) => code,
            Exit::Killed(signal) => 128 | signal,
            Exit::BrokenPipe => 141,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Returns the exit of a command that failed without saying with which.
pub(crate) fn of_failure(command: &Command, failure: &Failure) -> Exit {
    match (failure.exit, command) {
        (Some(exit), _) => exit,
        (None, Command::Run(_)) => Exit::CouldNotStart,
        (None, Command::Lint(_) | Command::Check(_) | Command::Test(_)) => Exit::Unreadable,
        (None, _) => Exit::Failed,
    }
}

/// Returns the exit of a task that ended.
pub(crate) fn of_outcome(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Succeeded => Exit::Done,
        // A status has eight bits: exit(3).
        Outcome::Failed { code } => Exit::Passed(u8::try_from(*code & 0xFF).unwrap_or(1)),
        Outcome::Killed { signal } => Exit::Killed(u8::try_from(*signal & 0x7F).unwrap_or(0)),
        Outcome::TimedOut => Exit::OverTime,
        Outcome::OverLimit { limit } if limit == "cpuTime" => Exit::OverTime,
        // As if the kernel had killed it, which it mostly has.
        Outcome::OverLimit { .. } => Exit::Killed(9),
        Outcome::Denied { .. } => Exit::Denied,
        Outcome::CouldNotStart { .. } => Exit::CouldNotStart,
        // As a shell has it for a task that was told to end.
        Outcome::Cancelled { .. } => Exit::Killed(15),
        Outcome::Lost { .. } => Exit::Failed,
    }
}
