use remit_agent::{NativeTool, Reading, nearest};
use remit_diagnostics::{Diagnostic, Fix, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "v3-unknown-tag",
    severity: Severity::Warning,
    what: "Finds entries of `tools` that are no tag of Kiro CLI 3.",
    why: "The names of older products are not read there, and `aws` is gone: the agent does not have the tool.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "permissions": { "rules": [{ "capability": "shell", "match": ["git status"], "effect": "allow" }] }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["shell"],
  "permissions": { "rules": [{ "capability": "shell", "match": ["git status"], "effect": "allow" }] }
}"#,
    },
    cure: "Use `read`, `write`, `shell`, `web`, `subagent`, `knowledge`, `todo_list`, `@mcp`, `@builtin` or `*`.",
    check,
};

const TAGS: [&str; 10] = ["read", "write", "shell", "web", "subagent", "knowledge", "todo_list", "@mcp", "@builtin", "*"];

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    if facts.permissions().is_none() {
        return Vec::new();
    }
    let entries = facts.file().tools.iter().flat_map(|tools| &tools.value);
    let unknown = entries.filter(|entry| !TAGS.contains(&entry.value.as_str()) && !entry.value.starts_with('@'));
    unknown
        .map(|entry| {
            let same = NativeTool::named(&entry.value).and_then(|tool| tool.names().iter().find(|name| TAGS.contains(name)));
            let meant = same.copied().or_else(|| nearest(&entry.value, TAGS));
            let help = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("use one of `{}`", TAGS.join("`, `")),
            };
            rule.finding(facts, entry.span, format!("Kiro CLI 3 has no tag `{}`", entry.value))
                .label("not one of its tags")
                .note("the agent does not have the tool there")
                .help(help)
                .maybe_fix(meant.and_then(|meant| Fix::instead(facts.source, entry.span, meant)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn tags_are_known() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(
            r#"{
  "name": "example","tools": ["read", "aws", "fs_write", "@git"],
  "permissions": { "rules": [{ "capability": "shell", "match": ["git status"], "effect": "allow" }] }
}"#,
            &[r#""aws""#, r#""fs_write""#],
        );
    }
}
