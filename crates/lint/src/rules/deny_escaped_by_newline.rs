use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Pattern, Rule, RuleExample, product::titles, rewrite, several::Several};

pub(crate) static RULE: Rule = Rule {
    name: "deny-escaped-by-newline",
    severity: Severity::Warning,
    what: "Finds patterns of `deniedCommands` that a line end after the command escapes.",
    why: "`.` matches no line end, and the pattern has to match to the end of the line: `git push` and a second line is not `git push.*`, and a shell runs both. Remit compares commands, one by one.",
    example: RuleExample {
        reading: Reading::Q,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "deniedCommands": ["\\s*git push.*"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "deniedCommands": ["\\s*git push[\\s\\S]*"] } }
}"#,
    },
    cure: "End the pattern with `[\\\\s\\\\S]*` in place of `.*`, and name in `allowedCommands` what may run.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let products = facts.regex_products();
    if products.is_empty() {
        return Vec::new();
    }
    let escaped = facts.denied().into_iter().filter_map(|(text, pattern)| Some((text, escape(pattern)?)));
    let Some(found) = Several::of(escaped) else { return Vec::new() };
    let (line, escape) = &found.witness;
    let others = found.and_others("are escaped in the same way");
    let finding = rule
        .finding_for(facts, &products, found.entry.span, format!("`{line}` is denied, and `{escape}` is not"))
        .label("`.` matches no line end")
        .note(format!("a shell runs each line of it; so in {}{others}", titles(&products)))
        .help("end such a pattern with `[\\\\s\\\\S]*`, and name what may run in `allowedCommands`")
        .maybe_fix(rewrite::each(facts, "deny it with further lines too", &found, unescaped));
    vec![finding]
}

/// Narrows: what was denied still is.
fn unescaped(pattern: &str) -> Option<String> {
    let before = pattern.strip_suffix('$').unwrap_or(pattern).strip_suffix(".*")?;
    let mended = format!(r"{before}[\s\S]*");
    // After a backslash it was a dot.
    (!before.ends_with('\\') && escape(&Pattern::new(&mended)).is_none()).then_some(mended)
}

/// Returns a line that the pattern denies, and one that does the same and is not denied.
fn escape(pattern: &Pattern) -> Option<(String, String)> {
    let line = pattern.sample()?.to_owned();
    let escape = format!("{line}\nid");
    let takes_more = pattern.matches(&format!("{line} x")) == Some(true);
    let escapes = takes_more && pattern.matches(&line) == Some(true) && pattern.matches(&escape) == Some(false);
    (escapes && !line.trim().is_empty()).then(|| (line, escape.replace('\n', "\\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check_as, settings};

    fn check(pattern: &str, is_found: bool) {
        let place = format!("\"{pattern}\"");
        let expected: &[&str] = if is_found { &[&place] } else { &[] };
        check_as(&RULE, Reading::Q, &settings("[]", &format!(r#""shell": {{"deniedCommands": [{place}]}}"#)), expected);
    }

    #[test]
    fn the_fix_goes_on_over_lines() {
        let check = |pattern: &str, expected: Option<&str>| assert_eq!(unescaped(pattern).as_deref(), expected, "{pattern}");
        check("git push.*", Some(r"git push[\s\S]*"));
        check("rm .*$", Some(r"rm [\s\S]*"));
        check(r"rm x\.*", None);
        check("rm x", None);
    }

    #[test]
    fn the_escape_is_tried() {
        check("git push.*", true);
        check("rm .*", true);
        check(".*rm.*", true);
        check("git push", false);
        check("(?s)git push.*", false);
    }
}
