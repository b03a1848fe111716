use std::fmt::Write as _;
use std::io::ErrorKind;

use clap::Args;
use remit_diagnostics::visible;
use remit_executor::{AUDIT_FILE, Verified, verify};
use remit_tasks::StateDir;
use serde::Serialize;
use serde_json::Value;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::refused::grouped;
use crate::store::Tasks;
use crate::ui::{Ui, table};

/// Show what a task asked for, what was allowed, by whom, and what came of it
///
/// `remit audit verify` checks that no record was changed: each line holds a hash of the line before it.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The task; or `verify`, to check the records
    #[arg(value_name = "TASK")]
    what: String,

    /// With `verify`: the task [default: every task with a record]
    #[arg(value_name = "TASK")]
    task: Option<String>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn audit(ui: &Ui, args: &AuditArgs) -> Result<Exit, Failure> {
    let tasks = Tasks::existing(ui)?;
    if args.what == "verify" {
        let wanted = match &args.task {
            Some(task) => vec![tasks.find(task)?.to_string()],
            None => with_record(&tasks.state)?,
        };
        return check(ui, args.json, &tasks.state, &wanted);
    }
    if let Some(more) = &args.task {
        return Err(
            Failure::new(format!("`{more}` is one argument too many")).help("use `remit audit verify TASK` to check a record")
        );
    }
    let task = tasks.find(&args.what)?.to_string();
    let text = read(&tasks.state, &task)?.ok_or_else(|| no_record(&task))?;
    if args.json {
        ui.print(&text)?;
    } else {
        ui.print(&told(&text))?;
    }
    Ok(Exit::Done)
}

fn no_record(task: &str) -> Failure {
    Failure::new(format!("`{task}` has no audit record")).help("`remit tasks` lists the tasks")
}

pub(crate) fn read(state: &StateDir, task: &str) -> Result<Option<String>, Failure> {
    let path = state.path().join(&format!("tasks/{task}/{AUDIT_FILE}"));
    match std::fs::read(path.as_path()) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io(format!("cannot read `{path}`"), &error)),
    }
}

fn with_record(state: &StateDir) -> Result<Vec<String>, Failure> {
    let directory = state.path().join("tasks");
    let entries = match std::fs::read_dir(directory.as_path()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::io(format!("cannot read `{directory}`"), &error)),
    };
    let mut tasks: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join(AUDIT_FILE).is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    tasks.sort();
    Ok(tasks)
}

#[derive(Serialize)]
struct ChecksJson {
    version: u32,
    records: Vec<CheckJson>,
}

#[derive(Serialize)]
struct CheckJson {
    task: String,
    ok: bool,
    lines: usize,
    /// Whether the last event is there.
    closed: bool,
    /// What is wrong, and in which line.
    why: Option<String>,
    line: Option<usize>,
}

fn check(ui: &Ui, json: bool, state: &StateDir, tasks: &[String]) -> Result<Exit, Failure> {
    let mut records = Vec::new();
    for task in tasks {
        let text = read(state, task)?.ok_or_else(|| no_record(task))?;
        let task = task.clone();
        records.push(match verify(&text) {
            Ok(Verified { lines, closed }) => CheckJson { task, ok: true, lines, closed, why: None, line: None },
            Err(broken) => {
                let (why, line) = (Some(broken.why.to_owned()), Some(broken.line));
                CheckJson { task, ok: false, lines: broken.line.saturating_sub(1), closed: false, why, line }
            }
        });
    }
    let whole = records.iter().all(|record| record.ok);
    if json {
        ui.print_json(&ChecksJson { version: 1, records })?;
    } else {
        let rows: Vec<[String; 3]> = records.iter().map(row).collect();
        ui.print(&table(["TASK", "LINES", "RECORD"], &rows))?;
    }
    Ok(if whole { Exit::Done } else { Exit::Findings })
}

fn row(record: &CheckJson) -> [String; 3] {
    let said = match (&record.why, record.line) {
        (Some(why), Some(line)) => format!("broken at line {line}: {why}"),
        _ if record.closed => "whole".to_owned(),
        _ => "whole so far: no end is written yet".to_owned(),
    };
    [record.task.clone(), record.lines.to_string(), said]
}

fn told(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            out += "(a line that is no JSON)\n";
            continue;
        };
        let at = line.get("at").and_then(Value::as_str).unwrap_or_default();
        let time = at.split(['T', '.', 'Z']).nth(1).unwrap_or(at);
        // Writing to a string does not fail.
        let _ = write!(out, "{}  {}", visible(time), event(line.get("event").unwrap_or(&Value::Null)));
    }
    out
}

fn event(event: &Value) -> String {
    let text = |key: &str| visible(event.get(key).and_then(Value::as_str).unwrap_or_default());
    let number = |key: &str| event.get(key).and_then(Value::as_u64).unwrap_or(0);
    match text("kind").as_str() {
        "opened" => format!("begins: agent {}, policy {}\n", text("agent"), text("digest")),
        "called" => {
            let mut said = format!("{:>3}  {} {}: {}\n", number("call"), text("verdict"), text("tool"), text("why"));
            for effect in event.get("effects").and_then(Value::as_array).into_iter().flatten() {
                let text = |key: &str| visible(effect.get(key).and_then(Value::as_str).unwrap_or_default());
                // The tool's own name says nothing that is not in the line above.
                if text("action") != "call" {
                    let _ = writeln!(said, "               {} {}", text("action"), text("object"));
                }
            }
            said
        }
        "answered" => {
            let yes = event.get("allowed").and_then(Value::as_bool) == Some(true);
            format!("{:>3}  a person said {}, by {}\n", number("call"), if yes { "yes" } else { "no" }, text("by"))
        }
        "ended" => {
            let why = text("why");
            let why = if why.is_empty() { why } else { format!(": {why}") };
            format!("{:>3}  {}{why} ({:.1} ms)\n", number("call"), text("outcome"), millis(number("micros")))
        }
        "delegated" => {
            let agent = event.get("agent").and_then(Value::as_str).map_or_else(|| "no agent".to_owned(), visible);
            let mut said = format!("{:>3}  launched {} under {agent}, policy {}\n", number("call"), text("task"), text("digest"));
            let _ = writeln!(said, "               approved: {}", text("approved"));
            for excess in event.get("excess").and_then(Value::as_array).into_iter().flatten() {
                let _ =
                    writeln!(said, "               beyond the launching agent: {}", visible(excess.as_str().unwrap_or_default()));
            }
            said
        }
        "hooked" => format!("     hook {} `{}`: {}\n", text("trigger"), text("command"), text("outcome")),
        "restarted" => format!("     {}\n", text("why")),
        "served" => format!("     server {}: {}\n", text("server"), text("outcome")),
        "connected" => {
            format!("     {} to {}:{} ({}), by `{}`\n", text("by"), text("host"), number("port"), text("address"), text("rule"))
        }
        "refused" => {
            let host = text("host");
            let to = if host.is_empty() { String::new() } else { format!(" to {host}:{}", number("port")) };
            format!("     {}{to} refused: {}\n", text("by"), text("why"))
        }
        "refused_alike" => {
            let host = text("host");
            let to = if host.is_empty() { String::new() } else { format!(" to {host}:{}", number("port")) };
            let (more, all) = (grouped(number("more")), grouped(number("all")));
            format!("     {}{to} refused: and {more} more like it, {all} in all: {}\n", text("by"), text("why"))
        }
        "disconnected" => {
            let why = text("why");
            let why = if why.is_empty() { why } else { format!(": {why}") };
            let (sent, received) = (number("sent"), number("received"));
            format!("     ended{why}; {sent} B sent, {received} B received ({:.1} ms)\n", millis(number("micros")))
        }
        "network_closed" => format!("     the network is closed: {}\n", text("why")),
        "closed" => format!("ends: {}\n", text("outcome")),
        other => format!("{other}\n"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure with one decimal, for people")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}
