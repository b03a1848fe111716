use remit_agent::{NativeTool, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "alias-collides",
    severity: Severity::Warning,
    what: "Finds entries of `toolAliases` that give a name which something else has.",
    why: "Two tools under one name: which of them runs is decided by the order in which they are loaded.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{
  "name": "example",
  "toolAliases": { "@docs/find": "search", "@wiki/find": "search" }
}"#,
        mended: r#"{
  "name": "example",
  "toolAliases": { "@docs/find": "search_docs", "@wiki/find": "search_wiki" }
}"#,
    },
    cure: "Give each tool a name of its own.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let aliases = &facts.file().tool_aliases;
    let mut findings = Vec::new();
    for (at, (tool, alias)) in aliases.iter().enumerate() {
        let earlier = aliases.iter().take(at).find(|(_, earlier)| earlier.value == alias.value);
        let native = NativeTool::named(&alias.value).is_some();
        let finding = rule
            .finding(facts, alias.span, format!("`{}` is not the only tool named `{}`", tool.value, alias.value))
            .note("which of the two runs is decided by the order in which they are loaded")
            .help("give each tool a name of its own");
        match earlier {
            Some((_, earlier)) => findings.push(finding.label("again here").also(facts.at(earlier.span), "first here")),
            None if native => findings.push(finding.label("the name of a built-in tool")),
            None => {}
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn names_are_compared() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Remit, file, expected);
        check(r#"{"toolAliases": {"@a/x": "n", "@b/x": "n", "@c/x": "m"}}"#, &[r#""n""#]);
        check(r#"{"toolAliases": {"@a/x": "fs_read"}}"#, &[r#""fs_read""#]);
    }
}
