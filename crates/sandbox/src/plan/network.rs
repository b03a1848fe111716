//! The network grant.

use remit_policy::{HostRule, NetworkMode, Policy};

use super::files::why;
use crate::{Availability, Carried, Gap, Grant, Host, Mechanism, ProxyPlan};

pub(super) struct Network {
    /// The task gets a network namespace.
    pub(super) namespace: bool,
    /// IPv4 and IPv6 sockets can be made at all.
    pub(super) inet_sockets: bool,
    pub(super) deny_tcp: bool,
    pub(super) proxy: Option<ProxyPlan>,
    pub(super) carried: Vec<Carried>,
    pub(super) gaps: Vec<Gap>,
}

pub(super) fn network(policy: &Policy, host: &Host) -> Network {
    if policy.network.mode == NetworkMode::All {
        return Network {
            namespace: false,
            inet_sockets: true,
            deny_tcp: false,
            proxy: None,
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
    let missing = if host.namespaces.works() { &host.network_namespace } else { &host.namespaces };
    let proxy = match &policy.network.mode {
        NetworkMode::Hosts(hosts) if missing.works() => Some(ProxyPlan::new(hosts, host)),
        NetworkMode::Hosts(hosts) => {
            gaps.push(closed(hosts, missing));
            None
        }
        NetworkMode::None | NetworkMode::All => None,
    };
    // A network namespace of its own costs more than everything else together, so it is made only for what needs its loopback.
    let namespace = (policy.network.loopback || proxy.is_some()) && missing.works();
    if policy.network.loopback && !namespace {
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
    let mut carried = vec![Carried { grant: Grant::Network, what: what.to_owned(), by }];
    if let Some(proxy) = &proxy {
        let what = format!("the one way out, at {}, leads to the hosts that are named", proxy.address);
        carried.push(Carried { grant: Grant::Network, what, by: vec![Mechanism::NetworkNamespace, Mechanism::Proxy] });
    }
    Network { namespace, inet_sockets: namespace, deny_tcp, proxy, carried, gaps }
}

/// Without a network of the task's own nothing keeps it to the proxy: Landlock knows ports and no hosts, and every host has
/// every port.
fn closed(hosts: &[HostRule], missing: &Availability) -> Gap {
    let names: Vec<String> = hosts.iter().map(|rule| format!("`{}`", rule.host)).collect();
    let remedy = match missing {
        Availability::Missing { remedy, .. } => remedy.clone(),
        Availability::Works => String::new(),
    };
    Gap {
        grant: Grant::Network,
        what: format!("{} cannot be reached: the network is closed", names.join(", ")),
        why: format!("{}, and what is left here tells ports apart, not hosts", why(missing)),
        remedy: Some(format!("{remedy}; or fetch what the task needs before it starts")),
    }
}
