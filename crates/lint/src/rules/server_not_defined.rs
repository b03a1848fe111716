use remit_agent::{Reading, nearest};
use remit_diagnostics::{Diagnostic, Fix, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "server-not-defined",
    severity: Severity::Warning,
    what: "Finds tools of MCP servers that the file neither defines nor takes from elsewhere.",
    why: "The entry grants nothing, and when a server of that name appears later it grants that one, whatever it is.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{ "name": "example", "tools": ["@docs/search"] }"#,
        mended: r#"{
  "name": "example",
  "tools": ["@docs/search"],
  "mcpServers": { "docs": { "command": "./serve" } }
}"#,
    },
    cure: "Define the server in `mcpServers`, or remove the entry.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let file = facts.file();
    let elsewhere = [&file.include_mcp_json, &file.use_legacy_mcp_json];
    // Servers of other files are not seen here.
    if elsewhere.into_iter().flatten().any(|switch| switch.value) {
        return Vec::new();
    }
    let lists = [&file.tools, &file.allowed_tools];
    let entries = lists.into_iter().flatten().flat_map(|list| &list.value);
    let mut seen: Vec<&str> = Vec::new();
    let mut findings = Vec::new();
    for entry in entries {
        let Some(server) = server(&entry.value) else { continue };
        if seen.contains(&server) || file.mcp_servers.iter().any(|defined| defined.name.value == server) {
            continue;
        }
        seen.push(server);
        let meant = nearest(server, file.mcp_servers.iter().map(|defined| defined.name.value.as_str()));
        let fix = meant.and_then(|meant| Fix::instead(facts.source, entry.span, &entry.value.replacen(server, meant, 1)));
        let help = match meant {
            Some(meant) => format!("did you mean `@{meant}`?"),
            None => format!("define `{server}` in `mcpServers`, or remove the entry"),
        };
        findings.push(
            rule.finding(facts, entry.span, format!("no server is named `{server}`"))
                .label("grants nothing today")
                .note("it grants the tools of whatever server gets that name later")
                .help(help)
                .maybe_fix(fix),
        );
    }
    findings
}

/// Returns the server that an entry names, where it names one exactly.
fn server(entry: &str) -> Option<&str> {
    let name = entry.strip_prefix('@')?;
    let name = name.split('/').next().unwrap_or(name);
    (!name.is_empty() && name != "builtin" && !name.contains(['*', '?', '[', '{'])).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn servers_are_looked_up() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Remit, file, expected);
        check(r#"{"tools": ["@a", "@a/x", "@builtin", "@*"], "mcpServers": {"b": {"command": "x"}}}"#, &[r#""@a""#]);
        check(r#"{"tools": ["@a"], "includeMcpJson": true}"#, &[]);
        check(r#"{"allowedTools": ["@b/*"], "mcpServers": {"b": {"command": "x"}}}"#, &[]);
    }
}
