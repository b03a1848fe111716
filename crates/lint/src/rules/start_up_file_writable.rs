use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{
    Rule, RuleExample,
    paths::{self, Access},
    product::titles,
};

pub(crate) static RULE: Rule = Rule {
    name: "start-up-file-writable",
    severity: Severity::Warning,
    what: "Finds paths under which a start-up file of the shell or the desktop is written unasked.",
    why: "What is written there runs at the next login, as you, outside every agent.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["~/.bashrc"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["docs/**"] } }
}"#,
    },
    cure: "Take the path out; change such a file by hand.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let targets = [
        facts.workspace.home.join(".bashrc"),
        facts.workspace.home.join(".profile"),
        facts.workspace.home.join(".zshrc"),
        facts.workspace.home.join(".config/fish/config.fish"),
        facts.workspace.home.join(".config/autostart/x.desktop"),
        facts.workspace.home.join(".gitconfig"),
    ];
    let mut findings: Vec<Diagnostic> = Vec::new();
    for access in [Access::Write] {
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
                .label("runs at the next login")
                .note(format!("what stands in it runs as you, outside every agent; granted in {}", titles(&grant.products)))
                .help("take the path out, and change such a file by hand"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn files_are_known_by_place() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["~/.bashrc"]}}}"#, &[r#""~/.bashrc""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["~/.config/**"]}}}"#, &[r#""~/.config/**""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_read": {"allowedPaths": ["~/.bashrc"]}}}"#, &[]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["~/**"]}}}"#, &[]);
    }
}
