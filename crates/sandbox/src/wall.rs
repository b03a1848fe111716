//! What the kernel says to an act under a plan: the plan's rules, asked instead of applied.
//!
//! An observer resolves a call as the kernel does, and asks here what becomes of it. So what is explained comes from the data
//! from which Landlock, the mounts and the filter were made, and from nothing else. Pure.

use std::net::IpAddr;

use remit_agent::AbsPath;
use serde::{Deserialize, Serialize};

use crate::{PathRights, Plan, Rights};

/// What a call does to what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Opens it to read, or lists it.
    Read,
    /// Opens it to write, or truncates it; it exists.
    Write,
    Execute,
    /// Asks whether it is there, and for its size, mode and times.
    Look,
    /// Gives it a name that it does not have yet.
    Create,
    /// Takes its name away.
    Remove,
    /// Changes its mode, owner, times or attributes.
    Change,
    /// Changes its limits or its priority.
    Limit,
    Connect,
    /// Waits for connections there.
    Listen,
}

/// What a call names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// With no symbolic link in it.
    Path(AbsPath),
    Address {
        address: IpAddr,
        port: u16,
    },
    /// By its number; `None`: those of a group or of a user.
    Process(Option<u32>),
}

/// Why the kernel refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// Nothing grants anything there.
    NotGranted,
    /// It is granted, but not for this.
    NotForThis,
    /// It is covered, whatever grants it.
    Hidden,
    /// Only its own name grants it.
    Protected,
    /// A call that is decided outside was refused.
    Decided,
    /// Of a mode with the set-group-id bit, which no file gets.
    SetGroupId,
    /// It is no process of the task's.
    OtherProcess,
    NoNetwork,
}

/// The bounds of a task's files and addresses.
#[derive(Clone, Debug)]
pub struct Wall {
    rules: Vec<PathRights>,
    /// `None`: the task sees the host's root.
    shown: Option<Vec<AbsPath>>,
    masks: Vec<AbsPath>,
    read_only: Vec<AbsPath>,
    /// Mounts, which cannot be removed.
    held: Vec<AbsPath>,
    files: bool,
    /// What is in no mount of the task's root is a directory that leads to one, and may be listed.
    listed: bool,
    network: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    All,
    /// Loopback and nothing else.
    Loopback,
    None,
}

impl Wall {
    /// Returns the wall of a plan. `own` is what only the launch knows: the task's temporary directory and its terminal.
    pub fn of(plan: &Plan, own: Vec<PathRights>) -> Wall {
        let mut rules = match (&plan.landlock, &plan.root) {
            (Some(landlock), _) => landlock.rules.clone(),
            (None, Some(_)) => rules_of_binds(plan),
            (None, None) => Vec::new(),
        };
        rules.extend(own);
        let layers = || plan.layers.iter().map(|layer| &layer.target);
        let private = || plan.private_directories.iter().map(|private| &private.target);
        let shown = plan.root.as_ref().map(|root| {
            let made = ["/proc", "/dev/pts", "/dev/ptmx", "/dev/console"].map(|path| AbsPath::root().join(path));
            let binds = root.binds.iter().map(|bind| &bind.path);
            binds.chain(root.links.keys()).chain(layers()).chain(private()).cloned().chain(made).collect()
        });
        let masks: Vec<AbsPath> = plan.masks.iter().map(|mask| mask.path.clone()).collect();
        let binds = plan.root.iter().flat_map(|root| root.binds.iter().map(|bind| &bind.path));
        let held = binds.chain(layers()).chain(private()).chain(&plan.read_only).chain(&plan.pinned).chain(&masks);
        Wall {
            held: held.cloned().collect(),
            shown,
            masks,
            read_only: plan.read_only.clone(),
            listed: plan.landlock.is_none() && plan.root.is_some(),
            files: plan.landlock.is_some() || plan.root.is_some(),
            network: reach(plan),
            rules,
        }
    }

    /// Returns whether the task's root has what there is at the path: the host's, or the task's own.
    pub fn shows(&self, path: &AbsPath) -> bool {
        self.shown.as_ref().is_none_or(|shown| shown.iter().any(|shown| path.is_beneath(shown)))
    }

    /// Returns whether the task has a root of its own, in which a path of the host may be missing.
    pub fn has_own_root(&self) -> bool {
        self.shown.is_some()
    }

    /// Returns whether something in the task's root stands at the path: what it does not show does not exist for it.
    pub fn is_in_sight(&self, path: &AbsPath) -> bool {
        let within = |shown: &AbsPath| path.is_beneath(shown) || shown.is_beneath(path);
        self.shown.as_ref().is_none_or(|shown| shown.iter().any(within))
    }

    /// Returns why an act on a path that the task can see is refused; `None` when it is not, or not by the plan.
    pub fn refuses(&self, act: Act, path: &AbsPath) -> Option<Because> {
        if !self.files {
            return None;
        }
        let masked = self.masks.iter().any(|mask| path.is_beneath(mask));
        let wanted = match act {
            Act::Look => return (masked && !self.masks.contains(path)).then_some(Because::Hidden),
            // A socket in sight answers; of Landlock's versions the newest asks for a right.
            Act::Connect => return masked.then_some(Because::Hidden),
            Act::Read => Rights::READ,
            Act::Execute => Rights::EXECUTE,
            // No path has limits.
            Act::Limit => return None,
            Act::Write | Act::Create | Act::Remove | Act::Change | Act::Listen => Rights::WRITE,
        };
        if masked {
            return Some(Because::Hidden);
        }
        let protected = self.read_only.iter().any(|held| path.is_beneath(held));
        if wanted == Rights::WRITE && protected || act == Act::Remove && self.held.contains(path) {
            return Some(Because::Protected);
        }
        // A name belongs to the directory that holds it.
        let parent = matches!(act, Act::Create | Act::Remove | Act::Listen).then(|| path.parent()).flatten();
        let at = parent.as_ref().unwrap_or(path);
        if act == Act::Change && self.shown.is_none() {
            // No rule of Landlock is about it.
            return None;
        }
        let rights = self.rights(at);
        let listed = self.listed && rights == Rights::NONE && act == Act::Read;
        if rights.contains(wanted) || listed {
            None
        } else if rights == Rights::NONE {
            Some(Because::NotGranted)
        } else {
            Some(Because::NotForThis)
        }
    }

    /// Returns why an address is out of reach.
    pub fn refuses_address(&self, address: IpAddr) -> Option<Because> {
        let reached = match self.network {
            Reach::All => true,
            Reach::Loopback => address.to_canonical().is_loopback() || address.is_unspecified(),
            Reach::None => false,
        };
        (!reached).then_some(Because::NoNetwork)
    }

    /// Landlock's rules add up along a path.
    fn rights(&self, path: &AbsPath) -> Rights {
        self.rules.iter().filter(|rule| path.is_beneath(&rule.path)).fold(Rights::NONE, |all, rule| all | rule.rights)
    }
}

fn reach(plan: &Plan) -> Reach {
    let inet = plan.seccomp.as_ref().is_none_or(|filter| filter.inet);
    if plan.namespaces.is_some_and(|spaces| spaces.network) {
        Reach::Loopback
    } else if !inet || plan.landlock.as_ref().is_some_and(|landlock| landlock.deny_tcp) {
        Reach::None
    } else {
        Reach::All
    }
}

/// Where there is no Landlock, what the mounts of the task's root let it do.
fn rules_of_binds(plan: &Plan) -> Vec<PathRights> {
    let rule = |path: &AbsPath, write: bool, execute: bool| {
        let mut rights = Rights::READ;
        if write {
            rights = rights | Rights::WRITE;
        }
        if execute {
            rights = rights | Rights::EXECUTE;
        }
        PathRights { path: path.clone(), rights, patterns: Vec::new(), wider: false }
    };
    let root = plan.root.iter();
    let binds = root.flat_map(|root| &root.binds).map(|bind| rule(&bind.path, !bind.read_only || bind.device, !bind.no_exec));
    let layers = plan.layers.iter().map(|layer| rule(&layer.target, true, !layer.no_exec));
    let private = plan.private_directories.iter().map(|private| rule(&private.target, true, !private.no_exec));
    binds.chain(layers).chain(private).collect()
}
