//! The system call filter: an allow-list, made into a program when Remit is built.
//!
//! `policies/seccomp/task.json` is the data; `build.rs` assembles it. A plan only chooses among the programs.

use serde::Serialize;

#[cfg(test)]
mod tests;

mod filters {
    include!(concat!(env!("OUT_DIR"), "/filters.rs"));
}

/// A classic BPF program for seccomp(2): each instruction is a `struct sock_filter`, little-endian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeccompProgram {
    /// IPv4 and IPv6 sockets of TCP and UDP can be made; otherwise only Unix sockets can.
    pub inet: bool,
    /// System V and POSIX queues, semaphores and shared memory can be made.
    pub ipc: bool,
}

impl SeccompProgram {
    pub fn instructions(&self) -> &'static [[u8; 8]] {
        match (self.inet, self.ipc) {
            (false, false) => &filters::UNIX,
            (false, true) => &filters::UNIX_IPC,
            (true, false) => &filters::INET,
            (true, true) => &filters::INET_IPC,
        }
    }
}
