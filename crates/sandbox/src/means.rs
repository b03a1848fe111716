//! By what means a host holds a policy, in a form that can be kept: when the same policy meets a host that has fewer, somebody had better
//! know.

use std::collections::BTreeMap;

use crate::{LayerPurpose, Mechanism, Plan};

impl Plan {
    /// Returns the names of the kernel's mechanisms that the plan leans on, each with its version, or 1.
    ///
    /// Which files there are at the start makes no difference, and what a policy does not need is not among them.
    pub fn means(&self) -> BTreeMap<String, u32> {
        let landlock = self.landlock.as_ref().map(|landlock| landlock.abi);
        let spaces = self.namespaces;
        let has = |there: bool| there.then_some(1);
        let all = [
            (Mechanism::Landlock, landlock),
            (Mechanism::Seccomp, has(self.seccomp.is_some())),
            (Mechanism::MountNamespace, has(spaces.is_some())),
            (Mechanism::PidNamespace, has(spaces.is_some_and(|spaces| spaces.pid))),
            (Mechanism::NetworkNamespace, has(spaces.is_some_and(|spaces| spaces.network))),
            (Mechanism::Overlay, has(self.layers.iter().any(|layer| layer.purpose == LayerPurpose::Workspace))),
            (Mechanism::SeccompNotification, has(self.outside.is_some())),
            (Mechanism::Cgroup, has(!self.cgroups.is_empty())),
        ];
        all.into_iter().filter_map(|(mechanism, version)| Some((mechanism.name().to_owned(), version?))).collect()
    }
}
