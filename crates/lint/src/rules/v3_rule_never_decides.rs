use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};
use remit_policy::Decision;

use crate::input::Facts;
use crate::{Rule, RuleExample, products, witness};

pub(crate) static RULE: Rule = Rule {
    name: "v3-rule-never-decides",
    severity: Severity::Warning,
    what: "Finds rules of Kiro CLI 3 that a stricter rule takes everything from.",
    why: "There deny beats ask beats allow, whatever the order: the rule looks like a grant and is none.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["git push *"], "effect": "allow" }, { "capability": "shell", "match": ["git *"], "effect": "deny" }] }
}"#,
        mended: r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["git status"], "effect": "allow" }] }
}"#,
    },
    cure: "Remove the rule, or make the stricter one narrower with `exclude`.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let Some(permissions) = facts.permissions() else { return Vec::new() };
    let mut findings = Vec::new();
    for weaker in &permissions.rules {
        let (Some(capability), Some(effect)) = (&weaker.capability, &weaker.effect) else { continue };
        let intended = match effect.value.as_str() {
            "allow" => Decision::Allow,
            "ask" => Decision::Ask,
            _ => continue,
        };
        for entry in &weaker.patterns {
            let deeds = witness::as_glob(&entry.value);
            let covered: Vec<&String> =
                deeds.iter().filter(|deed| products::v3_covers(weaker, &capability.value, deed)).collect();
            let decisions = covered.iter().map(|deed| products::judge_v3(permissions, &capability.value, deed));
            let Some(mildest) = decisions.min().filter(|mildest| *mildest > intended) else { continue };
            let is = if mildest == Decision::Deny { "denied" } else { "asked about" };
            findings.push(
                rule.finding(facts, entry.span, format!("`{}` is {is} all the same", entry.value))
                    .label("never decides")
                    .note("in Kiro CLI 3 deny beats ask beats allow, whatever the order")
                    .help("remove the rule, or make the stricter one narrower with `exclude`"),
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn stricter_rules_are_looked_for() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(
            r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["git *"], "effect": "allow" }, { "capability": "all", "effect": "ask" }] }
}"#,
            &[r#""git *""#],
        );
        check(
            r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["git *"], "effect": "allow" }, { "capability": "shell", "match": ["git push *"], "effect": "deny" }] }
}"#,
            &[],
        );
    }
}
