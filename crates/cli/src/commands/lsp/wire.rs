use std::io::{self, BufRead, Read, Write};

use serde_json::Value;
use thiserror::Error;

/// The most bytes of a message: an agent file has at most 4 MiB, and JSON may write each of them as six.
const LONGEST: usize = 32 << 20;
/// The most bytes of a message's head.
const LONGEST_HEAD: u64 = 4096;

#[derive(Debug, Error)]
pub(super) enum WireError {
    #[error("cannot read from the editor")]
    Io(#[from] io::Error),
    #[error("what the editor sends has no `Content-Length`")]
    NoLength,
    #[error("what the editor sends is longer than 32 MiB")]
    TooLong,
    #[error("what the editor sends ends within a message")]
    Truncated,
    #[error("what the editor sends is not JSON")]
    NotJson,
}

/// Reads a message; `None` at the end of the input.
pub(super) fn read(input: &mut impl BufRead) -> Result<Option<Value>, WireError> {
    let Some(length) = head(input)? else { return Ok(None) };
    if length > LONGEST {
        return Err(WireError::TooLong);
    }
    let mut body = Vec::new();
    // Space is taken as bytes arrive, and not because somebody promises them.
    let read = input.take(u64::try_from(length).unwrap_or(u64::MAX)).read_to_end(&mut body)?;
    if read < length {
        return Err(WireError::Truncated);
    }
    serde_json::from_slice(&body).map(Some).map_err(|_| WireError::NotJson)
}

/// Reads the lines before a message, and returns its length.
fn head(input: &mut impl BufRead) -> Result<Option<usize>, WireError> {
    let mut head = input.take(LONGEST_HEAD);
    let (mut length, mut first) = (None, true);
    loop {
        let mut line = Vec::new();
        let read = head.read_until(b'\n', &mut line)?;
        if read == 0 && first {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') {
            return Err(if head.limit() == 0 { WireError::NoLength } else { WireError::Truncated });
        }
        first = false;
        let line = line.trim_ascii();
        if line.is_empty() {
            return length.map(Some).ok_or(WireError::NoLength);
        }
        let text = std::str::from_utf8(line).unwrap_or("");
        if let Some((name, value)) = text.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-length")
        {
            length = Some(value.trim().parse().map_err(|_| WireError::NoLength)?);
        }
    }
}

pub(super) fn write(output: &mut impl Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{body}", body.len())
}
