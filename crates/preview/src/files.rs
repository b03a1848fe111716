use std::collections::BTreeSet;

use remit_agent::AbsPath;
use remit_policy::{FileGrants, Origin, PathRule, Policy};
use remit_sandbox::{PathRights, Plan, PrivateDirectory, Rights, Temporary};
use serde::Serialize;

/// What a command may do to files: the kernel's bounds, not the patterns' intention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Files {
    /// The grants below are what the kernel holds. Without it they are the policy's, and nothing holds a command to them.
    pub kernel: bool,
    /// In the order of the plan: by path.
    pub grants: Vec<FileGrant>,
    /// Directories of the task's own that stand where the host's stood.
    pub private: Vec<PrivateDirectory>,
    /// Where temporary files go.
    pub temporary: Temporary,
    /// Made before the start, because a write grant names them.
    pub made: Vec<AbsPath>,
    /// Read-only inside a write grant.
    pub read_only: Vec<AbsPath>,
    /// Grants of the agent file that come to nothing, because the path does not exist.
    pub absent: Vec<String>,
    /// Hidden paths that are covered by something empty: a command does not find them either.
    pub masked: Vec<AbsPath>,
    /// Patterns: neither read nor written nor executed.
    pub hidden: Vec<String>,
    /// Those of `hidden` that commands can read all the same, or in part: a gap tells why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hidden_from_tools: Vec<String>,
    /// Patterns that the writing tool may not write.
    pub write_denied: Vec<String>,
    /// Patterns: written only where a rule names the path itself.
    pub written_by_name: Vec<String>,
    /// Patterns: read only where a rule names the path itself.
    pub read_by_name: Vec<String>,
}

/// What holds at a path and, for a directory, everywhere below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "rights of a file, independent of each other")]
pub struct FileGrant {
    pub path: AbsPath,
    pub place: Place,
    pub read: bool,
    pub writes: Writes,
    /// A device, as `/dev/null`, or a terminal: nothing is kept there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub device: bool,
    pub execute: bool,
    /// The patterns that this came from, as written.
    pub patterns: Vec<String>,
    /// The kernel's grant is wider than the patterns.
    pub wider: bool,
    /// The profile alone grants it: the agent file is silent on it.
    pub of_profile: bool,
}

/// Where a path lies, as a person would say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Workspace,
    Home,
    /// Named by the agent file, outside both.
    Elsewhere,
    /// From the profile, outside both.
    System,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Writes {
    /// The files themselves change.
    Direct,
    /// A copy changes, in a layer of the task's own.
    PrivateLayer,
    /// The path lies in a directory of the task's own.
    OwnDirectory,
    Nothing,
}

pub(crate) fn files(policy: &Policy, plan: &Plan) -> Files {
    let profile = of_the_profile(&policy.files);
    let rights = plan.landlock.as_ref().map_or_else(|| from_policy(&policy.files), |landlock| landlock.rules.clone());
    Files {
        kernel: plan.landlock.is_some(),
        grants: rights.iter().map(|own| grant(policy, plan, &profile, effective(&rights, own))).collect(),
        private: plan.private_directories.clone(),
        temporary: plan.temporary.clone(),
        made: plan.make_directories.clone(),
        read_only: plan.read_only.clone(),
        absent: plan.absent.clone(),
        masked: plan.masks.iter().map(|mask| mask.path.clone()).collect(),
        hidden: texts(&policy.files.hidden),
        hidden_from_tools: plan.hidden_from_tools.clone(),
        write_denied: texts(&policy.files.write_denied),
        written_by_name: texts(&policy.files.protected),
        read_by_name: texts(&policy.files.protected_read),
    }
}

/// Returns a rule with the rights of those above it, too: Landlock's add up along a path.
fn effective(all: &[PathRights], own: &PathRights) -> PathRights {
    let above = all.iter().filter(|rule| own.path.is_beneath(&rule.path));
    PathRights { rights: above.fold(own.rights, |rights, rule| rights | rule.rights), ..own.clone() }
}

fn grant(policy: &Policy, plan: &Plan, profile: &BTreeSet<&str>, rights: PathRights) -> FileGrant {
    let of_profile = rights.patterns.iter().all(|pattern| profile.contains(pattern.as_str()));
    let place = if rights.path.is_beneath(&policy.workspace) {
        Place::Workspace
    } else if rights.path.is_beneath(&policy.home) {
        Place::Home
    } else if of_profile {
        Place::System
    } else {
        Place::Elsewhere
    };
    let layered = plan.layers.iter().any(|layer| rights.path.is_beneath(&layer.target));
    let own = plan.private_directories.iter().any(|private| rights.path.is_beneath(&private.target));
    let writes = match rights.rights.contains(Rights::WRITE) {
        false => Writes::Nothing,
        true if own => Writes::OwnDirectory,
        true if layered => Writes::PrivateLayer,
        true => Writes::Direct,
    };
    // A pattern that is the path itself covers all that the kernel grants there.
    let wider = rights.wider && !rights.patterns.iter().any(|pattern| pattern == rights.path.as_str());
    FileGrant {
        place,
        read: rights.rights.contains(Rights::READ),
        writes,
        device: rights.rights.contains(Rights::DEVICE),
        execute: rights.rights.contains(Rights::EXECUTE),
        path: rights.path,
        patterns: rights.patterns,
        wider,
        of_profile,
    }
}

/// Returns the texts of the patterns that stand in the profile and not in the agent file.
fn of_the_profile(files: &FileGrants) -> BTreeSet<&str> {
    let rules = || files.read.iter().chain(&files.write).chain(&files.execute).chain(&files.caches);
    let (profile, others): (Vec<&PathRule>, Vec<&PathRule>) = rules().partition(|rule| matches!(rule.origin, Origin::Profile(_)));
    let others: BTreeSet<&str> = others.into_iter().map(|rule| &*rule.pattern.text).collect();
    profile.into_iter().map(|rule| &*rule.pattern.text).filter(|text| !others.contains(text)).collect()
}

/// Returns the grants as the policy has them, for a host or a profile where Landlock carries none.
fn from_policy(files: &FileGrants) -> Vec<PathRights> {
    let rights = |rules: &[PathRule], rights: Rights| -> Vec<PathRights> {
        let one = |rule: &PathRule| PathRights {
            path: rule.pattern.base.clone(),
            rights,
            patterns: vec![rule.pattern.text.to_string()],
            wider: false,
        };
        rules.iter().map(one).collect()
    };
    let mut all = rights(&files.read, Rights::READ);
    all.extend(rights(&files.write, Rights::READ | Rights::WRITE));
    all.extend(rights(&files.execute, Rights::READ | Rights::EXECUTE));
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

fn texts(rules: &[PathRule]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for rule in rules {
        if !texts.iter().any(|text| **text == *rule.pattern.text) {
            texts.push(rule.pattern.text.to_string());
        }
    }
    texts
}
