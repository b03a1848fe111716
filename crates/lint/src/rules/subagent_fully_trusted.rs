use remit_agent::{NativeTool, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, products};

pub(crate) static RULE: Rule = Rule {
    name: "subagent-fully-trusted",
    severity: Severity::Warning,
    what: "Finds agents that may start any other agent unasked.",
    why: "A restricted agent that starts an unrestricted one has the permissions of that one.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["subagent"],
  "toolsSettings": { "subagent": { "trustedAgents": ["*"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["subagent"],
  "toolsSettings": { "subagent": { "availableAgents": ["narrow"], "trustedAgents": ["narrow"] } }
}"#,
    },
    cure: "Name the agents in `availableAgents` and `trustedAgents`.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let settings = facts.file().settings.subagent.as_ref();
    let trusted = settings.and_then(|settings| settings.value.trusted_agents.as_ref());
    let available = settings.and_then(|settings| settings.value.available_agents.as_ref());
    let is_open = |entry: &&remit_agent::Text| matches!(entry.value.as_str(), "*" | "**");
    let narrowed = available.is_some_and(|list| !list.value.iter().any(|entry| is_open(&entry)));
    if narrowed {
        return Vec::new();
    }
    let by_list = trusted.into_iter().flat_map(|list| &list.value).find(is_open);
    let by_tool = products::allows(facts.file(), NativeTool::Subagent).filter(|_| trusted.is_none());
    let Some(entry) = by_list.or(by_tool) else { return Vec::new() };
    let finding = rule
        .finding(facts, entry.span, format!("`{}` starts any agent unasked", entry.value))
        .label("no list narrows it")
        .note("the agent has the permissions of every agent that it can start")
        .help("name the agents in `availableAgents` and `trustedAgents`");
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn a_list_of_agents_narrows() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(r#"{"tools": ["*"], "allowedTools": ["subagent"]}"#, &[r#""subagent""#]);
        check(
            r#"{"tools": ["*"], "allowedTools": ["subagent"], "toolsSettings": {"subagent": {"availableAgents": ["a"]}}}"#,
            &[],
        );
        check(r#"{"tools": ["*"], "toolsSettings": {"subagent": {"trustedAgents": ["a*"]}}}"#, &[]);
    }
}
