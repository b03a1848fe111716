//! The verdict on a target: pure, and the same for whoever asks.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::address::not_public;
use crate::target::{Host, Target};

/// A host that may be reached: a name, `*.` and a name, or an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// Lower-case, without a dot at its end; an IPv6 address in brackets.
    pub host: String,
    /// `None` is 80 and 443.
    pub port: Option<u16>,
    /// Where the rule stands, for people.
    pub place: String,
}

/// Every host that may be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules(pub Vec<Pattern>);

impl Pattern {
    fn permits(&self, target: &Target) -> bool {
        let port = self.port.map_or(matches!(target.port, 80 | 443), |port| port == target.port);
        let host = match (&target.host, self.host.strip_prefix("*.")) {
            // At least one label stands for the star.
            (Host::Name(name), Some(suffix)) => {
                name.strip_suffix(suffix).and_then(|labels| labels.strip_suffix('.')).is_some_and(|labels| !labels.is_empty())
            }
            (host, _) => host.to_string() == self.host,
        };
        port && host
    }

    /// Returns the rule as the agent file has it.
    pub fn text(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }
}

impl Rules {
    /// Returns the rule by which a target may be reached; the first, when there are several.
    pub fn permit(&self, target: &Target) -> Option<&Pattern> {
        self.0.iter().find(|pattern| pattern.permits(target))
    }

    /// Judges an address that the host of a permitted target turned out to have. One that is not public has to be named itself.
    pub fn judge(&self, address: IpAddr, port: u16) -> Result<(), &'static str> {
        match not_public(address) {
            None => Ok(()),
            Some(_) if self.names(address, port) => Ok(()),
            Some(what) => Err(what),
        }
    }

    /// Says whether a name may be reached on the ports of HTTP, as a program does that asks no proxy; if not, why.
    pub(crate) fn for_the_web(&self, name: &str) -> Result<(), String> {
        let at = |port| Target { host: Host::Name(name.to_owned()), port };
        if [80, 443].into_iter().any(|port| self.permit(&at(port)).is_some()) {
            return Ok(());
        }
        let elsewhere = self.0.iter().filter_map(|pattern| pattern.port).find(|port| self.permit(&at(*port)).is_some());
        Err(match elsewhere {
            Some(port) => format!("`{name}` is granted on port {port}, which only a program that asks the proxy reaches"),
            None => format!("`{name}` is not granted: name it in `sandbox.network.allow`"),
        })
    }

    /// Returns whether a rule names the address itself.
    pub fn names(&self, address: IpAddr, port: u16) -> bool {
        self.permit(&Target { host: Host::Address(address), port }).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &[&str]) -> Rules {
        let pattern = |text: &&str| {
            let (host, port) = match text.rsplit_once(':') {
                Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().unwrap())),
                _ => (*text, None),
            };
            Pattern { host: host.to_owned(), port, place: String::new() }
        };
        Rules(texts.iter().map(pattern).collect())
    }

    fn check(texts: &[&str], target: &str, expected: Option<&str>) {
        let target = Target::parse(target, Some(443)).unwrap();
        assert_eq!(rules(texts).permit(&target).map(Pattern::text).as_deref(), expected, "{target}");
    }

    #[test]
    fn hosts_and_ports() {
        check(&["crates.io"], "Crates.io.", Some("crates.io"));
        check(&["crates.io"], "crates.io:80", Some("crates.io"));
        check(&["crates.io"], "crates.io:8080", None);
        check(&["crates.io:8080"], "crates.io:8080", Some("crates.io:8080"));
        check(&["crates.io:8080"], "crates.io", None);
        check(&["crates.io"], "static.crates.io", None);
        check(&["crates.io"], "notcrates.io", None);
        check(&["crates.io"], "crates.io.evil.example", None);
    }

    #[test]
    fn a_star_is_one_label_or_more() {
        check(&["*.crates.io"], "static.crates.io", Some("*.crates.io"));
        check(&["*.crates.io"], "a.b.crates.io", Some("*.crates.io"));
        check(&["*.crates.io"], "crates.io", None);
        check(&["*.crates.io"], "evilcrates.io", None);
        check(&["*.1"], "10.0.0.1", None);
    }

    #[test]
    fn an_address_has_to_be_named() {
        check(&["127.0.0.1:8080"], "127.0.0.1:8080", Some("127.0.0.1:8080"));
        check(&["127.0.0.1:8080"], "[::ffff:127.0.0.1]:8080", None);
        check(&["[::1]"], "[0::1]", Some("[::1]"));
        let rules = rules(&["host.test:8080", "127.0.0.1:8080"]);
        let judge = |address: &str, port| rules.judge(address.parse().unwrap(), port);
        assert_eq!(judge("8.8.8.8", 8080), Ok(()));
        assert_eq!(judge("127.0.0.1", 8080), Ok(()));
        assert_eq!(judge("127.0.0.1", 8081), Err("a loopback address"));
        assert_eq!(judge("127.0.0.2", 8080), Err("a loopback address"));
        assert_eq!(judge("::ffff:127.0.0.1", 8080), Err("a loopback address"));
    }
}
