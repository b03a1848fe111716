use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Product, Rule, RuleExample, several::Several};

pub(crate) static RULE: Rule = Rule {
    name: "refused-by-q",
    severity: Severity::Warning,
    what: "Finds keys by which Amazon Q CLI does not load the file.",
    why: "It refuses a file with a top-level key that it does not know, prints an error, and goes on with its default agent: a job runs with other permissions than the file says.",
    example: RuleExample {
        reading: Reading::Q,
        found: r#"{ "name": "example", "welcomeMessage": "Hello" }"#,
        mended: r#"{ "name": "example", "description": "Says hello." }"#,
    },
    cure: "Remove the key from the file that Amazon Q CLI reads.",
    check,
};

const KNOWN: [&str; 13] = [
    "$schema",
    "name",
    "description",
    "prompt",
    "mcpServers",
    "tools",
    "toolAliases",
    "allowedTools",
    "resources",
    "hooks",
    "toolsSettings",
    "useLegacyMcpJson",
    "model",
];

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    if !facts.products.has(Product::Q) {
        return Vec::new();
    }
    let unknown = facts.file().keys.iter().filter(|key| !KNOWN.contains(&key.value.as_str())).map(|key| (key, ()));
    let Some(found) = Several::of(unknown) else { return Vec::new() };
    let others = found.and_others("are unknown to it too");
    let finding = rule
        .finding_for(
            facts,
            &[Product::Q],
            found.entry.span,
            format!("Amazon Q CLI does not load a file with `{}`", found.entry.value),
        )
        .label("not a key of its format")
        .note(format!("it then runs its default agent, with other permissions{others}"))
        .help("remove the key from the file that Amazon Q CLI reads");
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn the_first_unknown_key_is_shown() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Q, file, expected);
        check(r#"{"name": "example", "includeMcpJson": true, "notes": 1}"#, &[r#""includeMcpJson""#]);
        check(r#"{"name": "example", "useLegacyMcpJson": true}"#, &[]);
    }
}
