use remit_agent::{NativeTool, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, products, rewrite};

pub(crate) static RULE: Rule = Rule {
    name: "allow-list-overridden",
    severity: Severity::Warning,
    what: "Finds settings of the shell tool that an entry of `allowedTools` switches off in Kiro CLI and Amazon Q CLI.",
    why: "There, a tool in `allowedTools` runs every command unasked, and `allowedCommands`, `autoAllowReadonly` and \
          `denyByDefault` are never looked at. Remit keeps to them: the same file means less here than there. In a file of \
          Remit's own this is a note.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "allowedTools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["cargo test"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["cargo test"] } }
}"#,
    },
    cure: "Take the shell tool out of `allowedTools`: the commands of the list run unasked all the same.",
    check,
};

fn check(rule: &Rule, input: &Facts) -> Vec<Diagnostic> {
    let Some(entry) = products::allows(input.file, NativeTool::Shell) else { return Vec::new() };
    let Some((key, place)) = products::narrowing_of_shell(input) else { return Vec::new() };
    let message = format!("`{}` in `allowedTools` switches `{key}` off in Kiro CLI and Amazon Q CLI", entry.value);
    let finding = rule
        .finding(input, entry.span, message)
        .label("runs every command unasked there")
        .also(input.at(place), "not looked at there")
        .note("Remit keeps to it: settings narrow, and never widen")
        .help(format!("take `{}` out of `allowedTools`: what the settings allow runs unasked all the same", entry.value))
        .maybe_fix(products::is_one_tool(entry).then(|| rewrite::without(input, entry)));
    let severity = if input.is_of_a_product() { rule.severity } else { Severity::Note };
    vec![Diagnostic { severity, ..finding }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check as found, settings};

    #[test]
    fn the_fix_takes_the_tool_out() {
        let fixes = crate::tests::fixes(&RULE, Reading::Kiro, RULE.example.found);
        assert_eq!(fixes, [RULE.example.found.replace(r#""allowedTools": ["execute_bash"]"#, r#""allowedTools": []"#)]);
    }

    #[test]
    fn any_entry_that_covers_the_shell_counts() {
        let listed = r#""execute_bash": {"allowedCommands": ["ls"]}"#;
        for entry in ["execute_bash", "shell", "*", "@builtin", "execute_*"] {
            found(&RULE, &settings(&format!(r#"["{entry}"]"#), listed), &[&format!("\"{entry}\"")]);
        }
        found(&RULE, &settings(r#"["fs_read"]"#, listed), &[]);
        found(&RULE, &settings("[]", listed), &[]);
    }

    #[test]
    fn every_setting_that_would_narrow_is_switched_off() {
        found(&RULE, &settings(r#"["shell"]"#, r#""shell": {"allowedCommands": []}"#), &["\"shell\""]);
        found(&RULE, &settings(r#"["shell"]"#, r#""shell": {"denyByDefault": true}"#), &["\"shell\""]);
        found(&RULE, &settings(r#"["shell"]"#, r#""shell": {"autoAllowReadonly": true}"#), &["\"shell\""]);
        found(&RULE, &settings(r#"["shell"]"#, r#""shell": {"denyByDefault": false}"#), &[]);
    }
}
