//! The environment: built from the policy, not inherited.

use remit_agent::AbsPath;
use remit_policy::Policy;

use super::below::{is_private, list};
use crate::above::above;
use crate::{Carried, Gap, Grant, Host, Mechanism, PathFact, PathKind, PathRights, Plan, Rights};
use std::path::Path;

pub(super) fn environment(policy: &Policy, host: &Host, plan: &mut Plan) {
    for (name, value) in &host.environment {
        // What a prefix covers was named by nobody: it is looked at here as a name of the agent file is by the compiler.
        let passes = |variable: &str| match variable.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix) && remit_policy::never_passed(name).is_none(),
            None => name == variable,
        };
        if policy.environment.pass.iter().any(|variable| passes(&variable.name)) {
            plan.environment.insert(name.clone(), value.clone());
        }
    }
    for (name, value) in &policy.environment.set {
        plan.environment.insert(name.clone(), value.clone());
    }
    plan.environment.insert("HOME".to_owned(), policy.home.to_string());
    plan.search_path = search_path(policy, host);
    let path: Vec<&str> = plan.search_path.iter().map(AbsPath::as_str).collect();
    plan.environment.insert("PATH".to_owned(), path.join(":"));
    plan.carried.push(Carried {
        grant: Grant::Environment,
        what: "variables that are not named do not reach the task".to_owned(),
        by: vec![Mechanism::Exec],
    });
}

/// Patterns name programs, and `PATH` says which those are: where a task may write a directory of it, it says so itself.
pub(super) fn own_programs(policy: &Policy, host: &Host, plan: &Plan, rules: &[PathRights]) -> Option<Gap> {
    let written = |path: &AbsPath| above(rules, path).any(|rule| rule.rights.contains(Rights::WRITE)) && !is_private(plan, path);
    let search = search_path(policy, host);
    let written: Vec<&AbsPath> = search.iter().filter(|path| written(path)).collect();
    (!written.is_empty()).then(|| Gap {
        grant: Grant::Commands,
        what: format!("commands can make programs with the names that patterns allow, in {}", list(policy, &written)),
        why: "it is on `PATH`, and may be written and executed".to_owned(),
        remedy: Some("take it out of `PATH` before the start, or grant it for reading and executing only".to_owned()),
    })
}

/// The caller's own order, as far as programs there may be executed, then the profile's directories.
fn search_path(policy: &Policy, host: &Host) -> Vec<AbsPath> {
    let executable = |path: &AbsPath| {
        policy.files.execute.iter().any(|rule| rule.pattern.glob.is_none() && path.is_beneath(&rule.pattern.base))
    };
    let existing = policy
        .environment
        .path
        .iter()
        .filter(|path| matches!(host.paths.get(*path), Some(PathFact::Found { kind: PathKind::Directory, .. })));
    let mut path = Vec::new();
    for directory in host_path(host).into_iter().filter(executable).chain(existing.cloned()) {
        if !path.contains(&directory) {
            path.push(directory);
        }
    }
    path
}

/// Returns the directories of the caller's `PATH`. A relative one is left out: what it names changes with the directory.
pub(super) fn host_path(host: &Host) -> Vec<AbsPath> {
    let path = host.environment.get("PATH").map_or("", String::as_str);
    path.split(':').filter_map(|directory| AbsPath::new(Path::new(directory)).ok()).collect()
}
