use remit_agent::{NativeTool, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, products};

pub(crate) static RULE: Rule = Rule {
    name: "deny-list-only-guard",
    severity: Severity::Warning,
    what: "Finds a pre-approved shell tool whose only guard is `deniedCommands`.",
    why: "A list of what must not run is never complete: the same thing can be done by another program, by another spelling, or \
          by a script that one command writes and the next one starts.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "allowedTools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "deniedCommands": ["git push *"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["git status"], "deniedCommands": ["git push *"] } }
}"#,
    },
    cure: "Name what may run in `allowedCommands`, and take the tool out of `allowedTools`; the list of denials may stay.",
    check,
};

fn check(rule: &Rule, input: &Facts) -> Vec<Diagnostic> {
    let Some(entry) = products::allows(input.file, NativeTool::Shell) else { return Vec::new() };
    let settings = input.file.settings.shell.as_ref();
    match settings.and_then(|settings| settings.value.denied_commands.as_ref()) {
        Some(denied) if !denied.value.is_empty() && products::narrowing_of_shell(input).is_none() => {
            let finding = rule
                .finding(input, denied.span, "`deniedCommands` is the only guard of a pre-approved shell")
                .label("everything else runs unasked")
                .also(input.at(entry.span), "pre-approved here")
                .note("what a pattern denies can be done in another way: by another program, or a script")
                .help(format!("name what may run in `allowedCommands`, and take `{}` out of `allowedTools`", entry.value));
            vec![finding]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check as found, settings};

    #[test]
    fn only_a_list_alone_counts() {
        let denied = r#""shell": {"deniedCommands": ["rm *"]}"#;
        found(&RULE, &settings(r#"["shell"]"#, denied), &[r#"["rm *"]"#]);
        found(&RULE, &settings("[]", denied), &[]);
        found(&RULE, &settings(r#"["shell"]"#, r#""shell": {"deniedCommands": []}"#), &[]);
        found(&RULE, &settings(r#"["shell"]"#, r#""shell": {"deniedCommands": ["rm *"], "allowedCommands": ["ls"]}"#), &[]);
    }
}
