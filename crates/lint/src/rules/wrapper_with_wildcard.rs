use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};
use remit_policy::Decision;

use crate::input::Facts;
use crate::{Product, Rule, RuleExample, product::titles};

pub(crate) static RULE: Rule = Rule {
    name: "wrapper-with-wildcard",
    severity: Severity::Warning,
    what: "Finds patterns of `allowedCommands` that allow a program which starts the command in its words.",
    why: "`env`, `xargs`, `timeout` or `npx` with a wildcard is any command, and the list might as well have `.*`. Remit judges the command inside by itself.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["timeout .*"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["timeout 60 npm test"] } }
}"#,
    },
    cure: "Write the command that is to run after the wrapper.",
    check,
};

/// Lines that run something else than they seem to.
const LINES: [&str; 33] = [
    "env id",
    "xargs id",
    "timeout 9 id",
    "nohup id",
    "nice id",
    "time id",
    "command id",
    "exec id",
    "eval id",
    "watch id",
    "parallel id",
    "stdbuf -o0 id",
    "setsid id",
    "script -c id",
    "flock f id",
    "strace id",
    "npx id",
    "npx -y id",
    "bunx id",
    "uvx id",
    "pipx run id",
    "uv run id",
    "poetry run id",
    "pnpm dlx id",
    "yarn dlx id",
    "docker exec x id",
    "docker run x id",
    "kubectl exec x id",
    "ssh x id",
    "su -c id",
    "chroot / id",
    "busybox id",
    "find . -newer x -execdir id",
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
                .label("starts any command")
                .note("the list allows everything that this program starts")
                .help("write the command that is to run after the wrapper"),
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
    fn the_command_inside_is_what_counts() {
        check("timeout .*", true);
        check("npx .*", true);
        check("docker .*", true);
        check("npx tsc.*", false);
        check("timeout 60 npm test", false);
        check("ls .*", false);
    }
}
