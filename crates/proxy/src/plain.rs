//! One request of plain HTTP, sent on as it was understood, and what the server says to it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crate::answer::{self, Status};
use crate::body;
use crate::handle::Connected;
use crate::head::{self, Plain};
use crate::incoming::Incoming;
use crate::limits::{Limits, Shown};

/// The response is passed on in pieces of at most so many bytes.
const PIECE: usize = 256 * 1024;

/// Forwards a request and its response; then both connections are at their end. Returns what ended them early.
pub(crate) fn forward(
    plain: &Plain,
    task: &TcpStream,
    mut incoming: Incoming<'_>,
    connected: &Connected,
    limits: &Limits,
) -> Option<String> {
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
        let received = respond(task, connected, limits.answering);
        let _ = task.shutdown(Shutdown::Read);
        let _ = connected.stream.shutdown(Shutdown::Both);
        (received, sender.join())
    });
    match outcome {
        (Ok(()), _) => {
            answer::linger(task, limits.leaving);
            None
        }
        (Err(Unanswered::NoHead(why)), sent) => {
            let sent = sent.ok().and_then(Result::err).map(|error| error.to_string());
            let (status, why) = match sent {
                Some(why) if why.starts_with("the body") => (Status::Bad, why),
                _ => (Status::Unreachable, why),
            };
            answer::refuse(task, status, &why, limits.leaving);
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

fn respond(mut task: &TcpStream, connected: &Connected, answering: Duration) -> Result<(), Unanswered> {
    let mut host = &connected.stream;
    let counts = connected.live.counts();
    let mut answer = Incoming::new(host);
    let mut sent = counts.sent.load(Ordering::Relaxed);
    answer.within(Some(answering));
    loop {
        let head = loop {
            if let Some(length) = head::length(answer.read_already()) {
                break answer.take(length);
            }
            match if answer.read_already().len() > head::LONGEST { Ok(0) } else { answer.more() } {
                Ok(1..) => {}
                // What takes long to send is answered when it has come.
                Err(error) if error.kind() == ErrorKind::TimedOut && counts.sent.load(Ordering::Relaxed) != sent => {
                    sent = counts.sent.load(Ordering::Relaxed);
                    answer.within(Some(answering));
                }
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    return Err(Unanswered::NoHead(format!("the server gave no answer in {}", Shown(answering))));
                }
                Ok(0) | Err(_) => {
                    return Err(Unanswered::NoHead("the server closed the connection without an answer".to_owned()));
                }
            }
        };
        let (status, bytes) = head::response(&head).map_err(|why| Unanswered::NoHead(why.to_owned()))?;
        counts.received.fetch_add(head.len() as u64, Ordering::Relaxed);
        task.write_all(&bytes).map_err(Unanswered::Cut)?;
        if status >= 200 {
            break;
        }
    }
    // An answer that has begun may take its time.
    host.set_read_timeout(None).map_err(Unanswered::Cut)?;
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
