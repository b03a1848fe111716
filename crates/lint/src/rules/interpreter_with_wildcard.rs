use std::collections::BTreeMap;
use std::sync::LazyLock;

use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Location, Severity, Span};
use remit_policy::{CommandLine, Decision, Origin, Request};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "interpreter-with-wildcard",
    severity: Severity::Warning,
    what: "Finds allowed commands that run any script: an interpreter with a wildcard.",
    why: "`bash *` runs any script, and so every command: what a script starts is not in the line, and no pattern sees it.",
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

/// Words that run a script of the caller's choice. Programs that run a command in their words are not among them: the gate
/// judges that command by itself.
static ESCAPES: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let escapes: [&[&str]; 13] = [
        &["bash", "x.sh"],
        &["sh", "x.sh"],
        &["zsh", "x.sh"],
        &["python", "x.py"],
        &["python3", "x.py"],
        &["node", "x.js"],
        &["deno", "run", "x.ts"],
        &["bun", "x.ts"],
        &["perl", "x.pl"],
        &["ruby", "x.rb"],
        &["php", "x.php"],
        &["lua", "x.lua"],
        &["tclsh", "x.tcl"],
    ];
    escapes.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect()
});

fn check(rule: &Rule, input: &Facts) -> Vec<Diagnostic> {
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
        for pattern in ["bash *", "sh *", "python3 *", "node *"] {
            check(pattern, Reading::Remit, true);
        }
        // The command in the words of these is judged by itself.
        for pattern in ["npx *", "env *", "xargs *", "sudo *", "find *", "sh -c *"] {
            check(pattern, Reading::Remit, false);
        }
        for pattern in ["bash build.sh", "npx tsc *", "cargo test *", "python3 -m pytest *"] {
            check(pattern, Reading::Remit, false);
        }
        check("python3? .*", Reading::Kiro, true);
        check("ls .*", Reading::Kiro, false);
    }
}
