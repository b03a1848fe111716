//! What a background task prints: in files of its own, to which the task itself writes.
//!
//! Nothing stands between the task and its files, so what it has written is there, whoever dies. Its supervisor looks at them
//! when they change ([`Keeper`]), and keeps them bounded: of a long output the first and the last part stay, and the middle
//! is given back to the file system as a hole. `gaps` says where the holes are, `marks` how long each file was when, by which
//! the two are put in order. [`Log`] reads all of it.

mod keeper;
mod log;

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::OFlags;

pub use keeper::{Fill, Keeper};
pub use log::{Log, Piece, Text};

use crate::files;

/// Which of the two that a program prints to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    Out,
    Err,
}

impl Stream {
    pub const BOTH: [Stream; 2] = [Stream::Out, Stream::Err];

    pub(crate) fn file(self) -> &'static str {
        match self {
            Stream::Out => "out",
            Stream::Err => "err",
        }
    }
}

const GAPS: &str = "gaps";
const MARKS: &str = "marks";

/// The part of a file that was given up: from, to.
type Gap = (u64, u64);

/// A length of both files at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    /// Milliseconds since 1970, UTC.
    at: i64,
    /// Of `out` and of `err`.
    length: [u64; 2],
}

const MARK_SIZE: usize = 24;

impl Mark {
    fn to_bytes(self) -> [u8; MARK_SIZE] {
        let mut bytes = [0; MARK_SIZE];
        let numbers = [self.at.to_le_bytes(), self.length[0].to_le_bytes(), self.length[1].to_le_bytes()];
        for (to, from) in bytes.iter_mut().zip(numbers.as_flattened()) {
            *to = *from;
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Mark> {
        let (at, rest) = bytes.split_first_chunk()?;
        let (out, rest) = rest.split_first_chunk()?;
        let (err, _) = rest.split_first_chunk()?;
        Some(Mark { at: i64::from_le_bytes(*at), length: [u64::from_le_bytes(*out), u64::from_le_bytes(*err)] })
    }
}

fn open(directory: BorrowedFd<'_>, name: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(directory, name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, files::PRIVATE_FILE)
}
