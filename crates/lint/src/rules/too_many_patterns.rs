use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::{Facts, MOST_PATTERNS};
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "too-many-patterns",
    severity: Severity::Warning,
    what: "Finds lists of command patterns so long that no line is tried against them.",
    why: "The rules that prove what they say try command lines against the whole list, once for every pattern of it: over a long list \
          that has no end. They are silent about this file. Nobody reads such a list either.",
    example: RuleExample {
        reading: Reading::Remit,
        found: include_str!("../../fixtures/too_many_patterns.json"),
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["make t*"] } }
}
"#,
    },
    cure: "Write patterns in the place of lists of commands.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let (allowed, denied) = (facts.allowed_commands(), facts.denied_commands());
    let count = allowed.len() + denied.len();
    let Some(first) = allowed.first().or_else(|| denied.first()).filter(|_| count > MOST_PATTERNS) else { return Vec::new() };
    let message = format!("{count} command patterns are more than the {MOST_PATTERNS} against which lines are tried");
    let finding = rule
        .finding(facts, first.span, message)
        .label("the first of them")
        .note("what they accept beyond their words is not looked for in this file")
        .help("write patterns in the place of lists of commands");
    vec![finding]
}
