//! Telling that a task has ended, by the ways that the user's settings and this process's surroundings leave.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use remit_tasks::notify::{self, Ended, NotifySettings, Reach};
use remit_tasks::{Outcome, Record, StateDir, Store, TaskId, Timestamp, summary_of};

use crate::commands::tasks::{state_words, time};
use crate::store::Tasks;

/// By this variable the command that starts a task tells the task's supervisor from which terminal.
pub(crate) const TERMINAL: &str = "REMIT_TERMINAL";

/// Returns what is said of a task that has ended.
pub(crate) fn ended(tasks: &Tasks, record: &Record) -> Ended {
    of_record(&tasks.state, record)
}

/// Tells that a task has ended, once, whoever calls. What cannot be told that way is told at the next prompt all the same.
pub(crate) fn tell(state: &StateDir, store: &Store, id: &TaskId) {
    // There is nobody to tell that telling failed.
    let _ = notify::mark(state);
    let Ok(record) = store.record(id) else { return };
    if record.is_over() && notify::claim(state, id).unwrap_or(false) {
        for notice in notify::plan(&settings(store), &of_record(state, &record), &reach()) {
            let _ = notify::act(&notice);
        }
    }
}

fn of_record(state: &StateDir, record: &Record) -> Ended {
    let summary = summary_of(state, &record.id);
    Ended {
        id: record.id.to_string(),
        name: record.name.clone(),
        outcome: state_words(record),
        succeeded: record.outcome() == Some(&Outcome::Succeeded),
        took: record.state.started_at().map(|_| time(record, Timestamp::now())),
        headline: summary.and_then(|summary| summary.to_string().lines().next().map(str::to_owned)),
    }
}

fn settings(store: &Store) -> NotifySettings {
    // Each was looked at when it was set; without a store that can be read, what is usual is done.
    let values = store.settings().unwrap_or_default();
    let usual = NotifySettings::default();
    let switch = |key: &str, usual: bool| values.get(key).map_or(usual, |value| value == "true");
    let command = values.get("notify.command").map(|value| remit_tasks::command_words(value));
    let at_least = values.get("notify.atLeast").and_then(|value| value.parse().ok()).map(Duration::from_secs);
    NotifySettings {
        desktop: switch("notify.desktop", usual.desktop),
        terminal: switch("notify.terminal", usual.terminal),
        command: command.unwrap_or_default(),
        at_least: at_least.unwrap_or(usual.at_least),
    }
}

fn reach() -> Reach {
    Reach {
        bus: Reach::bus(env::var("DBUS_SESSION_BUS_ADDRESS").ok(), env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)),
        terminal: env::var_os(TERMINAL).map(PathBuf::from),
    }
}

/// Returns the terminal that this process is used from.
pub(crate) fn terminal() -> Option<PathBuf> {
    let name = |stream| rustix::termios::ttyname(stream, Vec::new()).ok()?.into_string().ok();
    name(rustix::stdio::stderr()).or_else(|| name(rustix::stdio::stdin())).map(PathBuf::from)
}
