use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};
use remit_policy::Decision;

use crate::input::Facts;
use crate::{Rule, RuleExample, products, witness};

pub(crate) static RULE: Rule = Rule {
    name: "v3-deny-escaped",
    severity: Severity::Warning,
    what: "Finds denials of commands in the rules of Kiro CLI 3 that another spelling escapes.",
    why: "A glob begins at the first letter: ` git push` and `/usr/bin/git push` are not `git push*`. Where the capability is allowed they run.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["git*"], "effect": "allow" }, { "capability": "shell", "match": ["git push*"], "effect": "deny" }] }
}"#,
        mended: r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["git status"], "effect": "allow" }, { "capability": "shell", "match": ["git push*"], "effect": "deny" }] }
}"#,
    },
    cure: "Allow by name, and do not rely on a denial alone.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let Some(permissions) = facts.permissions() else { return Vec::new() };
    let is_denial = |rule: &&remit_agent::PermissionRule| {
        rule.effect.as_ref().is_some_and(|effect| effect.value == "deny")
            && rule.capability.as_ref().is_some_and(|capability| capability.value == "shell")
    };
    let mut findings = Vec::new();
    for entry in permissions.rules.iter().filter(is_denial).flat_map(|rule| &rule.patterns) {
        let denied = |line: &String| products::judge_v3(permissions, "shell", line) == Decision::Deny;
        let Some(line) = witness::as_glob(&entry.value).into_iter().find(denied) else { continue };
        let spellings = [format!(" {line}"), line.replacen(' ', "  ", 1), format!("/usr/bin/{line}")];
        let runs = |line: &String| products::judge_v3(permissions, "shell", line) == Decision::Allow;
        let Some(escape) = spellings.into_iter().find(runs) else { continue };
        findings.push(
            rule.finding(facts, entry.span, format!("`{line}` is denied, and `{escape}` runs unasked"))
                .label("another spelling is another text")
                .note("in Kiro CLI 3 the text is compared, and another rule allows it")
                .help("allow by name, and do not rely on a denial alone"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn spellings_are_tried() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(
            r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "effect": "allow" }, { "capability": "shell", "match": ["rm *"], "effect": "deny" }] }
}"#,
            &[r#""rm *""#],
        );
        check(
            r#"{
  "name": "example",
  "permissions": { "rules": [{ "capability": "shell", "match": ["rm *"], "effect": "deny" }] }
}"#,
            &[],
        );
    }
}
