use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Product, Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "server-prefix-exposes-another",
    severity: Severity::Warning,
    what: "Finds entries of `tools` whose server's name begins with the name of another server of the file.",
    why: "Amazon Q CLI compares beginnings: `@github` makes every tool of a server named `git` visible too.",
    example: RuleExample {
        reading: Reading::Q,
        found: r#"{
  "name": "example",
  "tools": ["@github"],
  "mcpServers": { "github": { "command": "./hub" }, "git": { "command": "./git" } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["@github"],
  "mcpServers": { "github": { "command": "./hub" }, "repository": { "command": "./git" } }
}"#,
    },
    cure: "Rename one of the servers, so that neither name begins with the other.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    if !facts.products.has(Product::Q) {
        return Vec::new();
    }
    let file = facts.file();
    let mut findings = Vec::new();
    for entry in file.tools.iter().flat_map(|tools| &tools.value) {
        let Some(named) = entry.value.strip_prefix('@') else { continue };
        let named = named.split('/').next().unwrap_or(named);
        let exposed = file.mcp_servers.iter().find(|server| server.name.value != named && named.starts_with(&server.name.value));
        let Some(server) = exposed else { continue };
        findings.push(
            rule.finding_for(
                facts,
                &[Product::Q],
                entry.span,
                format!("`{}` shows every tool of `{}` too", entry.value, server.name.value),
            )
            .label("compared by its beginning")
            .also(facts.at(server.name.span), "this server too")
            .note("Amazon Q CLI looks whether the entry begins with `@` and the server's name")
            .help("rename one of the servers, so that neither name begins with the other"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn beginnings_are_compared() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Q, file, expected);
        check(r#"{"tools": ["@ab"], "mcpServers": {"a": {"command": "x"}, "ab": {"command": "x"}}}"#, &[r#""@ab""#]);
        check(r#"{"tools": ["@a"], "mcpServers": {"a": {"command": "x"}, "ab": {"command": "x"}}}"#, &[]);
    }
}
