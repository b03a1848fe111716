use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{
    Rule, RuleExample,
    paths::{self, Access},
    product::titles,
};

pub(crate) static RULE: Rule = Rule {
    name: "root-granted",
    severity: Severity::Warning,
    what: "Finds paths that grant the whole file system.",
    why: "Every file that the user has is then read or written unasked: other projects, keys, the configuration of the system.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["/**"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["docs/**"] } }
}"#,
    },
    cure: "Name the directories that the agent works in.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let targets = [facts.workspace.home.join("../../opt/x")];
    let mut findings: Vec<Diagnostic> = Vec::new();
    for access in [Access::Write, Access::Read] {
        let granted = targets.iter().find_map(|target| Some((target, paths::granting(facts, access, target)?)));
        let Some((target, grant)) = granted else { continue };
        // What is written is read too: one finding is enough.
        if findings.iter().any(|finding| finding.location.span == grant.span) {
            continue;
        }
        let message = format!("`{target}` is {} unasked, and so is everything else", access.verb());
        findings.push(
            rule.finding_for(facts, &grant.products, grant.span, message)
                .label("the whole file system")
                .note(format!("granted in {}", titles(&grant.products)))
                .help("name the directories that the agent works in, as in `[\"docs/**\"]`"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn everything_is_granted_by_a_root() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["/**"]}}}"#, &[r#""/**""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["/"]}}}"#, &[r#""/""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_read": {"allowedPaths": ["/*"]}}}"#, &[r#""/*""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["~/**"]}}}"#, &[]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["**"]}}}"#, &[]);
    }
}
