use remit_agent::{McpTransport, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "server-over-http",
    severity: Severity::Warning,
    what: "Finds MCP servers that are reached over plain HTTP on another host.",
    why: "Whoever is on the way can read what the agent sends, its tokens among it, and answer in the server's place: an answer is what the model acts on.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{
  "name": "example",
  "mcpServers": { "docs": { "type": "http", "url": "http://docs.example.com/mcp" } }
}"#,
        mended: r#"{
  "name": "example",
  "mcpServers": { "docs": { "type": "http", "url": "https://docs.example.com/mcp" } }
}"#,
    },
    cure: "Write the address with `https://`.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let urls = facts.file().mcp_servers.iter().filter(|server| !server.disabled).filter_map(|server| match &server.transport {
        McpTransport::Http { url, .. } => url.as_ref(),
        McpTransport::Stdio { .. } | McpTransport::Registry => None,
    });
    urls.filter(|url| is_plain(&url.value))
        .map(|url| {
            rule.finding(facts, url.span, format!("`{}` is not encrypted", url.value))
                .label("plain HTTP")
                .note("whoever is on the way can read what is sent, and answer in the server's place")
                .help("use `https://`")
        })
        .collect()
}

fn is_plain(url: &str) -> bool {
    let Some(rest) = url.to_lowercase().strip_prefix("http://").map(str::to_owned) else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host = authority.rsplit('@').next().unwrap_or("");
    let host = if host.starts_with('[') { host.split(']').next().unwrap_or("") } else { host.split(':').next().unwrap_or("") };
    !(host == "localhost" || host.ends_with(".localhost") || host.starts_with("127.") || host == "[::1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_this_host_needs_no_encryption() {
        let check = |url: &str, expected: bool| assert_eq!(is_plain(url), expected, "{url}");
        check("http://docs.example.com/mcp", true);
        check("HTTP://10.0.0.1:80", true);
        check("http://localhost@evil.example/", true);
        check("http://127.0.0.1.evil.example/", false);
        check("https://docs.example.com", false);
        check("http://localhost:3000/mcp", false);
        check("http://[::1]:3000/", false);
    }
}
