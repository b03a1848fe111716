use std::collections::BTreeMap;
use std::path::Path;

use remit_agent::AbsPath;
use remit_diagnostics::{Diagnostic, Fix, Severity, Source, visible};
use serde_json::{Value, json};

use super::{hover, position};
use crate::judge::{FilePlace, How, Judged, judge};

pub(super) const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const NOT_INITIALIZED: i32 = -32002;

/// A conversation with one editor.
#[derive(Debug)]
pub(super) struct Session {
    how: How,
    state: State,
    /// The texts that are open, by address, with what was found in them.
    open: BTreeMap<String, Option<Judged>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Ready,
    ShutDown,
    Ended { orderly: bool },
}

impl Session {
    pub(super) fn new(how: How) -> Session {
        Session { how, state: State::New, open: BTreeMap::new() }
    }

    /// Returns whether the editor said goodbye in order; `None` while it has not.
    pub(super) fn ended(&self) -> Option<bool> {
        match self.state {
            State::Ended { orderly } => Some(orderly),
            State::New | State::Ready | State::ShutDown => None,
        }
    }

    /// Returns what is to be sent after a message.
    pub(super) fn answers(&mut self, message: &Value) -> Vec<Value> {
        let params = message.get("params").unwrap_or(&Value::Null);
        match (message.get("method").and_then(Value::as_str), message.get("id")) {
            (Some(method), Some(id)) => vec![self.request(id, method, params)],
            (Some(method), None) => self.notification(method, params),
            // An answer: nothing was asked.
            (None, Some(_)) if message.get("result").is_some() || message.get("error").is_some() => Vec::new(),
            (None, id) => vec![refusal(id.unwrap_or(&Value::Null), INVALID_REQUEST, "the message has no method")],
        }
    }

    fn request(&mut self, id: &Value, method: &str, params: &Value) -> Value {
        let result = match (self.state, method) {
            (State::New, "initialize") => {
                self.state = State::Ready;
                Some(capabilities())
            }
            (State::New, _) => return refusal(id, NOT_INITIALIZED, "say `initialize` first"),
            (State::Ready, "shutdown") => {
                self.state = State::ShutDown;
                Some(Value::Null)
            }
            (State::Ready, "textDocument/hover") => self.hover(params),
            (State::Ready, "textDocument/codeAction") => self.code_actions(params),
            (State::Ready, _) => return refusal(id, METHOD_NOT_FOUND, "no such method here"),
            (State::ShutDown | State::Ended { .. }, _) => return refusal(id, INVALID_REQUEST, "the session is shut down"),
        };
        match result {
            Some(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            None => refusal(id, INVALID_PARAMS, "the parameters are not those of the method"),
        }
    }

    fn notification(&mut self, method: &str, params: &Value) -> Vec<Value> {
        let document = params.get("textDocument");
        let text = |value: Option<&Value>, key: &str| Some(value?.get(key)?.as_str()?.to_owned());
        let uri = text(document, "uri");
        match (self.state, method, uri) {
            (state, "exit", _) => {
                self.state = State::Ended { orderly: state == State::ShutDown };
                Vec::new()
            }
            (State::Ready, "textDocument/didOpen", Some(uri)) => {
                text(document, "text").map(|text| self.changed(uri, &text)).into_iter().collect()
            }
            (State::Ready, "textDocument/didChange", Some(uri)) => {
                // Whole texts are asked for, and the last is the newest.
                let changes = params.get("contentChanges").and_then(Value::as_array);
                text(changes.and_then(|changes| changes.last()), "text")
                    .map(|text| self.changed(uri, &text))
                    .into_iter()
                    .collect()
            }
            (State::Ready, "textDocument/didClose", Some(uri)) => {
                self.open.remove(&uri);
                vec![published(&uri, &[])]
            }
            _ => Vec::new(),
        }
    }

    /// Judges a text anew, and returns what is to be shown of it.
    fn changed(&mut self, uri: String, text: &str) -> Value {
        let judged = judge(&shown(&uri), text.as_bytes(), place(&uri, &self.how), &self.how).ok();
        let answer = published(&uri, judged.as_ref().map_or(&[], |judged| judged.findings.as_slice()));
        self.open.insert(uri, judged);
        answer
    }

    fn document(&self, params: &Value) -> Option<&Judged> {
        self.open.get(params.pointer("/textDocument/uri")?.as_str()?)?.as_ref()
    }

    fn hover(&self, params: &Value) -> Option<Value> {
        let place = params.get("position")?;
        let Some(judged) = self.document(params) else { return Some(Value::Null) };
        let at = position::offset(&judged.source, place)?;
        Some(hover::hover(judged, at).map_or(Value::Null, |(span, text)| {
            json!({ "contents": { "kind": "markdown", "value": text }, "range": position::range(&judged.source, span) })
        }))
    }

    fn code_actions(&self, params: &Value) -> Option<Value> {
        let range = params.get("range")?;
        let Some(judged) = self.document(params) else { return Some(json!([])) };
        let span = position::span(&judged.source, range)?;
        let uri = params.pointer("/textDocument/uri")?;
        let touches = |finding: &&Diagnostic| finding.location.span.start <= span.end && span.start <= finding.location.span.end;
        let actions = judged.findings.iter().filter(touches).filter_map(|finding| {
            let fix = finding.fix.as_ref()?;
            Some(json!({
                "title": visible(&fix.title),
                "kind": "quickfix",
                "diagnostics": [diagnostic(finding)],
                "edit": { "changes": { uri.as_str()?: edits(&judged.source, fix) } },
            }))
        });
        Some(actions.collect())
    }
}

fn capabilities() -> Value {
    json!({
        "capabilities": {
            "positionEncoding": "utf-16",
            "textDocumentSync": { "openClose": true, "change": 1 },
            "hoverProvider": true,
            "codeActionProvider": { "codeActionKinds": ["quickfix"] },
        },
        "serverInfo": { "name": "remit", "version": env!("CARGO_PKG_VERSION") },
    })
}

pub(super) fn refusal(id: &Value, code: i32, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

fn published(uri: &str, findings: &[Diagnostic]) -> Value {
    let diagnostics: Vec<Value> = findings.iter().map(diagnostic).collect();
    json!({
        "jsonrpc": "2.0",
        "method": "textDocument/publishDiagnostics",
        "params": { "uri": uri, "diagnostics": diagnostics },
    })
}

fn diagnostic(finding: &Diagnostic) -> Value {
    let notes = finding.notes.iter().map(|note| format!("note: {note}"));
    let help = finding.help.iter().map(|help| format!("help: {help}"));
    let lines: Vec<String> =
        std::iter::once(finding.message.clone()).chain(notes).chain(help).map(|line| visible(&line)).collect();
    json!({
        "range": position::range(&finding.location.source, finding.location.span),
        "severity": match finding.severity {
            Severity::Error => 1,
            Severity::Warning => 2,
            Severity::Note => 3,
        },
        "code": finding.code,
        "source": "remit",
        "message": lines.join("\n"),
    })
}

fn edits(source: &Source, fix: &Fix) -> Value {
    fix.edits.iter().map(|edit| json!({ "range": position::range(source, edit.span), "newText": edit.replacement })).collect()
}

/// Returns where a text is; one that is in no file stands in the workspace.
fn place(uri: &str, how: &How) -> FilePlace {
    let of_file = uri.strip_prefix("file://").and_then(decoded).and_then(|path| AbsPath::new(Path::new(&path)).ok());
    let exists = of_file.is_some();
    let path = of_file.unwrap_or_else(|| how.workspace.root.join("untitled.json"));
    FilePlace { canonical: path.clone(), path, exists }
}

fn shown(uri: &str) -> String {
    uri.rsplit('/').next().and_then(decoded).unwrap_or_else(|| uri.to_owned())
}

/// Returns the text with `%41` as `A`; `None` for what is not UTF-8 then.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        if let (b'%', Some(code)) = (byte, code) {
            bytes.push(code);
            rest = after.get(2..).unwrap_or(&[]);
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}
