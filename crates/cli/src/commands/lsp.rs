//! `remit lsp`: an editor asks over standard input, and is answered on standard output, in the Language Server Protocol.
//!
//! One thread and no waiting but for the next message. What is said of a text is what `remit lint` says of it: the
//! session only puts it into the protocol's words.

mod hover;
mod position;
mod session;
#[cfg(test)]
mod tests;
mod wire;

use std::io::{self, BufReader, Write};
use std::path::PathBuf;

use clap::Args;

use crate::disk::HostDisk;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::judge::How;
use crate::ui::Ui;
use crate::{load, places};
use session::Session;
use wire::WireError;

/// Answer an editor: findings, what a pattern matches, quick fixes
///
/// Speaks the Language Server Protocol over standard input and output.
#[derive(Debug, Args)]
pub(crate) struct LspArgs {
    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// Taken for the sake of editors that say it; there is no other way
    #[arg(long, hide = true)]
    stdio: bool,
}

pub(crate) fn lsp(_: &Ui, args: &LspArgs) -> Result<Exit, Failure> {
    let workspace = places::workspace(args.cwd.as_deref())?;
    let profiles = load::user_profiles(&workspace)?;
    let how = How { read_as: None, judged_for: Vec::new(), profiles, workspace, disk: Box::new(HostDisk) };
    let mut session = Session::new(how);
    let mut input = BufReader::new(io::stdin().lock());
    let mut output = io::stdout().lock();
    loop {
        let answers = match wire::read(&mut input) {
            Ok(None) => return Ok(Exit::Done),
            Ok(Some(message)) => session.answers(&message),
            // The length was right, so the next message begins where this one ends.
            Err(WireError::NotJson) => {
                vec![session::refusal(&serde_json::Value::Null, session::PARSE_ERROR, "the message is not JSON")]
            }
            Err(error) => return Err(Failure::of(&error).help("connect an editor; this is not for people")),
        };
        for answer in answers {
            let sent = wire::write(&mut output, &answer).and_then(|()| output.flush());
            if let Err(error) = sent {
                return Err(Failure::io("cannot answer the editor", &error));
            }
        }
        if let Some(orderly) = session.ended() {
            return Ok(if orderly { Exit::Done } else { Exit::Failed });
        }
    }
}
