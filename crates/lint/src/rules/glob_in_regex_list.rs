use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Pattern, Rule, RuleExample, product::titles, several::Several, witness};

pub(crate) static RULE: Rule = Rule {
    name: "glob-in-regex-list",
    severity: Severity::Warning,
    what: "Finds globs in `allowedCommands` and `deniedCommands` where the product reads regular expressions.",
    why: "There `npm run *` is `npm run` and any number of blanks: it allows `npm run` and not `npm run build`, and as a denial it denies `npm run` and not `npm run build`.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["npm run *"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["npm run build", "npm run test"] } }
}"#,
    },
    cure: "Write a regular expression, as in `npm run [a-z:-]+`, or the commands one by one.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let products = facts.regex_products();
    if products.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (list, verb) in [(facts.allowed(), "allow"), (facts.denied(), "deny")] {
        let misread = list.into_iter().filter_map(|(text, pattern)| Some((text, missed(pattern)?)));
        let Some(found) = Several::of(misread) else { continue };
        let others = found.and_others("are globs too");
        let message = format!("`{}` does not {verb} `{}` in {}", found.entry.value, found.witness, titles(&products));
        findings.push(
            rule.finding_for(facts, &products, found.entry.span, message)
                .label("a regular expression there")
                .note(format!("`*` repeats the character before it, and stands for nothing by itself{others}"))
                .help("write a regular expression, as in `npm run [a-z:-]+`, or the commands one by one"),
        );
    }
    findings
}

/// Returns a command that the pattern covers as a glob, and not as a regular expression.
fn missed(pattern: &Pattern) -> Option<String> {
    if !witness::is_glob_like(pattern.text()) {
        return None;
    }
    let [_, with_words] = witness::as_glob(pattern.text());
    (pattern.matches(&with_words) == Some(false)).then_some(with_words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check_as, settings};

    fn check(pattern: &str, is_found: bool) {
        let place = format!("\"{pattern}\"");
        let expected: &[&str] = if is_found { &[&place] } else { &[] };
        check_as(&RULE, Reading::Kiro, &settings("[]", &format!(r#""shell": {{"allowedCommands": [{place}]}}"#)), expected);
    }

    #[test]
    fn only_what_is_missed_is_found() {
        check("npm run *", true);
        check("git *", true);
        check("npm run build:*", true);
        check("git .*", false);
        check("git status", false);
        // It matches everything, by chance.
        check("**", false);
    }

    #[test]
    fn a_file_of_remit_has_globs() {
        check_as(&RULE, Reading::Remit, &settings("[]", r#""shell": {"allowedCommands": ["git *"]}"#), &[]);
    }
}
