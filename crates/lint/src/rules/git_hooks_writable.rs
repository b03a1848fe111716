use remit_agent::{AbsPath, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{
    Rule, RuleExample,
    paths::{self, Access},
    product::titles,
};

pub(crate) static RULE: Rule = Rule {
    name: "git-hooks-writable",
    severity: Severity::Warning,
    what: "Finds paths under which git's hooks or its configuration are written unasked.",
    why: "A hook runs at the next commit, and `core.fsmonitor` at the next `git status`: as you, outside every agent. Remit grants them by name only.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["./**"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["docs/**"] } }
}"#,
    },
    cure: "Name the directories that the agent works in, or deny `.git/**` in `deniedPaths`.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let targets = [facts.root().join(".git/hooks/pre-commit"), facts.root().join(".git/config")];
    let mut findings: Vec<Diagnostic> = Vec::new();
    for access in [Access::Write] {
        let granted = targets.iter().find_map(|target| Some((target, paths::granting(facts, access, target)?)));
        let Some((target, grant)) = granted else { continue };
        // What is written is read too: one finding is enough.
        if findings.iter().any(|finding| finding.location.span == grant.span) {
            continue;
        }
        // The whole file system is another rule's.
        if paths::granting(facts, access, &AbsPath::root().join("opt/x")).is_some() {
            continue;
        }
        let message = format!("`{target}` is {} unasked", access.verb());
        findings.push(
            rule.finding_for(facts, &grant.products, grant.span, message)
                .label("covers git's hooks")
                .note(format!("what stands in it runs at the next commit; granted in {}", titles(&grant.products)))
                .help("name the directories that the agent works in, or deny `.git/**` in `deniedPaths`"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn whatever_covers_them_is_found() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["**"]}}}"#, &[r#""**""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": [".git/**"]}}}"#, &[r#"".git/**""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["src/**"]}}}"#, &[]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["**"], "deniedPaths": [".git"]}}}"#, &[]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["/**"]}}}"#, &[]);
    }
}
