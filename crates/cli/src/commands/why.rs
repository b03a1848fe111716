use clap::Args;
use remit_diagnostics::visible;
use remit_explain::{Explanation, render};
use remit_tasks::{Outcome, explanation_of};
use serde_json::json;

use super::audit::read;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::refused::{self, refused};
use crate::store::Tasks;
use crate::ui::Ui;

/// Say what the wall refused to a task, and what setting would permit it
///
/// Knows it when an observer looked on: `remit run --explain`. What the network refused is known of every task.
#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// The task: its id, its name, or the beginning of either
    task: String,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn why(ui: &Ui, args: &WhyArgs) -> Result<Exit, Failure> {
    let tasks = Tasks::existing(ui)?;
    let record = tasks.record(&args.task)?;
    let id = record.id.to_string();
    let explanation = explanation_of::<Explanation>(&tasks.state, &record.id);
    if explanation.is_none() && !record.is_over() {
        return Err(Failure::new(format!("{id} is not over yet")).help(format!("wait for it: `remit wait {id}`")));
    }
    // The network's own record needs no observer.
    let network = refused(&read(&tasks.state, &id)?.unwrap_or_default());
    let again = format!("run it again with an observer: `remit retry --explain {id}`");
    if explanation.is_none() && network.is_empty() {
        let failure = Failure::new(format!("nothing was observing {id}, so nobody knows what was refused to it"));
        return Err(failure.help(again));
    }
    if args.json {
        ui.print_json(&json!({ "version": 1, "task": id, "explanation": explanation, "network": network }))?;
        return Ok(Exit::Done);
    }
    let failed = !matches!(record.outcome(), Some(Outcome::Succeeded));
    let head = format!("{id} {}\n", visible(&record.created.command.join(" ")));
    let parts = [
        explanation.as_ref().map(|explanation| render(explanation, failed)),
        (!network.is_empty()).then(|| refused::render(&network)),
        explanation.is_none().then(|| format!("nothing was observing what else was refused: {again}\n")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    ui.print(&(head + &parts.join("\n")))?;
    Ok(Exit::Done)
}
