//! `mcpServers`: by name, how each server is started or reached.

use remit_diagnostics::Severity;

use super::findings::Findings;
use super::reader;
use crate::json::{Entry, Kind, Value};
use crate::{McpServer, McpTransport, Text, codes, nearest};

const KEYS: &[&str] =
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
    let Kind::Object(entries) = &server.kind else { return reader::wrong_type(findings, server, &holder, "an object") };
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
        _ => Severity::Warning,
    };
    let cure = match key.value.as_str() {
        "autoApprove" => "remove the key: nothing reads it; pre-approve a tool in `allowedTools` as `@server/tool`",
        "cwd" => "remove the key: nothing reads it; servers start in the workspace",
        _ => "remove the key: nothing reads it",
    };
    findings.unknown_key(severity, key, "a server", KEYS, cure);
}
