//! The socket by which somebody sits down at a task's terminal: what is typed goes in, and the size of the window.
//!
//! What the task prints is read from its output as ever ([`crate::Log`]), so nobody who looks on can hold it up, and any number can.
//! The socket lies below the task's directory; both sides see that the other is a process of the same user.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use serde::{Deserialize, Serialize};

use crate::control::{accept, connection, listener};
use crate::{StateDir, TaskDir, TaskId};

pub(crate) const NAME: &str = "terminal";
/// A message is no longer than this; the kind is its first byte.
const LONGEST: usize = 4096;

/// The size of a window, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSize {
    pub columns: u16,
    pub rows: u16,
}

impl Default for WindowSize {
    fn default() -> WindowSize {
        WindowSize { columns: 80, rows: 24 }
    }
}

/// What comes from somebody who sits at the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    Keys(Vec<u8>),
    /// The window has this size from now on.
    Size(WindowSize),
}

/// The supervisor's end, where people come in.
#[derive(Debug)]
pub struct Door {
    listener: OwnedFd,
}

/// Somebody who has come in.
#[derive(Debug)]
pub struct Guest {
    connection: OwnedFd,
}

/// The place of somebody at a task's terminal: the other end.
#[derive(Debug)]
pub struct Seat {
    connection: OwnedFd,
}

impl Door {
    pub fn open(task: &TaskDir) -> Result<Door, Errno> {
        Ok(Door { listener: listener(task, NAME)? })
    }

    /// Returns the next who has come in; `None` when there is nobody now. Another user's process is not let in.
    pub fn next_guest(&self) -> Result<Option<Guest>, Errno> {
        Ok(accept(&self.listener)?.map(|connection| Guest { connection }))
    }
}

impl AsFd for Door {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Guest {
    /// Returns what came; `None` when there is nothing now.
    ///
    /// # Errors
    ///
    /// Fails when they have left, or send what nobody of this program sends.
    pub fn next_typed(&self) -> Result<Option<Typed>, Errno> {
        let mut buffer = [0_u8; LONGEST];
        match recv(&self.connection, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((length, _)) => Typed::from_message(buffer.get(..length).unwrap_or_default()).map(Some).ok_or(Errno::PROTO),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

impl AsFd for Guest {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

impl Seat {
    /// Sits down at the terminal of a task; `None` when it has none, or has ended.
    pub fn take(state: &StateDir, id: &TaskId) -> Result<Option<Seat>, Errno> {
        Ok(connection(state, id, NAME)?.map(|connection| Seat { connection }))
    }

    /// Passes on what was typed, and waits as long as the task takes nothing.
    ///
    /// # Errors
    ///
    /// Fails when nobody is at the other end any more.
    pub fn pass_on(&self, typed: &Typed) -> Result<(), Errno> {
        match typed {
            Typed::Keys(keys) => keys.chunks(LONGEST - 1).try_for_each(|keys| self.send(b'k', keys)),
            Typed::Size(WindowSize { columns, rows }) => {
                let bytes = [columns.to_le_bytes(), rows.to_le_bytes()];
                self.send(b's', bytes.as_flattened())
            }
        }
    }

    fn send(&self, kind: u8, bytes: &[u8]) -> Result<(), Errno> {
        let message = [&[kind], bytes].concat();
        loop {
            match send(&self.connection, &message, SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(Errno::AGAIN) => match poll(&mut [PollFd::new(&self.connection, PollFlags::OUT)], None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(errno) => return Err(errno),
                },
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

impl Typed {
    fn from_message(message: &[u8]) -> Option<Typed> {
        match message.split_first()? {
            (b'k', keys) => Some(Typed::Keys(keys.to_vec())),
            (b's', &[a, b, c, d]) => {
                let size = WindowSize { columns: u16::from_le_bytes([a, b]), rows: u16::from_le_bytes([c, d]) };
                // A window without room is none: a program would divide by it.
                (size.columns > 0 && size.rows > 0).then_some(Typed::Size(size))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::tests::state;

    #[test]
    fn what_is_typed_arrives_in_order_and_nothing_else_is_understood() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let task = TaskDir::create(&state).unwrap();
        assert!(Seat::take(&state, task.id()).unwrap().is_none(), "it has no terminal");
        let door = Door::open(&task).unwrap();
        assert!(door.next_guest().unwrap().is_none());
        let seats = [(); 2].map(|()| Seat::take(&state, task.id()).unwrap().unwrap());
        let guests = [(); 2].map(|()| door.next_guest().unwrap().unwrap());
        assert_eq!(guests[0].next_typed().unwrap(), None);
        let long = Typed::Keys(vec![b'x'; LONGEST + 10]);
        let size = Typed::Size(WindowSize { columns: 132, rows: 43 });
        for typed in [&Typed::Keys(b"ls\r".to_vec()), &size, &long] {
            seats[0].pass_on(typed).unwrap();
        }
        seats[1].pass_on(&size).unwrap();
        assert_eq!(guests[0].next_typed().unwrap().unwrap(), Typed::Keys(b"ls\r".to_vec()));
        assert_eq!(guests[0].next_typed().unwrap().unwrap(), size);
        let lengths = [(); 2].map(|()| match guests[0].next_typed().unwrap() {
            Some(Typed::Keys(keys)) => keys.len(),
            other => panic!("{other:?}"),
        });
        assert_eq!(lengths, [LONGEST - 1, 11]);
        assert_eq!(guests[1].next_typed().unwrap().unwrap(), size);
        seats[1].send(b'?', b"x").unwrap();
        guests[1].next_typed().unwrap_err();
        drop(seats);
        guests[0].next_typed().unwrap_err();
    }

    #[test]
    fn a_window_has_room() {
        for message in [&b""[..], b"s", b"s\0\0\x01\0", b"s\x01\0\0\0", b"s\x01\0\x01\0\0", b"x"] {
            assert_eq!(Typed::from_message(message), None, "{message:?}");
        }
        assert_eq!(Typed::from_message(b"k"), Some(Typed::Keys(Vec::new())));
    }
}
