//! What the proxy itself answers, to people who read it in the output of a program.

use std::io::Write;
use std::net::TcpStream;

use crate::head;

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

/// Says why not. That nobody listens any more is no matter.
pub(crate) fn refuse(client: &TcpStream, status: Status, why: &str) {
    say(client, status, why);
    linger(client);
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

/// Lets the other side read what was said: what it has sent meanwhile and nobody reads would take that away.
pub(crate) fn linger(client: &TcpStream) {
    use std::io::Read;
    let _ = client.shutdown(std::net::Shutdown::Write);
    let _ = client.set_read_timeout(Some(std::time::Duration::from_millis(500)));
    let (mut client, mut bytes, mut left) = (client, [0; 4096], head::LONGEST * 2);
    while let Ok(length) = client.read(&mut bytes)
        && length > 0
        && left > 0
    {
        left = left.saturating_sub(length);
    }
}
