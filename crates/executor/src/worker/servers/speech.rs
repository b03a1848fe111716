//! What is said to a server, and what becomes of its answers.

use std::time::Duration;

use remit_diagnostics::visible;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Remote, Server};
use crate::tools::{Control, Failure, Output, Part, cut_middle};

/// The version of the protocol that is asked for; a server that answers with another is taken at its word.
const VERSION: &str = "2025-06-18";
/// How many pages of tools are asked for, and how many tools are taken.
const PAGES: usize = 64;
const MOST: usize = 512;
/// Bytes of a description, of all that a schema takes, and of a name.
const DESCRIPTION: usize = 8000;
const SCHEMA: usize = 64_000;
const NAME: usize = 128;
/// How much of a text in an answer is kept, in bytes.
const TEXT: usize = 400_000;

/// A call of a server's tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) server: String,
    pub(crate) tool: String,
    pub(crate) arguments: Map<String, Value>,
    pub(crate) timeout_ms: u64,
}

impl Server {
    pub(super) fn tools(&self, limit: Duration, control: &Control<'_>) -> Result<Vec<Remote>, Failure> {
        let client = json!({ "name": "remit", "version": env!("CARGO_PKG_VERSION") });
        let hello = json!({ "protocolVersion": VERSION, "capabilities": {}, "clientInfo": client });
        self.link.ask("initialize", hello, limit, control)?;
        self.link.tell("notifications/initialized", &json!({}))?;
        let (mut tools, mut cursor) = (Vec::new(), None);
        for _ in 0..PAGES {
            let params = cursor.map_or_else(|| json!({}), |cursor: Value| json!({ "cursor": cursor }));
            let mut page = self.link.ask("tools/list", params, limit, control)?;
            let Some(Value::Array(listed)) = page.get_mut("tools").map(Value::take) else {
                return Err(Failure::new("the server lists no tools"));
            };
            tools.extend(listed.iter().filter_map(remote));
            match page.get("nextCursor") {
                Some(next @ Value::String(_)) if tools.len() < MOST => cursor = Some(next.clone()),
                _ => break,
            }
        }
        tools.truncate(MOST);
        Ok(tools)
    }

    pub(super) fn call(&self, asked: &Asked, control: &Control<'_>) -> Result<Output, Failure> {
        let params = json!({ "name": asked.tool, "arguments": asked.arguments });
        let answer = self.link.ask("tools/call", params, Duration::from_millis(asked.timeout_ms), control)?;
        Ok(output(&answer))
    }
}

/// Reads what a server says of a tool. One without a usable name is passed over.
fn remote(tool: &Value) -> Option<Remote> {
    let text = |key: &str| tool.get(key).and_then(Value::as_str);
    let name = text("name")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/".contains(c);
    if name.is_empty() || name.len() > NAME || !name.chars().all(plain) {
        return None;
    }
    let mut schema = tool.get("inputSchema").cloned().unwrap_or(Value::Null);
    seen(&mut schema);
    let schema = match schema {
        Value::Object(schema) if Value::from(schema.clone()).to_string().len() <= SCHEMA => schema,
        _ => Map::from_iter([("type".to_owned(), Value::from("object"))]),
    };
    Some(Remote {
        name: name.to_owned(),
        title: text("title")
            .or_else(|| tool.pointer("/annotations/title")?.as_str())
            .map(|title| visible(&cut_middle(title, NAME))),
        description: lines_visible(&cut_middle(text("description").unwrap_or_default(), DESCRIPTION)),
        schema,
        read_only: tool.pointer("/annotations/readOnlyHint") == Some(&Value::Bool(true)),
    })
}

/// Makes visible what cannot be seen in the words of a schema that are for reading.
fn seen(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "description" || key == "title" => *text = lines_visible(text),
                    value => seen(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(seen),
        _ => {}
    }
}

fn lines_visible(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// Reads the answer to a call. Kinds of content that a session has no form for are named.
fn output(answer: &Value) -> Output {
    let content = answer.get("content").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut parts: Vec<Part> = content.iter().map(part).collect();
    if parts.is_empty() {
        let structured = answer.get("structuredContent").map(|value| cut_middle(&value.to_string(), TEXT));
        parts.push(Part::Text(structured.unwrap_or_else(|| "(the server answered with nothing)".to_owned())));
    }
    Output { parts, failed: answer.get("isError") == Some(&Value::Bool(true)) }
}

fn part(content: &Value) -> Part {
    let text = |pointer: &str| content.pointer(pointer).and_then(Value::as_str);
    match (text("/type"), text("/text"), text("/data"), text("/mimeType")) {
        (Some("text"), Some(text), ..) => Part::Text(cut_middle(text, TEXT)),
        (Some("image"), _, Some(data), Some(mime)) => Part::Image { data: data.to_owned(), mime: mime.to_owned() },
        (Some("resource"), ..) if text("/resource/text").is_some() => {
            Part::Text(cut_middle(text("/resource/text").unwrap_or_default(), TEXT))
        }
        (Some("resource_link"), ..) => Part::Text(format!("[a resource: {}]", visible(text("/uri").unwrap_or_default()))),
        (kind, ..) => Part::Text(format!("[content of the kind `{}` left out]", visible(kind.unwrap_or("none")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_of_a_tool_is_kept_within_bounds() {
        let check = |tool: Value, expected: Option<(&str, &str)>| {
            let found = remote(&tool);
            let found = found.as_ref().map(|tool| (tool.name.as_str(), tool.description.as_str()));
            assert_eq!(found, expected, "{tool}");
        };
        check(json!({ "name": "log", "description": "Shows\nthe log." }), Some(("log", "Shows\nthe log.")));
        check(json!({ "name": "a/b", "description": "\u{1b}[2J\u{202e}x" }), Some(("a/b", "\\u{1b}[2J\\u{202e}x")));
        for name in [json!(""), json!("a b"), json!("ä"), json!("a\u{1b}"), json!(7), json!("x".repeat(129)), json!(null)] {
            check(json!({ "name": name }), None);
        }
        let tool = remote(&json!({ "name": "t", "inputSchema": { "properties": { "p": { "description": "\u{7}" } } } })).unwrap();
        assert_eq!(tool.schema["properties"]["p"]["description"], "\\u{7}");
        let tool = remote(&json!({ "name": "t", "inputSchema": { "x": "y".repeat(70_000) } })).unwrap();
        assert_eq!(Value::from(tool.schema), json!({ "type": "object" }));
    }

    #[test]
    fn an_answer_of_any_form_is_an_output() {
        let check = |answer: Value, expected: &str, failed: bool| {
            let output = output(&answer);
            let texts: Vec<String> = output
                .parts
                .iter()
                .map(|part| if let Part::Text(text) = part { text.clone() } else { "image".to_owned() })
                .collect();
            assert_eq!((texts.join("|").as_str(), output.failed), (expected, failed), "{answer}");
        };
        check(json!({ "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] }), "a|b", false);
        check(json!({ "content": [{ "type": "text", "text": "no" }], "isError": true }), "no", true);
        check(json!({ "content": [{ "type": "image", "data": "AA==", "mimeType": "image/png" }] }), "image", false);
        check(json!({ "content": [], "structuredContent": { "a": 1 } }), r#"{"a":1}"#, false);
        check(
            json!({ "content": [{ "type": "audio" }, 7] }),
            "[content of the kind `audio` left out]|[content of the kind `none` left out]",
            false,
        );
        check(json!(null), "(the server answered with nothing)", false);
    }
}
