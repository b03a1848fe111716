//! The sockets of the proxy: made here, inside the task's network, and given away to who serves them outside.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use remit_sandbox::ProxyPlan;
use rustix::io::Errno;
use rustix::net::sockopt::set_ipv6_v6only;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen as start_listening, socket_with};

use super::{hand_over, route};
use crate::Task;

/// As many may wait to be served as the kernel lets.
const WAITING: i32 = 1024;

/// Listens where the plan says. This process keeps nothing of it, so that the end of the proxy is the end of the network.
pub(super) fn listen(proxy: &ProxyPlan, task: &Task<'_>) -> Result<(), Errno> {
    let outside = task.proxy.ok_or(Errno::NOTCONN)?;
    hand_over(outside, listener(proxy.address)?.as_fd(), b'p')?;
    if !proxy.catches {
        return Ok(());
    }
    let names = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    bind(&names, &SocketAddr::from((Ipv4Addr::LOCALHOST, 53)))?;
    hand_over(outside, names.as_fd(), b'n')?;
    // On every address: which names there will be, nobody knows yet. A task has no privilege that these ports need.
    route::lead_home(AddressFamily::INET)?;
    hand_over(outside, listener(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80)))?.as_fd(), b'w')?;
    hand_over(outside, listener(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 443)))?.as_fd(), b't')?;
    // On a host without IPv6 there is no way to such an address, and nobody to tell.
    if route::lead_home(AddressFamily::INET6).is_ok() {
        hand_over(outside, listener(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 80)))?.as_fd(), b'w')?;
        hand_over(outside, listener(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 443)))?.as_fd(), b't')?;
    }
    Ok(())
}

fn listener(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    if address.is_ipv6() {
        set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, &address)?;
    start_listening(&socket, WAITING)?;
    Ok(socket)
}
