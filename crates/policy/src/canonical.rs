//! The canonical form: what a policy means, and nothing of where it was written.
//!
//! Origins are taken out of the typed policy, not of its JSON: an environment variable may well be called `origin`.
//! Lists that are unions are sorted and hold each rule once; lists whose order has a meaning keep it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    CommandGrants, CommandRule, EnvironmentGrant, FileGrants, HostRule, Limit, NetworkGrant, NetworkMode, Origin, PassedVariable,
    PathRule, Policy, Start, ToolGrants, ToolRule,
};

impl Policy {
    /// Returns the canonical form: JSON with sorted keys and no origins, the same for the same meaning.
    pub fn canonical(&self) -> String {
        // A policy is made of strings, numbers and lists only, so writing it as JSON cannot fail.
        let value = serde_json::to_value(erase(self)).unwrap_or(Value::Null);
        sorted(value).to_string()
    }
}

/// Returns the policy without origins. Every field is named, so that a new one cannot be forgotten here.
fn erase(policy: &Policy) -> Policy {
    let Policy {
        version,
        agent,
        reading,
        profile,
        confinement,
        workspace,
        home,
        tools,
        commands,
        files,
        network,
        environment,
        limits,
        starts,
    } = policy.clone();
    Policy {
        version,
        agent,
        reading,
        profile,
        confinement,
        workspace,
        home,
        tools: erase_tools(tools),
        commands: erase_commands(commands),
        files: erase_files(files),
        network: erase_network(network),
        environment: erase_environment(environment),
        limits: union(limits, |limit| Limit { origin: Origin::Erased, ..limit }),
        // Hooks of one trigger run in their order.
        starts: starts.into_iter().map(|start| Start { origin: Origin::Erased, ..start }).collect(),
    }
}

fn erase_tools(tools: ToolGrants) -> ToolGrants {
    let ToolGrants { visible, allowed, narrowed, unknown } = tools;
    let erase = |rules| union(rules, |rule| ToolRule { origin: Origin::Erased, ..rule });
    ToolGrants { visible: erase(visible), allowed: erase(allowed), narrowed: erase(narrowed), unknown: erase(unknown) }
}

fn erase_commands(commands: CommandGrants) -> CommandGrants {
    let CommandGrants { deny, allow, everything, read_only, otherwise } = commands;
    let erase = |rules| union(rules, |rule| CommandRule { origin: Origin::Erased, ..rule });
    CommandGrants {
        deny: erase(deny),
        allow: erase(allow),
        everything: everything.map(|_| Origin::Erased),
        read_only: read_only.map(|_| Origin::Erased),
        otherwise,
    }
}

fn erase_files(files: FileGrants) -> FileGrants {
    let FileGrants { read, write, execute, hidden, write_denied, protected, protected_read, workspace, caches } = files;
    let erase = |rules| union(rules, |rule| PathRule { origin: Origin::Erased, ..rule });
    FileGrants {
        read: erase(read),
        write: erase(write),
        execute: erase(execute),
        hidden: erase(hidden),
        write_denied: erase(write_denied),
        protected: erase(protected),
        protected_read: erase(protected_read),
        workspace,
        caches: erase(caches),
    }
}

fn erase_network(network: NetworkGrant) -> NetworkGrant {
    let NetworkGrant { mode, loopback, origin: _ } = network;
    let mode = match mode {
        NetworkMode::Hosts(hosts) => NetworkMode::Hosts(union(hosts, |host| HostRule { origin: Origin::Erased, ..host })),
        NetworkMode::None => NetworkMode::None,
        NetworkMode::All => NetworkMode::All,
    };
    NetworkGrant { mode, loopback, origin: Origin::Erased }
}

fn erase_environment(environment: EnvironmentGrant) -> EnvironmentGrant {
    // The order of `path` decides which program a name stands for.
    let EnvironmentGrant { inherit, pass, set, path } = environment;
    let pass = union(pass, |variable| PassedVariable { origin: Origin::Erased, ..variable });
    EnvironmentGrant { inherit, pass, set, path }
}

/// Returns the erased rules sorted by their JSON, each once.
fn union<T: Serialize>(rules: Vec<T>, erase: impl Fn(T) -> T) -> Vec<T> {
    let keyed = rules.into_iter().map(erase).map(|rule| (serde_json::to_string(&rule).unwrap_or_default(), rule));
    keyed.collect::<BTreeMap<_, _>>().into_values().collect()
}

/// Sorts the keys of every object, whatever order the JSON library keeps them in.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let entries: BTreeMap<_, _> = object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(entries.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}
