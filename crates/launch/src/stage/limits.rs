use remit_sandbox::{ResourceKind, ResourceLimit};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Sets soft and hard limits. A limit of the host that is lower stays.
pub(super) fn apply(limits: &[ResourceLimit]) -> Result<(), Errno> {
    for limit in limits {
        let resource = match limit.resource {
            ResourceKind::Core => Resource::Core,
            ResourceKind::Cpu => Resource::Cpu,
            ResourceKind::Fsize => Resource::Fsize,
            ResourceKind::Nofile => Resource::Nofile,
        };
        let host = getrlimit(resource).maximum;
        let value = host.map_or(limit.value, |host| host.min(limit.value));
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    }
    Ok(())
}
