//! What repositories hold besides the files that are seen: their history, and hooks and settings of those below the workspace's own.

use remit_agent::AbsPath;
use remit_policy::Policy;

use super::below::{GIT, appears_for_good, list};
use crate::above::above;
use crate::{Gap, Grant, Host, PathFact, PathRights, Plan, Rights};

/// What was committed once can be read from the repository's own files, under other names.
pub(super) fn committed(policy: &Policy, host: &Host, plan: &mut Plan, rules: &[PathRights]) {
    let git = policy.workspace.join(GIT);
    let found = matches!(host.paths.get(&git), Some(PathFact::Found { .. }));
    let read = above(rules, &git).any(|granted| granted.rights.contains(Rights::READ));
    let hidden = policy.files.hidden.iter().any(|rule| rule.pattern.base.is_beneath(&policy.workspace));
    if found && read && hidden && !plan.masks.iter().any(|mask| git.is_beneath(&mask.path)) {
        plan.gaps.push(Gap {
            grant: Grant::Files,
            what: "commands can read what the history of the repository holds of hidden files".to_owned(),
            why: format!("`{GIT}` is granted, and keeps every version that was committed"),
            remedy: Some(format!("add `{GIT}` to `sandbox.files.hide`, if the task needs no git")),
        });
    }
}

/// Tells of repositories below the workspace's own, which are not looked for: it would take a walk over everything that can be
/// written at each start. A pattern that denies them has them looked for.
pub(super) fn nested_repositories(policy: &Policy, plan: &mut Plan, rules: &[PathRights]) {
    // As a file it names another directory, with hooks and settings of its own.
    let nested = ["nested/.git"].map(|path| policy.workspace.join(path));
    let closed = nested.iter().all(|path| policy.files.write_denied.iter().any(|rule| rule.pattern.matches_or_above(path)));
    let written = |rule: &&PathRights| rule.rights.contains(Rights::WRITE) && rule.path.is_beneath(&policy.workspace);
    let here: Vec<&AbsPath> =
        rules.iter().filter(written).map(|rule| &rule.path).filter(|path| appears_for_good(plan, rules, path)).collect();
    if closed || here.is_empty() {
        return;
    }
    plan.gaps.push(Gap {
        grant: Grant::Files,
        what: format!("commands can write the hooks and settings of repositories below {}", list(policy, &here)),
        why: "only those of the workspace's own repository are looked for".to_owned(),
        remedy: Some("add `*/**/.git` to `toolsSettings.fs_write.deniedPaths`".to_owned()),
    });
}
