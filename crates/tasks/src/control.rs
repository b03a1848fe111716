//! The socket of a supervisor: by it the command line says that there is something to look at.
//!
//! What is wanted is a wish in the store, where only who may write the store can leave one. A message on the socket carries
//! nothing; that it comes from a process of the same user is checked all the same. The socket is below the task's directory,
//! and reached by a descriptor: a path may be longer than a socket's name can be.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen, recv, send,
    socket_with, sockopt,
};

use crate::task::DIRECTORY;
use crate::{StateDir, Store, StoreError, TaskDir, TaskId, files, queue};

pub(crate) const NAME: &str = "control";

/// A supervisor's end.
#[derive(Debug)]
pub struct Control {
    listener: OwnedFd,
}

/// One who has asked the supervisor to look, and waits until it has done so: until this is dropped.
#[derive(Debug)]
pub struct Caller {
    _connection: OwnedFd,
}

impl Control {
    pub fn listen(task: &TaskDir) -> Result<Control, Errno> {
        Ok(Control { listener: listener(task, NAME)? })
    }

    /// Returns those who have called; another user's process is not answered.
    pub fn callers(&self) -> Result<Vec<Caller>, Errno> {
        let mut callers = Vec::new();
        while let Some(connection) = accept(&self.listener)? {
            callers.push(Caller { _connection: connection });
        }
        Ok(callers)
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// Calls the supervisor of a task, and returns the connection, which ends when it has looked; `None` when nobody listens.
///
/// # Errors
///
/// Fails where a process of another user listens, which a directory closed to others does not let happen.
pub fn call(state: &StateDir, id: &TaskId) -> Result<Option<OwnedFd>, Errno> {
    let connection = connection(state, id, NAME)?;
    if let Some(connection) = &connection {
        let _ = send(connection, b"look", SendFlags::NOSIGNAL);
    }
    Ok(connection)
}

/// Calls the supervisors of those tasks whom a change in the queue concerns, but for `own`, who made it.
pub fn wake(state: &StateDir, store: &Store, own: Option<&TaskId>) -> Result<(), StoreError> {
    for id in queue::wake(&store.entries()?, &store.limits()?) {
        if Some(&id) != own {
            // One who does not listen is not there yet, and looks by itself when it comes.
            let _ = call(state, &id);
        }
    }
    Ok(())
}

/// Waits until a called supervisor has looked, or a time is over; returns whether it has.
pub fn looked(connection: &OwnedFd, patience: std::time::Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let Ok(timeout) = Timespec::try_from(patience) else { return false };
    let mut watched = [PollFd::new(connection, PollFlags::IN)];
    match poll(&mut watched, Some(&timeout)) {
        Ok(1..) => matches!(recv(connection, &mut [0_u8; 8][..], RecvFlags::DONTWAIT), Ok((_, 0)) | Err(Errno::CONNRESET)),
        Ok(0) | Err(_) => false,
    }
}

/// Listens on a socket of that name in a task's directory.
pub(crate) fn listener(task: &TaskDir, name: &str) -> Result<OwnedFd, Errno> {
    let new = format!(".new-{name}");
    match unlinkat(task.fd(), new.as_str(), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    let listener = socket()?;
    bind(&listener, &address(task.fd(), &new)?)?;
    listen(&listener, 128)?;
    // Whoever sees the name is answered.
    rustix::fs::renameat(task.fd(), new.as_str(), task.fd(), name)?;
    Ok(listener)
}

/// Returns the next connection of a process of this user; `None` when there is none now.
pub(crate) fn accept(listener: &OwnedFd) -> Result<Option<OwnedFd>, Errno> {
    loop {
        match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(connection) => {
                if sockopt::socket_peercred(&connection)?.uid == rustix::process::geteuid() {
                    return Ok(Some(connection));
                }
            }
            Err(Errno::AGAIN) => return Ok(None),
            // It hung up before it was answered.
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Connects to the socket of that name in a task's directory; `None` when nobody listens, or too many wait already.
pub(crate) fn connection(state: &StateDir, id: &TaskId, name: &str) -> Result<Option<OwnedFd>, Errno> {
    let directory = match files::open_directory(state.fd(), &format!("{DIRECTORY}/{id}")) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let connection = socket()?;
    match connect(&connection, &address(directory.as_fd(), name)?) {
        Ok(()) => {}
        // Full: it has been called, and has not looked yet.
        Err(Errno::NOENT | Errno::CONNREFUSED | Errno::AGAIN) => return Ok(None),
        Err(errno) => return Err(errno),
    }
    if sockopt::socket_peercred(&connection)?.uid != rustix::process::geteuid() {
        return Err(Errno::PERM);
    }
    Ok(Some(connection))
}

fn socket() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

fn address(directory: BorrowedFd<'_>, name: &str) -> Result<SocketAddrUnix, Errno> {
    SocketAddrUnix::new(format!("/proc/self/fd/{}/{name}", directory.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::task::tests::state;

    #[test]
    fn a_supervisor_is_called_and_answers_by_hanging_up() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("x".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let state = state(&directory);
        let task = TaskDir::create(&state).unwrap();
        assert!(call(&state, task.id()).unwrap().is_none(), "nobody listens yet");
        let control = Control::listen(&task).unwrap();
        let connection = call(&state, task.id()).unwrap().unwrap();
        assert!(!looked(&connection, Duration::ZERO));
        let callers = control.callers().unwrap();
        assert_eq!(callers.len(), 1);
        assert!(!looked(&connection, Duration::ZERO));
        drop(callers);
        assert!(looked(&connection, Duration::from_secs(10)));
        assert!(control.callers().unwrap().is_empty());
        drop(control);
        assert!(call(&state, task.id()).unwrap().is_none(), "nobody listens any more");
    }
}
