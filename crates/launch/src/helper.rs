//! A process of Remit's own that talks to strangers, and needs next to nothing for that.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError,
};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::stage::{drop_capabilities, hide_memory};
use crate::sys;

/// Gives up everything but reading below these directories and TCP connections to these ports: no writing, no programs, no
/// privileges. The caller must have one thread.
///
/// Where the kernel has no Landlock, or one without ports, what it lacks is not given up: no promise rests on it.
pub fn only_talk(readable: &[&Path], ports: &[u16]) -> Result<(), Errno> {
    rustix::thread::set_no_new_privs(true)?;
    drop_capabilities()?;
    hide_memory()?;
    restrict(readable, ports).map_err(|error| match error {
        RulesetError::RestrictSelf(_) => Errno::PERM,
        _ => Errno::INVAL,
    })
}

fn restrict(readable: &[&Path], ports: &[u16]) -> Result<(), RulesetError> {
    let found = sys::landlock_abi();
    if found == 0 {
        return Ok(());
    }
    let abi = if found >= 4 { ABI::V4 } else { ABI::V1 };
    let mut rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(abi))?;
    if found >= 4 {
        rules = rules.handle_access(AccessNet::from_all(abi))?;
    }
    let mut rules = rules.create()?;
    for path in readable {
        // What is not there cannot be read.
        let Ok(directory) = openat(CWD, *path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) else { continue };
        rules = rules.add_rule(PathBeneath::new(directory, AccessFs::ReadFile | AccessFs::ReadDir))?;
    }
    for port in ports.iter().filter(|_| found >= 4) {
        rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    rules.restrict_self().map(|_| ())
}
