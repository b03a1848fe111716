//! The user's settings of tasks.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use rusqlite::{OptionalExtension, params};
use thiserror::Error;

use super::{Store, StoreError};
use crate::queue::Limits;

/// A setting that there is, and what it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    pub key: &'static str,
    pub about: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// At least 1.
    Count,
    Switch,
    /// A number, 0 too.
    Seconds,
    /// A program and its arguments, as a JSON list or words between spaces; no shell reads it.
    Command,
    /// An address and a port.
    Address,
    /// A command with a place for a prompt, as a JSON list or words between spaces.
    Template,
    /// A name behind `runners.`.
    Runner,
}

const RUNNER: &str = "a chat command for `remit delegate`; `{prompt}`, `{file}` or neither (standard input) take the prompt";

const SETTINGS: [Setting; 14] = [
    Setting {
        key: "tasks.maxConcurrent",
        about: "how many tasks run at once; the number of cores when it is not set",
        kind: Kind::Count,
    },
    Setting { key: "tasks.maxConcurrentPerAgent.NAME", about: "how many tasks of the agent NAME run at once", kind: Kind::Count },
    Setting { key: "delegate.enabled", about: "whether agents may start tasks in the background", kind: Kind::Switch },
    Setting {
        key: "notify.atLeast",
        about: "seconds; a task that succeeded sooner is told at the prompt alone; 10 when it is not set",
        kind: Kind::Seconds,
    },
    Setting { key: "notify.desktop", about: "whether an end is told on the desktop", kind: Kind::Switch },
    Setting { key: "notify.terminal", about: "whether it is told by the bell of the terminal, and OSC 9", kind: Kind::Switch },
    Setting { key: "delegate.runner", about: "the runner that is used when none is named", kind: Kind::Runner },
    Setting { key: "runners.kiro", about: RUNNER, kind: Kind::Template },
    Setting { key: "runners.claude", about: RUNNER, kind: Kind::Template },
    Setting { key: "runners.codex", about: RUNNER, kind: Kind::Template },
    Setting { key: "runners.gemini", about: RUNNER, kind: Kind::Template },
    Setting { key: "runners.custom", about: RUNNER, kind: Kind::Template },
    Setting { key: "notify.command", about: "a program that is started when a task ends, without a shell", kind: Kind::Command },
    Setting { key: Setting::RESOLVER, about: "the name server of tasks with named hosts, as in 1.1.1.1:53", kind: Kind::Address },
];

/// What the keys of runners begin with.
pub const RUNNERS: &str = "runners.";
const PER_AGENT: &str = "tasks.maxConcurrentPerAgent.";

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingError {
    #[error("there is no setting `{0}`")]
    Unknown(String),
    #[error("`{value}` is no value for `{key}`: {expected}")]
    Value { key: String, value: String, expected: &'static str },
}

impl Setting {
    /// The name server that is asked for the hosts of an agent, instead of this machine's own.
    pub const RESOLVER: &'static str = "network.resolver";

    pub fn all() -> &'static [Setting] {
        &SETTINGS
    }

    /// Returns the setting of that key, which `value` may be given.
    pub fn check(key: &str, value: &str) -> Result<(), SettingError> {
        let named = key.strip_prefix(PER_AGENT).is_some_and(|agent| !agent.is_empty());
        let setting = SETTINGS.iter().find(|setting| setting.key == key || (named && setting.key.starts_with(PER_AGENT)));
        let setting = setting.filter(|setting| named || !setting.key.starts_with(PER_AGENT));
        let setting = setting.ok_or_else(|| SettingError::Unknown(key.to_owned()))?;
        let expected = match setting.kind {
            Kind::Count if value.parse::<u32>().is_ok_and(|count| count > 0) => return Ok(()),
            Kind::Count => "give a number from 1 on",
            Kind::Seconds if value.parse::<u32>().is_ok() => return Ok(()),
            Kind::Seconds => "give a number of seconds",
            Kind::Switch if matches!(value, "true" | "false") => return Ok(()),
            Kind::Switch => "give `true` or `false`",
            Kind::Command if !value.trim().is_empty() => return Ok(()),
            Kind::Command => "give a program",
            Kind::Address if value.parse::<SocketAddr>().is_ok_and(|address| address.port() != 0) => return Ok(()),
            Kind::Address => "give an address and a port, as in 1.1.1.1:53",
            Kind::Template if is_template(value) => return Ok(()),
            Kind::Template => {
                "give a program and its arguments, with `{prompt}` or `{file}` at most once, and not as the program"
            }
            Kind::Runner if SETTINGS.iter().any(|setting| setting.key.strip_prefix(RUNNERS) == Some(value)) => return Ok(()),
            Kind::Runner => "give `kiro`, `claude`, `codex`, `gemini` or `custom`",
        };
        Err(SettingError::Value { key: key.to_owned(), value: value.to_owned(), expected })
    }
}

/// Returns the words of a setting that is a program and its arguments: a JSON list, or what stands between spaces.
pub fn command_words(value: &str) -> Vec<String> {
    serde_json::from_str(value).unwrap_or_else(|_| value.split_whitespace().map(str::to_owned).collect())
}

fn is_template(value: &str) -> bool {
    let words = command_words(value);
    let places = |word: &String| word.matches("{prompt}").count() + word.matches("{file}").count();
    let (first, rest) = match words.split_first() {
        Some((first, rest)) if !first.is_empty() => (first, rest),
        _ => return false,
    };
    places(first) == 0 && rest.iter().map(places).sum::<usize>() <= 1
}

impl Store {
    pub fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT value FROM settings WHERE key = ?";
        self.db.query_row(sql, [key], |row| row.get(0)).optional().map_err(self.failed("read"))
    }

    pub fn settings(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let failed = self.failed("read");
        let mut statement = self.db.prepare("SELECT key, value FROM settings").map_err(&failed)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Sets a setting that passed [`Setting::check`]; `None` forgets it.
    pub fn set(&mut self, key: &str, value: Option<&str>) -> Result<(), StoreError> {
        self.writing("write", |transaction, path| {
            let done = match value {
                Some(value) => {
                    transaction.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", params![key, value])
                }
                None => transaction.execute("DELETE FROM settings WHERE key = ?", [key]),
            };
            done.map(|_| ()).map_err(super::failed(path, "write"))
        })
    }

    /// Returns how many tasks run at once.
    pub fn limits(&self) -> Result<Limits, StoreError> {
        let settings = self.settings()?;
        let count = |value: &String| value.parse::<usize>().ok().filter(|count| *count > 0);
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let agents = settings.iter().filter_map(|(key, value)| Some((key.strip_prefix(PER_AGENT)?.to_owned(), count(value)?)));
        Ok(Limits { all: settings.get("tasks.maxConcurrent").and_then(count).unwrap_or_else(cores), agents: agents.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_known_and_fits() {
        let check = |key: &str, value: &str, expected: &str| match Setting::check(key, value) {
            Ok(()) => assert_eq!(expected, "", "{key}"),
            Err(error) => assert!(!expected.is_empty() && error.to_string().contains(expected), "{error}"),
        };
        check("tasks.maxConcurrent", "4", "");
        check("tasks.maxConcurrent", "0", "from 1 on");
        check("tasks.maxConcurrent", "many", "from 1 on");
        check("tasks.maxConcurrentPerAgent.test-runner", "1", "");
        check("tasks.maxConcurrentPerAgent.NAME", "1", "");
        check("tasks.maxConcurrentPerAgent.", "1", "no setting");
        check("delegate.enabled", "true", "");
        check("delegate.enabled", "yes", "`true` or `false`");
        check("notify.desktop", "false", "");
        check("notify.terminal", "off", "`true` or `false`");
        check("notify.atLeast", "0", "");
        check("notify.atLeast", "10s", "a number of seconds");
        check("notify.command", "notify-send done", "");
        check("notify.command", " ", "a program");
        check("tasks.max", "4", "no setting");
        check("runners.codex", "codex exec -- {prompt}", "");
        check("runners.custom", r#"["sh", "-c", "a b"]"#, "");
        check("runners.custom", "{prompt}", "a program and its arguments");
        check("runners.custom", "a {prompt} {file}", "at most once");
        check("runners.custom", " ", "a program and its arguments");
        check("runners.other", "x", "no setting");
        check("delegate.runner", "codex", "");
        check("delegate.runner", "other", "`kiro`");
    }
}
