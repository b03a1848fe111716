//! The board's rows and actions, from the store and by the commands that do the same.

use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use remit_tasks::{Attended, Outcome, Record, State, TaskId, Timestamp, Which, progress_of, sweep};

use super::{Action, Mood, Row, Source};
use crate::commands::logs::last_lines;
use crate::commands::tasks::{state_words, time};
use crate::duration;
use crate::failure::Failure;
use crate::notices;
use crate::store::Tasks;
use crate::ui::Ui;

/// So many tasks that are over are shown.
const LAST: u32 = 50;
/// So many lines of the output can be gone through.
const LINES: usize = 500;

/// The tasks of this user.
pub(crate) struct Stored<'a> {
    ui: &'a Ui,
    /// Open from one look to the next; `None`: there was no store yet.
    tasks: Option<Tasks>,
}

impl<'a> Stored<'a> {
    pub(crate) fn open(ui: &'a Ui) -> Result<Stored<'a>, Failure> {
        Ok(Stored { ui, tasks: Tasks::open(ui)? })
    }

    fn record(&self, id: &str) -> Option<Record> {
        let id = id.parse::<TaskId>().ok()?;
        self.tasks.as_ref()?.store.record(&id).ok()
    }
}

impl Source for Stored<'_> {
    fn rows(&mut self) -> Result<Vec<Row>, Failure> {
        if self.tasks.is_none() {
            self.tasks = Tasks::open(self.ui)?;
        }
        let Some(tasks) = &mut self.tasks else { return Ok(Vec::new()) };
        // A supervisor that died is found while the board is looked at, too.
        let now = Timestamp::now();
        for id in sweep(&tasks.state, &mut tasks.store, now)?.lost {
            notices::tell(&tasks.state, &tasks.store, &id);
        }
        let mut rows = Vec::new();
        for listed in tasks.store.list(Which::Recent(LAST))? {
            rows.push(match listed.record {
                Ok(record) => row(tasks, &record, now),
                Err(_) => Row {
                    id: listed.id,
                    name: listed.name,
                    state: listed.state,
                    mood: Mood::Quiet,
                    progress: None,
                    time: String::new(),
                    command: "its record cannot be read".to_owned(),
                },
            });
        }
        // What goes on first, the newest of the others next.
        rows.reverse();
        rows.sort_by_key(|row| match row.mood {
            Mood::Asks => 0,
            Mood::Runs => 1,
            Mood::Waits => 2,
            Mood::Good | Mood::Bad | Mood::Quiet => 3,
        });
        Ok(rows)
    }

    fn output(&mut self, id: &str) -> Result<Vec<String>, Failure> {
        let Some(record) = self.record(id) else { return Ok(Vec::new()) };
        let Some(tasks) = &self.tasks else { return Ok(Vec::new()) };
        if record.created.attended == Attended::Foreground {
            return Ok(vec!["it ran in the foreground, and its output was not kept".to_owned()]);
        }
        last_lines(tasks, &record, LINES)
    }

    fn act(&mut self, action: &Action) -> Result<String, Failure> {
        match action {
            Action::Approve(id) => self.before_the_user("approve", id),
            Action::Diff(id) => self.before_the_user("diff", id),
            Action::Deny(id) => quietly("deny", id, "is denied"),
            Action::Cancel(id) => quietly("cancel", id, "has been told to end"),
            Action::Delete(id) => quietly("delete", id, "is deleted"),
            Action::Quit => Ok(String::new()),
        }
    }
}

impl Stored<'_> {
    /// Runs the command that does it, with the terminal, and waits until the user has read what it says.
    fn before_the_user(&self, command: &str, id: &str) -> Result<String, Failure> {
        self.ui.tell(&format!("remit {command} {id}\n"));
        let failed = |error: &io::Error| Failure::io(format!("cannot run `remit {command}`"), error);
        itself(command, id).status().map_err(|error| failed(&error))?;
        let mut terminal = io::stderr().lock();
        let _ = terminal.write_all(b"\npress Enter to go back to the board ").and_then(|()| terminal.flush());
        io::stdin().lock().read_line(&mut String::new()).map_err(|error| failed(&error))?;
        Ok(String::new())
    }
}

/// Runs the command that does it, and returns what it says.
fn quietly(command: &str, id: &str, done: &str) -> Result<String, Failure> {
    let failed = |error: &io::Error| Failure::io(format!("cannot run `remit {command}`"), error);
    let Output { status, stderr, .. } = itself(command, id).output().map_err(|error| failed(&error))?;
    let said = String::from_utf8_lossy(&stderr);
    match said.lines().find(|line| !line.is_empty()) {
        Some(line) if !status.success() => Ok(line.to_owned()),
        _ => Ok(format!("{id} {done}")),
    }
}

/// Returns this program once more, for a task. What an action does is what its command does, and nothing else.
fn itself(command: &str, id: &str) -> Command {
    let mut itself = Command::new("/proc/self/exe");
    itself.arg0("remit").args([command, id]);
    itself
}

fn row(tasks: &Tasks, record: &Record, now: Timestamp) -> Row {
    let progress = if record.is_over() { None } else { progress_of(&tasks.state, &record.id) };
    Row {
        id: record.id.to_string(),
        name: record.name.clone(),
        state: state_words(record),
        mood: mood(record),
        progress,
        time: duration::show(time(record, now)).replace(' ', ""),
        command: record.created.command.join(" "),
    }
}

fn mood(record: &Record) -> Mood {
    match &record.state {
        State::Waiting { .. } => Mood::Asks,
        State::Queued => Mood::Waits,
        State::Starting | State::Running { .. } => Mood::Runs,
        State::Ended { outcome: Outcome::Succeeded, .. } => Mood::Good,
        State::Ended { outcome: Outcome::Cancelled { .. }, .. } => Mood::Quiet,
        State::Ended { .. } => Mood::Bad,
    }
}
