use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};
use remit_policy::Decision;

use crate::input::Facts;
use crate::{Pattern, Product, Rule, RuleExample, rewrite, witness};

pub(crate) static RULE: Rule = Rule {
    name: "allow-unreachable",
    severity: Severity::Warning,
    what: "Finds entries of `allowedCommands` whose every command is denied.",
    why: "A denial beats an allowance: the entry looks like a grant, and what it names never runs.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["git push origin main"], "deniedCommands": ["\\s*git push.*"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["git status"], "deniedCommands": ["\\s*git push[\\s\\S]*"] } }
}"#,
    },
    cure: "Remove the entry, or make the denial narrower.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    if facts.denied_commands().is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (text, pattern) in facts.allowed_to_try() {
        let mut products = facts.products.among(&[Product::Remit, Product::Kiro, Product::Q]).into_iter();
        let denied = products.find_map(|product| Some((product, denied_line(facts, product, pattern)?)));
        let Some((product, line)) = denied else { continue };
        let finding = rule
            .finding_for(facts, &[product], text.span, format!("`{line}` is allowed here, and denied all the same"))
            .label("never runs")
            .note(format!("in {} a denial beats an allowance, whatever their order", product.title()))
            .help("remove the entry, or make the denial narrower")
            .fix(rewrite::without(facts, text));
        findings.push(match facts.denied().iter().find(|(_, denial)| denial.matches(&line) == Some(true)) {
            Some((denial, _)) => finding.also(facts.at(denial.span), "denied by this"),
            None => finding,
        });
    }
    findings
}

/// Returns a command under the pattern, where every command that is tried is denied.
fn denied_line(facts: &Facts, product: Product, pattern: &Pattern) -> Option<String> {
    let is_glob = product == Product::Remit && facts.reading == Reading::Remit;
    let lines: Vec<String> = if is_glob && !pattern.text().starts_with("regex:") {
        witness::as_glob(pattern.text()).into()
    } else {
        let text = pattern.text();
        let text = text.strip_prefix("regex:").unwrap_or(text);
        witness::sample(text).into_iter().chain(witness::filled(text)).collect()
    };
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.trim().is_empty()).collect();
    let all = !lines.is_empty() && lines.iter().all(|line| facts.judge(product, line) == Some(Decision::Deny));
    all.then(|| lines.into_iter().next_back()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check_as, settings};

    fn check(reading: Reading, allowed: &str, denied: &str, expected: &[&str]) {
        let listed = format!(r#""shell": {{"allowedCommands": ["{allowed}"], "deniedCommands": ["{denied}"]}}"#);
        check_as(&RULE, reading, &settings("[]", &listed), expected);
    }

    #[test]
    fn each_product_is_asked() {
        check(Reading::Remit, "git push *", "git *", &["\"git push *\""]);
        check(Reading::Remit, "git *", "git push *", &[]);
        check(Reading::Kiro, "git push", "git .*", &["\"git push\""]);
        check(Reading::Q, "git push.*", "git push.*", &["\"git push.*\""]);
        check(Reading::Q, "git .*", "git push.*", &[]);
    }
}
