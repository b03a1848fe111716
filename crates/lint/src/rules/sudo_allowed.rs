use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};
use remit_policy::Decision;

use crate::input::Facts;
use crate::{Product, Rule, RuleExample, product::titles};

pub(crate) static RULE: Rule = Rule {
    name: "sudo-allowed",
    severity: Severity::Warning,
    what: "Finds patterns of `allowedCommands` that run a command as another user.",
    why: "What runs as root is held back by nothing: not by the product's rules, not by the permissions of files.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["sudo apt-get .*"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["apt-get --version"] } }
}"#,
    },
    cure: "Take `sudo` out of `allowedCommands`.",
    check,
};

/// Lines that run something else than they seem to.
const LINES: [&str; 19] = [
    "sudo id",
    "sudo -n id",
    "doas id",
    "pkexec id",
    "su -c id",
    "run0 id",
    "sudo apt-get x",
    "sudo apt-get install x",
    "sudo apt x",
    "sudo apt install x",
    "sudo systemctl x",
    "sudo systemctl restart x",
    "sudo docker x",
    "sudo docker ps",
    "sudo npm x",
    "sudo chown x",
    "sudo chmod x",
    "sudo rm x",
    "sudo make install",
];

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let products = facts.regex_products();
    if products.is_empty() || facts.shell().trusted {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (text, pattern) in facts.allowed_to_try().into_iter().filter(|(text, _)| !is_anything(&text.value)) {
        let lets = |line: &&&str| pattern.matches(line) == Some(true);
        let Some(line) = LINES.iter().find(lets) else { continue };
        let allowing: Vec<Product> =
            products.iter().copied().filter(|product| facts.judge(*product, line) == Some(Decision::Allow)).collect();
        if allowing.is_empty() {
            continue;
        }
        findings.push(
            rule.finding_for(facts, &allowing, text.span, format!("`{line}` runs unasked in {}", titles(&allowing)))
                .label("runs as another user")
                .note("nothing holds back what runs as root")
                .help("take `sudo` out of the list"),
        );
    }
    findings
}

/// Returns whether a pattern is a wildcard and nothing else: whoever writes it means every command.
fn is_anything(pattern: &str) -> bool {
    matches!(pattern, ".*" | ".+" | "*" | "**" | "(.*)" | "^.*$")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check_as, settings};

    fn check(pattern: &str, is_found: bool) {
        let place = format!("\"{pattern}\"");
        let expected: &[&str] = if is_found { &[&place] } else { &[] };
        check_as(&RULE, Reading::Kiro, &settings("[]", &format!(r#""shell": {{"allowedCommands": [{place}]}}"#)), expected);
    }

    #[test]
    fn other_users_are_known_by_program() {
        check("sudo .*", true);
        check("sudo apt-get .*", true);
        check("doas .*", true);
        check("apt-get .*", false);
        check("echo sudo", false);
    }
}
