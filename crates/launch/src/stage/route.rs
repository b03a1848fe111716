//! The one route of a task's network: every address is this network's own.
//!
//! So a connection to an address, by a program that asks neither a proxy nor for a name, comes to the sockets that the proxy
//! serves, which knows the address by the connection's own end. Without it the kernel would say that there is no way, and nobody
//! would know who wanted to go where.

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

const NEW_ROUTE: u16 = 24;
/// A request for something new, with an answer.
const FLAGS: u16 = 0x1 | 0x4 | 0x200 | 0x400;
const ERROR: u16 = 2;
const TABLE_LOCAL: u8 = 255;
const FROM_START: u8 = 3;
const SCOPE_HOST: u8 = 254;
const TYPE_LOCAL: u8 = 2;
const INTERFACE: u16 = 4;
/// The loopback is the first interface of every network.
const LOOPBACK: u32 = 1;

/// Makes every address of a family one of the task's own loopback, which must be up (`ip route add local default dev lo`).
pub(super) fn lead_home(family: AddressFamily) -> Result<(), Errno> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    send(&socket, &request(family), SendFlags::empty())?;
    let mut answer = [0; 128];
    let (_, length) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    match read_answer(answer.get(..length).unwrap_or_default()) {
        Some(0) => Ok(()),
        Some(errno) => Err(Errno::from_raw_os_error(errno)),
        None => Err(Errno::PROTO),
    }
}

/// Returns a `struct nlmsghdr`, a `struct rtmsg` and one attribute (rtnetlink(7)).
fn request(family: AddressFamily) -> Vec<u8> {
    let family = u8::try_from(family.as_raw()).unwrap_or(0);
    let route = [family, 0, 0, 0, TABLE_LOCAL, FROM_START, SCOPE_HOST, TYPE_LOCAL, 0, 0, 0, 0];
    let attribute = [&8_u16.to_ne_bytes()[..], &INTERFACE.to_ne_bytes(), &LOOPBACK.to_ne_bytes()].concat();
    let length = 16 + 12 + 8_u32;
    let head = [&length.to_ne_bytes()[..], &NEW_ROUTE.to_ne_bytes(), &FLAGS.to_ne_bytes(), &[0; 8]].concat();
    [&head[..], &route, &attribute].concat()
}

/// Returns the errno of an answer, 0 for none.
fn read_answer(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let code = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    (kind == ERROR).then(|| code.wrapping_neg())
}
