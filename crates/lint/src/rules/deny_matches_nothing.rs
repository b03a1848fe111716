use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Pattern, Rule, RuleExample, product::titles, several::Several, witness};

pub(crate) static RULE: Rule = Rule {
    name: "deny-matches-nothing",
    severity: Severity::Warning,
    what: "Finds globs in `deniedCommands` that deny none of the commands that they stand for.",
    why: "Read as a regular expression, `aws * delete-*` is `aws`, blanks and ` delete` with dashes: no command that anybody types. What it was to deny runs.",
    example: RuleExample {
        reading: Reading::Q,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "deniedCommands": ["aws * delete-*"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "deniedCommands": ["\\s*aws .*delete-[\\s\\S]*"] } }
}"#,
    },
    cure: "Write a regular expression: `.*` where the glob has `*`.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let products = facts.regex_products();
    if products.is_empty() {
        return Vec::new();
    }
    let dead = facts.denied().into_iter().filter_map(|(text, pattern)| Some((text, missed(pattern)?)));
    let Some(found) = Several::of(dead) else { return Vec::new() };
    let others = found.and_others("deny nothing either");
    let finding = rule
        .finding_for(facts, &products, found.entry.span, format!("`{}` is not denied by `{}`", found.witness, found.entry.value))
        .label("denies nothing that is meant")
        .note(format!("in {} it is a regular expression{others}", titles(&products)))
        .help("write `.*` where the glob has `*`");
    vec![finding]
}

/// Returns a command that the glob means, where none of those is denied.
fn missed(pattern: &Pattern) -> Option<String> {
    if !witness::is_glob_like(pattern.text()) {
        return None;
    }
    let [bare, with_words] = witness::as_glob(pattern.text());
    let none = [&bare, &with_words].into_iter().all(|line| pattern.matches(line) == Some(false));
    none.then_some(with_words)
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
    fn one_command_that_is_denied_is_enough() {
        check("aws * delete-*", true);
        check("rm -rf /*/x", true);
        check("sudo *", false);
        check("git push.*", false);
    }
}
