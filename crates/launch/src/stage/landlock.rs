//! Landlock: every right of the host's ABI is handled, as a hard requirement, and only the plan's rules are granted.
//!
//! The library makes the ruleset. The rules, of which there are some sixty in every start, are added without it: it asks the
//! kernel for each what kind of file it is, which the kernel knows when it takes the rule.

use std::os::fd::{AsFd, OwnedFd};

use landlock::{ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError, Scope};
use remit_agent::AbsPath;
use remit_sandbox::{LandlockPlan, Plan, Rights, Temporary};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::{LaunchError, Layer, Task, sys};

pub(super) fn restrict(rules: &LandlockPlan, plan: &Plan, task: &Task<'_>) -> Result<(), LaunchError> {
    let abi = abi(rules.abi).ok_or_else(|| LaunchError::at(Layer::Landlock, format!("ABI {}", rules.abi))(Errno::NOSYS))?;
    let ruleset = create(rules, abi).map_err(|error| failed(&error))?;
    // Without one the library has found no Landlock; a hard requirement is an error before.
    let ruleset = ruleset.ok_or_else(|| LaunchError::new(Layer::Landlock, Errno::NOSYS))?;
    for rule in &rules.rules {
        grant(&ruleset, abi, &rule.path, rule.rights)?;
    }
    if let Temporary::Named(rights) = plan.temporary
        && rights != Rights::NONE
    {
        grant(&ruleset, abi, &task.scratch.temporary(plan), rights)?;
    }
    if let Some((_, terminal)) = &task.stdio.terminal {
        let terminal = if plan.root.is_some() { &Task::console() } else { terminal };
        grant(&ruleset, abi, terminal, Rights::READ | Rights::WRITE | Rights::DEVICE)?;
        if plan.root.is_some() {
            // There ttyname(3) finds its name, among what was made for the task.
            let devices = openat(CWD, c"/dev", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
            let devices = devices.map_err(|errno| LaunchError::at(Layer::Landlock, "/dev")(errno))?;
            sys::landlock_grant(ruleset.as_fd(), devices.as_fd(), BitFlags::from(AccessFs::ReadDir).bits())
                .map_err(|errno| LaunchError::at(Layer::Landlock, "/dev")(errno))?;
        }
    }
    // `no_new_privs` is set already, by the plan's word.
    sys::landlock_restrict(ruleset.as_fd()).map_err(|errno| LaunchError::new(Layer::Landlock, errno))
}

fn create(rules: &LandlockPlan, abi: ABI) -> Result<Option<OwnedFd>, RulesetError> {
    let mut ruleset =
        Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(abi))?;
    if rules.deny_tcp {
        ruleset = ruleset.handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp)?;
    }
    if rules.scoped {
        ruleset = ruleset.scope(Scope::AbstractUnixSocket | Scope::Signal)?;
    }
    ruleset.create().map(Into::into)
}

fn grant(ruleset: &OwnedFd, abi: ABI, path: &AbsPath, rights: Rights) -> Result<(), LaunchError> {
    let at = |errno| LaunchError::at(Layer::Landlock, path)(errno);
    // With `O_PATH` no right to the file itself is needed.
    let beneath = openat(CWD, path.as_path(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(at)?;
    let access = spelled_out(rights, abi);
    match sys::landlock_grant(ruleset.as_fd(), beneath.as_fd(), access.bits()) {
        // What only a directory can have is not for a file: there the kernel takes no such rule. What is left of the rights is less.
        Err(Errno::INVAL) if access != access & AccessFs::from_file(abi) => {
            sys::landlock_grant(ruleset.as_fd(), beneath.as_fd(), (access & AccessFs::from_file(abi)).bits()).map_err(at)
        }
        result => result.map_err(at),
    }
}

/// Returns the kernel's rights for a person's. Device nodes are never made, and nothing is granted by a new ABI unasked.
fn spelled_out(rights: Rights, abi: ABI) -> BitFlags<AccessFs> {
    let mut access = BitFlags::empty();
    if rights.contains(Rights::READ) {
        access |= AccessFs::ReadFile | AccessFs::ReadDir;
    }
    if rights.contains(Rights::EXECUTE) {
        access |= AccessFs::Execute;
    }
    if rights.contains(Rights::DEVICE) {
        access |= AccessFs::IoctlDev;
    }
    if rights.contains(Rights::WRITE) {
        access |= AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::MakeDir
            | AccessFs::MakeSym
            | AccessFs::MakeFifo
            | AccessFs::MakeSock
            | AccessFs::RemoveFile
            | AccessFs::RemoveDir
            | AccessFs::Refer;
    }
    access & AccessFs::from_all(abi)
}

fn abi(number: u32) -> Option<ABI> {
    Some(match number {
        1 => ABI::V1,
        2 => ABI::V2,
        3 => ABI::V3,
        4 => ABI::V4,
        5 => ABI::V5,
        6 => ABI::V6,
        7 => ABI::V7,
        8 => ABI::V8,
        // The last one that this version was tested with; a newer kernel takes it too.
        9.. => ABI::V9,
        0 => return None,
    })
}

fn failed(error: &RulesetError) -> LaunchError {
    LaunchError::new(Layer::Landlock, errno_of(error))
}

/// Finds the errno at the bottom of the crate's errors.
fn errno_of(error: &(dyn std::error::Error + 'static)) -> Errno {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Errno::from_io_error(io).unwrap_or(Errno::INVAL);
        }
        at = error.source();
    }
    Errno::NOSYS
}
