//! The system call filter: an allow-list, made into a program when Remit is built.
//!
//! `policies/seccomp/task.json` is the data; `build.rs` assembles it. A plan only chooses among the programs.

mod answer;

use serde::Serialize;

pub use answer::CallAnswer;

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
    /// A mount namespace bounds them, but for this one bit.
    Free(SetGroupId),
    /// Each is asked about.
    Decided,
    /// They are refused; connect(2) only where there is no network, because a filter cannot see whom it is for.
    Refused,
}

/// What becomes of the set-group-id bit, which makes whoever starts a program a member of its group, and gives what is made in a
/// directory the directory's group. No filter can tell the two apart. No call that makes a file takes it, and none the set-user-id bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SetGroupId {
    /// Nothing that has it stays behind.
    Free,
    /// A directory gets it, and nothing else.
    Decided,
    /// Nothing gets it.
    Refused,
}

impl SeccompProgram {
    pub fn instructions(&self) -> &'static [[u8; 8]] {
        let metadata = match self.metadata {
            Metadata::Free(SetGroupId::Free) => 0,
            Metadata::Free(SetGroupId::Decided) => 32,
            Metadata::Free(SetGroupId::Refused) => 64,
            Metadata::Decided => 96,
            Metadata::Refused => 128,
        };
        let bits = [self.inet, self.ipc, self.creation, self.programs_in_memory, self.ptrace];
        let number = bits.into_iter().enumerate().fold(metadata, |all, (bit, set)| all | usize::from(set) << bit);
        // Every number has a program; the kernel refuses an empty one.
        filters::ALL.get(number).copied().unwrap_or(&[])
    }

    /// Returns what the program says to a call, as the kernel runs it.
    pub fn answer(&self, number: i32, arguments: &[u64; 6]) -> CallAnswer {
        answer::run(self.instructions(), number, arguments)
    }

    /// Returns whether some calls wait for an answer from outside.
    pub fn notifies(&self) -> bool {
        self.creation || matches!(self.metadata, Metadata::Decided | Metadata::Free(SetGroupId::Decided))
    }
}

/// Returns the filter of an observer: it asks about the calls that show what a task needs, and decides nothing.
///
/// It is installed over a task's own filter, from which every refusal still comes: of two answers the kernel takes the stricter,
/// and to ask is the weakest but for to allow. It asks about all that any [`SeccompProgram`] asks about, because a task has one
/// listener. The exec whose path lies at `first`, the launch's own, is not asked about: nobody answers yet.
pub fn observing(first: u64) -> Vec<[u8; 8]> {
    let [low, high] = [first & 0xFFFF_FFFF, first >> 32].map(|half| u32::try_from(half).unwrap_or(u32::MAX));
    let instruction = |code: u8, otherwise: u8, k: u32| {
        let [a, b, c, d] = k.to_le_bytes();
        [code, 0, 0, otherwise, a, b, c, d]
    };
    // Load the number, and the halves of the first argument; each test that fails goes on behind the last of these.
    let mut program = vec![
        instruction(0x20, 0, 0),
        instruction(0x15, 5, filters::EXECVE),
        instruction(0x20, 0, 16),
        instruction(0x15, 3, low),
        instruction(0x20, 0, 20),
        instruction(0x15, 1, high),
        instruction(0x06, 0, 0x7FFF_0000),
    ];
    program.extend_from_slice(filters::OBSERVING);
    program
}
