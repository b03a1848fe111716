use std::time::Duration;

use clap::{Args, Subcommand};
use remit_diagnostics::visible;
use remit_tasks::progress::{Progress, Unit};
use remit_tasks::queue::{self, Turn};
use remit_tasks::{
    Attended, CancelledBy, Confinement, Outcome, Place, Record, State, TaskId, Timestamp, Which, Wish, progress_of,
};
use serde::Serialize;

use crate::board;
use crate::duration;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::store::Tasks;
use crate::ui::{Ui, table};

/// List tasks: those that are not over, and the last that are
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct TasksArgs {
    #[command(subcommand)]
    command: Option<TasksCommand>,

    /// List all that are kept
    #[arg(long)]
    all: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Show a live board, with keys to approve, cancel and delete
    #[arg(long, conflicts_with_all = ["all", "json"])]
    watch: bool,
}

#[derive(Debug, Subcommand)]
enum TasksCommand {
    /// Give a task that waits another place in the queue
    Move(MoveArgs),
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("place").required(true).args(["first", "last", "before"])))]
struct MoveArgs {
    /// The task: its id, its name, or the beginning of either
    task: String,

    /// Before all others
    #[arg(long)]
    first: bool,

    /// Behind all others
    #[arg(long)]
    last: bool,

    /// Before this task
    #[arg(long, value_name = "TASK")]
    before: Option<String>,
}

/// How many tasks that are over are listed without `--all`.
const LAST: u32 = 20;

#[derive(Serialize)]
struct TasksJson {
    version: u32,
    tasks: Vec<TaskJson>,
    /// Records that cannot be read.
    errors: Vec<String>,
}

/// A task as programs see it. The times are UTC, in RFC 3339.
#[derive(Serialize)]
pub(crate) struct TaskJson {
    id: String,
    name: String,
    state: &'static str,
    /// The exit code, when the state is `failed`.
    code: Option<i32>,
    /// The signal, when the state is `killed`.
    signal: Option<i32>,
    /// Why, when the state says that there is a reason.
    reason: Option<String>,
    created_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
    background: bool,
    /// It has a terminal of its own.
    terminal: bool,
    /// What a person is asked, when the state is `waiting for approval`.
    asks: Option<String>,
    /// How far it is, in words such as `127/283 tests`, and as a share of a hundred.
    progress: Option<String>,
    percent: Option<u8>,
    agent: Option<String>,
    agent_path: Option<String>,
    profile: String,
    digest: String,
    workspace: String,
    command: Vec<String>,
    confinement: Confinement,
    /// What the policy says and nothing on the host held.
    gaps: Vec<String>,
}

pub(crate) fn tasks(ui: &Ui, args: &TasksArgs) -> Result<Exit, Failure> {
    if let Some(TasksCommand::Move(args)) = &args.command {
        return place(ui, args);
    }
    if args.watch {
        board::watch(&mut board::Stored::open(ui)?, ui.stdout_style().color)?;
        return Ok(Exit::Done);
    }
    let (mut records, mut failures): (Vec<(Record, Option<Progress>)>, _) = (Vec::new(), Vec::new());
    let mut places = Vec::new();
    if let Some(tasks) = Tasks::open(ui)? {
        places = queue::turns(&tasks.store.entries()?, &tasks.store.limits()?);
        for listed in tasks.store.list(if args.all { Which::All } else { Which::Recent(LAST) })? {
            match listed.record {
                Ok(record) => {
                    // Of one that is over, what its summary says is what counts.
                    let running = record.state.has_place();
                    let progress = if running { progress_of(&tasks.state, &record.id) } else { None };
                    records.push((record, progress));
                }
                Err(error) => {
                    let failure = Failure::from(error);
                    failures.push(Failure::new(format!(
                        "{} ({}): {}",
                        visible(&listed.id),
                        visible(&listed.state),
                        failure.message()
                    )));
                }
            }
        }
    }
    if args.json {
        let errors = failures.iter().map(|failure| failure.message().to_owned()).collect();
        ui.print_json(&TasksJson {
            version: 2,
            tasks: records.iter().map(|(record, progress)| json(record, progress.as_ref())).collect(),
            errors,
        })?;
    } else {
        let width = ui.stdout_style().width;
        let now = Timestamp::now();
        let rows: Vec<_> = records.iter().map(|(record, progress)| row(record, progress.as_ref(), &places, now)).collect();
        ui.print(&fit(&table(["TASK", "NAME", "STATE", "TIME", "COMMAND"], &rows), width))?;
        for failure in &failures {
            failure.tell(ui);
        }
    }
    Ok(if failures.is_empty() { Exit::Done } else { Exit::Failed })
}

fn place(ui: &Ui, args: &MoveArgs) -> Result<Exit, Failure> {
    let mut tasks = Tasks::existing(ui)?;
    let record = tasks.record(&args.task)?;
    if !matches!(record.state, State::Queued | State::Waiting { .. }) {
        return Err(Failure::new(format!("`{}` has no place in the queue: it is {}", record.id, record.state.word())));
    }
    let place = match &args.before {
        Some(other) => Place::Before(tasks.find(other)?),
        None if args.first => Place::First,
        None => Place::Last,
    };
    let position = tasks.store.position(&place)?;
    tasks.wish(&record.id, &Wish::Move { position })?;
    Ok(Exit::Done)
}

pub(crate) fn json(record: &Record, progress: Option<&Progress>) -> TaskJson {
    let ended_at = match &record.state {
        State::Ended { ended_at, .. } => Some(ended_at),
        _ => None,
    };
    let (code, signal) = match record.outcome() {
        Some(Outcome::Failed { code }) => (Some(*code), None),
        Some(Outcome::Killed { signal }) => (None, Some(*signal)),
        _ => (None, None),
    };
    let created = &record.created;
    TaskJson {
        id: record.id.to_string(),
        name: record.name.clone(),
        state: record.state.word(),
        code,
        signal,
        reason: record.outcome().and_then(reason),
        created_at: record.created_at.to_string(),
        started_at: record.state.started_at().map(|at| at.to_string()),
        ended_at: ended_at.map(ToString::to_string),
        background: created.attended != Attended::Foreground,
        terminal: created.background().is_some_and(|background| background.terminal.is_some()),
        asks: asks(record),
        progress: progress.map(|progress| visible(&progress.to_string())),
        percent: progress.and_then(Progress::percent),
        agent: created.agent.as_ref().map(|agent| agent.name.clone()),
        agent_path: created.agent.as_ref().map(|agent| agent.path.clone()),
        profile: created.profile.clone(),
        digest: created.digest.clone(),
        workspace: created.workspace.clone(),
        command: created.command.clone(),
        confinement: created.confinement,
        gaps: created.gaps.clone(),
    }
}

/// Returns what a person is asked about a task that waits, as a fragment.
pub(crate) fn asks(record: &Record) -> Option<String> {
    let State::Waiting { question, .. } = &record.state else { return None };
    let launched = question.launched.as_ref().map(|launched| format!("the agent `{}` launched it", launched.by));
    let policy = question.policy.then(|| "nobody approved this policy".to_owned());
    let why: Vec<String> = launched.into_iter().chain(policy).chain(question.command.clone()).collect();
    Some(if why.is_empty() { "nobody approved this policy".to_owned() } else { why.join(", and ") })
}

/// Returns what an outcome says beyond its word.
pub(crate) fn reason(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Succeeded | Outcome::TimedOut | Outcome::Failed { .. } | Outcome::Killed { .. } => None,
        Outcome::OverLimit { limit } => Some(limit.clone()),
        Outcome::Cancelled { by: CancelledBy::User } => Some("by you".to_owned()),
        Outcome::Cancelled { by: CancelledBy::Shutdown } => Some("shutdown".to_owned()),
        Outcome::Cancelled { by: CancelledBy::Task(id) } => Some(format!("{id} did not succeed")),
        Outcome::Denied { why } => Some(why.clone()),
        Outcome::CouldNotStart { error } => Some(error.clone()),
        Outcome::Lost { evidence } => Some(evidence.clone()),
    }
}

/// Returns the state with the little that fits beside it.
pub(crate) fn state_words(record: &Record) -> String {
    let word = record.state.word();
    match record.outcome() {
        Some(Outcome::Failed { code }) => format!("{word} ({code})"),
        Some(Outcome::Killed { signal }) => format!("{word} ({signal})"),
        Some(Outcome::OverLimit { limit }) => format!("{word} ({})", visible(limit)),
        Some(Outcome::Cancelled { by: CancelledBy::Shutdown }) => format!("{word} (shutdown)"),
        _ => word.to_owned(),
    }
}

/// Returns the state with how far it is.
pub(crate) fn with_progress(state: String, progress: Option<&Progress>) -> String {
    let Some(progress) = progress else { return state };
    match progress.percent() {
        Some(percent) if progress.unit != Unit::Percent => format!("{state} {percent}% ({})", visible(&progress.to_string())),
        _ => format!("{state} {}", visible(&progress.to_string())),
    }
}

/// Returns how long a task ran, or has been running or waiting.
pub(crate) fn time(record: &Record, now: Timestamp) -> Duration {
    let (from, to) = match &record.state {
        State::Ended { started_at, ended_at, .. } => (started_at.unwrap_or(record.created_at), *ended_at),
        State::Running { started_at, .. } => (*started_at, now),
        State::Queued | State::Waiting { .. } | State::Starting => (record.created_at, now),
    };
    // A clock that was set back makes no negative time.
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

fn row(record: &Record, progress: Option<&Progress>, places: &[(TaskId, Turn)], now: Timestamp) -> [String; 5] {
    let place = places.iter().find_map(|(id, turn)| match turn {
        Turn::Later { place, .. } if *id == record.id => Some(*place),
        _ => None,
    });
    let created = &record.created;
    let command = visible(&created.command.join(" "));
    let command = if created.confinement == Confinement::Unrestricted { format!("{command} (unrestricted)") } else { command };
    [
        record.id.to_string(),
        visible(&record.name),
        with_progress(place.map_or_else(|| state_words(record), |place| format!("queued ({place})")), progress),
        duration::show(time(record, now)),
        command,
    ]
}

/// Cuts lines that are longer than the terminal is wide.
fn fit(text: &str, width: usize) -> String {
    let mut fitted = String::with_capacity(text.len());
    for line in text.lines() {
        if line.chars().count() > width {
            fitted.extend(line.chars().take(width.saturating_sub(1)));
            fitted.push('…');
        } else {
            fitted.push_str(line);
        }
        fitted.push('\n');
    }
    fitted
}
