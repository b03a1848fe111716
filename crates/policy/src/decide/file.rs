use remit_agent::{AbsPath, NativeTool};

use super::{Decision, reason, trusted, with_help};
use crate::{Origin, PathRule, Policy, Reason};

/// Places of which a task has its own. What a profile grants there is the task's; the gate, which looks at files from
/// outside the task, would find the host's.
const OF_THE_TASK: [&str; 6] = ["/tmp", "/var/tmp", "/dev", "/proc", "/sys", "/run"];

/// Judges the reading of a file by a tool. `path` has no symbolic links in it.
pub(super) fn judge_read(policy: &Policy, path: &AbsPath) -> (Decision, Reason) {
    let files = &policy.files;
    if let Some(hidden) = covering(&files.hidden, path) {
        return (Decision::Deny, denied(hidden, "it is hidden"));
    }
    if policy.is_unrestricted() {
        return trusted(policy);
    }
    let reads = NativeTool::ALL.into_iter().any(|tool| tool.reads_files() && policy.tools.is_visible(tool));
    if !reads {
        let absent = reason("tools", &Origin::Silent, "the agent has no tool that reads files");
        return (Decision::Deny, with_help(absent, "add `fs_read` to `tools`"));
    }
    let granting = || files.read.iter().chain(&files.write).chain(&files.execute).filter(|rule| grants(rule, path));
    if let Some(refusal) = protection(&files.protected_read, &granting(), path) {
        return refusal;
    }
    match granting().next() {
        Some(rule) => (Decision::Allow, reason(&rule.pattern.text, &rule.origin, "it is in the read grant")),
        None => (Decision::Ask, reason("files", &Origin::Silent, format!("no rule lets `{path}` be read unasked"))),
    }
}

/// Judges the writing of a file by a tool. `path` has no symbolic links in it.
pub(super) fn judge_write(policy: &Policy, path: &AbsPath) -> (Decision, Reason) {
    let files = &policy.files;
    if let Some(hidden) = covering(&files.hidden, path) {
        return (Decision::Deny, denied(hidden, "it is hidden"));
    }
    if let Some(rule) = covering(&files.write_denied, path) {
        return (Decision::Deny, denied(rule, "`deniedPaths` denies writing it"));
    }
    if policy.is_unrestricted() {
        return trusted(policy);
    }
    if !policy.tools.is_visible(NativeTool::Write) {
        let absent = reason("tools", &Origin::Silent, "the agent has no `fs_write`");
        return (Decision::Deny, with_help(absent, "add `fs_write` to `tools`"));
    }
    let granting = || files.write.iter().filter(|rule| grants(rule, path));
    if let Some(refusal) = protection(&files.protected, &granting(), path) {
        return refusal;
    }
    match granting().next() {
        Some(rule) => (Decision::Allow, reason(&rule.pattern.text, &rule.origin, "it is in the write grant")),
        None => (Decision::Ask, reason("files", &Origin::Silent, format!("no rule lets `{path}` be written unasked"))),
    }
}

/// Why a command may not have a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal<'p> {
    /// A rule is against it.
    Rule(&'p PathRule),
    /// No rule is for it.
    Silent,
}

/// Returns whether a command that the gate lets through may read the file.
pub(super) fn may_read<'p>(policy: &'p Policy, path: &AbsPath) -> Result<(), Refusal<'p>> {
    let files = &policy.files;
    let granting = || files.read.iter().chain(&files.write).chain(&files.execute).filter(|rule| grants(rule, path));
    may(&files.hidden, &[], &files.protected_read, &granting(), path)
}

/// Returns whether a command that the gate lets through may write the file.
pub(super) fn may_write<'p>(policy: &'p Policy, path: &AbsPath) -> Result<(), Refusal<'p>> {
    let files = &policy.files;
    let granting = || files.write.iter().filter(|rule| grants(rule, path));
    may(&files.hidden, &files.write_denied, &files.protected, &granting(), path)
}

fn may<'p>(
    hidden: &'p [PathRule],
    denied: &'p [PathRule],
    protected: &'p [PathRule],
    granting: &(impl Iterator<Item = &'p PathRule> + Clone),
    path: &AbsPath,
) -> Result<(), Refusal<'p>> {
    if let Some(rule) = covering(hidden, path).or_else(|| covering(denied, path)) {
        return Err(Refusal::Rule(rule));
    }
    let named = |rule: &PathRule| granting.clone().any(|granting| granting.pattern.covers_by_name(&rule.pattern.base));
    if let Some(rule) = protected.iter().find(|rule| rule.pattern.matches_or_above(path) && !named(rule)) {
        return Err(Refusal::Rule(rule));
    }
    if granting.clone().next().is_some() { Ok(()) } else { Err(Refusal::Silent) }
}

fn grants(rule: &PathRule, path: &AbsPath) -> bool {
    rule.pattern.matches(path) && !of_the_task(rule)
}

/// Returns whether a rule grants a place of which the task has its own.
pub(crate) fn of_the_task(rule: &PathRule) -> bool {
    matches!(rule.origin, Origin::Profile(_))
        && OF_THE_TASK.iter().any(|place| rule.pattern.base.is_beneath(&AbsPath::root().join(place)))
}

fn covering<'a>(rules: &'a [PathRule], path: &AbsPath) -> Option<&'a PathRule> {
    rules.iter().find(|rule| rule.pattern.matches_or_above(path))
}

fn denied(rule: &PathRule, why: &str) -> Reason {
    reason(&rule.pattern.text, &rule.origin, why)
}

/// Refuses a protected path that no rule names.
fn protection<'a>(
    protected: &[PathRule],
    granting: &(impl Iterator<Item = &'a PathRule> + Clone),
    path: &AbsPath,
) -> Option<(Decision, Reason)> {
    let named = |rule: &PathRule| granting.clone().any(|granting| granting.pattern.covers_by_name(&rule.pattern.base));
    let rule = protected.iter().find(|rule| rule.pattern.matches_or_above(path) && !named(rule))?;
    let refusal = denied(rule, format!("`{}` is granted by name only", rule.pattern.base).as_str());
    Some((Decision::Deny, with_help(refusal, "name it in `sandbox.files` if the agent is to have it")))
}
