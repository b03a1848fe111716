use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, product::titles};

pub(crate) static RULE: Rule = Rule {
    name: "regex-does-not-compile",
    severity: Severity::Warning,
    what: "Finds patterns that are no regular expression of the products' kind: look-around, and what does not close.",
    why: "In `allowedCommands` the entry is left out without a word; in `deniedCommands` it denies every line that has no line end. Neither is what was meant.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["git status(?! -s)"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["git status"] } }
}"#,
    },
    cure: "Write it without look-around, and close what is open.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let products = facts.regex_products();
    if products.is_empty() {
        return Vec::new();
    }
    let lists = [(facts.allowed(), "it is left out, and allows nothing"), (facts.denied(), "it denies every line")];
    let broken = lists.into_iter().flat_map(|(list, effect)| {
        list.into_iter().filter(|(_, pattern)| !pattern.compiles()).map(move |(text, _)| (text, effect))
    });
    broken
        .map(|(text, effect)| {
            let message = format!("`{}` is no regular expression", text.value);
            rule.finding_for(facts, &products, text.span, message)
                .label("does not compile")
                .note(format!("in {} {effect}", titles(&products)))
                .help("write it without look-around, and close what is open")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Product;
    use crate::tests::{check_for, settings};

    #[test]
    fn both_lists_are_tried() {
        let file = settings("[]", r#""shell": {"allowedCommands": ["git (?!push)", "ls"], "deniedCommands": ["(rm"]}"#);
        check_for(&RULE, &[Product::Q], &file, &["\"git (?!push)\"", "\"(rm\""]);
        check_for(&RULE, &[Product::Remit], &file, &[]);
    }
}
