use clap::Args;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::layers::find;
use crate::ui::Ui;

/// Remove what a task wrote in its private layers
///
/// What was applied stays applied.
#[derive(Debug, Args)]
pub(crate) struct DiscardArgs {
    /// The task: its id, its name, or the beginning of either
    #[arg(value_name = "TASK")]
    task: String,
}

pub(crate) fn discard(ui: &Ui, args: &DiscardArgs) -> Result<Exit, Failure> {
    let found = find(ui, &args.task)?;
    found.over()?;
    if found.layers.all().is_empty() {
        ui.tell("there is nothing to discard");
        return Ok(Exit::Done);
    }
    found.layers.discard(&found.state, &found.id)?;
    Ok(Exit::Done)
}
