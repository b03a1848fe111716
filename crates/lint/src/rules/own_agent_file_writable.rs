use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{
    Rule, RuleExample,
    paths::{self, Access},
    product::titles,
};

pub(crate) static RULE: Rule = Rule {
    name: "own-agent-file-writable",
    severity: Severity::Warning,
    what: "Finds paths under which the agent writes its own file unasked.",
    why: "An agent that can write its own file gives itself whatever it wants, at the next start or at once: Kiro CLI reads the file again while it runs. Remit grants it by name only.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["./*.json"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["docs/**"] } }
}"#,
    },
    cure: "Narrow the path, or deny the directory of the agents in `deniedPaths`.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let targets = [facts.path.cloned().unwrap_or_else(|| facts.root().join(".kiro/agents/x.json"))];
    let mut findings: Vec<Diagnostic> = Vec::new();
    for access in [Access::Write] {
        let granted = targets.iter().find_map(|target| Some((target, paths::granting(facts, access, target)?)));
        let Some((target, grant)) = granted else { continue };
        // What is written is read too: one finding is enough.
        if findings.iter().any(|finding| finding.location.span == grant.span) {
            continue;
        }
        // What covers everything is another rule's.
        if paths::granting(facts, access, &facts.root().join(".git/config")).is_some() {
            continue;
        }
        let message = format!("`{target}` is {} unasked: the agent's own file", access.verb());
        findings.push(
            rule.finding_for(facts, &grant.products, grant.span, message)
                .label("covers the agent's own file")
                .note(format!("it can give itself whatever it wants; granted in {}", titles(&grant.products)))
                .help("narrow the path, or deny the directory of the agents in `deniedPaths`"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn whatever_covers_it_is_found() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["example.json"]}}}"#, &[r#""example.json""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["*.json"]}}}"#, &[r#""*.json""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["src/**"]}}}"#, &[]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["/**"]}}}"#, &[]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["**"]}}}"#, &[]);
    }
}
