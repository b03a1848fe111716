use remit_agent::{NativeTool, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Product, Rule, RuleExample, several::Several};

pub(crate) static RULE: Rule = Rule {
    name: "name-unknown-to-q",
    severity: Severity::Warning,
    what: "Finds tools and settings under names that Kiro CLI has and Amazon Q CLI has not.",
    why: "Amazon Q CLI leaves an unknown tool out without a word, and does not read settings under such a name: what they deny is not denied.",
    example: RuleExample {
        reading: Reading::Q,
        found: r#"{
  "name": "example",
  "tools": ["shell"],
  "toolsSettings": { "shell": { "denyByDefault": true } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "denyByDefault": true } }
}"#,
    },
    cure: "Use `fs_read`, `fs_write`, `execute_bash` and `use_aws`, which both products know.",
    check,
};

const KNOWN: [&str; 12] = [
    "fs_read",
    "fs_write",
    "execute_bash",
    "execute_cmd",
    "use_aws",
    "gh_issue",
    "report_issue",
    "introspect",
    "knowledge",
    "thinking",
    "todo_list",
    "delegate",
];

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    if !facts.products.has(Product::Q) {
        return Vec::new();
    }
    let file = facts.file();
    let lists = [
        (file.tools.as_ref().map_or(&[][..], |tools| &tools.value), "the agent does not have the tool there"),
        (file.allowed_tools.as_ref().map_or(&[][..], |tools| &tools.value), "it pre-approves nothing there"),
        (&file.settings.keys, "the settings are not read there, and what they deny is not denied"),
    ];
    let mut findings = Vec::new();
    for (entries, effect) in lists {
        let unknown = entries.iter().filter(|entry| is_unknown(&entry.value)).map(|entry| (entry, ()));
        let Some(found) = Several::of(unknown) else { continue };
        let others = found.and_others("are unknown there too");
        let name = NativeTool::named(&found.entry.value).map_or("", NativeTool::name);
        let help = if KNOWN.contains(&name) {
            format!("write `{name}`, which every product knows")
        } else {
            "leave it out of a file for Amazon Q CLI: it has no such tool".to_owned()
        };
        let message = format!("Amazon Q CLI has no tool `{}`", found.entry.value);
        findings.push(
            rule.finding_for(facts, &[Product::Q], found.entry.span, message)
                .label("a name of Kiro CLI")
                .note(format!("{effect}{others}"))
                .help(help),
        );
    }
    findings
}

fn is_unknown(name: &str) -> bool {
    NativeTool::named(name).is_some() && !KNOWN.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn each_list_has_a_finding() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Q, file, expected);
        check(
            r#"{"tools": ["read", "shell"], "allowedTools": ["fs_read"], "toolsSettings": {"write": {}}}"#,
            &[r#""read""#, r#""write""#],
        );
        check(r#"{"tools": ["fs_read", "@git", "bash"]}"#, &[]);
    }
}
