use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Pattern, Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "web-fully-trusted",
    severity: Severity::Warning,
    what: "Finds `web_fetch` that may fetch every address unasked.",
    why: "What the agent has read can leave in the address that it fetches, and a page can tell it what to do.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["web_fetch"],
  "toolsSettings": { "web_fetch": { "trusted": [".*"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["web_fetch"],
  "toolsSettings": { "web_fetch": { "trusted": ["https://docs\\.example\\.com/.*"] } }
}"#,
    },
    cure: "Name in `trusted` the hosts that the agent needs.",
    check,
};

const ANYWHERE: &str = "http://192.0.2.7/?of=the-text";

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let settings = facts.file().settings.web_fetch.as_ref();
    let trusted = settings.and_then(|settings| settings.value.trusted.as_ref());
    let open =
        trusted.into_iter().flat_map(|list| &list.value).find(|text| Pattern::new(&text.value).matches(ANYWHERE) == Some(true));
    let Some(entry) = open else { return Vec::new() };
    let finding = rule
        .finding(facts, entry.span, format!("`{ANYWHERE}` is fetched unasked"))
        .label("every address")
        .note("what the agent has read can leave in the address that it fetches")
        .help("name the hosts in `trusted`, as in `https://docs\\\\.example\\\\.com/.*`");
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn an_address_is_tried() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(r#"{"tools": ["*"], "toolsSettings": {"web_fetch": {"trusted": ["https://a/.*", "http.*"]}}}"#, &[r#""http.*""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"web_fetch": {"trusted": ["https://a/.*"]}}}"#, &[]);
    }
}
