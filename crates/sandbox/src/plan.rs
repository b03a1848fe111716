use std::collections::BTreeMap;

use remit_agent::AbsPath;
use remit_policy::Policy;
use serde::Serialize;

use crate::{Carried, Gap, Host, LandlockPlan, Layer, PrivateDirectory, SeccompProgram};

/// Everything that is to be done to a process before it becomes the task, and what that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// `None`: the task stays in the host's.
    pub namespaces: Option<Namespaces>,
    pub layers: Vec<Layer>,
    pub private_directories: Vec<PrivateDirectory>,
    /// Made by Remit before the start, because a write grant names them and they do not exist: `target` of `target/**`.
    pub make_directories: Vec<AbsPath>,
    /// Mounted read-only over themselves: protected paths inside a write grant.
    pub read_only: Vec<AbsPath>,
    /// `None`: nothing is asked of Landlock.
    pub landlock: Option<LandlockPlan>,
    /// `None`: no filter.
    pub seccomp: Option<SeccompProgram>,
    pub limits: Vec<ResourceLimit>,
    /// Seconds; enforced by the supervisor.
    pub wall_time: Option<u64>,
    /// All capabilities are given up, the bounding and ambient sets too.
    pub drop_capabilities: bool,
    pub no_new_privileges: bool,
    /// The whole environment of the task, but for what depends on the task (`TMPDIR`).
    pub environment: BTreeMap<String, String>,
    /// The directories of the task's `PATH`, in order.
    pub search_path: Vec<AbsPath>,
    pub carried: Vec<Carried>,
    pub gaps: Vec<Gap>,
}

/// The namespaces that the task gets, apart from the mount namespace that it always gets with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of clone(2), independent of the others")]
pub struct Namespaces {
    pub user: bool,
    pub pid: bool,
    pub network: bool,
    /// The loopback interface of the network namespace is brought up.
    pub loopback: bool,
}

/// A soft and hard limit of setrlimit(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceLimit {
    pub resource: ResourceKind,
    pub value: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ResourceKind {
    Core,
    Cpu,
    Fsize,
    Nofile,
}

/// Plans how a host holds a task to a policy. Pure.
pub fn plan(policy: &Policy, host: &Host) -> Plan {
    let _ = (policy, host);
    unimplemented!()
}
