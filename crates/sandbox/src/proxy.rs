use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use remit_agent::AbsPath;
use remit_policy::HostRule;
use serde::Serialize;

use crate::{Host, PathFact, Plan};

/// The one way out of a task's own network: a proxy outside, whose socket listens inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProxyPlan {
    /// Where it listens, on the task's own loopback.
    pub address: SocketAddr,
    /// Programs that ask no proxy are caught: the names that are granted stand for addresses of the task's own loopback, and
    /// connections to ports 80 and 443 of these, and of every other address, are led to the proxy.
    pub catches: bool,
    /// Where it leads.
    pub hosts: Vec<HostRule>,
    /// The name server that is asked instead of this machine's own.
    pub resolver: Option<SocketAddr>,
}

/// As proxies are known by. The task has all ports of its own loopback but this one.
const PORT: u16 = 3128;

impl ProxyPlan {
    pub(crate) fn new(hosts: &[HostRule], host: &Host) -> ProxyPlan {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        ProxyPlan { address, catches: false, hosts: hosts.to_vec(), resolver: host.resolver }
    }

    /// Lets the task's programs look names up at the proxy, where its root can hold a file for that.
    pub(crate) fn catch(plan: &mut Plan, host: &Host) {
        let path = AbsPath::root().join("/etc/resolv.conf");
        let found = match host.paths.get(&path) {
            Some(PathFact::Found { canonical, .. }) => canonical.clone(),
            Some(PathFact::Missing | PathFact::Link) | None => path.clone(),
        };
        let (Some(proxy), Some(root)) = (&mut plan.proxy, &mut plan.root) else { return };
        // Inside a directory of the host's there is no place for it.
        let is_file = |at: &AbsPath| *at == path || *at == found;
        let directories = root.binds.iter().map(|bind| &bind.path).filter(|bind| !is_file(bind));
        if directories.chain(plan.layers.iter().map(|layer| &layer.target)).any(|directory| path.is_beneath(directory)) {
            return;
        }
        root.binds.retain(|bind| !is_file(&bind.path));
        root.links.remove(&path);
        root.files.insert(path.clone(), "# by Remit: the names that the policy grants\nnameserver 127.0.0.1\n".to_owned());
        if let Some(landlock) = &mut plan.landlock {
            // Who may not read it asks where this file says, all the same: that is what a resolver does without one.
            landlock.rules.iter_mut().filter(|rule| rule.path == found).for_each(|rule| rule.path = path.clone());
        }
        proxy.catches = true;
    }

    /// Returns the variables by which programs are told of it.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let proxy = format!("http://{}", self.address);
        let both = |name: &str, value: &str| [(name.to_owned(), value.to_owned()), (name.to_lowercase(), value.to_owned())];
        let named = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].into_iter().flat_map(|name| both(name, &proxy));
        // What the task serves itself is on its own loopback.
        let own = both("NO_PROXY", "localhost,127.0.0.1,::1");
        let npm = ["npm_config_proxy", "npm_config_https_proxy"].map(|name| (name.to_owned(), proxy.clone()));
        // By itself `fetch` of Node.js asks no proxy.
        let node = [("NODE_USE_ENV_PROXY".to_owned(), "1".to_owned())];
        named.chain(own).chain(npm).chain(node).collect()
    }
}
