use clap::Args;

use crate::exit::Exit;
use crate::failure::Failure;

/// The confined process of a session; `remit mcp` starts it
#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    /// Some calls are decided outside the sandbox
    #[arg(long)]
    looked_at: bool,
}

/// Follows the orders of the session at standard input. There is nobody to talk to: standard error goes nowhere.
pub(crate) fn worker(args: &WorkerArgs) -> Result<Exit, Failure> {
    remit_executor::serve(args.looked_at).map_err(|error| Failure::io("cannot serve the session", &error))?;
    Ok(Exit::Done)
}
