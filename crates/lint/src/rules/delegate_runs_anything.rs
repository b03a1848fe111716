use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Product, Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "delegate-runs-anything",
    severity: Severity::Warning,
    what: "Finds the tool `delegate`, which starts other agents unasked.",
    why: "In Amazon Q CLI it never asks, whatever `allowedTools` says. Its default agent runs with every tool trusted, and for a named one the question is asked and the answer thrown away.",
    example: RuleExample {
        reading: Reading::Q,
        found: r#"{ "name": "example", "tools": ["fs_read", "delegate"] }"#,
        mended: r#"{ "name": "example", "tools": ["fs_read"] }"#,
    },
    cure: "Leave `delegate` out of `tools`.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let entries = facts.file().tools.iter().flat_map(|tools| &tools.value);
    let found = entries.filter(|entry| matches!(entry.value.as_str(), "delegate" | "@builtin/delegate"));
    found
        .map(|entry| {
            rule.finding_for(facts, &[Product::Q, Product::Kiro], entry.span, "`delegate` starts other agents, and never asks")
                .label("a way round every other setting")
                .note("its default agent runs with every tool trusted; for a named one a `N` starts it too")
                .help("leave `delegate` out of `tools`")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn only_the_name_counts() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Q, file, expected);
        check(r#"{"tools": ["delegate"]}"#, &[r#""delegate""#]);
        check(r#"{"tools": ["subagent", "*"]}"#, &[]);
    }
}
