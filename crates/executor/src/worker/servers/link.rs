//! JSON-RPC over a server's standard input and output: requests out, answers to whoever waits for them.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::os::fd::AsFd;
use std::process::{ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use remit_diagnostics::visible;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use serde_json::{Value, json};

use crate::tools::{Control, Failure, cut_middle};

/// The longest line that a server may send, in bytes.
const LONGEST: u64 = 16 << 20;
/// How much of an error's text is passed on, in bytes.
const ERROR: usize = 4000;
/// How many lines may wait for a server that does not read.
const WAITING: usize = 256;

#[derive(Debug)]
pub(super) struct Link {
    lines: mpsc::SyncSender<Vec<u8>>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    pending: BTreeMap<u64, Pending>,
    /// Why there will be no answer any more.
    ended: Option<String>,
}

#[derive(Debug)]
struct Pending {
    messages: mpsc::Sender<Value>,
    /// Closed or written to when there is something to read.
    wake: OwnedFd,
}

impl Link {
    /// Takes a server's ends; the descriptor becomes readable when the server closes its output.
    pub(super) fn new(input: ChildStdin, output: ChildStdout) -> io::Result<(Link, OwnedFd)> {
        let (lines, outgoing) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let state = Arc::new(Mutex::new(State::default()));
        let (closed, hold) = pipe_with(PipeFlags::CLOEXEC)?;
        thread::Builder::new().stack_size(1 << 18).spawn(move || speak(input, &outgoing))?;
        let (heard, answers) = (Arc::clone(&state), lines.clone());
        thread::Builder::new().stack_size(1 << 20).spawn(move || {
            listen(output, &heard, &answers);
            drop(hold);
        })?;
        Ok((Link { lines, state }, closed))
    }

    /// Asks, and waits for the answer, but no longer than `limit`.
    pub(super) fn ask(&self, method: &str, mut params: Value, limit: Duration, control: &Control<'_>) -> Result<Value, Failure> {
        let io = |error: io::Error| Failure::new(format!("the server cannot be asked: {error}"));
        let (woken, wake) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(|errno| io(errno.into()))?;
        let (messages, answers) = mpsc::channel();
        let id = {
            let mut state = locked(&self.state);
            if let Some(why) = &state.ended {
                return Err(Failure::new(why.clone()));
            }
            state.next += 1;
            let id = state.next;
            state.pending.insert(id, Pending { messages, wake });
            id
        };
        if let Some(params) = params.as_object_mut() {
            params.insert("_meta".to_owned(), json!({ "progressToken": id }));
        }
        let sent = self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let answer = sent.and_then(|()| self.wait(&answers, &woken, limit, control));
        locked(&self.state).pending.remove(&id);
        if answer.is_err() && method != "initialize" {
            // A server that has ended needs no telling.
            let _ = self.tell("notifications/cancelled", &json!({ "requestId": id }));
        }
        answer
    }

    pub(super) fn tell(&self, method: &str, params: &Value) -> Result<(), Failure> {
        self.say(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    /// Fails whoever waits, now and from now on.
    pub(super) fn end(&self, why: &str) {
        let mut state = locked(&self.state);
        state.ended = Some(why.to_owned());
        state.pending.clear();
    }

    fn say(&self, message: &Value) -> Result<(), Failure> {
        self.lines.try_send(line(message)).map_err(|_| match &locked(&self.state).ended {
            Some(why) => Failure::new(why.clone()),
            None => Failure::new("the server does not read what it is asked"),
        })
    }

    fn wait(
        &self,
        answers: &mpsc::Receiver<Value>,
        woken: &OwnedFd,
        limit: Duration,
        control: &Control<'_>,
    ) -> Result<Value, Failure> {
        let until = Instant::now().checked_add(limit);
        loop {
            match answers.try_recv() {
                Ok(message) if message.get("method").is_some() => {
                    if let Some(text) = message.pointer("/params/message").and_then(Value::as_str) {
                        (control.progress)(visible(&cut_middle(text, 200)));
                    }
                    continue;
                }
                Ok(message) => return answer(&message),
                Err(mpsc::TryRecvError::Disconnected) => {
                    let ended = locked(&self.state).ended.clone();
                    return Err(Failure::new(ended.unwrap_or_else(|| "the server gave no answer".to_owned())));
                }
                Err(mpsc::TryRecvError::Empty) => {}
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(Failure::new(format!("the server gave no answer within {} s", limit.as_secs_f32())));
            }
            let wait = left.and_then(|left| Timespec::try_from(left).ok());
            let mut watched = [
                PollFd::from_borrowed_fd(woken.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(control.cancel.as_fd(), PollFlags::IN),
            ];
            match poll(&mut watched, wait.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => {
                    return Err(Failure { why: "the server cannot be waited for".to_owned(), errno: Some(errno.raw_os_error()) });
                }
            }
            control.check()?;
            // Emptied before the channel is looked at: what comes in between wakes again.
            let _ = rustix::io::read(woken, &mut [0; 64]);
        }
    }
}

fn answer(message: &Value) -> Result<Value, Failure> {
    if let Some(result) = message.get("result") {
        return Ok(result.clone());
    }
    let text = message.pointer("/error/message").and_then(Value::as_str).unwrap_or("an answer without a result");
    let code = message.pointer("/error/code").and_then(Value::as_i64);
    let code = code.map_or_else(String::new, |code| format!(" ({code})"));
    Err(Failure::new(format!("the server says{code}: {}", visible(&cut_middle(text, ERROR)))))
}

fn speak(mut input: ChildStdin, lines: &mpsc::Receiver<Vec<u8>>) {
    while let Ok(line) = lines.recv() {
        if input.write_all(&line).is_err() {
            return;
        }
    }
}

/// Reads until the server closes its output or says something without an end. What is no message is passed over.
fn listen(output: ChildStdout, state: &Mutex<State>, answers: &mpsc::SyncSender<Vec<u8>>) {
    let mut output = BufReader::new(output);
    loop {
        let mut bytes = Vec::new();
        match (&mut output).take(LONGEST).read_until(b'\n', &mut bytes) {
            Ok(1..) if bytes.ends_with(b"\n") => {}
            _ => return,
        }
        let Ok(message) = serde_json::from_slice::<Value>(&bytes) else { continue };
        let batch = if let Value::Array(batch) = message { batch } else { vec![message] };
        for message in batch {
            hear(message, state, answers);
        }
    }
}

fn hear(message: Value, state: &Mutex<State>, answers: &mpsc::SyncSender<Vec<u8>>) {
    let method = message.get("method").and_then(Value::as_str);
    let to = match (method, message.get("id")) {
        (None, Some(id)) => id.as_u64(),
        (Some("notifications/progress"), None) => message.pointer("/params/progressToken").and_then(Value::as_u64),
        (Some(method), Some(id)) => {
            // It gets no sampling, no roots and no questions to a person: nothing that would lead out of the sandbox.
            let body = if method == "ping" {
                json!({ "jsonrpc": "2.0", "id": id, "result": {} })
            } else {
                json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32601, "message": "this client has no such method" } })
            };
            let _ = answers.try_send(line(&body));
            None
        }
        _ => None,
    };
    let (Some(to), is_answer) = (to, method.is_none()) else { return };
    let mut state = locked(state);
    let Some(pending) = state.pending.get(&to) else { return };
    // Whoever waits may have given up.
    let _ = pending.messages.send(message);
    let _ = rustix::io::write(&pending.wake, b"!");
    if is_answer {
        // The answer is the last thing; the queue is read to its end.
        state.pending.remove(&to);
    }
}

fn line(message: &Value) -> Vec<u8> {
    let mut bytes = message.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
