use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Pattern, Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "web-pattern-broken",
    severity: Severity::Warning,
    what: "Finds patterns of `web_fetch` that are no regular expression.",
    why: "One that does not compile in `blocked` blocks every address; in `trusted` it is left out without a word.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["web_fetch"],
  "toolsSettings": { "web_fetch": { "trusted": ["*.example.com"], "blocked": ["(docs"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["web_fetch"],
  "toolsSettings": { "web_fetch": { "trusted": [".*\\.example\\.com"], "blocked": ["docs"] } }
}"#,
    },
    cure: "Write a regular expression, as in `https://docs\\\\.example\\\\.com/.*`.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let Some(settings) = &facts.file().settings.web_fetch else { return Vec::new() };
    let lists =
        [(&settings.value.trusted, "it is left out, and trusts nothing"), (&settings.value.blocked, "it blocks every address")];
    let entries =
        lists.into_iter().flat_map(|(list, effect)| list.iter().flat_map(|list| &list.value).map(move |text| (text, effect)));
    entries
        .filter(|(text, _)| !Pattern::new(&text.value).compiles())
        .map(|(text, effect)| {
            rule.finding(facts, text.span, format!("`{}` is no regular expression", text.value))
                .label("does not compile")
                .note(format!("in Kiro CLI {effect}"))
                .help("write a regular expression, as in `https://docs\\\\.example\\\\.com/.*`")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn both_lists_are_tried() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(
            r#"{"tools": ["*"], "toolsSettings": {"web_fetch": {"trusted": ["(", "a.*"], "blocked": ["["]}}}"#,
            &[r#""(""#, r#""[""#],
        );
    }
}
