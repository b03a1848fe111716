//! The sockets of the proxy: made here, inside the task's network, and given away to who serves them outside.

use std::os::fd::AsFd;

use remit_sandbox::ProxyPlan;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen as start_listening, socket_with};

use super::hand_over;
use crate::Task;

/// As many may wait to be served as the kernel lets.
const WAITING: i32 = 1024;

/// Listens where the plan says. This process keeps nothing of it, so that the end of the proxy is the end of the network.
pub(super) fn listen(proxy: &ProxyPlan, task: &Task<'_>) -> Result<(), Errno> {
    let outside = task.proxy.ok_or(Errno::NOTCONN)?;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &proxy.address)?;
    start_listening(&socket, WAITING)?;
    hand_over(outside, socket.as_fd(), b'p')
}
