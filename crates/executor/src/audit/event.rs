use std::borrow::Cow;
use std::net::IpAddr;

use remit_policy::{CommandLine, Decision, Reason, Request};
use remit_proxy::Event;
use serde::{Deserialize, Serialize};

use crate::tools::quoted;

/// Something that is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AuditEvent<'a> {
    /// A session, or a task, begins.
    Opened { agent: Option<Cow<'a, str>>, profile: Cow<'a, str>, digest: Cow<'a, str>, workspace: Cow<'a, str> },
    /// A tool was called, and the gate has spoken.
    Called {
        call: u64,
        tool: Cow<'a, str>,
        /// The arguments, as JSON, cut when they are long.
        input: Cow<'a, str>,
        verdict: Cow<'a, str>,
        /// What decided: a rule, a hook, or what is wrong with the arguments.
        why: Cow<'a, str>,
        effects: Vec<Effect<'a>>,
    },
    /// A person was asked.
    Answered {
        call: u64,
        /// By which way: `elicitation`.
        by: Cow<'a, str>,
        allowed: bool,
        /// Of the policy under which it was asked.
        digest: Cow<'a, str>,
        /// Of the policy of the task that would be launched, when it was about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        launch: Option<Cow<'a, str>>,
    },
    /// What came of a call that was let through.
    Ended {
        call: u64,
        /// `done`, `failed`, `refused by the kernel`, `cancelled`.
        outcome: Cow<'a, str>,
        why: Option<Cow<'a, str>>,
        /// What the kernel said.
        errno: Option<i32>,
        /// Microseconds from the call to its end.
        micros: u64,
    },
    /// A task was made in the background.
    Delegated {
        call: u64,
        task: Cow<'a, str>,
        /// `None`: a task that may do everything.
        agent: Option<Cow<'a, str>>,
        /// Of the task's policy: what was approved.
        digest: Cow<'a, str>,
        command: Vec<Cow<'a, str>>,
        /// By whom: `a person, by elicitation`, `within the launching agent's policy`, `nobody yet`.
        approved: Cow<'a, str>,
        /// What the task may do beyond the launching agent.
        excess: Vec<Cow<'a, str>>,
    },
    /// A hook of the agent ran, or was not let.
    Hooked { trigger: Cow<'a, str>, command: Cow<'a, str>, outcome: Cow<'a, str> },
    /// The worker was gone, and another took its place.
    Restarted { why: Cow<'a, str> },
    /// How one of the agent's own servers stands: it starts, has so many tools, or has ended.
    Served { server: Cow<'a, str>, outcome: Cow<'a, str> },
    /// A connection out of the task's network was permitted and made.
    Connected {
        connection: u64,
        /// How it was asked for: `connect`, `http`, `socks`, `name`.
        by: Cow<'a, str>,
        host: Cow<'a, str>,
        port: u16,
        address: IpAddr,
        rule: Cow<'a, str>,
        /// Where the rule stands.
        #[serde(rename = "where")]
        place: Cow<'a, str>,
    },
    /// A connection was refused, or could not be made, or went no further.
    Refused { connection: u64, by: Cow<'a, str>, host: Cow<'a, str>, port: u16, address: Option<IpAddr>, why: Cow<'a, str> },
    /// Connections were refused like others before, of which each has its line.
    RefusedAlike {
        by: Cow<'a, str>,
        host: Cow<'a, str>,
        port: u16,
        why: Cow<'a, str>,
        /// How many, since the last line about them.
        more: u64,
        /// How many of them there were, from the first.
        all: u64,
    },
    /// A connection has ended.
    Disconnected {
        connection: u64,
        /// Bytes from the task.
        sent: u64,
        /// Bytes to the task.
        received: u64,
        micros: u64,
        why: Option<Cow<'a, str>>,
    },
    /// There is no way out of the task's network any more.
    NetworkClosed { why: Cow<'a, str> },
    /// The last event.
    Closed { outcome: Cow<'a, str> },
}

/// One thing that a call would do, and what the policy says to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect<'a> {
    /// `read`, `write`, `run`, `call`.
    pub action: Cow<'a, str>,
    pub object: Cow<'a, str>,
    pub verdict: Cow<'a, str>,
    pub rule: Cow<'a, str>,
    /// Where the rule stands.
    #[serde(rename = "where")]
    pub place: Cow<'a, str>,
}

impl AuditEvent<'_> {
    pub(crate) fn of_network(event: Event) -> AuditEvent<'static> {
        match event {
            Event::Connected { connection, by, host, port, address, rule, place } => AuditEvent::Connected {
                connection,
                by: by.name().into(),
                host: host.into(),
                port,
                address,
                rule: rule.into(),
                place: place.into(),
            },
            Event::Refused { connection, by, host, port, address, why } => {
                AuditEvent::Refused { connection, by: by.name().into(), host: host.into(), port, address, why: why.into() }
            }
            Event::Disconnected { connection, sent, received, micros, why } => {
                AuditEvent::Disconnected { connection, sent, received, micros, why: why.map(Cow::Owned) }
            }
        }
    }
}

impl Effect<'_> {
    pub(crate) fn new(request: &Request, decision: Decision, reason: &Reason) -> Effect<'static> {
        let (action, object) = words(request);
        Effect {
            action: action.into(),
            object: object.into(),
            verdict: verdict(decision).into(),
            rule: reason.rule.clone().into(),
            place: reason.origin.to_string().into(),
        }
    }
}

pub(crate) fn verdict(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Ask => "ask",
        Decision::Deny => "deny",
    }
}

/// Returns what a request does, in one word, and to what.
pub(crate) fn words(request: &Request) -> (&'static str, String) {
    match request {
        Request::Command(CommandLine::Shell(line)) => ("run", line.clone()),
        Request::Command(CommandLine::Argv(words)) => ("run", as_written(words)),
        Request::ReadFile(path) => ("read", path.to_string()),
        Request::WriteFile(path) => ("write", path.to_string()),
        Request::Tool(name) => ("call", name.clone()),
        Request::Aws(call) => {
            let words = as_written(&call.words);
            ("run", format!("aws {} {} {words}", call.service, call.operation).trim_end().to_owned())
        }
        Request::Fetch(address) => ("fetch", address.to_string()),
        Request::Start(start) => ("start", start.command.clone()),
    }
}

/// Returns words as somebody would write them for a shell: where one ends is then seen.
fn as_written(words: &[String]) -> String {
    let plain = |word: &str, first: bool| {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "@%+:,./-_".contains(letter) || (letter == '=' && !first);
        !word.is_empty() && word.chars().all(is_plain)
    };
    let words = words.iter().enumerate();
    let words = words.map(|(at, word)| if plain(word, at == 0) { word.clone() } else { quoted(word) });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_seen_where_a_word_ends() {
        let check = |list: &[&str], expected: &str| {
            let list = list.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(words(&Request::Command(CommandLine::Argv(list))), ("run", expected.to_owned()));
        };
        check(&["ls", "-l", "--sort=size", "a/b.txt"], "ls -l --sort=size a/b.txt");
        check(&["echo", "a b", "c; rm -rf /", "", "it's"], r"echo 'a b' 'c; rm -rf /' '' 'it'\''s'");
        check(&["A=1", "x"], "'A=1' x");
    }
}
