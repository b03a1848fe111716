use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Pattern, Rule, RuleExample, product::titles, rewrite, several::Several};

pub(crate) static RULE: Rule = Rule {
    name: "deny-escaped-by-arguments",
    severity: Severity::Warning,
    what: "Finds patterns of `deniedCommands` that cover a command without arguments only.",
    why: "The pattern has to match the whole line: `sudo` denies `sudo`, and not `sudo rm`. A glob such as `sudo *` is `sudo` and blanks. Remit reads such a pattern both ways, and denies under both.",
    example: RuleExample {
        reading: Reading::Q,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "deniedCommands": ["\\s*sudo"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "deniedCommands": ["\\s*sudo[\\s\\S]*"] } }
}"#,
    },
    cure: "Let the pattern go on, as in `sudo[\\\\s\\\\S]*`.",
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
        .label("denies the bare command only")
        .note(format!("an argument is enough to get past it; so in {}{others}", titles(&products)))
        .help("let such a pattern go on, as in `sudo[\\\\s\\\\S]*`")
        .maybe_fix(rewrite::each(facts, "deny it with arguments too", &found, unescaped));
    vec![finding]
}

/// Narrows: what was denied still is. A pattern that ends in a repetition is left to its author.
fn unescaped(pattern: &str) -> Option<String> {
    let before = pattern.strip_suffix(" *").or_else(|| pattern.strip_suffix('$')).unwrap_or(pattern);
    let mended = format!(r"{before}(\s[\s\S]*)?");
    let plain = !before.contains('|') && before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == ')');
    (plain && escape(&Pattern::new(&mended)).is_none()).then_some(mended)
}

/// Returns a line that the pattern denies, and one that does the same and is not denied.
fn escape(pattern: &Pattern) -> Option<(String, String)> {
    let line = pattern.filled()?.to_owned();
    let line = line.trim_end().to_owned();
    let escape = format!("{line} x");
    let escapes = pattern.matches(&line) == Some(true) && pattern.matches(&escape) == Some(false);
    (escapes && !line.trim().is_empty()).then_some((line, escape))
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
    fn the_fix_goes_on_after_a_blank() {
        let check = |pattern: &str, expected: Option<&str>| assert_eq!(unescaped(pattern).as_deref(), expected, "{pattern}");
        check("sudo", Some(r"sudo(\s[\s\S]*)?"));
        check("sudo *", Some(r"sudo(\s[\s\S]*)?"));
        check("git push|sudo", None);
        check("sudo+", None);
    }

    #[test]
    fn the_escape_is_tried() {
        check("sudo", true);
        check("sudo *", true);
        check("git push --force", true);
        check("sudo.*", false);
        check(".*", false);
    }
}
