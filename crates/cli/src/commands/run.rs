use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use remit_tasks::Outcome;

use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::load::ReadAs;
use crate::ui::Ui;

/// Run a command under an agent's policy
///
/// Shows the policy and asks, unless you approved the same policy in this workspace before. Without an agent the
/// command may do whatever you may, after a warning.
///
/// Exits with the command's own code; 124 over a limit of time, 125 could not start, 126 denied, 127 not found,
/// 128 + n killed by signal n.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The agent: a file, or a name
    #[arg(long, value_name = "AGENT")]
    pub(crate) agent: Option<String>,

    /// Read the agent's patterns as this product does
    #[arg(long = "as", value_name = "PRODUCT", value_enum, requires = "agent")]
    pub(crate) read_as: Option<ReadAs>,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,

    /// Approve the policy without being asked
    #[arg(long, short = 'y', requires = "agent")]
    pub(crate) yes: bool,

    /// Run without an agent and without being asked
    #[arg(long, conflicts_with = "agent")]
    pub(crate) trust_all: bool,

    /// Refuse to start when the host cannot hold all of the policy
    #[arg(long)]
    pub(crate) strict: bool,

    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

pub(crate) fn run(_ui: &Ui, _args: &RunArgs) -> Result<Exit, Failure> {
    Ok(exit::of_outcome(&Outcome::CouldNotStart { error: "not written yet".to_owned() }))
}
