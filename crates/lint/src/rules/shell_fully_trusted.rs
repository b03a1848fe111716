use remit_agent::{NativeTool, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, products};

pub(crate) static RULE: Rule = Rule {
    name: "shell-fully-trusted",
    severity: Severity::Warning,
    what: "Finds a pre-approved shell tool that nothing narrows.",
    why: "Every command line runs unasked, whoever thought of it: the model, or a text that the model has read. Remit's kernel \
          wall still holds; in Kiro CLI and Amazon Q CLI nothing does.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{ "name": "example", "tools": ["execute_bash"], "allowedTools": ["execute_bash"] }"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["cargo test"] } }
}"#,
    },
    cure: "Name the commands that may run unasked in `toolsSettings.execute_bash.allowedCommands`, and take the tool out of \
           `allowedTools`.",
    check,
};

fn check(rule: &Rule, input: &Facts) -> Vec<Diagnostic> {
    let Some(entry) = products::allows(input.file, NativeTool::Shell) else { return Vec::new() };
    // Settings that narrow, and a list of denials as the only guard, are other rules'.
    let is_narrowed = products::narrowing_of_shell(input).is_some();
    let settings = input.file.settings.shell.as_ref();
    let denied = settings.and_then(|settings| settings.value.denied_commands.as_ref());
    if is_narrowed || denied.is_some_and(|list| !list.value.is_empty()) {
        return Vec::new();
    }
    let finding = rule
        .finding(input, entry.span, format!("`{}` is pre-approved, and nothing narrows it", entry.value))
        .label("runs every command unasked")
        .note("a text that the model reads can become a command that nobody sees")
        .help("name what may run in `toolsSettings.execute_bash.allowedCommands`, and take the tool out of `allowedTools`");
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check as found, check_as, settings};

    #[test]
    fn settings_that_narrow_are_looked_for() {
        found(&RULE, &settings(r#"["shell"]"#, ""), &["\"shell\""]);
        found(&RULE, &settings(r#"["shell"]"#, r#""shell": {"autoAllowReadonly": false}"#), &["\"shell\""]);
        found(&RULE, &settings(r#"["shell"]"#, r#""shell": {"autoAllowReadonly": true}"#), &[]);
        found(&RULE, &settings(r#"["shell"]"#, r#""shell": {"deniedCommands": []}"#), &["\"shell\""]);
        found(&RULE, &settings(r#"["shell"]"#, r#""shell": {"deniedCommands": ["rm"]}"#), &[]);
        found(&RULE, &settings(r#"["shell"]"#, r#""shell": {"allowedCommands": []}"#), &[]);
        found(&RULE, &settings("[]", ""), &[]);
    }

    #[test]
    fn a_switch_that_the_products_switch_off_narrows_nothing_there() {
        let file = settings(r#"["shell"]"#, r#""shell": {"autoAllowReadonly": true}"#);
        check_as(&RULE, Reading::Kiro, &file, &["\"shell\""]);
    }

    #[test]
    fn a_tool_that_the_agent_does_not_see_is_not_trusted() {
        found(&RULE, r#"{"name": "example", "tools": ["fs_read"], "allowedTools": ["shell"]}"#, &[]);
        found(&RULE, r#"{"name": "example", "allowedTools": ["shell"]}"#, &[]);
    }
}
