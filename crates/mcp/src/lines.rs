//! The lines of a host. Each that is a request is answered: where it cannot be read, with an error under its own number, as
//! far as that can be found.

use std::io;

use rmcp::RoleServer;
use rmcp::model::{ErrorCode, ErrorData, JsonRpcMessage, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader, Empty};

/// The longest message that is read, in bytes: a text that is too long for a tool is refused by the tool, in words.
const LONGEST: usize = 160 << 20;

pub(crate) struct Lines {
    input: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    /// What has come of the next line: who waits for it may be called off, and comes again.
    line: Vec<u8>,
    too_long: bool,
    output: AsyncRwTransport<RoleServer, Empty, Box<dyn AsyncWrite + Send + Unpin>>,
}

/// What a line is.
enum Line {
    Message(Box<RxJsonRpcMessage<RoleServer>>),
    /// Nothing that wants an answer.
    Nothing,
    Wrong(ErrorData, Option<RequestId>),
}

impl Lines {
    pub(crate) fn new((input, output): crate::stdio::Standard) -> Lines {
        let output = AsyncRwTransport::new_server(tokio::io::empty(), output);
        Lines { input: BufReader::new(input), line: Vec::new(), too_long: false, output }
    }

    /// Reads up to the end of a line, of which no more than the longest is kept; `false` at the end of all.
    async fn next(&mut self) -> io::Result<bool> {
        loop {
            let bytes = self.input.fill_buf().await?;
            if bytes.is_empty() {
                return Ok(false);
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let part = end.and_then(|end| bytes.get(..end)).unwrap_or(bytes);
            self.too_long |= self.line.len() + part.len() > LONGEST;
            if !self.too_long {
                self.line.extend_from_slice(part);
            }
            let read = part.len() + usize::from(end.is_some());
            self.input.consume(read);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

impl Transport<RoleServer> for Lines {
    type Error = io::Error;

    fn send(&mut self, item: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        self.output.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        // A host that cannot be read any more has gone.
        while self.next().await.unwrap_or(false) {
            let line = std::mem::take(&mut self.line);
            let read = if std::mem::take(&mut self.too_long) {
                Line::Wrong(wrong(ErrorCode::INVALID_REQUEST, "a message is longer than 160 MiB"), None)
            } else {
                read(&line)
            };
            match read {
                Line::Message(message) => return Some(*message),
                Line::Nothing => {}
                Line::Wrong(error, id) => {
                    // On its own: what waits here may be called off, and an answer must not be.
                    tokio::spawn(self.output.send(JsonRpcMessage::error(error, id)));
                }
            }
        }
        None
    }

    async fn close(&mut self) -> io::Result<()> {
        self.output.close().await
    }
}

fn wrong(code: ErrorCode, why: impl Into<String>) -> ErrorData {
    ErrorData::new(code, why.into(), None)
}

fn read(line: &[u8]) -> Line {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Line::Nothing;
    }
    let complaint = match serde_json::from_slice(line) {
        Ok(message) => return Line::Message(Box::new(message)),
        Err(error) => error.to_string(),
    };
    match serde_json::from_slice::<Value>(line) {
        Ok(value) => {
            let id = value.get("id").and_then(|id| serde_json::from_value(id.clone()).ok());
            match (value.get("method"), id) {
                // An answer, or a notification, that means nothing.
                (Some(_), None) | (None, Some(_)) if value.is_object() => Line::Nothing,
                (_, id) => Line::Wrong(wrong(ErrorCode::INVALID_REQUEST, format!("this is no request: {complaint}")), id),
            }
        }
        Err(error) => Line::Wrong(wrong(ErrorCode::PARSE_ERROR, format!("this is no JSON: {error}")), found(line)),
    }
}

/// Finds the number of a request whose text is no JSON: after the first `"id":` outside of its parameters, which hosts write
/// before or behind them.
fn found(line: &[u8]) -> Option<RequestId> {
    let text = String::from_utf8_lossy(line);
    let (mut depth, mut quoted, mut escaped, mut from) = (0_usize, None, false, None);
    for (at, letter) in text.char_indices() {
        match (quoted, letter) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(start), '"') => {
                quoted = None;
                let is_key = depth == 1 && text.get(start..=at) == Some("\"id\"");
                from = if is_key { Some(at + 1) } else { from };
            }
            (None, '"') => quoted = Some(at),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if from.is_some() {
            break;
        }
    }
    let rest = text.get(from?..)?.trim_start().strip_prefix(':')?;
    let value = serde_json::Deserializer::from_str(rest).into_iter::<Value>().next()?.ok()?;
    serde_json::from_value(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_answered_under_its_number() {
        let check = |line: &[u8], expected: &str| {
            let said = match read(line) {
                Line::Message(_) => "message".to_owned(),
                Line::Nothing => "nothing".to_owned(),
                Line::Wrong(error, id) => format!("{} {}", error.code.0, id.map_or("none".to_owned(), |id| id.to_string())),
            };
            assert_eq!(said, expected, "{}", String::from_utf8_lossy(line));
        };
        check(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "message");
        check(b"\xEF\xBB\xBF{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r", "message");
        check(b"  \r", "nothing");
        check(br#"{"jsonrpc":"2.0","method":7}"#, "nothing");
        check(br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"id":3,"a":"cut \ud83d"}}"#, "-32700 7");
        check(br#"{"jsonrpc":"2.0","method":"tools/call","params":{"id":3,"a":"\"id\" \ud83d"},"id":"x"}"#, "-32700 x");
        check(b"{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"ping\",\"params\":{\"a\":\"\xff\"}}", "-32700 8");
        check(format!("{{\"id\":9,\"params\":{}{}}}", "[".repeat(500), "]".repeat(500)).as_bytes(), "-32700 9");
        check(b"hello", "-32700 none");
        check(b"[]", "-32600 none");
        check(b"{}", "-32600 none");
        check(br#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":[1,2]}"#, "-32600 5");
    }
}
