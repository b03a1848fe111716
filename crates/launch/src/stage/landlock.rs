//! Landlock: every right of the host's ABI is handled, as a hard requirement, and only the plan's rules are granted.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use remit_agent::AbsPath;
use remit_sandbox::{LandlockPlan, Plan, Rights, Temporary};
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use crate::{LaunchError, Layer, Task};

pub(super) fn restrict(rules: &LandlockPlan, plan: &Plan, task: &Task<'_>) -> Result<(), LaunchError> {
    let abi = abi(rules.abi).ok_or_else(|| LaunchError::at(Layer::Landlock, format!("ABI {}", rules.abi))(Errno::NOSYS))?;
    let mut ruleset = create(rules, abi).map_err(|error| failed(&error))?;
    for rule in &rules.rules {
        ruleset = grant(ruleset, abi, &rule.path, rule.rights)?;
    }
    if let Temporary::Named(rights) = plan.temporary
        && rights != Rights::NONE
    {
        ruleset = grant(ruleset, abi, &task.scratch.temporary(), rights)?;
    }
    if let Some((_, terminal)) = &task.stdio.terminal {
        let terminal = if plan.root.is_some() { &Task::console() } else { terminal };
        ruleset = grant(ruleset, abi, terminal, Rights::READ | Rights::WRITE | Rights::DEVICE)?;
    }
    // `no_new_privs` is set already, by the plan's word.
    let RestrictionStatus { ruleset: status, .. } =
        ruleset.no_new_privs(false).restrict_self().map_err(|error| failed(&error))?;
    if status == RulesetStatus::FullyEnforced { Ok(()) } else { Err(LaunchError::new(Layer::Landlock, Errno::NOSYS)) }
}

fn create(rules: &LandlockPlan, abi: ABI) -> Result<RulesetCreated, RulesetError> {
    let mut ruleset =
        Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(abi))?;
    if rules.deny_tcp {
        ruleset = ruleset.handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp)?;
    }
    if rules.scoped {
        ruleset = ruleset.scope(Scope::AbstractUnixSocket | Scope::Signal)?;
    }
    ruleset.create()
}

fn grant(ruleset: RulesetCreated, abi: ABI, path: &AbsPath, rights: Rights) -> Result<RulesetCreated, LaunchError> {
    let at = |errno| LaunchError::at(Layer::Landlock, path)(errno);
    // Not landlock's own way to open it, from which a static libc of another kind loses `O_PATH`.
    let directory = openat(CWD, path.as_path(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(at)?;
    let kind = FileType::from_raw_mode(fstat(&directory).map_err(at)?.st_mode);
    let mut access = spelled_out(rights, abi);
    if kind != FileType::Directory {
        access &= AccessFs::from_file(abi);
    }
    ruleset.add_rule(PathBeneath::new(directory, access)).map_err(|error| at(errno_of(&error)))
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
