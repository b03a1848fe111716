use serde::Serialize;

/// A classic BPF program for `seccomp(2)`, made ahead: each instruction is a `struct sock_filter` in native byte order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeccompProgram {
    /// What the program does, by name, for people: as in `sockets: unix`.
    pub summary: Vec<String>,
    #[serde(skip)]
    pub instructions: Vec<[u8; 8]>,
}
