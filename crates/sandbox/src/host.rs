use std::collections::BTreeMap;
use std::net::SocketAddr;

use remit_agent::AbsPath;
use serde::{Deserialize, Serialize};

use crate::{Cgroups, Matches};

/// What this machine can do and has, as plain data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// `uname -r`.
    pub kernel: String,
    /// `uname -m`.
    pub machine: String,
    pub user: u32,
    pub group: u32,
    /// 0 when the kernel has no Landlock or it is switched off.
    pub landlock_abi: u32,
    pub seccomp: Availability,
    /// User and mount namespaces (for root, mount namespaces are enough).
    pub namespaces: Availability,
    /// A new user namespace is needed for the others: true unless the user is root with the capability.
    pub needs_user_namespace: bool,
    /// A private layer can be mounted.
    pub overlay: Availability,
    /// A pid namespace with its own `/proc`.
    pub own_proc: Availability,
    pub network_namespace: Availability,
    /// Calls can be decided and done outside the task (`SECCOMP_RET_USER_NOTIF`).
    pub notification: Availability,
    pub cgroups: Cgroups,
    /// The name server that the person has set for named hosts; `None` for this machine's own.
    pub resolver: Option<SocketAddr>,
    /// The caller's environment.
    pub environment: BTreeMap<String, String>,
    /// What stands at the paths that a policy names; a path that is not here was not looked at.
    pub paths: BTreeMap<AbsPath, PathFact>,
    /// Names of the policy's rules with symbolic links in them, and where they lead; but for those of which it makes no difference.
    pub real: BTreeMap<AbsPath, AbsPath>,
    /// What the policy's denied patterns match, by their text; empty where nothing could be covered.
    pub matches: BTreeMap<String, Matches>,
}

/// Whether a mechanism works here, found by trying it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    Works,
    Missing {
        /// What was tried and what the kernel answered.
        why: String,
        remedy: String,
    },
}

impl Availability {
    pub fn works(&self) -> bool {
        matches!(self, Availability::Works)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathFact {
    Missing,
    /// Below the workspace, and reached through a symbolic link: nobody trusted put it there.
    Link,
    /// It exists; `canonical` has every symbolic link resolved.
    Found {
        canonical: AbsPath,
        kind: PathKind,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathKind {
    Directory,
    File,
    CharacterDevice,
    Socket,
    Other,
}
