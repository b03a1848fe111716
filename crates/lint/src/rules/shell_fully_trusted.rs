use remit_agent::{NativeTool, Reading};
use remit_diagnostics::{Diagnostic, Severity, Spanned};

use crate::{LintInput, Rule, RuleExample, products};

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

fn check(rule: &Rule, input: &LintInput) -> Vec<Diagnostic> {
    let Some(entry) = products::allows(input.file, NativeTool::Shell) else { return Vec::new() };
    let settings = input.file.settings.shell.as_ref().map(|settings| &settings.value);
    let is_narrowed = settings.is_some_and(|settings| {
        let denied = settings.denied_commands.as_ref().is_some_and(|list| !list.value.is_empty());
        let is_on = |switch: &Option<Spanned<bool>>| switch.as_ref().is_some_and(|switch| switch.value);
        // A list of denials as the only guard, and settings that the products switch off, are other rules'.
        settings.allowed_commands.is_some() || denied || is_on(&settings.deny_by_default) || is_on(&settings.auto_allow_readonly)
    });
    if is_narrowed {
        return Vec::new();
    }
    let finding = rule
        .finding(input, entry.span, format!("`{}` is pre-approved, and nothing narrows it", entry.value))
        .label("runs every command unasked")
        .note("a text that the model reads can become a command that nobody sees")
        .help("name the commands that may run unasked in `toolsSettings.execute_bash.allowedCommands`");
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check as found, settings};

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
    fn a_tool_that_the_agent_does_not_see_is_not_trusted() {
        found(&RULE, r#"{"name": "example", "tools": ["fs_read"], "allowedTools": ["shell"]}"#, &[]);
        found(&RULE, r#"{"name": "example", "allowedTools": ["shell"]}"#, &[]);
    }
}
