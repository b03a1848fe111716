use remit_agent::{AbsPath, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, paths};

pub(crate) static RULE: Rule = Rule {
    name: "path-through-symlink",
    severity: Severity::Warning,
    what: "Finds paths that lead out of the workspace through a symbolic link which exists.",
    why: "The path reads as a directory of the project, and is another place. What does not exist yet below such a link is created there.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["shared/**"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["docs/**"] } }
}"#,
    },
    cure: "Name the place that is meant, or remove the link.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let lists = paths::lists(facts).into_iter().filter(|list| !list.denies);
    lists
        .flat_map(|list| list.entries)
        .filter_map(|entry| {
            let place = outside(facts, &entry.value)?;
            let finding = rule
                .finding(facts, entry.span, format!("`{}` leads to `{place}`", entry.value))
                .label("through a symbolic link")
                .note("what is created below the link is created there")
                .help("name the place that is meant, or remove the link");
            Some(finding)
        })
        .collect()
}

/// Returns where the part of the pattern without wildcards really is, when that is not in the workspace.
fn outside(facts: &Facts, pattern: &str) -> Option<AbsPath> {
    if pattern.starts_with(['/', '~', '$']) {
        return None;
    }
    // The names before the first one with a wildcard.
    let literal = match pattern.split_once(['*', '?', '[', '{']) {
        Some((before, _)) => before.rsplit_once('/').map_or("", |(names, _)| names),
        None => pattern,
    };
    let written = facts.root().join(literal);
    if !written.is_beneath(facts.root()) {
        return None;
    }
    let real = facts.disk.canonical(&written)?;
    let root = facts.disk.canonical(facts.root())?;
    (!real.is_beneath(&root)).then_some(real)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn links_that_stay_are_not_found() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["shared/**"]}}}"#, &[r#""shared/**""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["shared"]}}}"#, &[r#""shared""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["docs/**"]}}}"#, &[]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["gone/**"]}}}"#, &[]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["*"]}}}"#, &[]);
    }
}
