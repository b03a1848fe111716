use std::fmt::Write as _;

use clap::Args;
use remit_diagnostics::visible;
use remit_tasks::queue::{Blocked, Turn, turn};
use remit_tasks::{ApprovedBy, Record, State, Timestamp, layers, progress_of};
use serde::Serialize;

use crate::commands::tasks::{TaskJson, asks, json, reason, state_words, time, with_progress};
use crate::duration;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::store::Tasks;
use crate::ui::Ui;

/// Say how a task stands
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The task: its id, its name, or the beginning of either
    task: String,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct StatusJson {
    version: u32,
    #[serde(flatten)]
    task: TaskJson,
}

pub(crate) fn status(ui: &Ui, args: &StatusArgs) -> Result<Exit, Failure> {
    let tasks = Tasks::existing(ui)?;
    let record = tasks.record(&args.task)?;
    if args.json {
        ui.print_json(&StatusJson { version: 1, task: json(&record, progress_of(&tasks.state, &record.id).as_ref()) })?;
    } else {
        ui.print(&page(&tasks, &record)?)?;
    }
    Ok(Exit::Done)
}

/// Returns what is known of a task, a line for each.
pub(crate) fn page(tasks: &Tasks, record: &Record) -> Result<String, Failure> {
    let created = &record.created;
    let mut rows = vec![("state", format!("{}, for {}", state_words(record), duration::show(time(record, Timestamp::now()))))];
    if record.is_over() {
        rows = vec![("state", format!("{}, after {}", state_words(record), duration::show(time(record, Timestamp::now()))))];
    }
    rows.extend(record.outcome().and_then(reason).map(|reason| ("reason", visible(&reason))));
    if let Some(progress) = progress_of(&tasks.state, &record.id).filter(|_| !record.is_over()) {
        let label = progress.label.as_ref().map_or(String::new(), |label| format!(": {}", visible(label)));
        rows.push(("progress", with_progress(String::new(), Some(&progress)).trim().to_owned() + &label));
    }
    rows.extend(asks(record).map(|asks| ("asks", visible(&asks))));
    rows.extend(place(tasks, record)?.map(|place| ("place", place)));
    rows.push(("command", visible(&created.command.join(" "))));
    rows.push(match &created.agent {
        Some(agent) => ("agent", format!("{} ({})", visible(&agent.name), visible(&agent.path))),
        None => ("agent", format!("none: the profile {}", visible(&created.profile))),
    });
    rows.push(("workspace", visible(&created.workspace)));
    rows.extend(record.approved.map(|by| ("approved", approved(by).to_owned())));
    if !created.gaps.is_empty() {
        rows.push(("gaps", format!("{} that nothing held: `remit status {} --json` names them", created.gaps.len(), record.id)));
    }
    rows.push(("created", format!("{:.0}", record.created_at)));
    rows.extend(record.state.started_at().map(|at| ("started", format!("{at:.0}"))));
    if let State::Ended { ended_at, .. } = &record.state {
        rows.push(("ended", format!("{ended_at:.0}")));
        let kept = layers(&tasks.state, &record.id)?;
        if !kept.is_empty() {
            rows.push(("changes", format!("in a private layer: `remit diff {}`", record.id)));
        }
    }
    let mut text = format!("{} {}\n", record.id, visible(&record.name));
    for (name, value) in rows {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {name:<10} {value}");
    }
    Ok(text)
}

fn approved(by: ApprovedBy) -> &'static str {
    match by {
        ApprovedBy::Terminal => "by your answer",
        ApprovedBy::Yes => "by `--yes`",
        ApprovedBy::TrustAll => "by `--trust-all`",
        ApprovedBy::Earlier => "earlier, in this workspace",
        ApprovedBy::Elicitation => "by your answer in the chat host",
        ApprovedBy::Within => "within the policy of the agent that launched it",
    }
}

/// Returns where a queued task stands, and why it does not run yet.
fn place(tasks: &Tasks, record: &Record) -> Result<Option<String>, Failure> {
    if record.state != State::Queued {
        return Ok(None);
    }
    Ok(match turn(&tasks.store.entries()?, &tasks.store.limits()?, &record.id) {
        Turn::Later { place, why, .. } => Some(match why {
            Blocked::Task(id) => format!("{place}: it waits for {id}"),
            Blocked::Full => format!("{place}: as many tasks run as may (`tasks.maxConcurrent`)"),
            Blocked::AgentFull => format!("{place}: as many tasks of this agent run as may"),
        }),
        Turn::Now => Some("next".to_owned()),
        Turn::Never { .. } | Turn::NotQueued => None,
    })
}
