//! The file grants: which directories and files the kernel is asked to open, and what it cannot be asked for.
//!
//! Landlock grants trees: a rule on a directory holds for everything below it, and nothing below can be taken back. So a
//! pattern becomes the deepest existing directory that holds it, what is wider than the pattern is said, and what is
//! hidden or protected below a grant is covered by a mount, or is a gap.

use std::collections::{BTreeMap, BTreeSet};

use remit_agent::AbsPath;
use remit_policy::{Origin, PathRule, Policy, WorkspaceMode};

use super::below::{can_be_decided, hidden, programs, protected, shared_with_others, some};
use super::repositories::nested_repositories;
use crate::above::{above, is_below};
use crate::{
    Availability, Carried, DeniedName, Gap, Grant, Host, Layer, LayerPurpose, Mechanism, PathFact, PathKind, PathRights, Plan,
    PrivateDirectory, Rights, Temporary,
};

/// Directories that are the task's own when it has a mount namespace, whether they are in memory, and whether the task
/// may use them. `/run` holds the sockets of the host's services.
const PRIVATE: [(&str, bool, bool); 4] =
    [("/tmp", false, true), ("/var/tmp", false, true), ("/dev/shm", true, true), ("/run", true, false)];
/// What is granted only in part.
const NEVER_WHOLE: [&str; 2] = ["/", "/dev"];
/// Links into `/proc`, which lead each process to itself.
pub(super) const STREAMS: [&str; 4] = ["/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr"];
/// Those that a profile grants by the name that they have on a host.
const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Fills in the layers, mounts, carried promises and gaps of the plan, and returns Landlock's rules, and the names that
/// must not appear below them.
pub(super) fn files(policy: &Policy, host: &Host, plan: &mut Plan) -> (Vec<PathRights>, Vec<DeniedName>) {
    let mut rules = Rules::default();
    for (list, rights) in [
        (&policy.files.read, Rights::READ),
        (&policy.files.execute, Rights::READ | Rights::EXECUTE),
        (&policy.files.write, Rights::READ | Rights::WRITE),
    ] {
        for rule in list {
            rules.grant(policy, host, plan, rule, rights);
        }
    }
    layers(policy, host, plan, &mut rules);

    temporary(policy, host, plan, &mut rules);
    caches_to_come(policy, host, plan, &mut rules);
    // A terminal that the task makes for itself is in a devpts of its own.
    if plan.namespaces.is_some() && rules.0.contains_key(&AbsPath::root().join("/dev/ptmx")) {
        rules.add(AbsPath::root().join("/dev/pts"), Rights::READ | Rights::WRITE | Rights::DEVICE, "/dev/ptmx", false);
    }
    let mut rules = rules.merged();
    let mut denied = hidden(policy, host, plan, &rules);
    // What is hidden stays so, whatever else names something in it; and what is covered need not be covered once more.
    let covered: Vec<AbsPath> = plan.masks.iter().map(|mask| mask.path.clone()).collect();
    let within = |path: &AbsPath| covered.iter().any(|mask| path.is_beneath(mask));
    plan.masks.retain(|mask| !covered.iter().any(|other| mask.path != *other && mask.path.is_beneath(other)));
    rules.retain(|rule| !within(&rule.path));
    // What nothing shows needs no cover, and there is no place for one.
    plan.masks.retain(|mask| is_below(&rules, &mask.path));
    denied.extend(protected(policy, host, plan, &rules));
    let mut names = BTreeSet::new();
    denied.retain(|DeniedName(pattern)| names.insert((pattern.base.clone(), pattern.text.clone())));
    plan.read_only.retain(|path| !within(path));
    plan.pinned.retain(|path| !within(path));
    nested_repositories(policy, plan, &rules);
    shared_with_others(policy, host, plan, &rules);
    carried(host, plan, &denied);
    programs(host, plan, &rules);
    (rules, denied)
}

/// The task's own `/tmp`, `/var/tmp`, `/dev/shm` and `/run`.
///
/// Landlock would give everything mounted below a granted `/tmp` the rights of `/tmp`: so a `/tmp` in which a granted
/// directory lies is not covered and not granted, and `TMPDIR` names a private directory elsewhere.
fn temporary(policy: &Policy, host: &Host, plan: &mut Plan, rules: &mut Rules) {
    // As a workspace it is what it is.
    let own = TEMPORARY.iter().filter(|path| **path != policy.workspace.as_str());
    let rights = own.filter_map(|path| rules.take(path)).fold(Rights::NONE, |all, rights| all | rights);
    let named = |target: &AbsPath| {
        let rules = [&policy.files.read, &policy.files.write, &policy.files.execute].into_iter().flatten();
        let mut by_agent = rules.filter(|rule| matches!(rule.origin, Origin::Agent(_)));
        policy.workspace.is_beneath(target) || by_agent.any(|rule| rule.pattern.base.is_beneath(target))
    };
    let mut open = Vec::new();
    for (name, in_memory, granted) in PRIVATE {
        let target = AbsPath::root().join(name);
        let in_place = matches!(host.paths.get(&target), Some(PathFact::Found { canonical, kind: PathKind::Directory }) if *canonical == target);
        // What the system has in `/run` is covered; not what somebody asked for.
        let empty = if granted { !rules.0.keys().any(|path| path.is_beneath(&target)) } else { !named(&target) };
        if plan.namespaces.is_some() && in_place && empty {
            if granted && rights != Rights::NONE {
                rules.add(target.clone(), rights, name, false);
            }
            plan.private_directories.push(PrivateDirectory { target, in_memory, no_exec: !rights.contains(Rights::EXECUTE) });
        } else if granted {
            open.push(format!("`{name}`"));
        }
    }
    let mounted = plan.private_directories.iter().any(|private| private.target.as_str() == "/tmp");
    plan.temporary = if mounted { Temporary::Mounted } else { Temporary::Named(rights) };
    if !open.is_empty() {
        plan.gaps.push(Gap {
            grant: Grant::Files,
            what: format!("{} {} refused instead of being private", open.join(", "), if open.len() == 1 { "is" } else { "are" }),
            why: match &host.namespaces {
                Availability::Works => "something that is granted lies inside".to_owned(),
                missing @ Availability::Missing { .. } => why(missing),
            },
            remedy: Some("programs that honour `TMPDIR` work all the same".to_owned()),
        });
    }
}

#[derive(Default)]
struct Rules(BTreeMap<AbsPath, PathRights>);

impl Rules {
    fn grant(&mut self, policy: &Policy, host: &Host, plan: &mut Plan, rule: &PathRule, rights: Rights) {
        let pattern = &rule.pattern;
        let by_agent = matches!(rule.origin, Origin::Agent(_));
        if NEVER_WHOLE.contains(&pattern.base.as_str()) {
            plan.gaps.push(Gap {
                grant: Grant::Files,
                what: format!("commands cannot use `{}`", pattern.text),
                why: format!("a task has a `{}` of its own, or what is granted would hold what is never granted", pattern.base),
                remedy: Some("name the directories and devices that are meant".to_owned()),
            });
            return;
        }
        // The standard streams are the task's own.
        if STREAMS.iter().any(|stream| pattern.base.is_beneath(&AbsPath::root().join(stream))) {
            return;
        }
        let Some(glob) = &pattern.glob else {
            match host.paths.get(&pattern.base) {
                Some(PathFact::Found { canonical, kind }) => {
                    let device = *kind == PathKind::CharacterDevice && rights.contains(Rights::WRITE);
                    let rights = if device { rights | Rights::DEVICE } else { rights };
                    self.add(canonical.clone(), rights, &pattern.text, false);
                }
                Some(PathFact::Link) => plan.gaps.push(Gap {
                    grant: Grant::Files,
                    what: format!("`{}` is not granted", pattern.text),
                    why: "there is a symbolic link in the path, inside the workspace, where anybody could have planted it"
                        .to_owned(),
                    remedy: Some("name the place that it points to".to_owned()),
                }),
                _ if rule.if_present => {}
                _ if rights.contains(Rights::WRITE) && is_tree(&pattern.text) && pattern.base.is_beneath(&policy.workspace) => {
                    plan.make_directories.push(pattern.base.clone());
                    self.add(pattern.base.clone(), rights, &pattern.text, false);
                }
                _ if by_agent => plan.absent.push(pattern.text.to_string()),
                _ => {}
            }
            return;
        };
        let _ = glob;
        // A glob is only as narrow as the directory that holds it. Inside the workspace that is said; outside, where the
        // directory may be the whole home, it is not granted.
        let Some(base) = deepest_existing(host, &pattern.base, &policy.workspace) else {
            plan.gaps.push(Gap {
                grant: Grant::Files,
                what: format!("commands cannot use `{}`", pattern.text),
                why: format!("the kernel grants directories, and all of `{}` would be too much", pattern.base),
                remedy: Some("name a directory or a file without a wildcard".to_owned()),
            });
            return;
        };
        if rights.contains(Rights::WRITE) {
            plan.gaps.push(Gap {
                grant: Grant::Files,
                what: format!("commands can write all of `{}`, not only `{}`", shown(&base, policy), pattern.text),
                why: "the kernel grants directories, not patterns".to_owned(),
                remedy: Some("grant a directory of its own, as in `docs/**`".to_owned()),
            });
        }
        self.add(base, rights, &pattern.text, true);
    }

    fn add(&mut self, path: AbsPath, rights: Rights, pattern: &str, wider: bool) {
        let entry = self.0.entry(path.clone()).or_insert(PathRights { path, rights: Rights::NONE, patterns: Vec::new(), wider });
        entry.rights = entry.rights | rights;
        entry.wider |= wider;
        if !entry.patterns.iter().any(|known| known == pattern) {
            entry.patterns.push(pattern.to_owned());
        }
    }

    /// Returns whether something at the path or below it can be executed.
    fn executes(&self, path: &AbsPath) -> bool {
        self.0.values().any(|rule| rule.rights.contains(Rights::EXECUTE) && overlaps(&rule.path, path))
    }

    fn take(&mut self, path: &str) -> Option<Rights> {
        self.0.remove(&AbsPath::root().join(path)).map(|rule| rule.rights)
    }

    /// Leaves out what a rule higher up grants already: fewer rules are fewer opens at the start.
    fn merged(self) -> Vec<PathRights> {
        let mut kept: Vec<PathRights> = Vec::with_capacity(self.0.len());
        // In the map's order a directory comes before what is below it.
        for rule in self.0.into_values() {
            let covered = above(&kept, &rule.path).any(|above| above.rights.contains(rule.rights));
            if !covered {
                kept.push(rule);
            }
        }
        kept
    }
}

/// Returns whether the pattern names a directory with all that is in it, as `target/**` and `target/` do.
fn is_tree(text: &str) -> bool {
    text.ends_with("/**") || text.ends_with('/')
}

fn deepest_existing(host: &Host, base: &AbsPath, workspace: &AbsPath) -> Option<AbsPath> {
    let mut at = base.clone();
    while at.is_beneath(workspace) {
        if let Some(PathFact::Found { kind: PathKind::Directory, .. }) = host.paths.get(&at) {
            return Some(at);
        }
        at = at.parent()?;
    }
    None
}

/// The private layers: over the workspace when the policy says so, and over the caches that exist.
fn layers(policy: &Policy, host: &Host, plan: &mut Plan, rules: &mut Rules) {
    let possible = plan.namespaces.is_some() && host.overlay.works();
    let why = if host.namespaces.works() { why(&host.overlay) } else { why(&host.namespaces) };
    // What is never granted as a whole has no layer as a whole; that it is not granted is said.
    let layered = policy.files.workspace == WorkspaceMode::Layer && !NEVER_WHOLE.contains(&policy.workspace.as_str());
    if layered && possible {
        rules.add(policy.workspace.clone(), Rights::READ | Rights::WRITE, "private layer", false);
        plan.layers.push(Layer {
            no_exec: !rules.executes(&policy.workspace),
            by_name: denied_below(policy, &policy.workspace),
            target: policy.workspace.clone(),
            purpose: LayerPurpose::Workspace,
        });
    } else if layered {
        plan.gaps.push(Gap {
            grant: Grant::Files,
            what: Gap::WORKSPACE_IS_READ_ONLY.to_owned(),
            why: why.clone(),
            remedy: Some(format!(
                "either {}; or grant the writes in the agent file, as in \"sandbox\": {{ \"files\": {{ \"write\": [\"target/**\"] }} }}",
                remedy(&host.namespaces).unwrap_or_else(|| remedy(&host.overlay).unwrap_or_default())
            )),
        });
    }
    let mut without = Vec::new();
    for rule in &policy.files.caches {
        let Some(PathFact::Found { canonical, kind: PathKind::Directory }) = host.paths.get(&rule.pattern.base) else { continue };
        if canonical.is_beneath(&policy.workspace) && !plan.layers.is_empty() {
            continue;
        }
        if possible {
            rules.add(canonical.clone(), Rights::READ | Rights::WRITE, &rule.pattern.text, false);
            plan.layers.push(Layer {
                no_exec: !rules.executes(canonical),
                by_name: denied_below(policy, canonical),
                target: canonical.clone(),
                purpose: LayerPurpose::Cache,
            });
        } else {
            without.push(format!("`{}`", rule.pattern.text));
        }
    }
    if !without.is_empty() {
        plan.gaps.push(Gap {
            grant: Grant::Files,
            what: format!("toolchains' caches are read-only: {}", without.join(", ")),
            why,
            remedy: Some("most tools do without; otherwise grant the cache by name in `sandbox.files.write`".to_owned()),
        });
    }
}

/// Returns what the policy denies at, above or below a directory.
fn denied_below(policy: &Policy, target: &AbsPath) -> Vec<DeniedName> {
    let denied = policy.files.hidden.iter().chain(&policy.files.write_denied).map(|rule| &rule.pattern);
    denied.filter(|pattern| overlaps(&pattern.base, target)).cloned().map(DeniedName).collect()
}

/// The caches that do not exist: on a fresh machine many tools do not start without theirs (npm, go, cargo). Each is a directory of
/// the task's own, which goes with it; but below what is shown there is no place for one.
fn caches_to_come(policy: &Policy, host: &Host, plan: &mut Plan, rules: &mut Rules) {
    if plan.namespaces.is_none() {
        return;
    }
    for rule in &policy.files.caches {
        let target = &rule.pattern.base;
        let missing = rule.pattern.glob.is_none() && matches!(host.paths.get(target), Some(PathFact::Missing));
        let meets = |path: &AbsPath| target.is_beneath(path) || path.is_beneath(target);
        if !missing || target.is_beneath(&policy.workspace) || rules.0.keys().any(meets) {
            continue;
        }
        let executed =
            policy.files.execute.iter().any(|rule| rule.pattern.glob.is_none() && target.is_beneath(&rule.pattern.base));
        let execute = if executed { Rights::EXECUTE } else { Rights::NONE };
        rules.add(target.clone(), Rights::READ | Rights::WRITE | execute, &rule.pattern.text, false);
        plan.private_directories.push(PrivateDirectory { target: target.clone(), in_memory: false, no_exec: !executed });
    }
}

fn carried(host: &Host, plan: &mut Plan, denied: &[DeniedName]) {
    if !denied.is_empty() {
        let names: Vec<String> = denied.iter().map(|DeniedName(pattern)| format!("`{}`", pattern.text)).collect();
        plan.carried.push(Carried {
            grant: Grant::Files,
            what: format!("no file, directory or link gets the name {}", some(&names)),
            by: vec![Mechanism::SeccompNotification],
        });
        if plan.namespaces.is_none() {
            plan.carried.push(Carried {
                grant: Grant::Files,
                what: "what has such a name already is not written, moved, linked or removed".to_owned(),
                by: vec![Mechanism::SeccompNotification],
            });
        }
    }
    if plan.namespaces.is_none() && can_be_decided(host) {
        plan.carried.push(Carried {
            grant: Grant::Files,
            what: "modes, owners, times and attributes outside the grants; connections to sockets there".to_owned(),
            by: vec![Mechanism::SeccompNotification],
        });
    }
    let mut by = Vec::new();
    if host.landlock_abi > 0 {
        by.push(Mechanism::Landlock);
    }
    if plan.namespaces.is_some() {
        by.push(Mechanism::MountNamespace);
    }
    if by.is_empty() {
        return;
    }
    plan.carried.push(Carried { grant: Grant::Files, what: "reading and writing outside the grants is refused".to_owned(), by });
    if plan.namespaces.is_some() {
        plan.carried.push(Carried {
            grant: Grant::Files,
            what: "what is not granted does not exist: no name, size, mode or time of it, and no socket".to_owned(),
            by: vec![Mechanism::MountNamespace],
        });
    }
    let over = |purpose| plan.layers.iter().any(|layer| layer.purpose == purpose);
    let places = match (over(LayerPurpose::Workspace), over(LayerPurpose::Cache)) {
        (true, true) => Some("the workspace and the caches"),
        (true, false) => Some("the workspace"),
        (false, true) => Some("the caches"),
        (false, false) => None,
    };
    if let Some(places) = places {
        plan.carried.push(Carried {
            grant: Grant::Files,
            what: format!("writes to {places} go to a private layer"),
            by: vec![Mechanism::Overlay, Mechanism::MountNamespace],
        });
    }
    if !plan.masks.is_empty() || !plan.read_only.is_empty() {
        plan.carried.push(Carried {
            grant: Grant::Files,
            what: "hidden and protected paths inside the grants".to_owned(),
            by: vec![Mechanism::MountNamespace],
        });
    }
}

pub(super) fn overlaps(a: &AbsPath, b: &AbsPath) -> bool {
    a.is_beneath(b) || b.is_beneath(a)
}

pub(super) fn shown(path: &AbsPath, policy: &Policy) -> String {
    match (path.relative_to(&policy.workspace), path.relative_to(&policy.home)) {
        (Some(""), _) => "the workspace".to_owned(),
        (Some(relative), _) => relative.to_owned(),
        (None, Some(relative)) => format!("~/{relative}"),
        (None, None) => path.to_string(),
    }
}

pub(super) fn why(availability: &Availability) -> String {
    match availability {
        Availability::Works => String::new(),
        Availability::Missing { why, .. } => why.clone(),
    }
}

pub(super) fn remedy(availability: &Availability) -> Option<String> {
    match availability {
        Availability::Works => None,
        Availability::Missing { remedy, .. } => Some(remedy.clone()),
    }
}
