use remit_sandbox::{ResourceKind, ResourceLimit};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Sets soft and hard limits. A limit of the host that is lower stays. `processes` is how many the user has at the start.
pub(super) fn apply(limits: &[ResourceLimit], processes: u64) -> Result<(), Errno> {
    for limit in limits {
        let resource = match limit.resource {
            ResourceKind::Core => Resource::Core,
            ResourceKind::Cpu => Resource::Cpu,
            ResourceKind::Fsize => Resource::Fsize,
            ResourceKind::Nofile => Resource::Nofile,
            ResourceKind::Nproc | ResourceKind::NprocMore => Resource::Nproc,
        };
        let wanted = if limit.resource == ResourceKind::NprocMore { limit.value.saturating_add(processes) } else { limit.value };
        let host = getrlimit(resource).maximum;
        let value = host.map_or(wanted, |host| host.min(wanted));
        // At the hard limit of CPU time the kernel kills; at the soft one it says why.
        let maximum = if resource == Resource::Cpu { host.map_or(value + 1, |host| host.min(value + 1)) } else { value };
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(maximum) })?;
    }
    Ok(())
}
