use std::collections::BTreeMap;
use std::sync::LazyLock;

use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Location, Severity, Span};
use remit_policy::{CommandLine, Decision, Origin, Request};

use crate::{LintInput, Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "interpreter-with-wildcard",
    severity: Severity::Warning,
    what: "Finds allowed commands that run any other command: an interpreter, or a program that starts what its arguments name.",
    why: "`bash *` allows everything that bash can do, so the list allows every command, and each denial is escaped by a word in \
          front of it.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["python3 *"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["python3 scripts/check.py"] } }
}"#,
    },
    cure: "Name the script or the command that is to run, with the program in front of it.",
    check,
};

/// Words that run a command of the caller's choice: `id`, or code of an interpreter's own.
static ESCAPES: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let escapes: [&[&str]; 26] = [
        &["bash", "-c", "id"],
        &["sh", "-c", "id"],
        &["zsh", "-c", "id"],
        &["python", "-c", "0"],
        &["python3", "-c", "0"],
        &["node", "-e", "0"],
        &["deno", "eval", "0"],
        &["bun", "-e", "0"],
        &["perl", "-e", "0"],
        &["ruby", "-e", "0"],
        &["php", "-r", "0"],
        &["lua", "-e", "0"],
        &["awk", "BEGIN{system(\"id\")}"],
        &["npx", "-y", "id"],
        &["uvx", "id"],
        &["env", "id"],
        &["xargs", "id"],
        &["sudo", "id"],
        &["doas", "id"],
        &["nohup", "id"],
        &["timeout", "9", "id"],
        &["time", "id"],
        &["nice", "id"],
        &["watch", "id"],
        &["ssh", "host", "id"],
        &["find", ".", "-exec", "id", "+"],
    ];
    escapes.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect()
});

fn check(rule: &Rule, input: &LintInput) -> Vec<Diagnostic> {
    let Some(policy) = input.policy else { return Vec::new() };
    let allow = &policy.commands.allow;
    let mut found: BTreeMap<Span, Diagnostic> = BTreeMap::new();
    // A policy without patterns is not asked.
    for words in ESCAPES.iter().filter(|_| !allow.is_empty()) {
        let (decision, reason) = policy.judge(&Request::Command(CommandLine::Argv(words.clone())));
        let Some(pattern) = allow.iter().find(|rule| decision == Decision::Allow && rule.origin == reason.origin) else {
            continue;
        };
        let Origin::Agent(Location { span, .. }) = pattern.origin else { continue };
        found.entry(span).or_insert_with(|| {
            rule.finding(input, span, format!("`{}` allows any command", pattern.pattern.text()))
                .label(format!("lets `{}` run unasked", words.join(" ")))
                .note("the list allows everything that this program starts, and its denials are escaped through it")
                .help("name the script or the command that is to run, without a wildcard")
        });
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check_as, settings};

    #[test]
    fn what_the_gate_lets_through_is_found() {
        let check = |pattern: &str, reading: Reading, is_found: bool| {
            let place = format!("\"{pattern}\"");
            let file = settings("[]", &format!(r#""shell": {{"allowedCommands": [{place}]}}"#));
            let expected: &[&str] = if is_found { &[&place] } else { &[] };
            check_as(&RULE, reading, &file, expected);
        };
        for pattern in ["bash *", "sh -c *", "python3 *", "npx *", "env *", "xargs *", "sudo *", "find *"] {
            check(pattern, Reading::Remit, true);
        }
        for pattern in ["bash build.sh", "npx tsc *", "cargo test *", "python3 -m pytest *"] {
            check(pattern, Reading::Remit, false);
        }
        check("python3? .*", Reading::Kiro, true);
        check("ls .*", Reading::Kiro, false);
    }
}
