//! From a target to a connection: the rule, the addresses, the judgement of each, and the address that was judged.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Instant;

use crate::relay::prepare;
use crate::resolve::resolve;
use crate::rules::Pattern;
use crate::target::{Host, Target};
use crate::{Config, Limits};

/// A target that may be reached, with the addresses that it was judged by.
#[derive(Debug)]
pub(crate) struct Permitted<'a> {
    pub(crate) rule: &'a Pattern,
    addresses: Vec<IpAddr>,
    port: u16,
    limits: Limits,
}

/// Why a target is not reached.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No rule permits it, or what its name stands for.
    Forbidden { address: Option<IpAddr>, why: String },
    /// It may be, and cannot.
    Unreachable { address: Option<IpAddr>, why: String },
}

/// Judges a target: its name, then every address that its name has now. One that may not be reached spoils the others.
pub(crate) fn permit<'a>(config: &'a Config, target: &Target) -> Result<Permitted<'a>, Refused> {
    let rule = rule(config, target).map_err(|why| Refused::Forbidden { address: None, why })?;
    let addresses = match &target.host {
        // The rule names it.
        Host::Address(address) => {
            return Ok(Permitted { rule, addresses: vec![*address], port: target.port, limits: config.limits });
        }
        Host::Name(name) => {
            let found = resolve(name, config.resolver);
            found.map_err(|why| Refused::Unreachable { address: None, why: format!("`{name}` cannot be looked up: {why}") })?
        }
    };
    for address in &addresses {
        let own = || {
            if config.rules.names(*address, target.port) || !is_own(*address) {
                Ok(())
            } else {
                Err("this machine's own address")
            }
        };
        config.rules.judge(*address, target.port).and_then(|()| own()).map_err(|what| Refused::Forbidden {
            address: Some(*address),
            why: format!("`{}` is {address}, {what}, which no rule names", target.host),
        })?;
    }
    Ok(Permitted { rule, addresses, port: target.port, limits: config.limits })
}

/// Returns the rule by which a target may be reached; without one, why not.
pub(crate) fn rule<'a>(config: &'a Config, target: &Target) -> Result<&'a Pattern, String> {
    config.rules.permit(target).ok_or_else(|| format!("`{target}` is not granted: name it in `sandbox.network.allow`"))
}

impl Permitted<'_> {
    /// Connects to one of the addresses that were judged, in order.
    pub(crate) fn connect(&self) -> Result<TcpStream, Refused> {
        let until = Instant::now() + self.limits.connecting;
        let mut wrong = None;
        for address in &self.addresses {
            let left = until.saturating_duration_since(Instant::now()).min(self.limits.each);
            if left.is_zero() {
                break;
            }
            match TcpStream::connect_timeout(&SocketAddr::new(*address, self.port), left) {
                Ok(stream) => {
                    prepare(&stream);
                    return Ok(stream);
                }
                Err(error) => wrong = Some((*address, error.to_string().to_lowercase())),
            }
        }
        let (address, why) = wrong.map_or((None, "it takes too long".to_owned()), |(address, why)| (Some(address), why));
        Err(Refused::Unreachable { address, why: format!("cannot connect: {why}") })
    }
}

/// Returns whether an address is one of this machine's: the kernel would reach it from itself. Nothing is sent.
fn is_own(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let source = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rules;

    #[test]
    fn addresses_of_this_machine_are_known() {
        assert!(is_own("127.0.0.1".parse().unwrap()));
        assert!(!is_own("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn no_rule_no_lookup() {
        let config =
            Config { rules: Rules::default(), resolver: Some("127.0.0.1:1".parse().unwrap()), limits: Limits::default() };
        let refused = permit(&config, &Target::parse("a.test:443", None).unwrap()).unwrap_err();
        let why = "`a.test:443` is not granted: name it in `sandbox.network.allow`".to_owned();
        assert_eq!(refused, Refused::Forbidden { address: None, why });
    }
}
