//! The terminal of a task in the background: people sit down at it, and get up again, while the task goes on.
//!
//! The task has the inner side of a pseudo-terminal. What it prints there goes into the file of its output, where those who look on
//! read it; what they type comes by a socket ([`Door`]). So somebody who does not read holds nobody up.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use remit_agent::AbsPath;
use remit_launch::Stdio;
use remit_tasks::{Door, Guest, TaskDir, Typed, WindowSize};
use rustix::event::PollFlags;
use rustix::io::{Errno, read, write};
use rustix::termios::{Winsize, tcgetwinsize, tcsetwinsize};

use crate::terminal::{self, TURN, WAITING};

/// More people than this are not let in.
const MOST_GUESTS: usize = 32;

#[derive(Debug)]
pub(crate) struct Console {
    path: AbsPath,
    outer: OwnedFd,
    /// Closed here once the task has it: the outer side then tells when the task has closed it as well.
    inner: Option<OwnedFd>,
    door: Door,
    guests: Vec<Guest>,
    typed: Vec<u8>,
    open: bool,
}

/// Whether the disk has room for what was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Yes,
    NoRoom,
}

impl Console {
    pub(crate) fn make(task: &TaskDir, size: WindowSize) -> Result<Console, Errno> {
        let (outer, inner, path) = terminal::pair()?;
        tcsetwinsize(&outer, winsize(size))?;
        Ok(Console {
            path,
            outer,
            inner: Some(inner),
            door: Door::open(task)?,
            guests: Vec::new(),
            typed: Vec::new(),
            open: true,
        })
    }

    /// Returns what the task gets.
    pub(crate) fn stdio(&self) -> Stdio<'_> {
        let inner = self.inner.as_ref().map_or_else(|| self.outer.as_fd(), AsFd::as_fd);
        Stdio { input: inner, output: inner, error: inner, terminal: Some((inner, self.path.clone())) }
    }

    /// Says that the task has its side.
    pub(crate) fn begin(&mut self) {
        self.inner = None;
    }

    /// Returns what is to be watched, and for what.
    pub(crate) fn watched(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let more = if self.typed.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        let outer = self.open.then(|| (self.outer.as_fd(), PollFlags::IN | more));
        let listens = self.typed.len() < WAITING;
        let guests = self.guests.iter().filter(move |_| listens).map(|guest| (guest.as_fd(), PollFlags::IN));
        outer.into_iter().chain([(self.door.as_fd(), PollFlags::IN)]).chain(guests)
    }

    /// Lets people in, takes what they typed, and writes what the task printed to `output`.
    pub(crate) fn attend(&mut self, output: BorrowedFd<'_>) -> Result<Kept, Errno> {
        while let Some(guest) = self.door.next_guest()? {
            if self.guests.len() < MOST_GUESTS {
                self.guests.push(guest);
            }
        }
        let mut stays = Vec::with_capacity(self.guests.len());
        for guest in std::mem::take(&mut self.guests) {
            if self.listen(&guest) {
                stays.push(guest);
            }
        }
        self.guests = stays;
        self.give_input()?;
        self.keep_output(output)
    }

    /// Writes to `output` what the task has printed, up to a turn's worth.
    pub(crate) fn keep_output(&mut self, output: BorrowedFd<'_>) -> Result<Kept, Errno> {
        let mut buffer = [0_u8; 16 * 1024];
        let mut turn = 0;
        while self.open && turn < TURN {
            match read(&self.outer, &mut buffer) {
                // On a pseudo-terminal EIO is the end: the last inner side is closed.
                Ok(0) | Err(Errno::IO) => self.open = false,
                Ok(length) => {
                    turn += length;
                    match write_all(output, buffer.get(..length).unwrap_or_default()) {
                        Ok(()) => {}
                        Err(Errno::NOSPC | Errno::DQUOT) => return Ok(Kept::NoRoom),
                        Err(errno) => return Err(errno),
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(Kept::Yes)
    }

    /// Takes what somebody typed; returns whether they stay.
    fn listen(&mut self, guest: &Guest) -> bool {
        while self.typed.len() < WAITING {
            match guest.next_typed() {
                Ok(Some(Typed::Keys(keys))) => self.typed.extend_from_slice(&keys),
                Ok(Some(Typed::Size(size))) => self.resize(size),
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        true
    }

    /// Gives the window a size. One that it has already is given anew, by which programs draw what they show once more.
    fn resize(&self, size: WindowSize) {
        let wanted = winsize(size);
        let as_before = tcgetwinsize(&self.outer).is_ok_and(|now| (now.ws_col, now.ws_row) == (wanted.ws_col, wanted.ws_row));
        if as_before {
            let other = Winsize { ws_row: if wanted.ws_row > 1 { wanted.ws_row - 1 } else { 2 }, ..wanted };
            let _ = tcsetwinsize(&self.outer, other);
        }
        // A window that keeps its old size shows less well, and nothing is lost.
        let _ = tcsetwinsize(&self.outer, wanted);
    }

    fn give_input(&mut self) -> Result<(), Errno> {
        while !self.typed.is_empty() {
            match write(&self.outer, &self.typed) {
                Ok(length) => drop(self.typed.drain(..length)),
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                // Nobody reads any more.
                Err(Errno::IO) => self.typed.clear(),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

fn winsize(size: WindowSize) -> Winsize {
    Winsize { ws_col: size.columns, ws_row: size.rows, ws_xpixel: 0, ws_ypixel: 0 }
}

fn write_all(output: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match write(output, bytes) {
            Ok(length) => bytes = bytes.get(length..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
