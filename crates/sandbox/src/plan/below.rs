//! What is denied below a grant: hidden and protected paths, names that must not appear, programs.
//!
//! No rule of Landlock takes anything back, so what is there is covered by a mount, and what is not there yet is refused
//! its name by a decision outside.

use remit_agent::AbsPath;
use remit_policy::{PathPattern, PathRule, Policy};

use super::files::{overlaps, shown, why};
use super::repositories::committed;
use crate::above::{above, is_below};
use crate::{
    Availability, Carried, DeniedName, Gap, Grant, Host, Mask, Matches, Mechanism, PathFact, PathKind, PathRights, Plan, Rights,
    Temporary,
};

/// What nobody may read: `hidden`, and what is read by name only where no rule names it. Returns the patterns of which
/// nothing new may appear. The rules are sorted by path, here and below.
pub(super) fn hidden(policy: &Policy, host: &Host, plan: &mut Plan, rules: &[PathRights]) -> Vec<DeniedName> {
    let files = &policy.files;
    let named = |path: &AbsPath| [&files.read, &files.write, &files.execute].into_iter().flatten().any(|rule| names(rule, path));
    // What was not looked at lies in no grant; asking that first spares most of the work.
    let looked_at = |rule: &&PathRule| host.paths.contains_key(&rule.pattern.base);
    let by_name_only = files.protected_read.iter().filter(looked_at).filter(|rule| !named(&rule.pattern.base));
    let (mut open, mut later, mut created, mut denied) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for rule in files.hidden.iter().chain(by_name_only) {
        let pattern = &rule.pattern;
        if pattern.glob.is_some() {
            denied.extend(hidden_pattern(policy, host, plan, rules, pattern));
            continue;
        }
        // What a mount covers keeps its name.
        let is_covered = plan.namespaces.is_some() && matches!(host.paths.get(&pattern.base), Some(PathFact::Found { .. }));
        if !is_covered && appears_for_good(plan, rules, &pattern.base) {
            if can_be_decided(host) {
                denied.push(DeniedName(pattern.clone()));
            } else {
                created.push(format!("`{}`", shown(&pattern.base, policy)));
            }
        }
        let (canonical, kind) = match host.paths.get(&pattern.base) {
            Some(PathFact::Found { canonical, kind }) => (canonical, kind),
            // What it points to may be granted under its own name.
            Some(PathFact::Link) => {
                open.push(&pattern.base);
                plan.hidden_from_tools.push(pattern.text.to_string());
                continue;
            }
            Some(PathFact::Missing) => {
                let own = [&policy.workspace, &policy.home].into_iter().any(|own| pattern.base.is_beneath(own));
                if own && is_below(rules, &pattern.base) && !is_private(plan, &pattern.base) {
                    later.push(&pattern.base);
                }
                continue;
            }
            None => continue,
        };
        if !is_below(rules, canonical) || is_private(plan, canonical) {
            continue;
        }
        if plan.namespaces.is_some() {
            mask(plan, canonical, *kind);
        } else {
            open.push(canonical);
            plan.hidden_from_tools.push(pattern.text.to_string());
        }
    }
    push_created(plan, &created);
    if !later.is_empty() {
        plan.gaps
            .push(made_later(format!("commands can read what somebody else makes while they run at {}", list(policy, &later))));
    }
    if !open.is_empty() {
        let why = match &host.namespaces {
            Availability::Works => "there is a symbolic link in the path".to_owned(),
            missing @ Availability::Missing { .. } => why(missing),
        };
        plan.gaps.push(only_the_gate(&list(policy, &open), &why));
    }
    committed(policy, host, plan, rules);
    denied
}

/// Covers what a pattern matches now, and returns it when nothing new may match it.
fn hidden_pattern(
    policy: &Policy,
    host: &Host,
    plan: &mut Plan,
    rules: &[PathRights],
    pattern: &PathPattern,
) -> Option<DeniedName> {
    if !rules.iter().any(|granted| overlaps(&granted.path, &pattern.base)) {
        return None;
    }
    match covered(host, plan, pattern) {
        Ok(Matches { found, complete, links }) => {
            for (path, kind) in found {
                if is_below(rules, path) && !is_private(plan, path) {
                    mask(plan, path, *kind);
                }
            }
            let links: Vec<&AbsPath> = links.iter().filter(|link| is_below(rules, link)).collect();
            if !links.is_empty() || !complete {
                plan.hidden_from_tools.push(pattern.text.to_string());
            }
            if !links.is_empty() {
                let why = "it is a symbolic link, and what it points to is granted by a name of its own";
                plan.gaps.push(only_the_gate(&list(policy, &links), why));
            }
            if !complete {
                plan.gaps.push(Gap {
                    grant: Grant::Files,
                    what: format!("not everything that matches `{}` is hidden from commands", pattern.text),
                    why: INCOMPLETE.to_owned(),
                    remedy: Some("keep what is hidden outside the directories that are granted".to_owned()),
                });
            }
            let what = format!("commands can read what somebody else makes while they run and matches `{}`", pattern.text);
            plan.gaps.push(made_later(what));
        }
        Err(why) => {
            plan.hidden_from_tools.push(pattern.text.to_string());
            plan.gaps.push(only_the_gate(&format!("`{}`", pattern.text), &why));
        }
    }
    (can_be_decided(host) && appears_for_good(plan, rules, &pattern.base)).then(|| DeniedName(pattern.clone()))
}

/// Why there may be more than was found.
const INCOMPLETE: &str =
    "there is more than can be looked through at a start, or a directory that is closed, or has a name that is not UTF-8";

/// Returns what a pattern matches and can be covered by mounts.
fn covered<'h>(host: &'h Host, plan: &Plan, pattern: &PathPattern) -> Result<&'h Matches, String> {
    if plan.namespaces.is_none() {
        return Err(why(&host.namespaces));
    }
    match host.matches.get(&*pattern.text) {
        Some(matches) => Ok(matches),
        None => Err("nobody looked for it".to_owned()),
    }
}

fn mask(plan: &mut Plan, path: &AbsPath, kind: PathKind) {
    if !plan.masks.iter().any(|known| path.is_beneath(&known.path)) {
        plan.masks.push(Mask { path: path.clone(), directory: kind == PathKind::Directory });
    }
}

/// Returns whether calls that give a name can be decided outside the task.
pub(super) fn can_be_decided(host: &Host) -> bool {
    host.notification.works() && host.seccomp.works()
}

/// Returns whether a name at or below `base` would be on the host's disk: in a private layer it is reviewed first.
pub(super) fn appears_for_good(plan: &Plan, rules: &[PathRights], base: &AbsPath) -> bool {
    let written = rules.iter().any(|granted| granted.rights.contains(Rights::WRITE) && overlaps(&granted.path, base));
    written && !plan.layers.iter().any(|layer| base.is_beneath(&layer.target)) && !is_private(plan, base)
}

/// Returns the directories and files that are written on the host's disks.
pub(super) fn written_for_good(plan: &Plan, rules: &[PathRights]) -> Vec<AbsPath> {
    let written = |rule: &&PathRights| rule.rights.contains(Rights::WRITE) && !rule.rights.contains(Rights::DEVICE);
    rules.iter().filter(written).map(|rule| rule.path.clone()).filter(|path| appears_for_good(plan, rules, path)).collect()
}

/// Returns whether the rule names the path itself, or something below it.
pub(super) fn names(rule: &PathRule, path: &AbsPath) -> bool {
    rule.pattern.glob.is_none() && rule.pattern.base.is_beneath(path)
}

/// Returns whether the host's path is out of sight, because a directory of the task's own stands over it.
pub(super) fn is_private(plan: &Plan, path: &AbsPath) -> bool {
    plan.private_directories.iter().any(|private| path.is_beneath(&private.target))
}

fn made_later(what: String) -> Gap {
    Gap {
        grant: Grant::Files,
        what,
        why: "what is there at the start is covered; a mount covers paths, not patterns".to_owned(),
        remedy: None,
    }
}

fn only_the_gate(what: &str, why: &str) -> Gap {
    Gap {
        grant: Grant::Files,
        what: format!("{what}: hidden from the tools, and not from commands"),
        why: why.to_owned(),
        remedy: Some("keep what is hidden outside the directories that are granted".to_owned()),
    }
}

/// Of the workspace. Where it is no directory it names one, with a configuration and hooks that git then uses; and where it is not
/// there, neither can be what is protected in it.
pub(super) const GIT: &str = ".git";

/// What a mount covers is no longer covered when somebody outside the task puts another file in its place; and a socket in a
/// directory that is shown answers whoever can see it. In a private layer neither is so.
pub(super) fn shared_with_others(policy: &Policy, host: &Host, plan: &mut Plan, rules: &[PathRights]) {
    if plan.namespaces.is_none() {
        return;
    }
    let layered = |path: &AbsPath| plan.layers.iter().any(|layer| path.is_beneath(&layer.target)) || is_private(plan, path);
    // Who writes is asked for the name, whatever has it by then.
    let written = plan.read_only.iter().filter(|_| !can_be_decided(host));
    let covered = plan.masks.iter().filter(|mask| !mask.directory).map(|mask| &mask.path).chain(written);
    let own = |path: &AbsPath| path.is_beneath(&policy.workspace) || path.is_beneath(&policy.home);
    let covered: Vec<&AbsPath> = covered.filter(|path| own(path) && !layered(path)).collect();
    let shown: Vec<&AbsPath> = rules.iter().map(|rule| &rule.path).filter(|path| own(path) && !layered(path)).collect();
    let (covered, shown) = (
        (!covered.is_empty()).then(|| list(policy, &covered)),
        shown
            .iter()
            .any(|path| policy.workspace.is_beneath(path) || path.is_beneath(&policy.workspace))
            .then(|| list(policy, &shown)),
    );
    if let Some(covered) = covered {
        plan.gaps.push(Gap {
            grant: Grant::Files,
            what: format!("no longer held once somebody else replaces the file meanwhile, as editors and git do: {covered}"),
            why: "a mount covers the file that was there at the start".to_owned(),
            remedy: Some("leave writes to a private layer: `toolsSettings.sandbox.workspace: \"layer\"`".to_owned()),
        });
    }
    if let Some(shown) = shown {
        plan.gaps.push(Gap {
            grant: Grant::Network,
            what: format!("servers of yours that listen on a socket in {shown} can be connected to"),
            why: "to a file system that is read-only a connection is no write".to_owned(),
            remedy: Some("leave writes to a private layer: `toolsSettings.sandbox.workspace: \"layer\"`".to_owned()),
        });
    }
}

/// Paths that only their own name grants: read-only where a wider write grant covers them, and never made anew there.
pub(super) fn protected(policy: &Policy, host: &Host, plan: &mut Plan, rules: &[PathRights]) -> Vec<DeniedName> {
    let (mut written, mut created, mut denied) = (Vec::new(), Vec::new(), Vec::new());
    for rule in policy.files.protected.iter().chain(&policy.files.write_denied) {
        let path = &rule.pattern.base;
        let granted = || above(rules, path).any(|granted| granted.rights.contains(Rights::WRITE));
        let by_name = || policy.files.write.iter().any(|write| names(write, path));
        let in_layer = |plan: &Plan| plan.layers.iter().any(|layer| path.is_beneath(&layer.target));
        let masked = |plan: &Plan| plan.masks.iter().any(|mask| path.is_beneath(&mask.path));
        if rule.pattern.glob.is_some() {
            if !appears_for_good(plan, rules, path) {
                continue;
            }
            match covered(host, plan, &rule.pattern) {
                Ok(Matches { found, complete, .. }) => {
                    for (path, _) in found {
                        pin(plan, rules, path);
                        plan.read_only.push(path.clone());
                    }
                    if !complete {
                        written.push(format!("some of what is there and matches `{}`", rule.pattern.text));
                    }
                }
                // Where no mount covers it, nobody writes it who is not asked.
                Err(_) if can_be_decided(host) && plan.namespaces.is_none() => {}
                Err(_) => written.push(format!("what is there and matches `{}`", rule.pattern.text)),
            }
            if can_be_decided(host) {
                denied.push(DeniedName(rule.pattern.clone()));
            } else {
                created.push(format!("what matches `{}`", rule.pattern.text));
            }
            continue;
        }
        if !granted() || by_name() || in_layer(plan) || masked(plan) || is_private(plan, path) {
            continue;
        }
        match host.paths.get(path) {
            // Where the name leads there is nothing to be seen.
            Some(PathFact::Found { canonical, .. }) if plan.namespaces.is_some() && !is_below(rules, canonical) => {}
            Some(PathFact::Found { canonical, .. }) if plan.namespaces.is_some() => {
                pin(plan, rules, canonical);
                plan.read_only.push(canonical.clone());
            }
            // Who opens it to write is asked for by the name that has no link in it.
            Some(PathFact::Found { canonical, .. }) if can_be_decided(host) => {
                denied.push(DeniedName(rule.pattern.clone()));
                denied.extend((canonical != path).then(|| DeniedName(PathPattern::literal(canonical))));
            }
            Some(PathFact::Found { .. } | PathFact::Link) => {
                // What a link leads to has another name; but the link is not replaced.
                denied.extend(can_be_decided(host).then(|| DeniedName(rule.pattern.clone())));
                written.push(format!("`{}`", shown(path, policy)));
            }
            _ if can_be_decided(host) => denied.push(DeniedName(rule.pattern.clone())),
            _ => created.push(format!("`{}`", shown(path, policy))),
        }
    }
    let git = policy.workspace.join(GIT);
    let granted = above(rules, &git).any(|granted| granted.rights.contains(Rights::WRITE));
    let by_name = policy.files.write.iter().any(|write| names(write, &git));
    if granted && !by_name && appears_for_good(plan, rules, &git) {
        let pattern = || DeniedName(PathPattern { text: git.as_str().into(), base: git.clone(), glob: None });
        match host.paths.get(&git) {
            Some(PathFact::Found { kind: PathKind::Directory, .. }) => {}
            Some(PathFact::Found { canonical, .. }) if plan.namespaces.is_some() => plan.read_only.push(canonical.clone()),
            Some(PathFact::Found { canonical, .. }) if can_be_decided(host) && *canonical == git => denied.push(pattern()),
            Some(PathFact::Found { .. } | PathFact::Link) => {
                denied.extend(can_be_decided(host).then(pattern));
                written.push(format!("`{GIT}`"));
            }
            _ if can_be_decided(host) => denied.push(pattern()),
            _ => created.push(format!("`{GIT}`")),
        }
    }
    if !written.is_empty() {
        plan.gaps.push(Gap {
            grant: Grant::Files,
            what: format!("commands can write {}", some(&written)),
            why: "it lies inside a directory that is granted, and only a mount of a single path could take it out".to_owned(),
            remedy: Some("grant a narrower directory".to_owned()),
        });
    }
    push_created(plan, &created);
    denied
}

fn push_created(plan: &mut Plan, created: &[String]) {
    if created.is_empty() {
        return;
    }
    plan.gaps.push(Gap {
        grant: Grant::Files,
        what: format!("commands can create {}", some(created)),
        why: "it does not exist yet, and lies inside a directory that is granted".to_owned(),
        remedy: Some("grant a narrower directory, or create it before the start".to_owned()),
    });
}

/// Holds in their places the directories above a path that is read-only: one of them renamed, and another made with its
/// name, would have the path again, writable.
fn pin(plan: &mut Plan, rules: &[PathRights], path: &AbsPath) {
    let mut next = path.parent();
    while let Some(directory) = next {
        let parent = directory.parent();
        let movable = parent.as_ref().is_some_and(|parent| above(rules, parent).any(|rule| rule.rights.contains(Rights::WRITE)));
        if !movable {
            return;
        }
        if !plan.pinned.contains(&directory) {
            plan.pinned.push(directory);
        }
        next = parent;
    }
}

pub(super) fn list(policy: &Policy, paths: &[&AbsPath]) -> String {
    some(&paths.iter().map(|path| format!("`{}`", shown(path, policy))).collect::<Vec<_>>())
}

pub(super) fn some(all: &[String]) -> String {
    const MOST: usize = 4;
    let shown = all.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match all.len().checked_sub(MOST) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

/// Which programs run, where the task may execute nothing that it may write.
pub(super) fn programs(host: &Host, plan: &mut Plan, rules: &[PathRights]) {
    if host.landlock_abi == 0 || !host.seccomp.works() || runs_what_it_writes(plan, rules) {
        return;
    }
    if plan.namespaces.is_some() {
        plan.carried.push(Carried {
            grant: Grant::Files,
            what: "no program runs that is not granted, neither written by the task nor in memory".to_owned(),
            by: vec![Mechanism::Landlock, Mechanism::MountNamespace, Mechanism::Seccomp],
        });
    } else {
        plan.gaps.push(Gap {
            grant: Grant::Files,
            what: "a program that is not granted can be run through the dynamic loader (`ld.so PROGRAM`)".to_owned(),
            why: format!("Landlock does not cover mmap, and a mount that could is missing: {}", why(&host.namespaces)),
            remedy: None,
        });
    }
}

/// Returns whether something can be written and then executed, so that a program in memory would be nothing more.
pub(super) fn runs_what_it_writes(plan: &Plan, rules: &[PathRights]) -> bool {
    let both = Rights::WRITE | Rights::EXECUTE;
    if matches!(plan.temporary, Temporary::Named(rights) if rights.contains(both)) {
        return true;
    }
    let with = |right| rules.iter().filter(move |rule| rule.rights.contains(right));
    with(Rights::WRITE).any(|written| with(Rights::EXECUTE).any(|executed| overlaps(&written.path, &executed.path)))
}
