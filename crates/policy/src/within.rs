//! Whether one policy permits no more than another, and what it permits beyond it.
//!
//! Every grant is compared by what it means, not by how it is written: a narrower pattern is within a wider one. The
//! answer is sound and not complete. Where it cannot be proven that a rule is within the other policy's, it is an
//! excess: a pattern that is refused wrongly costs a question, one that is let through wrongly costs the wall.
//!
//! A decision that asks permits more than one that denies, and less than one that allows. One exception: what the other
//! policy grants by name only, and this one does not grant at all, may ask here and be denied there.

mod commands;
mod files;
mod language;
mod tools;

use remit_agent::NativeTool;
use serde::Serialize;

use crate::diff::words;
use crate::{Confinement, HostRule, LimitKind, NetworkMode, Origin, Policy, Start, StartKind};

/// One thing that a policy permits and another does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    pub grant: Grant,
    /// As in "can write `/home/ann/.config`", to stand after the name of the agent.
    pub text: String,
    /// The rule that permits it; `None` where it is a denial of the other policy that is missing here.
    pub origin: Option<Origin>,
}

/// The part of a policy that an excess stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grant {
    /// Where it works, and whether it is confined.
    Confinement,
    Tools,
    Commands,
    Files,
    Network,
    Environment,
    Limits,
    /// What starts without being asked for.
    Starts,
}

impl Policy {
    /// Returns whether this policy is known to permit nothing that `of` does not.
    pub fn is_within(&self, of: &Policy) -> bool {
        self.excess(of).is_empty()
    }

    /// Returns what this policy permits beyond `of`, in the order of the grants; nothing when it is within.
    ///
    /// What cannot be proven to be within is named too. Servers are compared by the command that starts them; one that
    /// is reached over HTTP is in no policy, and is compared by its name.
    pub fn excess(&self, of: &Policy) -> Vec<Excess> {
        let mut all = Beyond { excess: Vec::new() };
        if !of.is_unrestricted() {
            if self.is_unrestricted() {
                all.say(Grant::Confinement, "is not confined", None);
                return all.excess;
            }
            place(self, of, &mut all);
            tools::compare(self, of, &mut all);
        }
        commands::compare(self, of, &mut all);
        files::compare(self, of, &mut all);
        network(self, of, &mut all);
        environment(self, of, &mut all);
        limits(self, of, &mut all);
        if !of.is_unrestricted() {
            starts(self, of, &mut all);
        }
        all.excess
    }

    /// Returns whether a command line can be allowed at all.
    fn runs_commands(&self) -> bool {
        self.confinement == Confinement::Unrestricted || self.tools.is_visible(NativeTool::Shell)
    }
}

/// What has been found so far.
struct Beyond {
    excess: Vec<Excess>,
}

impl Beyond {
    fn say(&mut self, grant: Grant, text: impl Into<String>, origin: Option<&Origin>) {
        let excess = Excess { grant, text: text.into(), origin: origin.cloned() };
        // Two readings of one pattern are one rule to a person.
        if !self.excess.contains(&excess) {
            self.excess.push(excess);
        }
    }
}

/// Returns the words for a rule of any list.
fn rule_text(rule: &impl Serialize) -> String {
    serde_json::to_value(rule).map_or_else(|_| "a rule".to_owned(), |rule| words::rule(&rule))
}

/// Relative paths and `~` mean something else elsewhere, and so do programs of the workspace.
fn place(policy: &Policy, of: &Policy, all: &mut Beyond) {
    if policy.workspace != of.workspace {
        all.say(Grant::Confinement, format!("works in `{}`", policy.workspace), None);
    }
    if policy.home != of.home {
        all.say(Grant::Confinement, format!("has the home directory `{}`", policy.home), None);
    }
}

fn network(policy: &Policy, of: &Policy, all: &mut Beyond) {
    let grant = &policy.network;
    let none = Vec::new();
    let granted = match (&grant.mode, &of.network.mode) {
        (NetworkMode::None, _) | (_, NetworkMode::All) => return loopback(policy, of, all),
        (NetworkMode::All, _) => return all.say(Grant::Network, "can reach every host", Some(&grant.origin)),
        (NetworkMode::Hosts(_), NetworkMode::None) => &none,
        (NetworkMode::Hosts(_), NetworkMode::Hosts(hosts)) => hosts,
    };
    if let NetworkMode::Hosts(hosts) = &grant.mode {
        for host in hosts.iter().filter(|host| !granted.iter().any(|other| covers_host(other, host))) {
            all.say(Grant::Network, format!("can reach {}", rule_text(host)), Some(&host.origin));
        }
    }
    loopback(policy, of, all);
}

fn loopback(policy: &Policy, of: &Policy, all: &mut Beyond) {
    if policy.network.loopback && !of.network.loopback && of.network.mode != NetworkMode::All {
        all.say(Grant::Network, "has a loopback of its own", Some(&policy.network.origin));
    }
}

fn covers_host(wide: &HostRule, narrow: &HostRule) -> bool {
    let name = wide.host == narrow.host
        // `*.b.c` is at least one label before `.b.c`, for `x.b.c` and for `*.x.b.c`.
        || wide.host.strip_prefix('*').is_some_and(|tail| {
            let name = narrow.host.strip_prefix("*.").unwrap_or(&narrow.host);
            name.strip_suffix(tail).is_some_and(|labels| !labels.is_empty())
        });
    let port = match (wide.port, narrow.port) {
        (None, port) => port.is_none_or(|port| matches!(port, 80 | 443)),
        (wide, narrow) => wide == narrow,
    };
    name && port
}

fn environment(policy: &Policy, of: &Policy, all: &mut Beyond) {
    let (grant, wide) = (&policy.environment, &of.environment);
    if wide.inherit {
        // Whoever has everything can set and look for what it likes.
        return;
    }
    if grant.inherit {
        all.say(Grant::Environment, "gets the whole environment", None);
    }
    let passes = |name: &str| {
        wide.pass.iter().any(|passed| match passed.name.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => passed.name == name,
        })
    };
    for passed in grant.pass.iter().filter(|passed| !passes(&passed.name)) {
        all.say(Grant::Environment, format!("gets the variable `{}`", passed.name), Some(&passed.origin));
    }
    // A value that another program reads can be a permission or take one away.
    for name in grant.set.iter().filter(|(name, value)| wide.set.get(*name) != Some(value)).map(|(name, _)| name) {
        all.say(Grant::Environment, format!("sets `{name}` to another value"), None);
    }
    for name in wide.set.keys().filter(|name| !grant.set.contains_key(*name)) {
        all.say(Grant::Environment, format!("does not set `{name}`"), None);
    }
    if grant.path != wide.path {
        all.say(Grant::Environment, "looks for programs in other directories", None);
    }
}

fn limits(policy: &Policy, of: &Policy, all: &mut Beyond) {
    let own = |kind: LimitKind| policy.limits.iter().filter(move |limit| limit.kind == kind).min_by_key(|limit| limit.value);
    for wide in &of.limits {
        let name = serde_json::to_value(wide.kind).map_or_else(|_| "something".to_owned(), |kind| words::limit(&kind));
        match own(wide.kind) {
            None => all.say(Grant::Limits, format!("has no limit of {name}"), None),
            Some(limit) if limit.value > wide.value => {
                all.say(Grant::Limits, format!("may use {} of {name}, not {}", limit.value, wide.value), Some(&limit.origin));
            }
            Some(_) => {}
        }
    }
}

fn starts(policy: &Policy, of: &Policy, all: &mut Beyond) {
    let words = |start: &Start| serde_json::to_value(start).map_or_else(|_| "a command".to_owned(), |start| words::start(&start));
    let same = |one: &Start, other: &Start| one.kind == other.kind && one.command == other.command && one.env == other.env;
    for start in policy.starts.iter().filter(|start| !of.starts.iter().any(|other| same(start, other))) {
        all.say(Grant::Starts, format!("starts by itself {}", words(start)), Some(&start.origin));
    }
    // A hook before a tool can refuse the call.
    let guards =
        of.starts.iter().filter(|start| matches!(&start.kind, StartKind::Hook { trigger, .. } if trigger == "preToolUse"));
    for guard in guards.filter(|guard| !policy.starts.iter().any(|own| same(own, guard))) {
        all.say(Grant::Starts, format!("does not ask {}", words(guard)), None);
    }
}

#[cfg(test)]
mod tests;
