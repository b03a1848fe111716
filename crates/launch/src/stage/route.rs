//! The addresses of a task's network and its one route, by rtnetlink(7).
//!
//! By the route every address is this network's own. So a connection to an address, by a program that asks neither a proxy nor for a name, comes to the sockets that the proxy
//! serves, which knows the address by the connection's own end. Without it the kernel would say that there is no way, and nobody
//! would know who wanted to go where.

use std::net::{Ipv4Addr, Ipv6Addr};

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
/// A request for something new, with an answer.
const FLAGS: u16 = 0x1 | 0x4 | 0x200 | 0x400;
const ERROR: u16 = 2;
const TABLE_LOCAL: u8 = 255;
const FROM_START: u8 = 3;
const SCOPE_HOST: u8 = 254;
const TYPE_LOCAL: u8 = 2;
const INTERFACE: u16 = 4;
const ADDRESS: u16 = 1;
const LOCAL: u16 = 2;
/// The loopback is the first interface of every network.
const LOOPBACK: u32 = 1;

/// Makes every address of a family one of the task's own loopback, which must be up (`ip route add local default dev lo`).
pub(super) fn lead_home(family: AddressFamily) -> Result<(), Errno> {
    let route = [number(family), 0, 0, 0, TABLE_LOCAL, FROM_START, SCOPE_HOST, TYPE_LOCAL, 0, 0, 0, 0];
    ask(&request(NEW_ROUTE, &[&route, &attribute(INTERFACE, &LOOPBACK.to_ne_bytes())]))
}

/// Gives the loopback a second address, `127.0.0.2` and, where there is IPv6, `::2`.
///
/// getaddrinfo(3) with `AI_ADDRCONFIG` finds no name for a machine that has only `127.0.0.1` and `::1`.
pub(super) fn second_addresses() -> Result<(), Errno> {
    let address = |family: AddressFamily, octets: &[u8]| {
        let prefix = u8::try_from(octets.len() * 8).unwrap_or(0);
        let [a, b, c, d] = LOOPBACK.to_ne_bytes();
        let head = [number(family), prefix, 0, SCOPE_HOST, a, b, c, d];
        ask(&request(NEW_ADDRESS, &[&head, &attribute(LOCAL, octets), &attribute(ADDRESS, octets)]))
    };
    address(AddressFamily::INET, &Ipv4Addr::new(127, 0, 0, 2).octets())?;
    // Without IPv6 there is nothing that could be missing.
    let _ = address(AddressFamily::INET6, &Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 2).octets());
    Ok(())
}

fn number(family: AddressFamily) -> u8 {
    u8::try_from(family.as_raw()).unwrap_or(0)
}

fn ask(request: &[u8]) -> Result<(), Errno> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    send(&socket, request, SendFlags::empty())?;
    let mut answer = [0; 128];
    let (_, length) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    match read_answer(answer.get(..length).unwrap_or_default()) {
        Some(0) => Ok(()),
        Some(errno) => Err(Errno::from_raw_os_error(errno)),
        None => Err(Errno::PROTO),
    }
}

/// Returns a `struct nlmsghdr` and what follows it: a structure of its kind, and attributes.
fn request(kind: u16, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(16 + body.len()).unwrap_or(0);
    let head = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &FLAGS.to_ne_bytes(), &[0; 8]].concat();
    [head, body].concat()
}

/// Returns a `struct rtattr`, whose value is as long as a multiple of four.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(0);
    [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat()
}

/// Returns the errno of an answer, 0 for none.
fn read_answer(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let code = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    (kind == ERROR).then(|| code.wrapping_neg())
}
