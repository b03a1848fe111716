//! One request of plain HTTP, sent on as it was understood, and what the server says to it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering;
use std::thread;

use crate::answer::{self, Status};
use crate::body;
use crate::handle::Connected;
use crate::head::{self, Plain};
use crate::incoming::Incoming;

/// The response is passed on in pieces of at most so many bytes.
const PIECE: usize = 256 * 1024;

/// Forwards a request and its response; then both connections are at their end. Returns what ended them early.
pub(crate) fn forward(plain: &Plain, task: &TcpStream, mut incoming: Incoming<'_>, connected: &Connected) -> Option<String> {
    let (mut host, counts) = (&connected.stream, connected.live.counts());
    let head = plain.to_bytes();
    counts.sent.fetch_add(head.len() as u64, Ordering::Relaxed);
    let outcome = thread::scope(|scope| {
        // A server may answer before it has heard everything.
        let sender = scope.spawn(move || {
            incoming.within(None);
            let mut sent = |bytes: usize| {
                counts.sent.fetch_add(bytes as u64, Ordering::Relaxed);
            };
            let sent = host.write_all(&head).and_then(|()| body::send(plain.body, &mut incoming, host, &mut sent));
            if sent.is_err() {
                let _ = host.shutdown(Shutdown::Both);
            }
            sent
        });
        let received = respond(task, connected);
        let _ = task.shutdown(Shutdown::Read);
        let _ = connected.stream.shutdown(Shutdown::Both);
        (received, sender.join())
    });
    match outcome {
        (Ok(()), _) => {
            answer::linger(task);
            None
        }
        (Err(Unanswered::NoHead(why)), sent) => {
            let sent = sent.ok().and_then(Result::err).map(|error| error.to_string());
            let (status, why) = match sent {
                Some(why) if why.starts_with("the body") => (Status::Bad, why),
                _ => (Status::Unreachable, why),
            };
            answer::refuse(task, status, &why);
            Some(why)
        }
        (Err(Unanswered::Cut(error)), _) => Some(error.to_string().to_lowercase()),
    }
}

enum Unanswered {
    /// There is no response that could be passed on.
    NoHead(String),
    Cut(io::Error),
}

fn respond(mut task: &TcpStream, connected: &Connected) -> Result<(), Unanswered> {
    let mut host = &connected.stream;
    let counts = connected.live.counts();
    let mut answer = Incoming::new(host);
    loop {
        let head = loop {
            if let Some(length) = head::length(answer.read_already()) {
                break answer.take(length);
            }
            let more = if answer.read_already().len() > head::LONGEST { Ok(0) } else { answer.more() };
            if !matches!(more, Ok(1..)) {
                return Err(Unanswered::NoHead("the server closed the connection without an answer".to_owned()));
            }
        };
        let (status, bytes) = head::response(&head).map_err(|why| Unanswered::NoHead(why.to_owned()))?;
        counts.received.fetch_add(head.len() as u64, Ordering::Relaxed);
        task.write_all(&bytes).map_err(Unanswered::Cut)?;
        if status >= 200 {
            break;
        }
    }
    let mut piece = answer.take(usize::MAX);
    loop {
        counts.received.fetch_add(piece.len() as u64, Ordering::Relaxed);
        task.write_all(&piece).map_err(Unanswered::Cut)?;
        piece.resize(PIECE, 0);
        let length = host.read(&mut piece).map_err(Unanswered::Cut)?;
        if length == 0 {
            return Ok(());
        }
        piece.truncate(length);
    }
}
