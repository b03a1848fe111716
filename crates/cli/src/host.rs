//! What this machine can do, for a policy.
//!
//! What only trying can tell is kept, in the state directory, for as long as it can be true: until the machine starts
//! again or Remit changes, and what was missing until somebody turns a switch that is known. `remit doctor` tries anew.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::{env, fs};

use remit_agent::AbsPath;
use remit_launch::{Scratch, try_cgroups, try_host, try_layer};
use remit_policy::{Confinement, LimitKind, NetworkMode, Policy, WorkspaceMode};
use remit_sandbox::{Availability, Cgroups, Host, Trials};
use remit_tasks::{Setting, StateDir, Store};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

const KEPT: &str = "host.json";

/// Looks at the host, as far as it matters for the policy.
pub(crate) fn look(policy: &Policy, state: &StateDir) -> Result<Host, Failure> {
    let key = key();
    let mut trials = match kept(state, &key) {
        Some(trials) => trials,
        None => try_and_keep(state, key)?,
    };
    let layered = policy.confinement == Confinement::Confined && policy.files.workspace == WorkspaceMode::Layer;
    if layered && trials.namespaces.works() && trials.overlay.works() && !lies_under_layers(&policy.workspace) {
        trials.overlay = layer(policy, state, trials.needs_user_namespace)?;
    }
    // Where cgroups can be made changes with the scope that a shell runs in, so it is tried, and only when it is asked for.
    let wanted = policy.limits.iter().any(|limit| matches!(limit.kind, LimitKind::Memory | LimitKind::Processes));
    let cgroups = if wanted { try_cgroups() } else { Cgroups::Legacy { memory: None, pids: None } };
    let mut host = Host::probe(policy, trials, cgroups, environment());
    if matches!(policy.network.mode, NetworkMode::Hosts(_)) {
        host.resolver = resolver(state)?;
    }
    Ok(host)
}

/// Returns the name server of the settings. One that cannot be read any more is an error: another would answer in its place.
fn resolver(state: &StateDir) -> Result<Option<SocketAddr>, Failure> {
    let Some(address) = Store::open(state)?.setting(Setting::RESOLVER)? else { return Ok(None) };
    let failed = |_| Failure::new(format!("`{}` is no value for `{}`", remit_diagnostics::visible(&address), Setting::RESOLVER));
    address.parse().map(Some).map_err(failed)
}

/// Returns whether the directory is on a file system over which a layer is known to lie; over any other it is tried.
fn lies_under_layers(path: &AbsPath) -> bool {
    // ext4, XFS, Btrfs, tmpfs, F2FS: statfs(2).
    const KNOWN: [i64; 5] = [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0xF2F5_2010];
    rustix::fs::statfs(path.as_path()).is_ok_and(|facts| KNOWN.contains(&facts.f_type))
}

/// Tries a layer over the workspace.
fn layer(policy: &Policy, state: &StateDir, user: bool) -> Result<Availability, Failure> {
    let scratch = Scratch { path: state.path().join(&format!("trial-{}", std::process::id())) };
    let failed = |error: &std::io::Error| Failure::io(format!("cannot try a layer in `{}`", scratch.path), error);
    make(&scratch.path).map_err(|error| failed(&error))?;
    let tried = try_layer(&scratch, &policy.workspace, user);
    remove(&scratch.path).map_err(|error| failed(&error))?;
    tried.map_err(|error| Failure::of(&error).help(error.remedy()))
}

/// Tries every mechanism of this host, whatever was found before.
pub(crate) fn try_and_keep(state: &StateDir, key: String) -> Result<Trials, Failure> {
    let scratch = Scratch { path: state.path().join(&format!("trial-{}", std::process::id())) };
    let failed = |error: &std::io::Error| Failure::io(format!("cannot try what this host can do in `{}`", scratch.path), error);
    make(&scratch.path).map_err(|error| failed(&error))?;
    let trials = try_host(&scratch);
    remove(&scratch.path).map_err(|error| failed(&error))?;
    let trials = trials.map_err(|error| Failure::of(&error).help(error.remedy()))?;
    let kept = Kept { version: VERSION, key, switches: switches(), trials: trials.clone() };
    if let Ok(text) = serde_json::to_vec(&kept) {
        // Without it the next start tries again.
        let _ = state.write(KEPT, &text);
    }
    Ok(trials)
}

/// Makes a directory to try things in. One that is there was left by somebody with our number, who was killed.
fn make(path: &AbsPath) -> std::io::Result<()> {
    match fs::create_dir(path.as_path()) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            remove(path)?;
            fs::create_dir(path.as_path())
        }
        made => made,
    }
}

/// Forgets what was kept, because it turned out to be wrong.
pub(crate) fn forget(state: &StateDir) {
    let _ = state.write(KEPT, b"");
}

/// Another version tried other things: 2 tries UTS and cgroup namespaces too.
const VERSION: u32 = 2;

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
    let holds = kept.version == VERSION && kept.key == key && (all_work(&kept.trials) || kept.switches == switches());
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
