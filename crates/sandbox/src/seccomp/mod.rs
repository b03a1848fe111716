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
#[expect(clippy::struct_excessive_bools, reason = "each chooses the rule of some calls, independent of the others")]
pub struct SeccompProgram {
    /// IPv4 and IPv6 sockets of TCP and UDP can be made; otherwise only Unix sockets can.
    pub inet: bool,
    /// System V and POSIX queues, semaphores and shared memory can be made.
    pub ipc: bool,
    /// What gives a file a name is asked about.
    pub creation: bool,
    /// A file in memory can be made that can be executed; otherwise only with `MFD_NOEXEC_SEAL` (Linux 6.3).
    pub programs_in_memory: bool,
    /// ptrace(2) and what reads another process's memory are free; Landlock or a pid namespace bounds whom they reach.
    pub ptrace: bool,
    pub metadata: Metadata,
}

/// What becomes of the calls that change modes, owners, times and attributes, and of connect(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metadata {
    /// A mount namespace bounds them.
    Free,
    /// Each is asked about.
    Decided,
    /// They are refused; connect(2) only where there is no network, because a filter cannot see whom it is for.
    Refused,
}

impl SeccompProgram {
    pub fn instructions(&self) -> &'static [[u8; 8]] {
        let metadata = match self.metadata {
            Metadata::Free => 0,
            Metadata::Decided => 32,
            Metadata::Refused => 64,
        };
        let bits = [self.inet, self.ipc, self.creation, self.programs_in_memory, self.ptrace];
        let number = bits.into_iter().enumerate().fold(metadata, |all, (bit, set)| all | usize::from(set) << bit);
        // Every number has a program; the kernel refuses an empty one.
        filters::ALL.get(number).copied().unwrap_or(&[])
    }

    /// Returns whether some calls wait for an answer from outside.
    pub fn notifies(&self) -> bool {
        self.creation || self.metadata == Metadata::Decided
    }
}
