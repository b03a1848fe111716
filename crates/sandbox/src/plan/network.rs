//! The network grant.

use remit_policy::{NetworkMode, Policy};

use super::files::why;
use crate::{Carried, Gap, Grant, Host, Mechanism};

pub(super) struct Network {
    /// The task gets a network namespace.
    pub(super) namespace: bool,
    /// IPv4 and IPv6 sockets can be made at all.
    pub(super) inet_sockets: bool,
    pub(super) deny_tcp: bool,
    pub(super) carried: Vec<Carried>,
    pub(super) gaps: Vec<Gap>,
}

pub(super) fn network(policy: &Policy, host: &Host) -> Network {
    if policy.network.mode == NetworkMode::All {
        return Network {
            namespace: false,
            inet_sockets: true,
            deny_tcp: false,
            carried: Vec::new(),
            gaps: vec![Gap {
                grant: Grant::Network,
                what: "commands can reach every host, and the services of this one".to_owned(),
                why: "the agent file grants the whole network".to_owned(),
                remedy: Some("name the hosts in `sandbox.network.allow`".to_owned()),
            }],
        };
    }
    let mut gaps = Vec::new();
    if let NetworkMode::Hosts(hosts) = &policy.network.mode {
        let names: Vec<String> = hosts.iter().map(|rule| format!("`{}`", rule.host)).collect();
        gaps.push(Gap {
            grant: Grant::Network,
            what: format!("{} cannot be reached: named hosts are closed in this version", names.join(", ")),
            why: "no mechanism of this version tells hosts apart, and one that cannot would open all of them".to_owned(),
            remedy: Some("fetch what the task needs before it starts".to_owned()),
        });
    }
    // A network namespace of its own costs more than everything else together, so it is made only for its loopback.
    let namespace = policy.network.loopback && host.namespaces.works() && host.network_namespace.works();
    if policy.network.loopback && !namespace {
        let missing = if host.namespaces.works() { &host.network_namespace } else { &host.namespaces };
        gaps.push(Gap {
            grant: Grant::Network,
            what: "the task has no loopback of its own: servers on 127.0.0.1 cannot start".to_owned(),
            why: why(missing),
            remedy: None,
        });
    }
    let mut by = Vec::new();
    if namespace {
        by.push(Mechanism::NetworkNamespace);
    }
    if host.seccomp.works() {
        by.push(Mechanism::Seccomp);
    }
    let deny_tcp = !namespace;
    if deny_tcp && host.landlock_abi >= 4 {
        by.push(Mechanism::Landlock);
    }
    let what = if namespace { "no network but a private loopback" } else { "no network" };
    let carried = vec![Carried { grant: Grant::Network, what: what.to_owned(), by }];
    Network { namespace, inet_sockets: namespace, deny_tcp, carried, gaps }
}
