use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity, Span};

use crate::input::Facts;
use crate::{Product, Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "v3-without-permissions",
    severity: Severity::Warning,
    what: "Finds files without `permissions` that are judged for Kiro CLI 3.",
    why: "It leaves such an agent out without a word.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{ "name": "example", "tools": ["shell"] }"#,
        mended: r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["git status"], "effect": "allow" }] }
}"#,
    },
    cure: "Add `permissions`; `/upgrade-agent` of Kiro CLI proposes rules, which are to be read before they are used.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    if !facts.products.has(Product::KiroV3) || facts.file().permissions.is_some() {
        return Vec::new();
    }
    let place = facts.file().name.as_ref().map_or(Span::at(0), |name| name.span);
    let finding = rule
        .finding_for(facts, &[Product::KiroV3], place, "Kiro CLI 3 leaves an agent without `permissions` out")
        .label("no `permissions` in the file")
        .note("it says nothing about it, and the agent is not there")
        .help("add `\"permissions\": { \"rules\": [ … ] }`");
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_for;

    #[test]
    fn only_kiro_3_misses_them() {
        let file = r#"{"name": "example"}"#;
        check_for(&RULE, &[Product::KiroV3], file, &["\"example\""]);
        check_for(&RULE, &[Product::Kiro, Product::Q, Product::Remit], file, &[]);
    }
}
