use std::ops::BitOr;

use remit_agent::AbsPath;
use serde::Serialize;

/// What Landlock is asked for: everything of the host's ABI is handled, and only this is granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LandlockPlan {
    pub abi: u32,
    /// Sorted by path; no path lies below another with the same or more rights.
    pub rules: Vec<PathRights>,
    /// TCP bind and connect are refused (ABI 4).
    pub deny_tcp: bool,
    /// Signals and abstract sockets of other processes are out of reach (ABI 6).
    pub scoped: bool,
}

/// What the kernel grants at a path and, for a directory, everywhere below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PathRights {
    pub path: AbsPath,
    pub rights: Rights,
    /// The patterns of the policy that this came from, as written.
    pub patterns: Vec<String>,
    /// The kernel's grant is wider than the patterns: it holds for the whole directory.
    pub wider: bool,
}

/// Rights of a person's words; `launch` spells them out as the kernel's, for the host's ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rights(u8);

impl Rights {
    pub const NONE: Rights = Rights(0);
    /// `READ_FILE`, `READ_DIR`.
    pub const READ: Rights = Rights(1);
    /// `WRITE_FILE`, `TRUNCATE`, every `MAKE_*` but devices, `REMOVE_*`, `REFER`.
    pub const WRITE: Rights = Rights(2);
    /// `EXECUTE`.
    pub const EXECUTE: Rights = Rights(4);
    /// `IOCTL_DEV`.
    pub const DEVICE: Rights = Rights(8);

    pub fn contains(self, other: Rights) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Rights {
    type Output = Rights;

    fn bitor(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }
}

impl Serialize for Rights {
    /// Writes `rwxd`, as `ls` would.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let letters = [(Rights::READ, 'r'), (Rights::WRITE, 'w'), (Rights::EXECUTE, 'x'), (Rights::DEVICE, 'd')];
        let text: String = letters.iter().filter(|(right, _)| self.contains(*right)).map(|(_, letter)| letter).collect();
        serializer.serialize_str(&text)
    }
}
