use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};
use remit_policy::Decision;

use crate::input::Facts;
use crate::{Rule, RuleExample, products};

pub(crate) static RULE: Rule = Rule {
    name: "v3-everything-allowed",
    severity: Severity::Warning,
    what: "Finds rules of Kiro CLI 3 that allow a whole capability.",
    why: "A rule without `match`, or with a bare `*`, allows every command or every file, whoever thought of it.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["*"], "effect": "allow" }] }
}"#,
        mended: r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["git status"], "effect": "allow" }] }
}"#,
    },
    cure: "Name in `match` what is meant, or let the rule ask.",
    check,
};

/// What each capability can do at its worst.
const WORST: [(&str, &str); 4] = [
    ("shell", "rm -rf ~"),
    ("fs_write", "~/.bashrc"),
    ("fs_read", "~/.ssh/id_rsa"),
    ("web_fetch", "http://192.0.2.7/?of=the-text"),
];

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let Some(permissions) = facts.permissions() else { return Vec::new() };
    let mut findings = Vec::new();
    for allowing in permissions.rules.iter().filter(|rule| rule.effect.as_ref().is_some_and(|effect| effect.value == "allow")) {
        let worst = WORST.iter().find(|(capability, deed)| {
            products::v3_covers(allowing, capability, deed)
                && products::judge_v3(permissions, capability, deed) == Decision::Allow
        });
        let Some((capability, deed)) = worst else { continue };
        let place = allowing.patterns.first().map_or(allowing.span, |pattern| pattern.span);
        findings.push(
            rule.finding(facts, place, format!("`{deed}` needs no question under `{capability}`"))
                .label("allows everything of its capability")
                .note("in Kiro CLI 3 nothing else stands between the model and it")
                .help("name in `match` what is meant, or write `\"effect\": \"ask\"`"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn the_worst_is_tried() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(
            r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "all", "effect": "allow" }] }
}"#,
            &[r#"{ "capability": "all", "effect": "allow" }"#],
        );
        check(
            r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "fs_write", "match": ["~/**"], "effect": "allow" }] }
}"#,
            &[r#""~/**""#],
        );
        check(
            r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "fs_write", "match": ["docs/**"], "effect": "allow" }] }
}"#,
            &[],
        );
        check(
            r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["*"], "effect": "allow" }, { "capability": "shell", "match": ["rm *"], "effect": "ask" }] }
}"#,
            &[],
        );
    }
}
