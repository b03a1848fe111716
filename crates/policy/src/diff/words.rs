use remit_agent::NativeTool;
use serde_json::Value;

/// Returns the words for a rule of any list: a tool, a command, a path, a host, a variable.
pub(crate) fn rule(rule: &Value) -> String {
    let text = |key: &str| rule.get(key).and_then(Value::as_str);
    if let Some(host) = text("host") {
        return match rule.get("port").and_then(Value::as_u64) {
            Some(port) => format!("`{host}:{port}`"),
            None => format!("`{host}`"),
        };
    }
    if let Some(name) = text("name") {
        return format!("`{name}`");
    }
    rule.get("pattern").map_or_else(|| value(rule), pattern)
}

fn pattern(pattern: &Value) -> String {
    if let Some(text) = pattern.as_str() {
        return match text {
            "everything" => "`*`".to_owned(),
            "every_native" => "`@builtin`".to_owned(),
            // A path's base and its glob stand on the two sides of `//`.
            path => format!("`{}`", path.replacen("//", "/", 1)),
        };
    }
    let Some((kind, inner)) = pattern.as_object().and_then(|object| object.iter().next()) else { return value(pattern) };
    let text = |key: &str| inner.get(key).and_then(Value::as_str).unwrap_or_default();
    match (kind.as_str(), inner.as_str()) {
        ("native", _) => {
            let tool = NativeTool::ALL.into_iter().find(|tool| serde_json::to_value(tool).is_ok_and(|name| name == *inner));
            tool.map_or_else(|| value(inner), |tool| format!("`{}`", tool.name()))
        }
        ("server", Some(server)) => format!("`@{server}`"),
        ("server_tool", _) => format!("`@{}/{}`", text("server"), text("tool")),
        (_, Some(text)) => format!("`{text}`"),
        _ => value(pattern),
    }
}

pub(crate) fn start(start: &Value) -> String {
    let command = start.get("command").and_then(Value::as_str).unwrap_or_default();
    let kind = |key: &str| start.pointer(key).and_then(Value::as_str);
    match (kind("/kind/hook/trigger"), kind("/kind/hook/matcher"), kind("/kind/mcp_server/name")) {
        (Some(trigger), Some(matcher), _) => format!("`{command}` (hook `{trigger}` on `{matcher}`)"),
        (Some(trigger), None, _) => format!("`{command}` (hook `{trigger}`)"),
        (_, _, Some(server)) => format!("`{command}` (MCP server `{server}`)"),
        _ => format!("`{command}`"),
    }
}

/// Returns whether it is a hook that is asked before each call.
pub(crate) fn is_guard(start: &Value) -> bool {
    start.pointer("/kind/hook/trigger").and_then(Value::as_str) == Some("preToolUse")
}

pub(crate) fn limit(kind: &Value) -> String {
    kind.as_str().unwrap_or("something").replace('_', " ")
}

/// Returns a string in backticks, and anything else as JSON.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}
