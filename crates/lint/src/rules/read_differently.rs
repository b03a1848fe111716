use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};
use remit_policy::Decision;

use crate::input::Facts;
use crate::{Pattern, Product, Rule, RuleExample, product::titles, witness};

pub(crate) static RULE: Rule = Rule {
    name: "read-differently",
    severity: Severity::Note,
    what: "Finds command patterns under which one product lets a line run that another one does not.",
    why: "The same file is then worth different things: somebody who tried it in one product does not know what it does in the other.",
    example: RuleExample {
        reading: Reading::Q,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["cat .*", "git log.*"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["git log"] } }
}"#,
    },
    cure: "Write what all of them read in the same way: commands without wildcards.",
    check,
};

/// Patterns that are looked at; a longer list differs by its first entries too.
const MOST: usize = 16;
/// Patterns of a list that is compared at all: each line is tried against all of them, in each product.
const LONGEST: usize = 1_000;

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let products = facts.products.among(&[Product::Remit, Product::Kiro, Product::Q]);
    // A trusted shell differs in everything, which other rules say.
    if products.len() < 2 || facts.shell().trusted || facts.allowed_commands().len() > LONGEST {
        return Vec::new();
    }
    for (text, pattern) in facts.allowed().into_iter().take(MOST) {
        for line in lines(pattern) {
            let judged: Vec<(Product, Decision)> =
                products.iter().filter_map(|product| Some((*product, facts.judge(*product, &line)?))).collect();
            let of = |wanted: bool| -> Vec<Product> {
                judged
                    .iter()
                    .filter(|(_, decision)| (*decision == Decision::Allow) == wanted)
                    .map(|(product, _)| *product)
                    .collect()
            };
            let (allowing, others) = (of(true), of(false));
            // Where only Remit allows, it has looked closer.
            if allowing.iter().any(|product| *product != Product::Remit) && !others.is_empty() {
                let message = format!("`{line}` runs unasked in {}, and not in {}", titles(&allowing), titles(&others));
                let finding = rule
                    .finding(facts, text.span, message)
                    .label("read differently")
                    .note("what was tried in one product says nothing of the other")
                    .help("write what all of them read in the same way: commands without wildcards");
                return vec![finding];
            }
        }
    }
    Vec::new()
}

fn lines(pattern: &Pattern) -> Vec<String> {
    let filled = pattern.filled().map(str::to_owned);
    let piped = filled.as_ref().map(|line| format!("{} | bash", line.trim_end()));
    let [bare, with_words] = witness::as_glob(pattern.text());
    let lines = [piped, filled, Some(bare), Some(with_words), pattern.sample().map(str::to_owned)];
    let lines = lines.into_iter().flatten().map(|line| line.trim_end().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
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
    fn the_same_line_is_judged_by_each() {
        check("cat .*", true);
        check("git status", false);
        check("npm test", false);
    }
}
