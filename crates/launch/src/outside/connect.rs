//! connect(2), on a host without namespaces: sockets by path only beneath what is granted for writing.

use std::os::fd::OwnedFd;

use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::net::{SocketAddrAny, SocketAddrUnix, connect};

use super::caller::Caller;
use super::metadata::register;
use super::{Answer, Bounds, Later};

/// `sizeof(struct sockaddr_storage)`.
const LONGEST: u64 = 128;

pub(super) fn act(bounds: &Bounds, caller: &Caller, arguments: &[u64; 6], later: Later) -> Result<Answer, Errno> {
    let [socket, address, length, ..] = *arguments;
    let length = length & 0xFFFF_FFFF;
    if !(2..=LONGEST).contains(&length) {
        return Err(Errno::INVAL);
    }
    let address = caller.bytes(address, usize::try_from(length).map_err(|_| Errno::INVAL)?)?;
    let (family, rest) = address.split_first_chunk::<2>().ok_or(Errno::INVAL)?;
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_UNIX => {
            let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
            match rest.get(..end) {
                // Abstract names are the host's, and who has one cannot be seen.
                None | Some([]) => Err(Errno::PERM),
                Some(path) => unix(bounds, caller, register(socket), path, later),
            }
        }
        libc::AF_INET | libc::AF_INET6 if bounds.inet => {
            let socket = caller.copy(register(socket))?;
            let address = internet(&address)?;
            later.answer(move |_| Answer::Plain(connect(&socket, &address)))
        }
        // Lets go of the peer of a datagram socket.
        libc::AF_UNSPEC if bounds.inet => {
            let socket: OwnedFd = caller.copy(register(socket))?;
            Ok(Answer::Plain(rustix::net::connect_unspec(&socket)))
        }
        _ => Err(Errno::ACCESS),
    }
}

fn unix(bounds: &Bounds, caller: &Caller, socket: i32, path: &[u8], later: Later) -> Result<Answer, Errno> {
    let found = caller.find(libc::AT_FDCWD, path, true)?;
    if !found.path.as_ref().is_some_and(|path| bounds.plan.may_change(path)) {
        return Err(Errno::ACCESS);
    }
    if found.kind() != FileType::Socket {
        return Err(Errno::CONNREFUSED);
    }
    let socket = caller.copy(socket)?;
    // It waits while the listener's queue is full.
    later.answer(move |_| Answer::Plain(SocketAddrUnix::new(found.link()).and_then(|address| connect(&socket, &address))))
}

fn internet(bytes: &[u8]) -> Result<SocketAddrAny, Errno> {
    use rustix::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
    let part = |start: usize, length: usize| bytes.get(start..start + length).ok_or(Errno::INVAL);
    let number16 = |start: usize| part(start, 2).and_then(|two| two.try_into().map_err(|_| Errno::INVAL)).map(u16::from_be_bytes);
    let number32 =
        |start: usize| part(start, 4).and_then(|four| four.try_into().map_err(|_| Errno::INVAL)).map(u32::from_ne_bytes);
    if bytes.first_chunk::<2>().map(|family| i32::from(u16::from_ne_bytes(*family))) == Some(libc::AF_INET) {
        let address: [u8; 4] = part(4, 4)?.try_into().map_err(|_| Errno::INVAL)?;
        return Ok(SocketAddrV4::new(Ipv4Addr::from(address), number16(2)?).into());
    }
    let address: [u8; 16] = part(8, 16)?.try_into().map_err(|_| Errno::INVAL)?;
    let scope = if bytes.len() >= 28 { number32(24)? } else { 0 };
    Ok(SocketAddrV6::new(Ipv6Addr::from(address), number16(2)?, number32(4)?, scope).into())
}
