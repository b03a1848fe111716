use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};
use remit_policy::Decision;

use crate::input::Facts;
use crate::{Pattern, Product, Rule, RuleExample, several::Several, witness};

pub(crate) static RULE: Rule = Rule {
    name: "allow-matches-nothing",
    severity: Severity::Warning,
    what: "Finds entries of `allowedCommands` by which no command runs unasked.",
    why: "The entry looks like a grant and is none: the agent stops and asks, and in a run without a person it fails.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["aws * describe-*"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["aws ec2 describe-instances"] } }
}"#,
    },
    cure: "Write the command as it is typed, or a regular expression that matches it; chains and redirections are never allowed by a pattern in Amazon Q CLI.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for product in facts.regex_products() {
        // A trusted shell allows without looking at the list.
        if facts.shell().trusted {
            continue;
        }
        let dead = facts.allowed().into_iter().filter_map(|(text, pattern)| Some((text, tried(facts, product, pattern)?)));
        let Some(found) = Several::of(dead) else { continue };
        let others = found.and_others("allow nothing either");
        let message = format!("`{}` allows nothing: {} asks about `{}`", found.entry.value, product.title(), found.witness);
        findings.push(
            rule.finding_for(facts, &[product], found.entry.span, message)
                .label("no command runs by it")
                .note(format!("neither the command as written nor one with arguments is covered{others}"))
                .help("write the command as it is typed, or a regular expression that matches it"),
        );
        // One product is enough: the list is dead in the same way in the other.
        break;
    }
    findings
}

/// Returns what was tried in vain: every command that the entry can mean.
fn tried(facts: &Facts, product: Product, pattern: &Pattern) -> Option<String> {
    if !pattern.compiles() {
        return None;
    }
    let is_glob = witness::is_glob_like(pattern.text());
    let mut meant = if is_glob { witness::as_glob(pattern.text()).into() } else { candidates(pattern.text()) };
    let is_denied = |line: &String| facts.denied().iter().any(|(_, denial)| denial.matches(line) == Some(true));
    if meant.iter().any(is_denied) {
        return None;
    }
    // Where nothing judges, as in a list too long for it, what matches may well run.
    let may_run = |line: &String| facts.judge(product, line).is_none_or(|decision| decision == Decision::Allow);
    let runs = |line: &String| pattern.matches(line) == Some(true) && may_run(line);
    if meant.iter().any(runs) {
        return None;
    }
    // With words a glob says more; of the others the first does.
    if is_glob { meant.pop() } else { meant.into_iter().next() }
}

fn candidates(pattern: &str) -> Vec<String> {
    witness::sample(pattern).into_iter().chain(witness::filled(pattern)).filter(|line| !line.trim().is_empty()).collect()
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
    fn what_is_asked_about_all_the_same_is_dead() {
        check("aws * describe-*", true);
        check("cd x && npm test", true);
        check("echo x > f", true);
        check("npm run *", false);
        check("git .*", false);
        check("git status", false);
        check(".*", false);
    }

    #[test]
    fn what_nobody_tried_is_not_called_dead() {
        let long = |entry: &str| {
            let others = (0..500).map(|number| format!("\"tool-{number} build\"")).collect::<Vec<_>>().join(",");
            settings("[]", &format!(r#""shell": {{"allowedCommands": [{others},"{entry}"]}}"#))
        };
        check_as(&RULE, Reading::Q, &long("ls"), &[]);
        check_as(&RULE, Reading::Q, &long("aws * describe-*"), &["\"aws * describe-*\""]);
    }
}
