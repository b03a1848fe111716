//! `mcpServers`: by name, how each server is started or reached.

use remit_diagnostics::Severity;

use super::findings::Findings;
use super::reader;
use crate::json::{Entry, Kind, Value};
use crate::{McpServer, McpTransport, Text, codes, nearest};

pub(super) const KEYS: &[&str] =
    &["type", "command", "args", "env", "url", "headers", "oauth", "oauthScopes", "timeout", "disabled", "disabledTools"];

/// The keys that take something away: one that is misspelt must not pass with a warning.
const RESTRICTIONS: &[&str] = &["disabled", "disabledTools"];

pub(super) fn mcp_servers(findings: &mut Findings, value: &Value) -> Vec<McpServer> {
    let entries = reader::entries(findings, value, "mcpServers");
    entries.iter().filter_map(|Entry { key, value }| mcp_server(findings, key, value)).collect()
}

/// What the keys of a server say, before it is known which kind of server it is.
#[derive(Default)]
struct Keys {
    kind: Option<Text>,
    command: Option<Text>,
    args: Vec<Text>,
    url: Option<Text>,
    headers: Vec<(Text, Text)>,
}

fn mcp_server(findings: &mut Findings, name: &Text, server: &Value) -> Option<McpServer> {
    let holder = format!("mcpServers.{}", codes::abridged(&name.value));
    let Kind::Object(entries) = &server.kind else {
        return reader::wrong_type(findings, server, &reader::key(&holder), "an object");
    };
    let mut keys = Keys::default();
    let (mut env, mut timeout_ms, mut disabled, mut disabled_tools) = (Vec::new(), None, false, Vec::new());
    for Entry { key, value } in entries {
        let what = key.value.as_str();
        match what {
            "type" => keys.kind = reader::text(findings, value, what),
            "command" => keys.command = reader::text(findings, value, what),
            "args" => keys.args = reader::texts(findings, value, what).map(|args| args.value).unwrap_or_default(),
            "url" => keys.url = reader::text(findings, value, what),
            "headers" => keys.headers = reader::pairs(findings, value, what),
            "env" => env = reader::pairs(findings, value, what),
            "timeout" => timeout_ms = reader::whole(findings, value, what),
            "disabled" => disabled = reader::flag(findings, value, what).is_some_and(|flag| flag.value),
            "disabledTools" => {
                disabled_tools = reader::texts(findings, value, what).map(|tools| tools.value).unwrap_or_default();
            }
            "oauthScopes" => drop(reader::texts(findings, value, what)),
            "oauth" => drop(reader::entries(findings, value, what)),
            _ => unknown_key(findings, key),
        }
    }
    let transport = transport(findings, server, entries, keys)?;
    Some(McpServer { name: name.clone(), span: server.span, transport, env, timeout_ms, disabled, disabled_tools })
}

fn transport(findings: &mut Findings, server: &Value, entries: &[Entry], keys: Keys) -> Option<McpTransport> {
    let has = |key: &str| entries.iter().any(|entry| entry.key.value == key);
    // Kiro CLI takes a server with a `url` alone as one that is reached over HTTP.
    let kind = match &keys.kind {
        Some(kind) => kind.value.as_str(),
        None if has("type") => return None,
        None if has("url") && !has("command") => "http",
        None => "stdio",
    };
    match kind {
        "stdio" => {
            if !has("command") {
                findings.error(codes::MISSING_KEY, server.span, "a server without `command`", "add the command that starts it");
            }
            Some(McpTransport::Stdio { command: keys.command, args: keys.args })
        }
        "http" => {
            if !has("url") {
                findings.error(codes::MISSING_KEY, server.span, "a server without `url`", "add the address of the server");
            }
            Some(McpTransport::Http { url: keys.url, headers: keys.headers })
        }
        "registry" => Some(McpTransport::Registry),
        other => {
            let message = format!("unknown type of server `{}`", codes::abridged(other));
            let place = keys.kind.as_ref().map_or(server.span, |kind| kind.span);
            findings.error(codes::INVALID_VALUE, place, message, "use `stdio`, `http` or `registry`");
            None
        }
    }
}

fn unknown_key(findings: &mut Findings, key: &Text) {
    let severity = match nearest(&key.value, KEYS.iter().copied()) {
        Some(meant) if RESTRICTIONS.contains(&meant) => Severity::Error,
        _ if key.value == "enabled" => Severity::Error,
        _ => Severity::Warning,
    };
    let cure = match key.value.as_str() {
        "autoApprove" => "remove the key: nothing reads it; pre-approve a tool in `allowedTools` as `@server/tool`",
        "enabled" => "write `disabled`: nothing reads `enabled`, and the server would be started",
        "cwd" => "remove the key: nothing reads it; servers start in the workspace",
        _ => "remove the key: nothing reads it",
    };
    findings.unknown_key(severity, key, "a server", KEYS, cure);
}

#[cfg(test)]
mod tests {
    use super::super::testing::told;

    #[test]
    fn a_server_is_started_reached_or_registered() {
        assert_eq!(
            told(
                r#"{ "mcpServers": { "a": { "command": "x", "args": ["y"], "env": { "A": "b" }, "timeout": 1, "disabled": true },
                     "b": { "type": "http", "url": "https://x", "headers": { "A": "b" }, "oauthScopes": [], "oauth": {} },
                     "c": { "url": "https://x", "disabledTools": ["t"] }, "d": { "type": "registry" } } }"#
            ),
            ""
        );
        insta::assert_snapshot!(told(r#"{ "mcpServers": { "a": 1, "b": {}, "c": { "type": "http" }, "d": { "type": "sse" },
            "e": { "type": 1 }, "f": { "command": "x", "args": "y", "env": { "A": 1 }, "timeout": "1", "disabled": "no" } } }"#), @"
        error[wrong-type] 1:24: `mcpServers.a` must be an object, not the number `1`
        error[missing-key] 1:32: a server without `command`; add the command that starts it
        error[missing-key] 1:41: a server without `url`; add the address of the server
        error[invalid-value] 1:76: unknown type of server `sse`; use `stdio`, `http` or `registry`
        error[wrong-type] 2:28: `type` must be a string, not the number `1`
        error[wrong-type] 2:64: `args` must be a list of strings, not a string
        error[wrong-type] 2:83: `env.A` must be a string, not the number `1`
        error[wrong-type] 2:99: `timeout` must be a whole number, not a string
        error[wrong-type] 2:116: `disabled` must be `true` or `false`, not a string
        ");
    }

    #[test]
    fn a_key_that_nothing_reads_is_an_error_only_where_it_restricts() {
        insta::assert_snapshot!(told(r#"{ "mcpServers": { "a": { "command": "x", "autoApprove": [], "cwd": ".", "comment": "",
            "disable": true, "disabled_tools": [], "enabled": false } } }"#), @"
        warning[unknown-key] 1:42: unknown key `autoApprove` in a server; remove the key: nothing reads it; pre-approve a tool in `allowedTools` as `@server/tool`
        warning[unknown-key] 1:61: unknown key `cwd` in a server; remove the key: nothing reads it; servers start in the workspace
        warning[unknown-key] 1:73: unknown key `comment` in a server; did you mean `command`?
        error[unknown-key] 2:13: unknown key `disable` in a server; did you mean `disabled`?
        error[unknown-key] 2:30: unknown key `disabled_tools` in a server; did you mean `disabledTools`?
        error[unknown-key] 2:52: unknown key `enabled` in a server; write `disabled`: nothing reads `enabled`, and the server would be started
        ");
    }
}
