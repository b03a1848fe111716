//! The body of a request: as many bytes as its head says, in pieces that are written anew, and not one more.

use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;

use crate::head::Body;
use crate::incoming::Incoming;

/// The longest line before a chunk, in bytes.
const LONGEST_LINE: usize = 1024;

/// Sends the body on, and returns how many bytes that were.
pub(crate) fn send(body: Body, from: &mut Incoming<'_>, to: &TcpStream, sent: &mut dyn FnMut(usize)) -> io::Result<()> {
    match body {
        Body::Length(length) => counted(length, from, to, sent),
        Body::Chunked => {
            loop {
                let length = chunk(&line(from)?).ok_or_else(bad)?;
                if length == 0 {
                    break;
                }
                let head = format!("{length:x}\r\n");
                write(to, head.as_bytes(), sent)?;
                counted(length, from, to, sent)?;
                if from.exactly(2)?.as_deref() != Some(b"\r\n") {
                    return Err(bad());
                }
                write(to, b"\r\n", sent)?;
            }
            // Trailers are read, and not sent on.
            while !line(from)?.is_empty() {}
            write(to, b"0\r\n\r\n", sent)
        }
    }
}

fn counted(length: u64, from: &mut Incoming<'_>, to: &TcpStream, sent: &mut dyn FnMut(usize)) -> io::Result<()> {
    let mut left = length;
    while left > 0 {
        if from.read_already().is_empty() && from.more()? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let bytes = from.take(usize::try_from(left).unwrap_or(usize::MAX));
        write(to, &bytes, sent)?;
        left = left.saturating_sub(bytes.len() as u64);
    }
    Ok(())
}

fn write(mut to: &TcpStream, bytes: &[u8], sent: &mut dyn FnMut(usize)) -> io::Result<()> {
    to.write_all(bytes)?;
    sent(bytes.len());
    Ok(())
}

fn line(from: &mut Incoming<'_>) -> io::Result<Vec<u8>> {
    loop {
        if let Some(at) = from.read_already().windows(2).position(|two| two == b"\r\n") {
            let mut line = from.take(at + 2);
            line.truncate(at);
            return if line.iter().any(|byte| matches!(byte, b'\r' | b'\n')) { Err(bad()) } else { Ok(line) };
        }
        if from.read_already().len() > LONGEST_LINE || from.more()? == 0 {
            return Err(bad());
        }
    }
}

/// Reads the length before a chunk; what follows `;` is left out.
fn chunk(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii_end();
    let text =
        std::str::from_utf8(digits).ok().filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u64::from_str_radix(text, 16).ok()
}

fn bad() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the body of the request is not well formed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{Shutdown, TcpListener};

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    fn check(body: Body, bytes: &[u8], expected: Result<&str, &str>) {
        let ((mut client, from), (to, mut server)) = (pair(), pair());
        client.write_all(bytes).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut count = 0;
        let sent = send(body, &mut Incoming::new(&from), &to, &mut |bytes| count += bytes);
        to.shutdown(Shutdown::Write).unwrap();
        let mut got = String::new();
        server.read_to_string(&mut got).unwrap();
        assert_eq!(count, got.len());
        match expected {
            Ok(expected) => assert_eq!((sent.map_err(|error| error.to_string()), got.as_str()), (Ok(()), expected)),
            Err(error) => assert_eq!(sent.unwrap_err().to_string(), error, "{got}"),
        }
    }

    #[test]
    fn not_a_byte_more_than_the_head_says() {
        check(Body::Length(5), b"helloGET http://x/", Ok("hello"));
        check(Body::Length(0), b"GET", Ok(""));
        check(Body::Length(6), b"hello", Err("unexpected end of file"));
        check(
            Body::Chunked,
            b"5;x=y\r\nhello\r\n0a\r\n0123456789\r\n0\r\nX: y\r\n\r\nGET",
            Ok("5\r\nhello\r\na\r\n0123456789\r\n0\r\n\r\n"),
        );
        let bad = Err("the body of the request is not well formed");
        check(Body::Chunked, b"5\r\nhelloX\r\n0\r\n\r\n", bad);
        check(Body::Chunked, b"5\nhello\r\n0\r\n\r\n", bad);
        check(Body::Chunked, b"-5\r\nhello\r\n0\r\n\r\n", bad);
        check(Body::Chunked, b"+5\r\nhello\r\n0\r\n\r\n", bad);
        check(Body::Chunked, b"\r\n\r\n", bad);
        check(Body::Chunked, b"10000000000000000\r\n", bad);
        check(Body::Chunked, &[b'0'; 5000], bad);
    }
}
