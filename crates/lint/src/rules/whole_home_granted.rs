use remit_agent::{AbsPath, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{
    Rule, RuleExample,
    paths::{self, Access},
    product::titles,
};

pub(crate) static RULE: Rule = Rule {
    name: "whole-home-granted",
    severity: Severity::Warning,
    what: "Finds paths that grant the whole home directory.",
    why: "Keys, tokens, the history of the shell and the start-up files are all in it.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["fs_read"],
  "toolsSettings": { "fs_read": { "allowedPaths": ["~/**"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_read"],
  "toolsSettings": { "fs_read": { "allowedPaths": ["docs/**"] } }
}"#,
    },
    cure: "Name the directories below the home that the agent needs.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let targets = [facts.workspace.home.join("x-of-yours")];
    let mut findings: Vec<Diagnostic> = Vec::new();
    for access in [Access::Write, Access::Read] {
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
        let message = format!("every file of the home directory is {} unasked", access.verb());
        findings.push(
            rule.finding_for(facts, &grant.products, grant.span, message)
                .label("the whole home directory")
                .note(format!("`{target}` too, in {}", titles(&grant.products)))
                .help("name the directories that the agent needs"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn the_home_is_granted_by_itself_and_by_globs() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_read": {"allowedPaths": ["~"]}}}"#, &[r#""~""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_read": {"allowedPaths": ["~/**"]}}}"#, &[r#""~/**""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["$HOME/*"]}}}"#, &[r#""$HOME/*""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_read": {"allowedPaths": ["~/docs/**"]}}}"#, &[]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["/**"]}}}"#, &[]);
    }
}
