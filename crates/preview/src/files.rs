use std::collections::BTreeSet;

use remit_agent::AbsPath;
use remit_policy::{FileGrants, Origin, PathRule, Policy};
use remit_sandbox::{PathRights, Plan, PrivateDirectory, Rights};
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
    /// Made before the start, because a write grant names them.
    pub made: Vec<AbsPath>,
    /// Read-only inside a write grant.
    pub read_only: Vec<AbsPath>,
    /// Patterns: neither read nor written nor executed.
    pub hidden: Vec<String>,
    /// Patterns that the writing tool may not write.
    pub write_denied: Vec<String>,
    /// Patterns: written only where a rule names the path itself.
    pub written_by_name: Vec<String>,
    /// Patterns: read only where a rule names the path itself.
    pub read_by_name: Vec<String>,
}

/// What holds at a path and, for a directory, everywhere below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileGrant {
    pub path: AbsPath,
    pub place: Place,
    pub read: bool,
    pub writes: Writes,
    pub execute: bool,
    /// The patterns that this came from, as written.
    pub patterns: Vec<String>,
    /// The kernel's grant is wider than the patterns.
    pub wider: bool,
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
    Nothing,
}

pub(crate) fn files(policy: &Policy, plan: &Plan) -> Files {
    let written = written_by_the_agent(&policy.files);
    let rights = plan.landlock.as_ref().map_or_else(|| from_policy(&policy.files), |landlock| landlock.rules.clone());
    Files {
        kernel: plan.landlock.is_some(),
        grants: rights.into_iter().map(|rights| grant(policy, plan, &written, rights)).collect(),
        private: plan.private_directories.clone(),
        made: plan.make_directories.clone(),
        read_only: plan.read_only.clone(),
        hidden: texts(&policy.files.hidden),
        write_denied: texts(&policy.files.write_denied),
        written_by_name: texts(&policy.files.protected),
        read_by_name: texts(&policy.files.protected_read),
    }
}

fn grant(policy: &Policy, plan: &Plan, written: &BTreeSet<&str>, rights: PathRights) -> FileGrant {
    let place = if rights.path.is_beneath(&policy.workspace) {
        Place::Workspace
    } else if rights.path.is_beneath(&policy.home) {
        Place::Home
    } else if rights.patterns.iter().any(|pattern| written.contains(pattern.as_str())) {
        Place::Elsewhere
    } else {
        Place::System
    };
    let layered = plan.layers.iter().any(|layer| rights.path.is_beneath(&layer.target));
    let writes = match (rights.rights.contains(Rights::WRITE), layered) {
        (false, _) => Writes::Nothing,
        (true, true) => Writes::PrivateLayer,
        (true, false) => Writes::Direct,
    };
    FileGrant {
        place,
        read: rights.rights.contains(Rights::READ),
        writes,
        execute: rights.rights.contains(Rights::EXECUTE),
        path: rights.path,
        patterns: rights.patterns,
        wider: rights.wider,
    }
}

fn written_by_the_agent(files: &FileGrants) -> BTreeSet<&str> {
    let rules = files.read.iter().chain(&files.write).chain(&files.execute);
    rules.filter(|rule| matches!(rule.origin, Origin::Agent(_))).map(|rule| rule.pattern.text.as_str()).collect()
}

/// Returns the grants as the policy has them, for a host or a profile where Landlock carries none.
fn from_policy(files: &FileGrants) -> Vec<PathRights> {
    let rights = |rules: &[PathRule], rights: Rights| -> Vec<PathRights> {
        let one = |rule: &PathRule| PathRights {
            path: rule.pattern.base.clone(),
            rights,
            patterns: vec![rule.pattern.text.clone()],
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
        if !texts.contains(&rule.pattern.text) {
            texts.push(rule.pattern.text.clone());
        }
    }
    texts
}
