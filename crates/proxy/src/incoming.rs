//! Reading from somebody who may be slow, or never stop.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A stream and what was read of it beyond what was wanted.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    stream: &'a TcpStream,
    /// Read, and not yet taken.
    buffer: Vec<u8>,
    until: Option<Instant>,
}

impl<'a> Incoming<'a> {
    pub(crate) fn new(stream: &'a TcpStream) -> Incoming<'a> {
        Incoming { stream, buffer: Vec::new(), until: None }
    }

    /// Everything that is read from now on has to come within that time.
    pub(crate) fn within(&mut self, time: Option<Duration>) {
        self.until = time.map(|time| Instant::now() + time);
    }

    pub(crate) fn read_already(&self) -> &[u8] {
        &self.buffer
    }

    /// Takes so many bytes of those that were read already.
    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(length.min(self.buffer.len()));
        std::mem::replace(&mut self.buffer, rest)
    }

    /// Reads some more, and returns how much that was; 0 at the end.
    pub(crate) fn more(&mut self) -> io::Result<usize> {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(left)?;
        let mut bytes = [0; 16 * 1024];
        let mut stream = self.stream;
        loop {
            match stream.read(&mut bytes) {
                Ok(length) => {
                    self.buffer.extend_from_slice(bytes.get(..length).unwrap_or_default());
                    return Ok(length);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(ErrorKind::TimedOut.into()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads until so many bytes are there, and takes them; `None` when the stream ends before.
    pub(crate) fn exactly(&mut self, length: usize) -> io::Result<Option<Vec<u8>>> {
        while self.buffer.len() < length {
            if self.more()? == 0 {
                return Ok(None);
            }
        }
        Ok(Some(self.take(length)))
    }
}
