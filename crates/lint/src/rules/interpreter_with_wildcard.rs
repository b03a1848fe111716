use std::sync::LazyLock;

use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Location, Severity};
use remit_policy::{CommandLine, CommandRule, Decision, Origin, Policy, Request};

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
    let mut found: Vec<Diagnostic> = Vec::new();
    for CommandRule { pattern, origin } in &policy.commands.allow {
        let Origin::Agent(Location { span, .. }) = origin else { continue };
        let Some(words) = ESCAPES.iter().find(|words| pattern.allows(words) && runs_unasked(policy, words)) else { continue };
        let finding = rule
            .finding(input, *span, format!("`{}` allows any command", pattern.text()))
            .label(format!("lets `{}` run unasked", words.join(" ")))
            .note("the list allows everything that this program starts, and its denials are escaped through it")
            .help("name the script or the command that is to run, without a wildcard");
        found.push(finding);
    }
    found
}

/// Returns whether the whole policy lets the command through: a denial may stand against the pattern.
fn runs_unasked(policy: &Policy, words: &[String]) -> bool {
    let request = Request::Command(CommandLine::Argv(words.to_vec()));
    matches!(policy.judge(&request), (Decision::Allow, _))
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
