use std::collections::BTreeMap;

use remit_agent::AbsPath;
use serde::Serialize;

use crate::DeniedName;

/// A root that holds what is granted, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnRoot {
    /// Sorted by path: what is inside another comes after it.
    pub binds: Vec<Bind>,
    /// Symbolic links, and where they point.
    pub links: BTreeMap<AbsPath, AbsPath>,
    /// Files that are made for the task, and what is in them.
    pub files: BTreeMap<AbsPath, String>,
    /// Empty directories.
    pub directories: Vec<AbsPath>,
    /// There is a `/proc`.
    pub proc: bool,
    /// Of `/sys/fs/cgroup` there is what the task itself is in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cgroups: bool,
}

/// A directory or file of the host, at the same path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of a mount, independent of the others")]
pub struct Bind {
    pub path: AbsPath,
    pub read_only: bool,
    pub no_exec: bool,
    /// It is a device node, and works as one; on every other bind a device node does not.
    pub device: bool,
    /// A file of `/etc` that is only read: a copy of what it holds at the start does, and costs a fifth of a mount.
    pub copy: bool,
}

/// A private layer: writes below `target` go elsewhere, and the files underneath do not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    pub target: AbsPath,
    pub purpose: LayerPurpose,
    pub no_exec: bool,
    /// What the policy denies there. In the layer a task may make it; to the target it is brought by name only.
    pub by_name: Vec<DeniedName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerPurpose {
    Workspace,
    Cache,
}

/// A directory of the task's own that stands where the host's stood, as `/tmp` does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrivateDirectory {
    pub target: AbsPath,
    /// In memory (`/dev/shm`), or on disk below the task's own directory.
    pub in_memory: bool,
    /// Nothing is granted to be executed there, so nothing is mapped as a program either (`ld.so /tmp/program`).
    pub no_exec: bool,
}

/// A path that is covered by something empty: an empty directory, or an empty file that nobody may open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mask {
    pub path: AbsPath,
    pub directory: bool,
}
