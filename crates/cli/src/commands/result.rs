//! What came of a task, on one page: how it ended, what it met, what it changed, what it printed last.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use remit_diagnostics::visible;
use remit_explain::{Explanation, render};
use remit_layer::{Layer, Layers, Purpose, StatStyle, changes, stat};
use remit_tasks::summary::Summary;
use remit_tasks::{Log, Outcome, Record, Stream, Timestamp, explanation_of, progress_of, summary_of};
use serde::Serialize;

use crate::commands::background::read_as;
use crate::commands::diff::layers_json;
use crate::commands::logs::last_lines;
use crate::commands::status::page;
use crate::commands::tasks::{TaskJson, json, time};
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::layers::{counted, name};
use crate::load::load;
use crate::over::over;
use crate::places;
use crate::store::Tasks;
use crate::ui::Ui;

/// Say what came of a task
///
/// How it ended and how long it took, the limits that it met, what it changed in its private layer, what was refused, what its
/// tests came to, and the last lines that it printed.
///
/// Exits as the task ended, and with 3 when it is not over.
#[derive(Debug, Args)]
pub(crate) struct ResultArgs {
    /// The task: its id, its name, or the beginning of either
    task: String,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// So many lines of the output are shown.
const LINES: usize = 10;
/// So many characters of each.
const LONGEST: usize = 400;
/// So many changed files are shown.
const FILES: usize = 20;
/// So many refusals.
const REFUSALS: usize = 3;

#[derive(Serialize)]
struct ResultJson<L> {
    version: u32,
    #[serde(flatten)]
    task: TaskJson,
    /// What `remit result` and `remit wait` exit with; null when it is not over.
    exit: Option<u8>,
    duration_ms: u64,
    limits: Vec<Limit>,
    /// Bytes of its output that are not kept.
    not_kept: NotKept,
    layers: Vec<L>,
    /// What the wall refused; null when nobody was observing.
    refusals: Option<Explanation>,
    summary: Option<Summary>,
    /// Control characters are made visible.
    last_lines: Vec<String>,
}

/// A limit that the task met.
#[derive(Serialize)]
struct Limit {
    name: String,
    /// As the agent file says it, where that is still the one that the task ran under.
    value: Option<String>,
}

#[derive(Clone, Copy, Serialize)]
struct NotKept {
    stdout: u64,
    stderr: u64,
}

pub(crate) fn result(ui: &Ui, args: &ResultArgs) -> Result<Exit, Failure> {
    let tasks = Tasks::existing(ui)?;
    let record = tasks.record(&args.task)?;
    let exit = record.outcome().map(exit::of_outcome);
    let limits: Vec<Limit> = record.outcome().and_then(|outcome| limit(&record, outcome)).into_iter().collect();
    let not_kept = not_kept(&tasks, &record)?;
    let summary = summary_of(&tasks.state, &record.id);
    let last_lines = last_lines(&tasks, &record, LINES)?;
    let layers = Layers::of(&tasks.state, &record.id)?;
    let explanation = explanation_of::<Explanation>(&tasks.state, &record.id);
    if args.json {
        ui.print_json(&ResultJson {
            version: 1,
            task: json(&record, progress_of(&tasks.state, &record.id).as_ref()),
            exit: exit.map(Exit::code),
            duration_ms: u64::try_from(time(&record, Timestamp::now()).as_millis()).unwrap_or(u64::MAX),
            limits,
            not_kept,
            layers: layers_json(layers.all())?,
            refusals: explanation,
            summary,
            last_lines,
        })?;
    } else {
        let mut text = page(&tasks, &record)?;
        if let Some(exit) = exit {
            row(&mut text, "exit", &exit.code().to_string());
            row(&mut text, "limits", &limits_in_words(&limits, not_kept));
            row(&mut text, "refusals", &refusals(&record, explanation.as_ref()));
        }
        text.push_str(&changes_of(ui, &record, layers.all())?);
        if let Some(explanation) = explanation {
            text.push_str(&most_telling(explanation, &record));
        }
        if let Some(summary) = summary {
            text.push_str("\nwhat it came to:\n");
            indented(&mut text, summary.to_string().lines().map(visible));
        }
        if !last_lines.is_empty() {
            text.push_str("\nthe last lines:\n");
            indented(&mut text, last_lines.iter().map(|line| shortened(line)));
        }
        ui.print(&text)?;
    }
    Ok(exit.unwrap_or(Exit::Asks))
}

/// Returns the limit that ended a task, with its value where the policy is still at hand.
fn limit(record: &Record, outcome: &Outcome) -> Option<Limit> {
    let name = match outcome {
        Outcome::TimedOut => "wall time",
        Outcome::OverLimit { limit } => limit,
        _ => return None,
    };
    // No limit of the policy's.
    if name == "disk" {
        return Some(Limit { name: "disk".to_owned(), value: None });
    }
    let known = policy(record).and_then(|policy| over(outcome, &policy));
    Some(match known {
        Some((name, value)) => Limit { name: name.to_owned(), value: Some(value) },
        None => Limit { name: name.to_owned(), value: None },
    })
}

/// Returns the policy that a task ran under, when its agent file still says the same.
fn policy(record: &Record) -> Option<remit_policy::Policy> {
    let agent = record.created.agent.as_ref()?;
    let workspace = places::workspace(Some(Path::new(&record.created.workspace))).ok()?;
    let read_as = record.created.background().and_then(|background| read_as(background).ok()).flatten();
    let policy = load(&agent.path, read_as, &workspace).ok()?.policy;
    (policy.gate().digest().to_string() == record.created.digest).then_some(policy)
}

fn limits_in_words(limits: &[Limit], not_kept: NotKept) -> String {
    let mut words: Vec<String> = limits
        .iter()
        .map(|limit| match &limit.value {
            Some(value) => format!("{} {value}: it was ended", visible(&limit.name), value = visible(value)),
            None if limit.name == "disk" => "no room on the disk: it was ended".to_owned(),
            None => format!("{}: it was ended", visible(&limit.name)),
        })
        .collect();
    for (bytes, stream) in [(not_kept.stdout, "output"), (not_kept.stderr, "standard error")] {
        if bytes > 0 {
            words.push(format!("{bytes} bytes of its {stream} are not kept"));
        }
    }
    if words.is_empty() { "none met".to_owned() } else { words.join("; ") }
}

fn refusals(record: &Record, explanation: Option<&Explanation>) -> String {
    let id = &record.id;
    match (explanation, record.outcome()) {
        (_, Some(Outcome::Denied { .. })) => "the policy: it did not run".to_owned(),
        (Some(explanation), _) => match explanation.refusals.len() + explanation.more {
            0 => "none".to_owned(),
            count => format!("{count}: `remit why {id}` has all"),
        },
        (None, Some(Outcome::Succeeded)) => "nobody was observing (`--explain`), and it succeeded".to_owned(),
        (None, _) => format!("nobody was observing: `remit retry --explain {id}`"),
    }
}

/// Returns the most telling of what the wall refused.
fn most_telling(mut explanation: Explanation, record: &Record) -> String {
    let most = explanation.refusals.len().min(REFUSALS);
    explanation.more += explanation.refusals.len() - most;
    explanation.refusals.truncate(most);
    let failed = !matches!(record.outcome(), Some(Outcome::Succeeded));
    if most == 0 { String::new() } else { format!("\n{}", render(&explanation, failed)) }
}

fn not_kept(tasks: &Tasks, record: &Record) -> Result<NotKept, Failure> {
    let failed = |error: &std::io::Error| Failure::io("cannot read the task's output", error);
    let log = Log::open(&tasks.state, &record.id).map_err(|error| failed(&error))?;
    let bytes = |stream| log.as_ref().map_or(Ok(0), |log| log.not_kept(stream)).map_err(|error| failed(&error));
    Ok(NotKept { stdout: bytes(Stream::Out)?, stderr: bytes(Stream::Err)? })
}

/// Returns what changed in the private layers: the workspace's files, and how many in each cache.
fn changes_of(ui: &Ui, record: &Record, layers: &[Layer]) -> Result<String, Failure> {
    let mut text = String::new();
    let style = ui.stdout_style();
    for layer in layers {
        let view = layer.open()?;
        let changes = changes(&view);
        if changes.is_empty() {
            continue;
        }
        if layer.purpose == Purpose::Workspace {
            let style = StatStyle { color: style.color, width: style.width.saturating_sub(1), all: false, most: FILES };
            let _ = writeln!(text, "\nwhat it changed, in its private layer (`remit diff {}`):", record.id);
            indented(&mut text, stat(&view, &changes, style).lines().map(|line| line.trim_start().to_owned()));
        } else {
            let name = name(layer, record)?;
            let _ = writeln!(text, "  and {} in the cache {}", counted(&changes), visible(&name));
        }
    }
    Ok(text)
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line.to_owned(),
    }
}

fn row(text: &mut String, name: &str, value: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "  {name:<10} {value}");
}

fn indented(text: &mut String, lines: impl Iterator<Item = String>) {
    for line in lines {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {line}");
    }
}
