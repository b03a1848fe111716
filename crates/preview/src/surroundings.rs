//! Network, limits, environment, and what starts by itself.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use remit_policy::{HostRule, LimitKind, NetworkMode, Origin, Policy, Start, StartKind};
use remit_sandbox::{Grant, Plan};
use serde::Serialize;

/// The id of the task, in the environment of all its processes: the executor gives it, once there is a task.
const OF_THE_TASK: &str = "REMIT_TASK";

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Network {
    pub reach: NetworkReach,
    /// The task's processes can reach each other on a loopback of their own.
    pub loopback: bool,
    /// The one way out, on that loopback: a proxy, which the variables of Remit name to programs.
    pub proxy: Option<SocketAddr>,
    /// Programs that ask no proxy are led to it all the same, on the ports of HTTP.
    pub catches: bool,
    /// A part of this is not held here, or not granted here: see what is not held.
    pub gap: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkReach {
    Nothing,
    /// `host:port`, or `host` for the ports 80 and 443.
    Hosts(Vec<String>),
    Everything,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LimitLine {
    pub kind: LimitKind,
    /// Bytes, seconds or a count.
    pub value: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// The whole environment of the caller passes.
    pub inherit: bool,
    /// The names that the agent file passes, as written.
    pub passed_by_agent: Vec<String>,
    /// The names whose values the file or the profile gives.
    pub set: Vec<String>,
    /// The names of every variable that the task gets on this host.
    pub variables: Vec<String>,
}

/// A command that starts without being asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StartLine {
    pub kind: StartKind,
    pub command: String,
    /// The names of the variables that the file gives it.
    pub env: Vec<String>,
    /// The variables of the caller's own, secrets too, whose values it is given.
    pub handed_on: Vec<String>,
}

pub(crate) fn network(policy: &Policy, plan: &Plan) -> Network {
    let reach = match &policy.network.mode {
        NetworkMode::None => NetworkReach::Nothing,
        NetworkMode::Hosts(hosts) => NetworkReach::Hosts(hosts.iter().map(host_text).collect()),
        NetworkMode::All => NetworkReach::Everything,
    };
    Network {
        reach,
        loopback: plan.namespaces.is_some_and(|namespaces| namespaces.loopback),
        proxy: plan.proxy.as_ref().map(|proxy| proxy.address),
        catches: plan.proxy.as_ref().is_some_and(|proxy| proxy.catches),
        gap: plan.gaps.iter().any(|gap| gap.grant == Grant::Network),
    }
}

pub(crate) fn limits(policy: &Policy) -> Vec<LimitLine> {
    policy.limits.iter().map(|limit| LimitLine { kind: limit.kind, value: limit.value }).collect()
}

pub(crate) fn environment(policy: &Policy, plan: &Plan) -> Environment {
    let environment = &policy.environment;
    let variables: BTreeSet<&str> = plan.environment.keys().map(String::as_str).chain([OF_THE_TASK]).collect();
    let of_agent = environment.pass.iter().filter(|variable| matches!(variable.origin, Origin::Agent(_)));
    Environment {
        inherit: environment.inherit,
        passed_by_agent: of_agent.map(|variable| variable.name.clone()).collect(),
        set: environment.set.keys().cloned().collect(),
        variables: variables.into_iter().map(str::to_owned).collect(),
    }
}

pub(crate) fn starts(policy: &Policy) -> Vec<StartLine> {
    let line = |start: &Start| StartLine {
        kind: start.kind.clone(),
        command: start.command.clone(),
        env: start.env.keys().cloned().collect(),
        handed_on: start.handed_on.clone(),
    };
    policy.starts.iter().map(line).collect()
}

fn host_text(rule: &HostRule) -> String {
    rule.port.map_or_else(|| rule.host.clone(), |port| format!("{}:{port}", rule.host))
}
