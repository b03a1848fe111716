//! What the session and its worker say to each other: frames of a length and JSON, over one socket.
//!
//! The worker lives inside the sandbox, so what it says is not trusted: a frame has a limit, and a path that it names is
//! judged like any other.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::servers::{Remote, Start};
use crate::tools::{Call, Grep, Output};

/// The longest frame, in bytes: an image in base64 with room to spare.
pub(crate) const LONGEST: usize = 32 << 20;

/// From the session to the worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) what: What,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// Follow the symbolic links of these paths, as they are now.
    Resolve(Vec<String>),
    /// Name the files that a pattern of absolute paths matches.
    Expand(String),
    /// Name the files that a search would read. None of them is opened.
    Walk(Grep),
    /// Search these files, each of which was judged.
    Search { grep: Grep, files: Vec<String> },
    /// Do what a verdict allowed. The paths are resolved, and a link in them is refused.
    Act(Call),
    /// Run a hook of the agent: its command, what it reads, its time in milliseconds, and how much of its output is kept.
    Hook { command: String, input: String, timeout_ms: u64, longest: usize },
    /// Start a server of the agent, and tell what it prints to its standard error until it ends.
    Serve(Start),
    /// Introduce yourself to a server that was started, and name its tools.
    Tools { server: String, timeout_ms: u64 },
    /// End the order of this id.
    Cancel,
}

/// From the worker to the session.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) id: u64,
    pub(crate) reply: Reply,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Resolved(Vec<Result<String, String>>),
    /// Something to tell while it goes on.
    Progress(String),
    Done(Output),
    Tools(Vec<Remote>),
    /// A lower-case fragment, and what the kernel said, if it was the kernel.
    Failed {
        why: String,
        errno: Option<i32>,
    },
    Hooked {
        /// `None`: it was killed, by a signal or for its time.
        code: Option<i32>,
        timed_out: bool,
        stdout: String,
        stderr: String,
    },
}

/// Returns the bytes of a frame.
pub(crate) fn frame(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, value)?;
    let length = bytes.len() - 4;
    let head = u32::try_from(length).ok().filter(|_| length <= LONGEST);
    let head = head.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a message is longer than 32 MiB"))?;
    if let Some(start) = bytes.get_mut(..4) {
        start.copy_from_slice(&head.to_le_bytes());
    }
    Ok(bytes)
}

/// Returns the length that a frame's head announces, if a frame may have it.
pub(crate) fn length(head: [u8; 4]) -> io::Result<usize> {
    let length = usize::try_from(u32::from_le_bytes(head)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message announces more than 32 MiB"));
    }
    Ok(length)
}

/// Reads the next frame; `None` at the end.
pub(crate) fn read(from: &mut impl Read) -> io::Result<Option<Order>> {
    let mut head = [0; 4];
    match from.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = vec![0; length(head)?];
    from.read_exact(&mut bytes)?;
    Ok(Some(serde_json::from_slice(&bytes)?))
}

/// Reads an object of a tool's arguments, and says what is wrong with it in words.
pub(crate) fn arguments<T: for<'de> Deserialize<'de>>(input: &Value) -> Result<T, String> {
    T::deserialize(input).map_err(|error| match culprit::<T>(input, &error.to_string()) {
        Some(key) => format!("`{key}`: {error}"),
        None => error.to_string(),
    })
}

/// Returns the key whose value is at fault: the one without which the complaint is another.
fn culprit<'a, T: for<'de> Deserialize<'de>>(input: &'a Value, complaint: &str) -> Option<&'a str> {
    let object = input.as_object()?;
    if complaint.starts_with("missing field") || complaint.starts_with("unknown field") {
        return None;
    }
    object.keys().map(String::as_str).find(|key| {
        let mut without = object.clone();
        without.remove(*key);
        serde_json::from_value::<T>(Value::Object(without)).err().is_none_or(|error| error.to_string() != complaint)
    })
}
