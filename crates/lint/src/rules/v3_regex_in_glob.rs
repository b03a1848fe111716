use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, products, witness};

pub(crate) static RULE: Rule = Rule {
    name: "v3-regex-in-glob",
    severity: Severity::Warning,
    what: "Finds regular expressions in the rules of Kiro CLI 3, which are globs.",
    why: "`git push.*` is there a command with a dot after `push`: what it was to deny is not denied.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["git push.*"], "effect": "deny" }] }
}"#,
        mended: r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["*git push*"], "effect": "deny" }] }
}"#,
    },
    cure: "Write a glob: `*` in place of `.*`, and no anchors.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let Some(permissions) = facts.permissions() else { return Vec::new() };
    let entries = permissions.rules.iter().flat_map(|rule| rule.patterns.iter().chain(&rule.exclude));
    let mut findings = Vec::new();
    for entry in entries.filter(|entry| looks_like_regex(&entry.value)) {
        let missed = [witness::sample(&entry.value), witness::filled(&entry.value)];
        let missed = missed.into_iter().flatten().find(|line| !line.is_empty() && !products::v3_glob_covers(&entry.value, line));
        let Some(line) = missed else { continue };
        findings.push(
            rule.finding(facts, entry.span, format!("`{line}` is not covered by `{}`", entry.value))
                .label("a glob, in Kiro CLI 3")
                .note("what the rule says of it does not hold")
                .help("write a glob: `*` in place of `.*`, and no anchors"),
        );
    }
    findings
}

fn looks_like_regex(pattern: &str) -> bool {
    pattern.contains(".*")
        || pattern.contains(".+")
        || pattern.contains('\\')
        || pattern.starts_with('^')
        || pattern.ends_with('$')
        || pattern.contains('(')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn a_command_is_tried() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(
            r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["^ls$", "git (status|diff)", "cat *"], "effect": "allow" }] }
}"#,
            &[r#""^ls$""#, r#""git (status|diff)""#],
        );
    }
}
