use clap::Args;
use remit_diagnostics::visible;
use remit_tasks::{Confinement, Outcome, Record, State, StateDir, Timestamp, list, sweep};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::places;
use crate::ui::{Ui, table};

/// List the tasks that were run, oldest first
#[derive(Debug, Args)]
pub(crate) struct TasksArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct TasksJson {
    version: u32,
    tasks: Vec<TaskJson>,
    /// Records that cannot be read.
    errors: Vec<String>,
}

/// A task as programs see it. The times are UTC, in RFC 3339.
#[derive(Serialize)]
struct TaskJson {
    id: String,
    state: &'static str,
    /// The exit code, when the state is `failed`.
    code: Option<i32>,
    /// The signal, when the state is `killed`.
    signal: Option<i32>,
    /// Why, when the state is `denied` or `could not start`.
    reason: Option<String>,
    created_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
    agent: Option<String>,
    agent_path: Option<String>,
    profile: String,
    digest: String,
    workspace: String,
    command: Vec<String>,
    confinement: Confinement,
    /// The end of the record is missing.
    torn: bool,
}

pub(crate) fn tasks(ui: &Ui, args: &TasksArgs) -> Result<Exit, Failure> {
    let workspace = places::workspace(None)?;
    let (mut records, mut failures) = (Vec::new(), Vec::new());
    if let Some(state) = StateDir::open_existing(&workspace.state)? {
        // First, so that what a dead process left is not shown as running.
        let swept = sweep(&state, Timestamp::now())?;
        failures.extend(swept.problems.into_iter().map(Failure::from));
        for listed in list(&state)? {
            match listed.record {
                Ok(record) => records.push(record),
                Err(error) => failures.push(error.into()),
            }
        }
    }
    if args.json {
        let errors = failures.iter().map(|failure| failure.message().to_owned()).collect();
        ui.print_json(&TasksJson { version: 1, tasks: records.iter().map(json).collect(), errors })?;
    } else {
        ui.print(&table(["TASK", "STATE", "CREATED", "AGENT", "COMMAND"], &records.iter().map(row).collect::<Vec<_>>()))?;
        for failure in &failures {
            failure.tell(ui);
        }
    }
    Ok(if failures.is_empty() { Exit::Done } else { Exit::Failed })
}

fn json(record: &Record) -> TaskJson {
    let (started_at, ended_at, outcome) = match &record.state {
        State::Created => (None, None, None),
        State::Running { started_at, .. } => (Some(started_at), None, None),
        State::Ended { started_at, ended_at, outcome } => (started_at.as_ref(), Some(ended_at), Some(outcome)),
        State::Lost { started_at, .. } => (started_at.as_ref(), None, None),
    };
    let (code, signal, reason) = match outcome {
        Some(Outcome::Failed { code }) => (Some(*code), None, None),
        Some(Outcome::Killed { signal }) => (None, Some(*signal), None),
        Some(Outcome::OverLimit { limit }) => (None, None, Some(limit.clone())),
        Some(Outcome::Denied { why } | Outcome::CouldNotStart { error: why }) => (None, None, Some(why.clone())),
        Some(Outcome::Succeeded | Outcome::TimedOut) | None => (None, None, None),
    };
    let created = &record.created;
    TaskJson {
        id: record.id.to_string(),
        state: word(&record.state),
        code,
        signal,
        reason,
        created_at: record.created_at.to_string(),
        started_at: started_at.map(ToString::to_string),
        ended_at: ended_at.map(ToString::to_string),
        agent: created.agent.as_ref().map(|agent| agent.name.clone()),
        agent_path: created.agent.as_ref().map(|agent| agent.path.clone()),
        profile: created.profile.clone(),
        digest: created.digest.clone(),
        workspace: created.workspace.clone(),
        command: created.command.clone(),
        confinement: created.confinement,
        torn: record.torn,
    }
}

fn row(record: &Record) -> [String; 5] {
    let created = &record.created;
    let state = match &record.state {
        State::Ended { outcome: Outcome::Failed { code }, .. } => format!("failed ({code})"),
        State::Ended { outcome: Outcome::Killed { signal }, .. } => format!("killed ({signal})"),
        State::Ended { outcome: Outcome::OverLimit { limit }, .. } => format!("over limit ({limit})"),
        state => word(state).to_owned(),
    };
    let agent = created.agent.as_ref().map_or("-".to_owned(), |agent| visible(&agent.name));
    let agent = match created.confinement {
        Confinement::Confined => agent,
        Confinement::Unrestricted => format!("{agent} (unrestricted)"),
    };
    [record.id.to_string(), state, format!("{:.0}", record.created_at), agent, visible(&created.command.join(" "))]
}

fn word(state: &State) -> &'static str {
    match state {
        State::Created => "created",
        State::Running { .. } => "running",
        State::Lost { .. } => "lost",
        State::Ended { outcome, .. } => match outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed { .. } => "failed",
            Outcome::Killed { .. } => "killed",
            Outcome::TimedOut => "timed out",
            Outcome::OverLimit { .. } => "over limit",
            Outcome::Denied { .. } => "denied",
            Outcome::CouldNotStart { .. } => "could not start",
        },
    }
}
