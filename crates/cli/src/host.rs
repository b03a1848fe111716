//! What this machine can do, for a policy.

use std::collections::BTreeMap;
use std::env;

use remit_policy::Policy;
use remit_sandbox::{Availability, Host, Trials};

use crate::failure::Failure;

/// Looks at the host, as far as it matters for the policy.
pub(crate) fn look(policy: &Policy) -> Result<Host, Failure> {
    Ok(Host::probe(policy, trials()?, environment()))
}

/// Returns the caller's environment. A variable that is not UTF-8 is left out: no policy can name its value, so no task
/// ever gets it.
fn environment() -> BTreeMap<String, String> {
    env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

fn trials() -> Result<Trials, Failure> {
    let missing = || Availability::missing("not tried yet", "");
    Ok(Trials {
        landlock_abi: 0,
        seccomp: missing(),
        namespaces: missing(),
        needs_user_namespace: true,
        overlay: missing(),
        own_proc: missing(),
        network_namespace: missing(),
    })
}
