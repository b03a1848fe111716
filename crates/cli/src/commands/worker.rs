use crate::exit::Exit;
use crate::failure::Failure;

/// Follows the orders of the session at standard input. There is nobody to talk to: standard error goes nowhere.
pub(crate) fn worker() -> Result<Exit, Failure> {
    remit_executor::serve().map_err(|error| Failure::io("cannot serve the session", &error))?;
    Ok(Exit::Done)
}
