//! Capabilities, `no_new_privs`, and who may read this process's memory.

use remit_sandbox::Plan;
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, set_capabilities,
    set_capabilities_secure_bits, set_no_new_privs,
};

use crate::{LaunchError, Layer};

pub(super) fn drop(plan: &Plan) -> Result<(), LaunchError> {
    let failed = |errno| LaunchError::new(Layer::Privileges, errno);
    if plan.drop_capabilities {
        drop_capabilities().map_err(failed)?;
    }
    if plan.no_new_privileges {
        set_no_new_privs(true).map_err(failed)?;
    }
    Ok(())
}

/// Gives up every capability: ambient, bounding, permitted, effective, inheritable; and root's way of getting them back.
pub(crate) fn drop_capabilities() -> Result<(), Errno> {
    clear_ambient_capability_set()?;
    // Without the capability to do so the bounding set stays; `no_new_privs` then keeps what it holds out of reach.
    if capabilities(None)?.effective.contains(CapabilitySet::SETPCAP) {
        for capability in CapabilitySet::all().iter() {
            match rustix::thread::remove_capability_from_bounding_set(capability) {
                // A capability that this kernel does not have.
                Ok(()) | Err(Errno::INVAL) => {}
                Err(errno) => return Err(errno),
            }
        }
        set_capabilities_secure_bits(
            CapabilitiesSecureBits::NO_ROOT
                | CapabilitiesSecureBits::NO_ROOT_LOCKED
                | CapabilitiesSecureBits::NO_SETUID_FIXUP
                | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
                | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
                | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
                | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED,
        )?;
    }
    give_up_capabilities()
}

/// Gives up what this process holds, for one that will not exec.
pub(crate) fn give_up_capabilities() -> Result<(), Errno> {
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

/// Makes this process's memory and descriptors unreadable for others of its user (`PR_SET_DUMPABLE` 0).
pub(crate) fn hide_memory() -> Result<(), Errno> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}
