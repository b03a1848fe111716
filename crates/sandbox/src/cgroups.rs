use remit_agent::AbsPath;
use serde::Serialize;

/// Where cgroups can be made for a task, on this host and by this user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cgroups {
    /// cgroup v2: a directory below which one can be made with the controllers `memory` and `pids`.
    Unified {
        parent: AbsPath,
    },
    /// cgroup v1: a directory for each controller that is there.
    Legacy {
        memory: Option<AbsPath>,
        pids: Option<AbsPath>,
    },
    Missing {
        why: String,
        remedy: String,
    },
}

/// A cgroup that is made for the task, and removed with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CgroupPlan {
    pub parent: AbsPath,
    /// Files that are written before the task joins, in order.
    pub settings: Vec<(&'static str, String)>,
    pub counters: Vec<Counter>,
}

/// A line of a file that counts how often a limit was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counter {
    pub limit: GroupLimit,
    pub file: &'static str,
    pub key: &'static str,
}

/// A limit of all processes of a task together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupLimit {
    Memory,
    Processes,
}

impl Cgroups {
    /// Returns the cgroup that holds a limit, by itself.
    pub(crate) fn holding(&self, limit: GroupLimit, value: u64) -> Option<CgroupPlan> {
        let value = value.to_string();
        let (parent, settings, file, key) = match (self, limit) {
            // Without the group, one process is killed and the rest goes on without it.
            (Cgroups::Unified { parent }, GroupLimit::Memory) => {
                (parent, vec![("memory.max", value), ("memory.oom.group", "1".to_owned())], "memory.events", "oom_kill")
            }
            (Cgroups::Unified { parent }, GroupLimit::Processes) => (parent, vec![("pids.max", value)], "pids.events", "max"),
            (Cgroups::Legacy { memory: Some(parent), .. }, GroupLimit::Memory) => {
                (parent, vec![("memory.limit_in_bytes", value)], "memory.oom_control", "oom_kill")
            }
            (Cgroups::Legacy { pids: Some(parent), .. }, GroupLimit::Processes) => {
                (parent, vec![("pids.max", value)], "pids.events", "max")
            }
            (Cgroups::Legacy { .. } | Cgroups::Missing { .. }, _) => return None,
        };
        Some(CgroupPlan { parent: parent.clone(), settings, counters: vec![Counter { limit, file, key }] })
    }
}

impl CgroupPlan {
    /// Adds a cgroup to those that are planned: one directory holds all that is below the same parent.
    pub(crate) fn add(self, planned: &mut Vec<CgroupPlan>) {
        match planned.iter_mut().find(|known| known.parent == self.parent) {
            Some(known) => {
                known.settings.extend(self.settings);
                known.counters.extend(self.counters);
            }
            None => planned.push(self),
        }
    }
}
