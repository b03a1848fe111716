use clap::Args;
use remit_diagnostics::visible;
use remit_explain::{Explanation, render};
use remit_tasks::{Outcome, explanation_of};
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::store::Tasks;
use crate::ui::Ui;

/// Say what the wall refused to a task, and what setting would permit it
///
/// Knows it when an observer looked on: `remit run --explain`.
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
    let Some(explanation) = explanation_of::<Explanation>(&tasks.state, &record.id) else {
        let id = &record.id;
        if !record.is_over() {
            return Err(Failure::new(format!("{id} is not over yet")).help(format!("wait for it: `remit wait {id}`")));
        }
        let failure = Failure::new(format!("nothing was observing {id}, so nobody knows what was refused to it"));
        return Err(failure.help(format!("run it again with an observer: `remit retry --explain {id}`")));
    };
    if args.json {
        ui.print_json(&json!({ "version": 1, "task": record.id.to_string(), "explanation": explanation }))?;
    } else {
        let failed = !matches!(record.outcome(), Some(Outcome::Succeeded));
        let text = format!("{} {}\n{}", record.id, visible(&record.created.command.join(" ")), render(&explanation, failed));
        ui.print(&text)?;
    }
    Ok(Exit::Done)
}
