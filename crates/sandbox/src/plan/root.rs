//! The root of the task's own: what is granted is bound into it, and nothing else is there.
//!
//! It is the second wall for files beside Landlock, made from the same rules. What a bind does not show does not exist:
//! it cannot be listed, looked at, connected to, or changed in mode or time.

use std::collections::BTreeMap;

use remit_agent::AbsPath;
use remit_policy::Policy;

use super::Plan;
use super::files::STREAMS;
use crate::{Bind, Host, OwnRoot, PathFact, PathKind, PathRights, Rights};

/// Made anew for each task: device nodes are bound one by one, `/proc` is mounted.
const MADE: [&str; 3] = ["/proc", "/dev/pts", "/dev/ptmx"];
const CGROUPS: &str = "/sys/fs/cgroup";

pub(super) fn root(policy: &Policy, host: &Host, plan: &Plan, rules: &[PathRights]) -> OwnRoot {
    let mut binds: Vec<Bind> = Vec::new();
    let cgroups = shows_own_cgroups(rules);
    for rule in rules {
        let path = &rule.path;
        if cgroups && path.as_str() == CGROUPS {
            continue;
        }
        let made = MADE.contains(&path.as_str()) || plan.private_directories.iter().any(|private| private.target == *path);
        if made || plan.layers.iter().any(|layer| path.is_beneath(&layer.target)) {
            continue;
        }
        let rights = effective(rules, path);
        let device = path.as_str().starts_with("/dev/")
            && !matches!(host.paths.get(path), Some(PathFact::Found { kind: PathKind::Directory | PathKind::File, .. }));
        let bind = Bind {
            path: path.clone(),
            // A device is written all the same; only its mode, owner and times are not.
            read_only: !rights.contains(Rights::WRITE) || device,
            no_exec: !rights.contains(Rights::EXECUTE),
            device,
            copy: !rights.contains(Rights::WRITE)
                && !rights.contains(Rights::EXECUTE)
                && path.as_str().starts_with("/etc/")
                && matches!(host.paths.get(path), Some(PathFact::Found { kind: PathKind::File, .. })),
        };
        // Inside another bind with the same flags it is there already.
        let shown = binds.iter().rev().find(|above| path.is_beneath(&above.path));
        if shown.is_none_or(|above| (above.read_only, above.no_exec) != (bind.read_only, bind.no_exec)) {
            binds.push(bind);
        }
    }
    let visible = |path: &AbsPath| {
        binds.iter().any(|bind| path.is_beneath(&bind.path))
            || plan.layers.iter().any(|layer| path.is_beneath(&layer.target))
            || plan.private_directories.iter().any(|private| path.is_beneath(&private.target))
    };
    let links = links(policy, host).into_iter().filter(|(link, _)| !visible(link)).collect();
    let directories = [&policy.home, &policy.workspace].into_iter().filter(|path| !visible(path)).cloned().collect();
    let proc = rules.iter().any(|rule| rule.path.as_str() == "/proc");
    OwnRoot { binds, links, files: BTreeMap::new(), directories, proc, cgroups }
}

/// Returns whether cgroups are granted as a profile grants them, for runtimes that look for their limits: to read, and as a whole. A
/// rule that names one of them, or lets it be written, is about the host's.
fn shows_own_cgroups(rules: &[PathRights]) -> bool {
    let mut near = rules.iter().filter(|rule| rule.path.as_str().starts_with(CGROUPS));
    near.next().is_some_and(|rule| rule.path.as_str() == CGROUPS && rule.rights == Rights::READ) && near.next().is_none()
}

/// Landlock's rules add up along a path.
fn effective(rules: &[PathRights], path: &AbsPath) -> Rights {
    rules.iter().filter(|rule| path.is_beneath(&rule.path)).fold(Rights::NONE, |all, rule| all | rule.rights)
}

/// The symbolic links on the host by whose names things are granted: `/bin`, `/etc/localtime`.
fn links(policy: &Policy, host: &Host) -> BTreeMap<AbsPath, AbsPath> {
    let files = &policy.files;
    let rules = [&files.read, &files.write, &files.execute].into_iter().flatten();
    let named = rules.map(|rule| &rule.pattern.base).chain(&policy.environment.path);
    named
        .filter(|path| !STREAMS.contains(&path.as_str()))
        .filter_map(|path| match host.paths.get(path) {
            Some(PathFact::Found { canonical, .. }) if canonical != path => Some((path.clone(), canonical.clone())),
            _ => None,
        })
        .collect()
}
