use clap::Args;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

/// Print the JSON Schema of agent files, by which editors complete them
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {}

pub(crate) fn schema(ui: &Ui, _: &SchemaArgs) -> Result<Exit, Failure> {
    ui.print_json(&remit_agent::agent_schema())?;
    Ok(Exit::Done)
}
