//! Where somebody wants to go, in the one form that is compared, looked up and connected to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host in canonical form: a name is lower-case, ASCII and without a dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    Name(String),
    Address(IpAddr),
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub host: Host,
    pub port: u16,
}

impl Target {
    /// Reads `HOST:PORT`, or `HOST` where there is a port to fall back on. What is wrong is a lower-case fragment.
    pub fn parse(text: &str, otherwise: Option<u16>) -> Result<Target, &'static str> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']').ok_or("a bracket of the host is not closed")?;
                if address.contains('%') {
                    return Err("the address has a zone, which means something on this machine alone");
                }
                let address: Ipv6Addr = address.parse().map_err(|_| "what stands in brackets is no IPv6 address")?;
                let port = match port {
                    "" => None,
                    port => Some(port.strip_prefix(':').ok_or("something follows the address")?),
                };
                (Host::Address(address.into()), port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (Host::parse(host)?, Some(port)),
                None => (Host::parse(text)?, None),
            },
        };
        let port = match port {
            Some(port) => self::port(port)?,
            None => otherwise.ok_or("it names no port")?,
        };
        Ok(Target { host, port })
    }
}

impl Host {
    /// Reads a name or an IPv4 address.
    pub(crate) fn parse(text: &str) -> Result<Host, &'static str> {
        if !text.is_ascii() {
            return Err("the host has letters outside ASCII: its punycode form begins with `xn--`");
        }
        let lower = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if lower.len() > 253 || !lower.split('.').all(label) {
            return Err("the host is not a name");
        }
        // Resolvers read `127.1`, `0x7f.1` and `2130706433` as addresses, in which nobody would recognise the host.
        let last = lower.rsplit('.').next().unwrap_or(&lower);
        if last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit()) {
            // An address has no dot at its end.
            let address: Option<Ipv4Addr> = text.parse().ok();
            return address.map(|address| Host::Address(address.into())).ok_or("the host is neither a name nor an address");
        }
        Ok(Host::Name(lower))
    }
}

fn port(text: &str) -> Result<u16, &'static str> {
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or("the port is not a number from 1 to 65535")
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &str) {
        let shown = match Target::parse(text, Some(80)) {
            Ok(target) => target.to_string(),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(shown, expected, "{text:?}");
    }

    #[test]
    fn one_form() {
        check("crates.io", "crates.io:80");
        check("Crates.IO.:443", "crates.io:443");
        check("xn--bcher-kva.example:1", "xn--bcher-kva.example:1");
        check("127.0.0.1:65535", "127.0.0.1:65535");
        check("[::1]:443", "[::1]:443");
        check("[0:0:0:0:0:FFFF:a00:1]:443", "[::ffff:10.0.0.1]:443");
        check("a_b.example:080", "a_b.example:80");
    }

    #[test]
    fn what_is_refused() {
        check("", "error: the host is not a name");
        check(".", "error: the host is not a name");
        check("a..", "error: the host is not a name");
        check("a b", "error: the host is not a name");
        check("a\0b", "error: the host is not a name");
        check("u@a.b:443", "error: the host is not a name");
        check("-a", "error: the host is not a name");
        check("bücher.example", "error: the host has letters outside ASCII: its punycode form begins with `xn--`");
        check("127.1", "error: the host is neither a name nor an address");
        check("2130706433", "error: the host is neither a name nor an address");
        check("0x7f.1", "error: the host is neither a name nor an address");
        check("a.0x7f", "error: the host is neither a name nor an address");
        check("127.0.0.1.", "error: the host is neither a name nor an address");
        check("127.0.0.01", "error: the host is neither a name nor an address");
        check("[fe80::1%eth0]:443", "error: the address has a zone, which means something on this machine alone");
        check("[::1", "error: a bracket of the host is not closed");
        check("[::1]443", "error: something follows the address");
        check("::1", "error: the host is not a name");
        check("a.b:", "error: the port is not a number from 1 to 65535");
        check("a.b:0", "error: the port is not a number from 1 to 65535");
        check("a.b:+80", "error: the port is not a number from 1 to 65535");
        check("a.b:80:80", "error: the port is not a number from 1 to 65535");
        check("a.b:000080", "error: the port is not a number from 1 to 65535");
    }

    proptest! {
        /// What is printed of a target is read as the same target: there is no second way to read it.
        #[test]
        fn the_form_is_canonical(text in "\\PC{0,40}") {
            if let Ok(target) = Target::parse(&text, Some(80)) {
                prop_assert_eq!(Target::parse(&target.to_string(), None), Ok(target));
            }
        }
    }
}
