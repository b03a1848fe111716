//! What the proxy itself answers, to people who read it in the output of a program.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::head;

/// A client that is silent for so long has read what it was told.
const SILENCE: Duration = Duration::from_millis(500);

/// What is said to a client whose request goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Bad,
    Forbidden,
    TooSlow,
    TooLong,
    Unreachable,
    TooMany,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Status::Bad => "400 Bad Request",
            Status::Forbidden => "403 Forbidden",
            Status::TooSlow => "408 Request Timeout",
            Status::TooLong => "431 Request Header Fields Too Large",
            Status::Unreachable => "502 Bad Gateway",
            Status::TooMany => "503 Service Unavailable",
        }
    }
}

/// Says why not, and leaves the other side so long to read it. That nobody listens any more is no matter.
pub(crate) fn refuse(client: &TcpStream, status: Status, why: &str, leaving: Duration) {
    say(client, status, why);
    linger(client, leaving);
}

pub(crate) fn say(mut client: &TcpStream, status: Status, why: &str) {
    let body = format!("remit: {why}\n");
    let text = format!(
        "HTTP/1.1 {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        status.line(),
        body.len()
    );
    let _ = client.write_all(text.as_bytes());
}

/// Lets the other side read what was said: what it has sent meanwhile and nobody reads would take that away. Whoever sends
/// on and on, however slowly, is not listened to for longer than that.
pub(crate) fn linger(mut client: &TcpStream, leaving: Duration) {
    let until = Instant::now() + leaving;
    let _ = client.shutdown(Shutdown::Write);
    let (mut bytes, mut room) = ([0; 4096], head::LONGEST * 2);
    while room > 0 {
        let left = until.saturating_duration_since(Instant::now()).min(SILENCE);
        if left.is_zero() || client.set_read_timeout(Some(left)).is_err() {
            return;
        }
        match client.read(&mut bytes) {
            Ok(length @ 1..) => room = room.saturating_sub(length),
            Ok(0) | Err(_) => return,
        }
    }
}
