use clap::Args;

use crate::exit::Exit;
use crate::failure::Failure;

/// The way out of a task's network; Remit starts it with the task, with a socket as its standard input
#[derive(Debug, Args)]
#[command(hide = true)]
pub(crate) struct ProxyArgs {}

/// Serves until the task ends. There is nobody to talk to: standard error goes nowhere.
pub(crate) fn proxy() -> Result<Exit, Failure> {
    remit_executor::be_proxy().map_err(|error| Failure::io("cannot serve the network of the task", &error))?;
    Ok(Exit::Done)
}
