//! From a policy and a host to a plan. Pure: every fact about the machine comes in with the [`Host`].

mod below;
mod environment;
mod files;
mod network;
mod repositories;
mod rest;
mod root;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use remit_agent::AbsPath;
use remit_policy::{Confinement, PathPattern, Policy};
use serde::Serialize;

use crate::{
    Carried, CgroupPlan, DeniedName, Gap, Grant, Host, LandlockPlan, Layer, Mask, Mechanism, Metadata, Outside, OwnRoot,
    PathRights, PrivateDirectory, ProxyPlan, Rights, SeccompProgram, SetGroupId,
};

/// Everything that is to be done to a process before it becomes the task, and what that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// `None`: the task stays in the host's.
    pub namespaces: Option<Namespaces>,
    /// `None`: the task sees the host's.
    pub root: Option<OwnRoot>,
    pub layers: Vec<Layer>,
    /// Directories of the task's own, mounted where the host's stood.
    pub private_directories: Vec<PrivateDirectory>,
    pub temporary: Temporary,
    /// Made by Remit before the start, because a write grant names them and they do not exist: `target` of `target/**`.
    pub make_directories: Vec<AbsPath>,
    /// Mounted read-only over themselves: protected paths inside a write grant.
    pub read_only: Vec<AbsPath>,
    /// Covered by something empty: hidden paths inside a grant.
    pub masks: Vec<Mask>,
    /// Hidden patterns, as the policy has them, that commands can read all the same, or in part: a gap tells why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hidden_from_tools: Vec<String>,
    /// `None`: nothing is asked of Landlock.
    pub landlock: Option<LandlockPlan>,
    /// `None`: no filter.
    pub seccomp: Option<SeccompProgram>,
    /// `None`: no call is decided outside the task.
    pub outside: Option<Outside>,
    /// `None`: no host is named, or there is no network in which to hold the task to it.
    pub proxy: Option<ProxyPlan>,
    /// Mounted over themselves, so that they cannot be renamed: directories above what is in `read_only`.
    pub pinned: Vec<AbsPath>,
    pub limits: Vec<ResourceLimit>,
    pub cgroups: Vec<CgroupPlan>,
    /// Seconds; enforced by the supervisor.
    pub wall_time: Option<u64>,
    /// Bytes of output, after which the task ends; enforced by the supervisor.
    pub output: Option<u64>,
    /// The most processes and threads, where nothing of the kernel's counts the task's; enforced by the supervisor.
    pub processes: Option<u64>,
    /// Bytes that the task's processes may have in memory, where no cgroup holds them to it; enforced by the supervisor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Where free space is watched; enforced by the supervisor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_space: Option<DiskSpace>,
    /// All capabilities are given up, the bounding and ambient sets too.
    pub drop_capabilities: bool,
    pub no_new_privileges: bool,
    /// The whole environment of the task, but for a `TMPDIR` of the task's own.
    pub environment: BTreeMap<String, String>,
    /// The directories of the task's `PATH`, in order.
    pub search_path: Vec<AbsPath>,
    /// Grants of the agent file that come to nothing here, because the path does not exist.
    pub absent: Vec<String>,
    pub carried: Vec<Carried>,
    pub gaps: Vec<Gap>,
}

/// The namespaces that the task gets, apart from the mount, IPC, UTS and cgroup namespaces that it always gets with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of clone(2), independent of the others")]
pub struct Namespaces {
    pub user: bool,
    /// With a `/proc` of its own.
    pub pid: bool,
    pub network: bool,
    /// The loopback interface of the network namespace is brought up.
    pub loopback: bool,
}

/// Where the task's temporary files go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Temporary {
    /// The host's own `/tmp`.
    Host,
    /// A private directory is mounted on `/tmp`.
    Mounted,
    /// `TMPDIR` names a directory of the task's own, granted with these rights; the host's `/tmp` is not granted.
    Named(Rights),
}

/// How much of a disk may be used up while the task runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiskSpace {
    /// Bytes, by which the free space of each file system may fall.
    pub limit: u64,
    /// Directories that the task may write to on the host's disks; where it has a directory of its own, that is looked at too.
    pub places: Vec<AbsPath>,
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
    /// Of the user's processes in the task's user namespace.
    Nproc,
    /// Of all the user's processes: so many more than there are at the start.
    #[serde(rename = "NPROC_MORE")]
    NprocMore,
}

/// Plans how a host holds a task to a policy. Pure.
pub fn plan(policy: &Policy, host: &Host) -> Plan {
    match policy.confinement {
        Confinement::Unrestricted => unrestricted(policy, host),
        Confinement::Confined => confined(&crate::real::at_real_names(policy, &host.real), host),
    }
}

fn confined(policy: &Policy, host: &Host) -> Plan {
    let network = network::network(policy, host);
    let namespaces = host.namespaces.works().then(|| Namespaces {
        user: host.needs_user_namespace,
        pid: host.own_proc.works(),
        network: network.namespace,
        loopback: network.namespace,
    });
    let mut plan = Plan {
        namespaces,
        root: None,
        layers: Vec::new(),
        private_directories: Vec::new(),
        temporary: Temporary::Named(Rights::NONE),
        make_directories: Vec::new(),
        read_only: Vec::new(),
        masks: Vec::new(),
        hidden_from_tools: Vec::new(),
        landlock: None,
        seccomp: None,
        outside: None,
        proxy: None,
        pinned: Vec::new(),
        limits: Vec::new(),
        cgroups: Vec::new(),
        wall_time: None,
        output: None,
        processes: None,
        memory: None,
        disk_space: None,
        drop_capabilities: true,
        no_new_privileges: true,
        environment: BTreeMap::new(),
        search_path: Vec::new(),
        absent: Vec::new(),
        carried: Vec::new(),
        gaps: Vec::new(),
    };
    rest::commands(policy, &mut plan);
    let (rules, denied) = files::files(policy, host, &mut plan);
    let written = below::written_for_good(&plan, &rules);
    if plan.namespaces.is_some() {
        plan.root = Some(root::root(policy, host, &plan, &rules));
    }
    let own_programs = environment::own_programs(policy, host, &plan, &rules);
    let debug = rest::debug(policy, host, &mut plan);
    plan.seccomp = host.seccomp.works().then(|| SeccompProgram {
        inet: network.inet_sockets,
        ipc: plan.namespaces.is_some(),
        // What is read-only is so by a mount, until somebody replaces it.
        creation: !denied.is_empty() || (!plan.read_only.is_empty() && below::can_be_decided(host)),
        ptrace: debug,
        programs_in_memory: below::runs_what_it_writes(&plan, &rules),
        metadata: match (&plan.namespaces, host.notification.works()) {
            (Some(_), _) if written.is_empty() => Metadata::Free(SetGroupId::Free),
            (Some(_), true) => Metadata::Free(SetGroupId::Decided),
            (Some(_), false) => Metadata::Free(SetGroupId::Refused),
            (None, true) => Metadata::Decided,
            (None, false) => Metadata::Refused,
        },
    });
    if plan.seccomp.as_ref().is_some_and(SeccompProgram::notifies) {
        let denied = denied.into_iter().chain(covered(&plan)).collect();
        plan.outside = Some(Outside { rules: rules.clone(), denied, temporary: None });
    }
    if host.landlock_abi > 0 {
        plan.landlock = Some(LandlockPlan {
            abi: host.landlock_abi,
            rules,
            deny_tcp: network.deny_tcp && host.landlock_abi >= 4,
            scoped: host.landlock_abi >= 6,
        });
    }
    plan.carried.extend(network.carried);
    plan.gaps.extend(network.gaps);
    plan.gaps.extend(own_programs);
    environment::environment(policy, host, &mut plan);
    plan.environment.extend(network.proxy.iter().flat_map(ProxyPlan::environment));
    plan.proxy = network.proxy;
    ProxyPlan::catch(&mut plan, host);
    rest::limits(policy, host, &mut plan, &written);
    rest::set_id(host, &mut plan, &written);
    rest::processes(host, &mut plan);
    rest::host_gaps(host, &mut plan);
    plan
}

/// Returns what a mount covers or makes read-only, as names that must not change.
///
/// Inside the task's mount namespace the kernel refuses to move or replace what is mounted on. Done outside, the same call
/// succeeds, and takes the mount away.
fn covered(plan: &Plan) -> Vec<DeniedName> {
    let paths = plan.read_only.iter().chain(plan.masks.iter().map(|mask| &mask.path));
    let pattern = |base: &AbsPath| PathPattern { text: base.as_str().into(), base: base.clone(), glob: None };
    paths.map(|path| DeniedName(pattern(path))).collect()
}

/// The plan for trust-all: the task is whatever its user is, and says so; its tree of processes still ends with it.
fn unrestricted(policy: &Policy, host: &Host) -> Plan {
    let mut plan = Plan {
        namespaces: None,
        root: None,
        layers: Vec::new(),
        private_directories: Vec::new(),
        temporary: Temporary::Host,
        make_directories: Vec::new(),
        read_only: Vec::new(),
        masks: Vec::new(),
        hidden_from_tools: Vec::new(),
        landlock: None,
        seccomp: None,
        outside: None,
        proxy: None,
        pinned: Vec::new(),
        limits: Vec::new(),
        cgroups: Vec::new(),
        wall_time: None,
        output: None,
        processes: None,
        memory: None,
        disk_space: None,
        drop_capabilities: false,
        no_new_privileges: false,
        environment: host.environment.clone(),
        search_path: environment::host_path(host),
        absent: Vec::new(),
        carried: vec![Carried {
            grant: Grant::Processes,
            what: "the tree of processes ends with the task".to_owned(),
            by: vec![Mechanism::Supervisor],
        }],
        gaps: vec![Gap {
            grant: Grant::Files,
            what: "files, network, secrets and other processes are those of the user".to_owned(),
            why: format!("the profile `{}` holds nothing", policy.profile),
            remedy: Some("name an agent: `remit run --agent NAME -- COMMAND`".to_owned()),
        }],
    };
    // It writes wherever its user does; these are where that mostly is.
    let places = ["/", "/tmp", "/var/tmp"].map(|path| AbsPath::root().join(path));
    let places: Vec<AbsPath> = [policy.workspace.clone(), policy.home.clone()].into_iter().chain(places).collect();
    rest::limits(policy, host, &mut plan, &places);
    plan
}

impl Plan {
    /// Returns Landlock's rules, none when nothing is asked of it.
    pub fn landlock_rules(&self) -> &[PathRights] {
        self.landlock.as_ref().map_or(&[], |landlock| landlock.rules.as_slice())
    }
}
