//! What this machine can do, for a policy.
//!
//! What only trying can tell is kept, in the state directory, for as long as it can be true: until the machine starts
//! again or Remit changes, and what was missing until somebody turns a switch that is known. `remit doctor` tries anew.

use std::collections::BTreeMap;
use std::{env, fs};

use remit_agent::AbsPath;
use remit_launch::{Scratch, try_cgroups, try_host};
use remit_policy::{LimitKind, Policy};
use remit_sandbox::{Cgroups, Host, Trials};
use remit_tasks::StateDir;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

const KEPT: &str = "host.json";

/// Looks at the host, as far as it matters for the policy.
pub(crate) fn look(policy: &Policy, state: &StateDir) -> Result<Host, Failure> {
    let key = key();
    let trials = match kept(state, &key) {
        Some(trials) => trials,
        None => try_and_keep(state, key)?,
    };
    // Where cgroups can be made changes with the scope that a shell runs in, so it is tried, and only when it is asked for.
    let wanted = policy.limits.iter().any(|limit| matches!(limit.kind, LimitKind::Memory | LimitKind::Processes));
    let cgroups = if wanted { try_cgroups() } else { Cgroups::Legacy { memory: None, pids: None } };
    Ok(Host::probe(policy, trials, cgroups, environment()))
}

/// Tries every mechanism of this host, whatever was found before.
pub(crate) fn try_and_keep(state: &StateDir, key: String) -> Result<Trials, Failure> {
    let scratch = Scratch { path: state.path().join(&format!("trial-{}", std::process::id())) };
    let failed = |error: &std::io::Error| Failure::io(format!("cannot try what this host can do in `{}`", scratch.path), error);
    fs::create_dir(scratch.path.as_path()).map_err(|error| failed(&error))?;
    let trials = try_host(&scratch);
    remove(&scratch.path).map_err(|error| failed(&error))?;
    let trials = trials.map_err(|error| Failure::of(&error).help(error.remedy()))?;
    let kept = Kept { version: 1, key, switches: switches(), trials: trials.clone() };
    if let Ok(text) = serde_json::to_vec(&kept) {
        // Without it the next start tries again.
        let _ = state.write(KEPT, &text);
    }
    Ok(trials)
}

/// Forgets what was kept, because it turned out to be wrong.
pub(crate) fn forget(state: &StateDir) {
    let _ = state.write(KEPT, b"");
}

#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    key: String,
    /// What the known switches said, when something was missing.
    switches: String,
    trials: Trials,
}

fn kept(state: &StateDir, key: &str) -> Option<Trials> {
    let bytes = state.read(KEPT).ok()??;
    let kept: Kept = serde_json::from_slice(&bytes).ok()?;
    let holds = kept.version == 1 && kept.key == key && (all_work(&kept.trials) || kept.switches == switches());
    holds.then_some(kept.trials)
}

fn all_work(trials: &Trials) -> bool {
    let mechanisms =
        [&trials.seccomp, &trials.namespaces, &trials.overlay, &trials.own_proc, &trials.network_namespace, &trials.notification];
    trials.landlock_abi > 0 && mechanisms.into_iter().all(remit_sandbox::Availability::works)
}

/// Returns what the answers depend on: this start of the machine, the namespaces and the user that we are in, and Remit.
pub(crate) fn key() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = |name: &str| {
        let link = fs::read_link(format!("/proc/self/ns/{name}")).unwrap_or_default();
        link.to_string_lossy().into_owned()
    };
    let user = rustix::process::geteuid().as_raw();
    format!("{} {} {} {user} {}", boot.trim(), namespace("user"), namespace("mnt"), env!("CARGO_PKG_VERSION"))
}

/// Returns the settings with which a host refuses user namespaces.
fn switches() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    [
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "/proc/sys/user/max_user_namespaces",
        "/proc/sys/kernel/unprivileged_userns_clone",
    ]
    .map(read)
    .concat()
}

/// Overlayfs leaves a directory that nobody may list.
fn remove(path: &AbsPath) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(path.as_path())? {
        let work = entry?.path().join("work");
        if work.is_dir() {
            fs::set_permissions(&work, fs::Permissions::from_mode(0o700))?;
        }
    }
    fs::remove_dir_all(path.as_path())
}

/// Returns the caller's environment. A variable that is not UTF-8 is left out: no policy can name its value, so no task
/// ever gets it.
fn environment() -> BTreeMap<String, String> {
    env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}
