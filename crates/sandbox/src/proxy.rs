use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use remit_policy::HostRule;
use serde::Serialize;

use crate::Host;

/// The one way out of a task's own network: a proxy outside, whose socket listens inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProxyPlan {
    /// Where it listens, on the task's own loopback.
    pub address: SocketAddr,
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
        ProxyPlan { address, hosts: hosts.to_vec(), resolver: host.resolver }
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
