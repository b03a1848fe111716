use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "v3-settings-not-read",
    severity: Severity::Warning,
    what: "Finds `allowedTools` and `toolsSettings` in a file with the rules of Kiro CLI 3, which does not read them.",
    why: "What they deny is not denied there: only `permissions` counts.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "toolsSettings": { "shell": { "deniedCommands": ["rm .*"] } },
  "permissions": { "rules": [{ "capability": "shell", "match": ["git status"], "effect": "allow" }] }
}"#,
        mended: r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["git status"], "effect": "allow" }] }
}"#,
    },
    cure: "Say it in `permissions.rules`, and remove the old keys where no older product reads the file.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    if facts.permissions().is_none() {
        return Vec::new();
    }
    let old = facts.file().keys.iter().filter(|key| matches!(key.value.as_str(), "allowedTools" | "toolsSettings"));
    old.map(|key| {
        rule.finding(facts, key.span, format!("Kiro CLI 3 does not read `{}`", key.value))
            .label("only `permissions` counts")
            .note("what it denies is not denied there")
            .help("say it in `permissions.rules`, and remove the key where no older product reads the file")
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn old_keys_are_found() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(
            r#"{
  "name": "example","allowedTools": [],
  "permissions": { "rules": [{ "capability": "shell", "match": ["git status"], "effect": "allow" }] }
}"#,
            &[r#""allowedTools""#],
        );
        check(
            r#"{
  "name": "example","tools": ["shell"],
  "permissions": { "rules": [{ "capability": "shell", "match": ["git status"], "effect": "allow" }] }
}"#,
            &[],
        );
    }
}
