//! Looking at the host. What only trying can tell comes in as [`Trials`], which `launch` makes.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use remit_agent::AbsPath;
use remit_policy::{PathRule, Policy};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, StatxFlags, fstat, openat2, statx};
use serde::{Deserialize, Serialize};

use crate::above::is_below;
use crate::real::{self, Resolver};
use crate::{Availability, Cgroups, Host, PathFact, PathKind};

/// What was found by trying it in a process made for that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trials {
    /// 0 when there is none.
    pub landlock_abi: u32,
    pub seccomp: Availability,
    pub namespaces: Availability,
    pub needs_user_namespace: bool,
    pub overlay: Availability,
    pub own_proc: Availability,
    pub network_namespace: Availability,
    /// Calls can be decided outside the task.
    pub notification: Availability,
}

impl Host {
    /// Looks at what the policy names on this machine.
    pub fn probe(policy: &Policy, trials: Trials, cgroups: Cgroups, environment: BTreeMap<String, String>) -> Host {
        let system = rustix::system::uname();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut resolver = Resolver::default();
        let mut paths = facts(policy, &BTreeMap::new(), &mut resolver);
        let real = real::names(policy, &paths, &mut resolver);
        let policy = real::at_real_names(policy, &real);
        if !real.is_empty() {
            paths = facts(&policy, &paths, &mut resolver);
        }
        let matches = if trials.namespaces.works() { crate::matches::look(&policy) } else { BTreeMap::new() };
        Host {
            kernel: text(system.release().to_bytes()),
            machine: text(system.machine().to_bytes()),
            user: rustix::process::geteuid().as_raw(),
            group: rustix::process::getegid().as_raw(),
            landlock_abi: trials.landlock_abi,
            seccomp: trials.seccomp,
            namespaces: trials.namespaces,
            needs_user_namespace: trials.needs_user_namespace,
            overlay: trials.overlay,
            own_proc: trials.own_proc,
            network_namespace: trials.network_namespace,
            notification: trials.notification,
            cgroups,
            resolver: None,
            environment,
            paths,
            real,
            matches,
        }
    }
}

fn facts(policy: &Policy, known: &BTreeMap<AbsPath, PathFact>, resolver: &mut Resolver) -> BTreeMap<AbsPath, PathFact> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let workspace = rustix::fs::open(policy.workspace.as_path(), flags, Mode::empty()).ok();
    let fact = |path: AbsPath| {
        let fact = known.get(&path).cloned().unwrap_or_else(|| look(policy, workspace.as_ref(), &path, resolver));
        (path, fact)
    };
    paths_of_interest(policy).into_iter().map(fact).collect()
}

/// Returns every path whose kind a plan for this policy may ask for.
///
/// What no grant covers is refused whatever stands there, so most of what is hidden or protected is never looked at.
///
/// They are sorted, and each is there once.
pub fn paths_of_interest(policy: &Policy) -> Vec<AbsPath> {
    let files = &policy.files;
    let bases = |lists: &[&[PathRule]]| -> Vec<AbsPath> {
        let mut bases: Vec<AbsPath> = lists.iter().copied().flatten().map(|rule| rule.pattern.base.clone()).collect();
        bases.sort_unstable();
        bases
    };
    // What is below another says nothing more.
    let topmost = |mut bases: Vec<AbsPath>| {
        bases.dedup_by(|below, above| below.is_beneath(above));
        bases
    };
    // Most of the paths are the rules' own, and so they are nearly in order from the beginning.
    let mut paths = bases(&[&files.read, &files.write, &files.execute]);
    let (write, all) = (topmost(bases(&[&files.write])), topmost(paths.clone()));
    paths.extend(["/tmp", "/var/tmp", "/dev/shm", "/run"].map(|path| AbsPath::root().join(path)));
    paths.push(policy.workspace.clone());
    paths.extend(policy.environment.path.iter().cloned());

    let written = |path: &AbsPath| is_below(&write, path);
    let granted = |path: &AbsPath| is_below(&all, path);
    let base = |rule: &'_ PathRule| rule.pattern.base.clone();
    let (hidden, denied) = (files.hidden.iter().chain(&files.protected_read), files.write_denied.iter().chain(&files.protected));
    paths.extend(hidden.filter(|rule| granted(&rule.pattern.base)).map(base));
    paths.extend(denied.filter(|rule| written(&rule.pattern.base)).map(base));
    paths.extend(files.caches.iter().map(base));
    let hides = files.hidden.iter().any(|rule| rule.pattern.base.is_beneath(&policy.workspace));
    paths.extend(Some(policy.workspace.join(".git")).filter(|git| written(git) || (hides && granted(git))));

    // The directories above a pattern of the workspace, for the case that the pattern's own does not exist.
    let in_workspace = |path: &AbsPath| *path != policy.workspace && path.is_beneath(&policy.workspace);
    for rule in [&files.read, &files.write, &files.execute, &files.caches].into_iter().flatten() {
        let mut below = rule.pattern.base.clone();
        while in_workspace(&below)
            && let Some(directory) = below.parent().filter(in_workspace)
        {
            paths.push(directory.clone());
            below = directory;
        }
    }
    paths.sort();
    paths.dedup();
    paths
}

fn look(policy: &Policy, workspace: Option<&OwnedFd>, path: &AbsPath, resolver: &mut Resolver) -> PathFact {
    match path.relative_to(&policy.workspace) {
        // A task of yesterday may have put a link here, so none is followed.
        Some(relative) if !relative.is_empty() => {
            workspace.map_or(PathFact::Missing, |workspace| look_beneath(workspace, relative, path))
        }
        _ => look_at(path, resolver),
    }
}

fn look_beneath(workspace: &OwnedFd, relative: &str, path: &AbsPath) -> PathFact {
    let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match openat2(workspace, relative, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS) {
        Ok(found) => match fstat(&found).map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Ok(FileType::Symlink) => PathFact::Link,
            Ok(kind) => PathFact::Found { canonical: path.clone(), kind: kind_of(kind) },
            Err(_) => PathFact::Missing,
        },
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::XDEV) => PathFact::Link,
        Err(_) => PathFact::Missing,
    }
}

fn look_at(path: &AbsPath, resolver: &mut Resolver) -> PathFact {
    let entry = resolver.entry(path);
    let Ok(stat) = statx(CWD, entry.as_str(), AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE) else { return PathFact::Missing };
    let kind = FileType::from_raw_mode(u32::from(stat.stx_mode));
    if kind != FileType::Symlink {
        return PathFact::Found { canonical: entry, kind: kind_of(kind) };
    }
    let target = std::fs::canonicalize(path.as_path()).ok().and_then(|target| AbsPath::new(&target).ok());
    match target {
        Some(target) if target != *path => look_at(&target, resolver),
        _ => PathFact::Missing,
    }
}

fn kind_of(kind: FileType) -> PathKind {
    match kind {
        FileType::Directory => PathKind::Directory,
        FileType::RegularFile => PathKind::File,
        FileType::CharacterDevice => PathKind::CharacterDevice,
        FileType::Socket => PathKind::Socket,
        _ => PathKind::Other,
    }
}

impl Availability {
    /// Returns that the mechanism is missing, and what would bring it.
    pub fn missing(why: impl Into<String>, remedy: impl Into<String>) -> Availability {
        Availability::Missing { why: why.into(), remedy: remedy.into() }
    }
}
