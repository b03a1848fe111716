use remit_agent::{Reading, Text};
use remit_diagnostics::{Diagnostic, Edit, Fix, Severity};
use remit_policy::Decision;

use crate::input::Facts;
use crate::{Pattern, Rule, RuleExample, product::titles, witness};

pub(crate) static RULE: Rule = Rule {
    name: "alternation-splits-anchors",
    severity: Severity::Warning,
    what: "Finds patterns with a `|` outside parentheses, which the products anchor at one end only.",
    why: "They put the anchors round the pattern without a group: `git status|git diff` is then whatever begins with `git status`, and whatever ends in `git diff`, `rm -rf / git diff` among them.",
    example: RuleExample {
        reading: Reading::Q,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["git status|git diff"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["git (status|diff)"] } }
}"#,
    },
    cure: "Put the alternatives in parentheses, or write an entry for each.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let products = facts.regex_products();
    if products.is_empty() {
        return Vec::new();
    }
    let split = facts.allowed_to_try().into_iter().filter_map(|(text, pattern)| Some((text, beyond(pattern)?)));
    let found = split.map(|(text, line)| {
        let allowing = products.iter().copied().filter(|product| facts.judge(*product, &line) == Some(Decision::Allow));
        (text, line.clone(), allowing.collect::<Vec<_>>())
    });
    let found = found.filter(|(_, _, allowing)| !allowing.is_empty());
    found
        .map(|(text, line, allowing)| {
            rule.finding_for(facts, &allowing, text.span, format!("`{line}` runs unasked in {}", titles(&allowing)))
                .label("the `|` splits the anchors")
                .note("the first alternative is open at its end, and the last at its beginning")
                .help(format!("put the alternatives in parentheses: `({})`", text.value))
                .maybe_fix(facts.is_of_a_product().then(|| grouped(facts, text)))
        })
        .collect()
}

/// Returns a line that the pattern covers only because its anchors are split.
fn beyond(pattern: &Pattern) -> Option<String> {
    if !pattern.text().contains('|') {
        return None;
    }
    let grouped = Pattern::new(format!("(?:{})", pattern.text()));
    let sample = pattern.filled()?.to_owned();
    let last = witness::filled(pattern.text().rsplit('|').next()?)?;
    let lines = [format!("rm -rf / {last}"), format!("{sample} -x"), format!("{sample}x")];
    lines.into_iter().find(|line| pattern.matches(line) == Some(true) && grouped.matches(line) == Some(false))
}

/// Narrows: what the group covers is part of what the split pattern did.
fn grouped(facts: &Facts, text: &Text) -> Fix {
    let written = facts.source.slice(text.span);
    let inner = written.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(written);
    let edit = Edit { span: text.span, replacement: format!("\"({inner})\"") };
    Fix::new("put the alternatives in parentheses", vec![edit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check_as, settings};

    fn check(pattern: &str, is_found: bool) {
        let place = format!("\"{pattern}\"");
        let expected: &[&str] = if is_found { &[&place] } else { &[] };
        check_as(&RULE, Reading::Q, &settings("[]", &format!(r#""shell": {{"allowedCommands": [{place}]}}"#)), expected);
    }

    #[test]
    fn only_bare_alternations_are_split() {
        check("git status|git diff", true);
        check("ls|cat", true);
        check("git (status|diff)", false);
        check("(git status|git diff)", false);
        check("git status", false);
        check("a[|]b", false);
    }

    #[test]
    fn the_fix_puts_a_group() {
        let fixes = crate::tests::fixes(&RULE, Reading::Q, RULE.example.found);
        assert_eq!(fixes, [RULE.example.found.replace("git status|git diff", "(git status|git diff)")]);
    }
}
