use std::sync::LazyLock;

use regex::Regex;
use remit_agent::{McpTransport, Reading, Text};
use remit_diagnostics::{Diagnostic, Severity, Span};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "secret-in-file",
    severity: Severity::Error,
    what: "Finds keys and tokens by their shape, anywhere in the file, and values of MCP servers' variables and headers whose \
           names say that they are secret. The second kind is a warning.",
    why: "An agent file is made to be shared: whoever can read the repository, its history or a copy of it has the secret.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{
  "name": "example",
  "mcpServers": { "docs": { "command": "./serve", "env": { "DOCS_TOKEN": "q7Wm2zR9tK4b" } } }
}"#,
        mended: r#"{
  "name": "example",
  "mcpServers": { "docs": { "command": "./serve", "env": { "DOCS_TOKEN": "${env:DOCS_TOKEN}" } } }
}"#,
    },
    cure: "Take the secret out, revoke it, and name the variable that holds it: `${env:NAME}`.",
    check,
};

/// Shapes that nothing but a secret has: what it is, and the pattern.
static SHAPES: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let shapes = [
        ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("a GitHub token", r"\b(?:gh[pousr]_[0-9A-Za-z]{36,}|github_pat_[0-9A-Za-z_]{22,})"),
        ("a GitLab token", r"\bglpat-[0-9A-Za-z_-]{20,}"),
        ("an API key", r"\bsk-[0-9A-Za-z_-]{20,}"),
        ("a Slack token", r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}"),
        ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}"),
        ("a private key", r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY"),
    ];
    // INVARIANT: each is a literal that a test compiles.
    shapes.into_iter().filter_map(|(what, pattern)| Some((what, Regex::new(pattern).ok()?))).collect()
});

/// Parts of names whose values are secret.
const SECRET_NAMES: [&str; 8] = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "PRIVATE_KEY", "AUTHORIZATION"];
/// Parts of values that stand in for a secret.
const STAND_INS: [&str; 12] =
    ["your", "example", "placeholder", "changeme", "change_me", "replace", "xxx", "dummy", "redacted", "todo", "from-env", "..."];

fn check(rule: &Rule, input: &Facts) -> Vec<Diagnostic> {
    let mut found = shapes(rule, input);
    for server in &input.file.mcp_servers {
        let headers: &[(Text, Text)] = match &server.transport {
            McpTransport::Http { headers, .. } => headers,
            McpTransport::Stdio { .. } | McpTransport::Registry => &[],
        };
        for (name, value) in server.env.iter().chain(headers) {
            let is_known = found.iter().any(|known| overlaps(known.location.span, value.span));
            if is_secret(&name.value, &value.value) && !is_known {
                let message = format!("the value of `{}` stands in the file", name.value);
                let finding = mend(rule.finding(input, value.span, message).label("a secret, by its name"));
                found.push(Diagnostic { severity: Severity::Warning, ..finding });
            }
        }
    }
    found
}

fn shapes(rule: &Rule, input: &Facts) -> Vec<Diagnostic> {
    let text = input.source.text();
    let found = SHAPES.iter().flat_map(|(what, shape)| {
        shape.find_iter(text).filter(|secret| !stands_in(secret.as_str())).map(move |secret| {
            let span = Span::new(secret.start(), secret.end());
            mend(rule.finding(input, span, format!("{what} stands in the file")).label("by its shape"))
        })
    });
    found.collect()
}

fn mend(finding: Diagnostic) -> Diagnostic {
    finding
        .note("whoever can read the file, its history or a copy of it has the secret")
        .help("revoke it, and name the variable that holds the new one: `${env:NAME}`")
}

fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_uppercase().replace('-', "_");
    let value = value.trim();
    // A reference, wherever in the value: `Bearer ${env:TOKEN}`.
    let is_reference = value.contains('$') || value.contains("{{");
    SECRET_NAMES.iter().any(|part| name.contains(part)) && value.len() >= 8 && !is_reference && !stands_in(value)
}

fn stands_in(value: &str) -> bool {
    let value = value.to_lowercase();
    value.contains(['<', '>']) || STAND_INS.iter().any(|part| value.contains(part))
}

fn overlaps(a: Span, b: Span) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check as found;

    #[test]
    fn every_shape_compiles() {
        assert_eq!(SHAPES.len(), 7);
    }

    /// Put together here, so that no scanner takes this file for a leak.
    fn key() -> String {
        ["AKIA", "QWERTYUIOPASDFGH"].concat()
    }

    #[test]
    fn a_shape_is_found_anywhere() {
        let key = key();
        found(&RULE, &format!(r#"{{"name":"example","prompt":"use {key} for it"}}"#), &[&key]);
        found(&RULE, &format!(r#"{{"name":"example","prompt":"use x{key} for it"}}"#), &[]);
        found(&RULE, &format!("{key} is no JSON"), &[&key]);
        found(&RULE, r#"{"name":"example","prompt":"AKIAIOSFODNN7EXAMPLE"}"#, &[]);
        found(&RULE, r#"{"name":"example","prompt":"task-management-of-many-things"}"#, &[]);
    }

    #[test]
    fn variables_are_judged_by_name_and_value() {
        let check = |name: &str, value: &str, expected: &[&str]| {
            let file = format!(r#"{{"name":"example","mcpServers":{{"s":{{"command":"x","env":{{"{name}":"{value}"}}}}}}}}"#);
            found(&RULE, &file, expected);
        };
        check("API_TOKEN", "q7Wm2zR9tK4b", &["\"q7Wm2zR9tK4b\""]);
        check("api-key", "q7Wm2zR9tK4b", &["\"q7Wm2zR9tK4b\""]);
        check("API_TOKEN", "${env:API_TOKEN}", &[]);
        check("API_TOKEN", "<your token>", &[]);
        check("API_TOKEN", "your-token-here", &[]);
        check("API_TOKEN", "", &[]);
        check("LOG_LEVEL", "q7Wm2zR9tK4b", &[]);
        // Found once, by its shape.
        let key = key();
        check("API_TOKEN", &key, &[&key]);
    }
}
