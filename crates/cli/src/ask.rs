//! Asking a person, on the terminal itself: what is piped in or out of a command is no answer.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};

use remit_diagnostics::visible;

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Yes,
    /// Everything else: silence, the end of input, and any other word.
    No,
    /// There is no terminal.
    NobodyThere,
}

/// Asks for `y` or `n`; the default is no.
pub(crate) fn yes_or_no(question: &str) -> Result<Reply, Failure> {
    let Ok(mut terminal) = File::options().read(true).write(true).open("/dev/tty") else { return Ok(Reply::NobodyThere) };
    let failed = |error: std::io::Error| Failure::io("cannot ask on the terminal", &error);
    write!(terminal, "{} [y/N] ", visible(question)).map_err(failed)?;
    let mut answer = String::new();
    // A person's answer is short; a terminal that sends more without a line's end is not a person.
    let mut limited = std::io::Read::take(&terminal, 1024);
    BufReader::new(&mut limited).read_line(&mut answer).map_err(failed)?;
    let answer = answer.trim();
    Ok(if answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes") { Reply::Yes } else { Reply::No })
}
