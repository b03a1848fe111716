use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{
    Rule, RuleExample,
    paths::{self, Access},
    product::titles,
};

pub(crate) static RULE: Rule = Rule {
    name: "credential-store-granted",
    severity: Severity::Warning,
    what: "Finds paths that grant a store of credentials: SSH keys, cloud credentials, tokens.",
    why: "What the agent has read can leave by the next thing that it does: a web address, a commit, its answer.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["fs_read"],
  "toolsSettings": { "fs_read": { "allowedPaths": ["~/.aws/**"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_read"],
  "toolsSettings": { "fs_read": { "allowedPaths": ["docs/**"] } }
}"#,
    },
    cure: "Take the path out; pass the one variable that is needed in `sandbox.env`.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let targets = [
        facts.workspace.home.join(".ssh/id_rsa"),
        facts.workspace.home.join(".aws/credentials"),
        facts.workspace.home.join(".gnupg/secring.gpg"),
        facts.workspace.home.join(".netrc"),
        facts.workspace.home.join(".kube/config"),
        facts.workspace.home.join(".config/gh/hosts.yml"),
        facts.workspace.home.join(".config/gcloud/credentials.db"),
        facts.workspace.home.join(".docker/config.json"),
        facts.workspace.home.join(".npmrc"),
        facts.workspace.home.join(".git-credentials"),
    ];
    let mut findings: Vec<Diagnostic> = Vec::new();
    for access in [Access::Write, Access::Read] {
        let granted = targets.iter().find_map(|target| Some((target, paths::granting(facts, access, target)?)));
        let Some((target, grant)) = granted else { continue };
        // What is written is read too: one finding is enough.
        if findings.iter().any(|finding| finding.location.span == grant.span) {
            continue;
        }
        // The whole home is another rule's.
        if paths::granting(facts, access, &facts.workspace.home.join("x-of-yours")).is_some() {
            continue;
        }
        let message = format!("`{target}` is {} unasked", access.verb());
        findings.push(
            rule.finding_for(facts, &grant.products, grant.span, message)
                .label("a store of credentials")
                .note(format!("granted in {}", titles(&grant.products)))
                .help("take the path out: what is read can leave with the next request"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn stores_are_known_by_place() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_read": {"allowedPaths": ["~/.ssh"]}}}"#, &[r#""~/.ssh""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_read": {"allowedPaths": ["~/.*"]}}}"#, &[r#""~/.*""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["~/.npmrc"]}}}"#, &[r#""~/.npmrc""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_read": {"allowedPaths": ["~/**"]}}}"#, &[]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_read": {"allowedPaths": ["src/**"]}}}"#, &[]);
    }
}
