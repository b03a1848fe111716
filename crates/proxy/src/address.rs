//! Which addresses belong to everybody. What is not known to is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Says what an address is, unless it is a public one: a lower-case fragment, as in `a private address`.
///
/// An IPv6 address that stands for an IPv4 address (mapped, NAT64, 6to4) is what that one is.
pub fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => not_public_v4(address),
        IpAddr::V6(address) => not_public_v6(address),
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    let what = match address.octets() {
        [169, 254, 169, 254] | [100, 100, 100, 200] => "the metadata service of a cloud",
        [0, ..] => "an address of this network",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address",
        [127, ..] => "a loopback address",
        [169, 254, ..] => "a link-local address",
        [100, 64..=127, ..] => "an address shared behind a carrier",
        [192, 0, 0, _] | [192, 88, 99, _] => "an address for protocols",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "an address for documentation",
        [198, 18..=19, ..] => "an address for benchmarks",
        [224..=239, ..] => "a multicast address",
        [240..=255, ..] => "a reserved address",
        _ => return None,
    };
    Some(what)
}

fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        not_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("an address of this network"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("a loopback address"),
        // A connection to a mapped address is one of IPv4: asked for as such, it is judged as such.
        [0, 0, 0, 0, 0, 0xFFFF, high, low] => v4(high, low).or(Some("an IPv4 address in IPv6 form")),
        [0x64, 0xFF9B, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
        [0xFC00..=0xFDFF, ..] => Some("a private address"),
        [0xFE80..=0xFEBF, ..] => Some("a link-local address"),
        [0xFEC0..=0xFEFF, ..] => Some("a site-local address"),
        [0xFF00..=0xFFFF, ..] => Some("a multicast address"),
        [0x2001, 0x0DB8, ..] | [0x3FFF, 0..=0x0FFF, ..] => Some("an address for documentation"),
        [0x2001, 0..=0x01FF, ..] => Some("an address for protocols"),
        [0x2000..=0x3FFF, ..] => None,
        _ => Some("a reserved address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: &str) {
        assert_eq!(not_public(address.parse().unwrap()).unwrap_or("public"), expected, "{address}");
    }

    #[test]
    fn public_addresses_are_few_enough_to_be_known() {
        for public in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.1.1", "223.255.255.255", "126.255.255.255"] {
            check(public, "public");
        }
        for public in ["2606:4700::1111", "2a00::1", "64:ff9b::808:808", "2002:808:808::1", "2001:200::1", "2001:4860:4860::8888"]
        {
            check(public, "public");
        }
    }

    #[test]
    fn what_is_not_public_is_named() {
        check("127.0.0.1", "a loopback address");
        check("127.255.1.2", "a loopback address");
        check("0.0.0.0", "an address of this network");
        check("10.0.0.1", "a private address");
        check("172.31.255.255", "a private address");
        check("192.168.1.1", "a private address");
        check("169.254.169.254", "the metadata service of a cloud");
        check("169.254.1.1", "a link-local address");
        check("100.64.0.1", "an address shared behind a carrier");
        check("198.18.0.1", "an address for benchmarks");
        check("224.0.0.251", "a multicast address");
        check("255.255.255.255", "a reserved address");
        check("::", "an address of this network");
        check("::1", "a loopback address");
        check("fe80::1", "a link-local address");
        check("fd00:ec2::254", "a private address");
        check("fec0::1", "a site-local address");
        check("ff02::1", "a multicast address");
        check("2001:db8::1", "an address for documentation");
        check("2001::1", "an address for protocols");
        check("::127.0.0.1", "a reserved address");
        check("64:ff9b:1::1", "a reserved address");
        check("100::1", "a reserved address");
        check("4000::1", "a reserved address");
    }

    #[test]
    fn an_address_in_another_is_what_it_stands_for() {
        check("::ffff:10.0.0.1", "a private address");
        check("::ffff:127.0.0.1", "a loopback address");
        check("::ffff:169.254.169.254", "the metadata service of a cloud");
        check("::ffff:8.8.8.8", "an IPv4 address in IPv6 form");
        check("64:ff9b::a00:1", "a private address");
        check("64:ff9b::7f00:1", "a loopback address");
        check("2002:7f00:1::1", "a loopback address");
        check("2002:c0a8:101::", "a private address");
    }
}
