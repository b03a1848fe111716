//! Commands, limits, processes, and what this host holds for no policy.

use remit_agent::AbsPath;
use remit_policy::{LimitKind, Policy};

use super::files::{remedy, why};
use super::{DiskSpace, Plan, ResourceKind, ResourceLimit};
use crate::{Carried, Cgroups, Gap, Grant, GroupLimit, Host, Mechanism, Metadata, SetGroupId};

pub(super) fn commands(policy: &Policy, plan: &mut Plan) {
    let what = if policy.commands.everything.is_some() { "every command runs unasked" } else { "which commands run unasked" };
    plan.carried.push(Carried { grant: Grant::Commands, what: what.to_owned(), by: vec![Mechanism::Gate] });
    plan.carried.push(Carried {
        grant: Grant::Tools,
        what: "which tools are visible, and which are pre-approved".to_owned(),
        by: vec![Mechanism::Gate],
    });
}

/// The limits, of which that of disk space is for the places that are written.
pub(super) fn limits(policy: &Policy, host: &Host, plan: &mut Plan, written: &[AbsPath]) {
    plan.limits.push(ResourceLimit { resource: ResourceKind::Core, value: 0 });
    for limit in &policy.limits {
        let resource = match limit.kind {
            LimitKind::OpenFiles => ResourceKind::Nofile,
            LimitKind::FileSize => ResourceKind::Fsize,
            LimitKind::CpuTime => ResourceKind::Cpu,
            LimitKind::WallTime => {
                plan.wall_time = Some(limit.value);
                plan.carried.push(carried("wall time", Mechanism::Supervisor));
                continue;
            }
            LimitKind::Memory => {
                group(host, plan, GroupLimit::Memory, limit.value);
                continue;
            }
            LimitKind::Processes => {
                group(host, plan, GroupLimit::Processes, limit.value);
                continue;
            }
            LimitKind::Output => {
                plan.output = Some(limit.value);
                plan.carried.push(carried("output", Mechanism::Supervisor));
                continue;
            }
            LimitKind::DiskSpace => {
                plan.disk_space = Some(DiskSpace { limit: limit.value, places: written.to_vec() });
                plan.carried.push(carried("disk space, whoever uses it up meanwhile", Mechanism::Supervisor));
                continue;
            }
        };
        plan.limits.push(ResourceLimit { resource, value: limit.value });
        let what = match resource {
            ResourceKind::Nofile => "open files of each process",
            ResourceKind::Fsize => "size of each file",
            ResourceKind::Cpu => "CPU time of each process",
            ResourceKind::Core | ResourceKind::Nproc | ResourceKind::NprocMore => continue,
        };
        plan.carried.push(carried(what, Mechanism::Rlimit));
    }
}

fn carried(what: &str, by: Mechanism) -> Carried {
    Carried { grant: Grant::Limits, what: what.to_owned(), by: vec![by] }
}

/// Of all the user's processes, beside the task's own, which there may be more of before the task's forks fail.
const OTHERS: u64 = 256;

/// A limit of the whole task: a cgroup; or for processes the count of a user namespace (Linux 5.14); or a look at them, now and then,
/// and a gap for what that does not see.
fn group(host: &Host, plan: &mut Plan, limit: GroupLimit, value: u64) {
    let what = match limit {
        GroupLimit::Memory => "memory of the task",
        GroupLimit::Processes => "number of its processes",
    };
    if let Some(cgroup) = host.cgroups.holding(limit, value) {
        cgroup.add(&mut plan.cgroups);
        plan.carried.push(carried(what, Mechanism::Cgroup));
        return;
    }
    // The kernel never counts root's.
    let counted = plan.namespaces.is_some_and(|spaces| spaces.user) && host.user != 0;
    if limit == GroupLimit::Processes && counted {
        plan.limits.push(ResourceLimit { resource: ResourceKind::Nproc, value });
        plan.carried.push(carried(what, Mechanism::Rlimit));
        return;
    }
    let (why, remedy) = match &host.cgroups {
        Cgroups::Missing { why, remedy } => (why.clone(), Some(remedy.clone())),
        Cgroups::Unified { .. } | Cgroups::Legacy { .. } => ("the controller is not there".to_owned(), None),
    };
    let what = if limit == GroupLimit::Processes {
        plan.processes = Some(value);
        if host.user != 0 {
            // They are faster than whoever looks; up to this one they are not.
            plan.limits.push(ResourceLimit { resource: ResourceKind::NprocMore, value: value.saturating_add(OTHERS) });
            plan.carried.push(Carried {
                grant: Grant::Limits,
                what: what.to_owned(),
                by: vec![Mechanism::Supervisor, Mechanism::Rlimit],
            });
            return;
        }
        plan.carried.push(carried(what, Mechanism::Supervisor));
        "processes that are made faster than Remit looks at them are not limited".to_owned()
    } else {
        plan.memory = Some(value);
        plan.carried.push(carried("memory that its processes have mapped", Mechanism::Supervisor));
        "files in memory that nobody maps, and buffers of sockets and pipes, are not counted to the limit of memory".to_owned()
    };
    plan.gaps.push(Gap { grant: Grant::Limits, what, why, remedy });
}

/// Programs that would make whoever starts them the task's user or group, where something is written that stays.
pub(super) fn set_id(host: &Host, plan: &mut Plan, written: &[AbsPath]) {
    let Some(filter) = plan.seccomp.as_ref().filter(|_| !written.is_empty()) else { return };
    let refused = filter.metadata == Metadata::Free(SetGroupId::Refused);
    // A directory may have the second bit, and no filter can tell one.
    let asks = matches!(filter.metadata, Metadata::Decided | Metadata::Free(SetGroupId::Decided));
    let asked = asks.then_some(Mechanism::SeccompNotification);
    plan.carried.push(Carried {
        grant: Grant::Files,
        what: "no file is made a set-user-id or set-group-id program".to_owned(),
        by: [Mechanism::Seccomp].into_iter().chain(asked).collect(),
    });
    if refused {
        plan.gaps.push(Gap {
            grant: Grant::Files,
            what: "no directory can be given the set-group-id bit, not even of the task's own".to_owned(),
            why: format!("{}; refusing it to all is what is left", why(&host.notification)),
            remedy: remedy(&host.notification),
        });
    }
}

pub(super) fn processes(host: &Host, plan: &mut Plan) {
    let pid = plan.namespaces.is_some_and(|namespaces| namespaces.pid);
    let scoped = host.landlock_abi >= 6;
    let mut ends = vec![Mechanism::Supervisor];
    if pid {
        ends.insert(0, Mechanism::PidNamespace);
    }
    plan.carried.push(Carried { grant: Grant::Processes, what: "the tree of processes ends with the task".to_owned(), by: ends });
    if !pid {
        plan.gaps.push(Gap {
            grant: Grant::Processes,
            what: "if Remit itself is killed, what the task started lives on; names of other processes can be read, with their command lines and \
                   the host's connections".to_owned(),
            why: if host.namespaces.works() { why(&host.own_proc) } else { why(&host.namespaces) },
            remedy: None,
        });
    }
    if plan.seccomp.as_ref().is_some_and(|filter| filter.metadata == Metadata::Decided) {
        plan.carried.push(Carried {
            grant: Grant::Processes,
            what: "limits and priorities of other processes cannot be changed".to_owned(),
            by: vec![Mechanism::SeccompNotification],
        });
    } else if !pid {
        plan.gaps.push(Gap {
            grant: Grant::Processes,
            what: "limits and priorities of the user's other processes can be changed".to_owned(),
            why: if host.namespaces.works() { why(&host.own_proc) } else { why(&host.namespaces) },
            remedy: None,
        });
    }
    if plan.namespaces.is_some() {
        let what = "which of the host's cgroups it runs in is not shown".to_owned();
        plan.carried.push(Carried { grant: Grant::Processes, what, by: vec![Mechanism::CgroupNamespace] });
    } else {
        plan.gaps.push(Gap {
            grant: Grant::Processes,
            what: "which of the host's cgroups it runs in can be read".to_owned(),
            why: why(&host.namespaces),
            remedy: None,
        });
    }
    let mut signals = Vec::new();
    if pid {
        signals.push(Mechanism::PidNamespace);
    }
    if scoped {
        signals.push(Mechanism::Landlock);
    }
    if signals.is_empty() {
        plan.gaps.push(Gap {
            grant: Grant::Processes,
            what: "the user's other processes can be signalled".to_owned(),
            why: format!("Landlock scopes signals from Linux 6.12 on; this is {}", host.kernel),
            remedy: None,
        });
    } else {
        plan.carried.push(Carried {
            grant: Grant::Processes,
            what: "other processes cannot be signalled or traced".to_owned(),
            by: signals,
        });
    }
}

/// Returns whether ptrace(2) is free: where the policy grants it, and Landlock or a pid namespace bounds whom it reaches.
pub(super) fn debug(policy: &Policy, host: &Host, plan: &mut Plan) -> bool {
    if !policy.debug {
        return false;
    }
    let mut by = Vec::new();
    if host.landlock_abi > 0 {
        by.push(Mechanism::Landlock);
    }
    if plan.namespaces.is_some_and(|namespaces| namespaces.pid) {
        by.push(Mechanism::PidNamespace);
    }
    if by.is_empty() {
        plan.gaps.push(Gap {
            grant: Grant::Processes,
            what: "`debug` is not granted here: the task's processes cannot trace each other".to_owned(),
            why: "neither Landlock nor a pid namespace would keep a debugger from the user's other processes".to_owned(),
            remedy: None,
        });
        return false;
    }
    let what = "the task's processes can trace each other, and no others";
    plan.carried.push(Carried { grant: Grant::Processes, what: what.to_owned(), by });
    true
}

/// What no mechanism of this version holds on this host.
pub(super) fn host_gaps(host: &Host, plan: &mut Plan) {
    if host.landlock_abi == 0 {
        let what = if plan.root.is_some() {
            "files are held by a root of the task's own alone, and not by Landlock as well"
        } else {
            "no file boundary is held"
        };
        plan.gaps.push(Gap {
            grant: Grant::Files,
            what: what.to_owned(),
            why: "the kernel has no Landlock, or it is switched off".to_owned(),
            remedy: Some("use Linux 5.13 or later with `landlock` in the boot parameter `lsm=`".to_owned()),
        });
    } else if host.landlock_abi < 3 && plan.root.is_none() {
        plan.gaps.push(Gap {
            grant: Grant::Files,
            what: "files outside the grants can be truncated".to_owned(),
            why: format!("Landlock refuses truncation from ABI 3 (Linux 6.2) on; this host has ABI {}", host.landlock_abi),
            remedy: None,
        });
    }
    if plan.namespaces.is_none() {
        plan.gaps.push(Gap {
            grant: Grant::Files,
            what: "names, sizes, modes and times outside the grants can be read".to_owned(),
            why: format!("Landlock does not cover stat, and {}", why(&host.namespaces)),
            remedy: None,
        });
        without_notification(host, plan);
    }
    let network = plan.namespaces.is_some_and(|namespaces| namespaces.network);
    let decided = plan.seccomp.as_ref().is_some_and(|filter| filter.metadata == Metadata::Decided);
    if plan.namespaces.is_none() {
        plan.gaps.push(Gap {
            grant: Grant::Processes,
            what: format!(
                "refused even among the task's own processes: terminals of their own, System V memory and queues, datagrams and abstract sockets of Unix{}",
                if decided { ", limits and priorities of one that has lost its parent" } else { "" }
            ),
            why: format!("those of the host could not be told apart, and {}", why(&host.namespaces)),
            remedy: None,
        });
    }
    if plan.namespaces.is_none() {
        plan.gaps.push(Gap {
            grant: Grant::Network,
            what: "names of abstract Unix sockets can be taken, and whoever connects to them reaches the task".to_owned(),
            why: format!("no path and no rule is about them, and {}", why(&host.namespaces)),
            remedy: None,
        });
    }
    if host.landlock_abi < 6 && !network && !decided {
        plan.gaps.push(Gap {
            grant: Grant::Network,
            what: "abstract Unix sockets of other processes can be connected to".to_owned(),
            why: format!("Landlock scopes them from ABI 6 (Linux 6.12) on; this host has ABI {}", host.landlock_abi),
            remedy: None,
        });
    }
    if !host.seccomp.works() {
        plan.gaps.push(Gap {
            grant: Grant::Processes,
            what: "system calls are not filtered".to_owned(),
            why: why(&host.seccomp),
            remedy: None,
        });
    }
}

/// What a task loses or keeps where neither a root of its own nor a decision outside bounds modes, times and sockets.
fn without_notification(host: &Host, plan: &mut Plan) {
    let network = plan.seccomp.as_ref().is_some_and(|filter| filter.inet);
    match plan.seccomp.as_ref().map(|filter| filter.metadata) {
        Some(Metadata::Decided) => {}
        Some(Metadata::Free(_) | Metadata::Refused) => {
            plan.gaps.push(Gap {
                grant: Grant::Files,
                what: "no mode, owner, time or attribute can be changed, not even of the task's own files".to_owned(),
                why: format!("{}; refusing them all is what is left", why(&host.notification)),
                remedy: remedy(&host.notification),
            });
        }
        None => plan.gaps.push(Gap {
            grant: Grant::Files,
            what: "modes and times of the user's own files can be changed".to_owned(),
            why: "Landlock does not cover chmod, utime and setxattr, and there is no filter".to_owned(),
            remedy: None,
        }),
    }
    let connects = match plan.seccomp.as_ref().map(|filter| filter.metadata) {
        Some(Metadata::Decided) => false,
        Some(Metadata::Refused) => network,
        Some(Metadata::Free(_)) | None => true,
    };
    if connects && host.landlock_abi < 9 {
        plan.gaps.push(Gap {
            grant: Grant::Network,
            what: "Unix sockets of the host's services (Docker, D-Bus, ssh-agent) can be connected to".to_owned(),
            why: format!("Landlock covers sockets by path from ABI 9 (Linux 7.1) on; this host has ABI {}", host.landlock_abi),
            remedy: None,
        });
    }
}
