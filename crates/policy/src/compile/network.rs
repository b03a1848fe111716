//! `toolsSettings.sandbox.network`. Silent is none, with a loopback of the task's own.

use std::net::{Ipv4Addr, Ipv6Addr};

use remit_agent::{NetworkSettings, Text};

use super::Context;
use crate::{HostRule, NetworkGrant, NetworkMode, Origin};

pub(super) fn compile(context: &mut Context<'_>) -> NetworkGrant {
    let sandbox = context.agent.file.settings.sandbox.as_ref();
    let Some(network) = sandbox.and_then(|sandbox| sandbox.value.network.as_ref()) else {
        return NetworkGrant { mode: NetworkMode::None, loopback: true, origin: Origin::Silent };
    };
    let origin = context.origin(network.span);
    match &network.value {
        NetworkSettings::None => NetworkGrant { mode: NetworkMode::None, loopback: true, origin },
        // The host's own network has the host's own loopback.
        NetworkSettings::All => NetworkGrant { mode: NetworkMode::All, loopback: false, origin },
        NetworkSettings::Hosts { allow, loopback } => {
            let mut hosts: Vec<HostRule> = allow.iter().filter_map(|text| host(context, text)).collect();
            hosts.sort_by(|a, b| (&a.host, a.port).cmp(&(&b.host, b.port)));
            hosts.dedup_by(|a, b| (&a.host, a.port) == (&b.host, b.port));
            let mode = if hosts.is_empty() { NetworkMode::None } else { NetworkMode::Hosts(hosts) };
            NetworkGrant { mode, loopback: loopback.as_ref().is_none_or(|on| on.value), origin }
        }
    }
}

fn host(context: &mut Context<'_>, text: &Text) -> Option<HostRule> {
    match parse(&text.value) {
        Ok((host, port)) => Some(HostRule { host, port, origin: context.origin(text.span) }),
        Err((reason, help)) => {
            let error = context.error("bad-host", text.span, format!("`{}` is not a host: {reason}", text.value));
            context.report(error.help(help));
            None
        }
    }
}

type Wrong = (&'static str, &'static str);

/// Reads `HOST` or `HOST:PORT`; a host is a name, `*.` and a name, or an address.
fn parse(text: &str) -> Result<(String, Option<u16>), Wrong> {
    if text.contains("://") {
        return Err(("it has a scheme", "write the host alone, as in `crates.io` or `crates.io:443`"));
    }
    if text.contains(['/', '?', '#', '@']) {
        return Err(("it is more than a host", "hosts are granted whole: remove the path and the user"));
    }
    if !text.is_ascii() {
        return Err(("it has letters outside ASCII", "write its punycode form, which begins with `xn--`"));
    }
    if text.chars().any(|c| c.is_ascii_control() || c == ' ') {
        return Err(("it has a blank or a control character", "remove it"));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or(("a bracket is not closed", "write `[ADDRESS]:PORT`"))?;
            let address: Ipv6Addr =
                address.parse().map_err(|_| ("the address does not parse", "write an IPv6 address between the brackets"))?;
            let port = match after {
                "" => None,
                _ => Some(after.strip_prefix(':').ok_or(("something follows the address", "write `[ADDRESS]:PORT`"))?),
            };
            (format!("[{address}]"), port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (name(host)?, Some(port)),
            None => (name(text)?, None),
        },
    };
    let port = port.map(self::port).transpose()?;
    Ok((host, port))
}

fn port(text: &str) -> Result<u16, Wrong> {
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or(("its port is not a number from 1 to 65535", "write one port, or none for 80 and 443"))
}

fn name(text: &str) -> Result<String, Wrong> {
    let lower = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let plain = lower.strip_prefix("*.").unwrap_or(&lower);
    if plain.is_empty() || plain == "*" {
        return Err(("it names no host", "write a host, or `\"network\": \"all\"` for all of them"));
    }
    if plain.contains('*') {
        return Err(("`*` stands only at the start, as `*.`", "write `*.example.com`"));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if plain.len() > 253 || !plain.split('.').all(label) {
        return Err(("it is not a host name", "write letters, digits, `-` and dots"));
    }
    // Resolvers read `127.1`, `0x7f.1` and `2130706433` as addresses, in which nobody would recognise the host.
    let last = plain.rsplit('.').next().unwrap_or(plain);
    let numeric = last.starts_with("0x") || last.chars().all(|c| c.is_ascii_digit());
    if numeric && (plain.parse::<Ipv4Addr>().is_err() || plain != lower) {
        return Err(("it is neither a name nor an address", "write an IPv4 address with four numbers, and no wildcard"));
    }
    Ok(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match parse(text) {
            Ok((host, None)) => host,
            Ok((host, Some(port))) => format!("{host} {port}"),
            Err((reason, _)) => format!("error: {reason}"),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn hosts() {
        check("crates.io", "crates.io");
        check("Crates.IO.:443", "crates.io 443");
        check("crates.io.", "crates.io");
        check("Crates.IO:443", "crates.io 443");
        check("*.crates.io", "*.crates.io");
        check("127.0.0.1:8080", "127.0.0.1 8080");
        check("[::1]:80", "[::1] 80");
        check("xn--bcher-kva.example", "xn--bcher-kva.example");
    }

    #[test]
    fn what_is_no_host() {
        check("", "error: it names no host");
        check("*", "error: it names no host");
        check("*.", "error: it names no host");
        check("a.*.b", "error: `*` stands only at the start, as `*.`");
        check("*a.b", "error: `*` stands only at the start, as `*.`");
        check("*.*.b", "error: `*` stands only at the start, as `*.`");
        check("https://a.b", "error: it has a scheme");
        check("a.b/c", "error: it is more than a host");
        check("u@a.b", "error: it is more than a host");
        check("bücher.example", "error: it has letters outside ASCII");
        check("a b", "error: it has a blank or a control character");
        check("a.b:0", "error: its port is not a number from 1 to 65535");
        check("a.b:65536", "error: its port is not a number from 1 to 65535");
        check("a.b:+80", "error: its port is not a number from 1 to 65535");
        check("a.b:*", "error: its port is not a number from 1 to 65535");
        check("a..b", "error: it is not a host name");
        check("-a.b", "error: it is not a host name");
        check("127.1", "error: it is neither a name nor an address");
        check("2130706433", "error: it is neither a name nor an address");
        check("a.0x7f", "error: it is neither a name nor an address");
        check("*.0.0.1", "error: it is neither a name nor an address");
        check("::1", "error: it names no host");
        check("[::1", "error: a bracket is not closed");
        check("[a]", "error: the address does not parse");
    }
}
