//! A terminal of the task's own, between the caller's terminal and the task.
//!
//! The task never gets the caller's terminal: with it, it could read what is typed to others, and type itself. It gets the
//! inner side of a new pseudo-terminal; bytes are passed between its outer side and the caller's terminal.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use remit_agent::AbsPath;
use rustix::fs::OFlags;
use rustix::io::{Errno, read, write};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, ptsname, unlockpt};
use rustix::stdio::{stderr, stdin, stdout};
use rustix::termios::{
    OptionalActions, OutputModes, Termios, isatty, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr, tcsetwinsize,
};

/// How much typed input may wait for a task that does not read.
pub(crate) const WAITING: usize = 64 * 1024;

/// How much output is shown before something else has its turn.
pub(crate) const TURN: usize = 256 * 1024;

pub(crate) struct Terminal {
    pub(crate) path: AbsPath,
    pub(crate) replaces: Replaces,
    outer: OwnedFd,
    /// Closed in this process once the task has it: the outer side then tells when the task has closed it as well.
    inner: Option<OwnedFd>,
    /// The state of the caller's terminal, to be restored; `None` while its input is not taken.
    before: Option<Termios>,
    typed: Vec<u8>,
    open: bool,
    shown: u64,
}

/// Which of the standard descriptors are the caller's terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replaces {
    pub(crate) input: bool,
    pub(crate) output: bool,
    pub(crate) error: bool,
}

impl Terminal {
    /// Makes a terminal when one of the caller's standard descriptors is one, with the same modes and size.
    pub(crate) fn for_caller() -> Result<Option<Terminal>, Errno> {
        let replaces = Replaces { input: isatty(stdin()), output: isatty(stdout()), error: isatty(stderr()) };
        let Some(callers) = replaces.any() else { return Ok(None) };
        let (outer, inner, path) = pair()?;
        let mut modes = tcgetattr(callers)?;
        if !replaces.input {
            // The caller's terminal keeps its own output processing, and would do it a second time.
            modes.output_modes -= OutputModes::OPOST;
        }
        tcsetattr(&inner, OptionalActions::Now, &modes)?;
        tcsetwinsize(&outer, tcgetwinsize(callers)?)?;
        Ok(Some(Terminal { path, replaces, outer, inner: Some(inner), before: None, typed: Vec::new(), open: true, shown: 0 }))
    }

    /// Returns the side that the task gets.
    pub(crate) fn inner(&self) -> BorrowedFd<'_> {
        self.inner.as_ref().map_or_else(|| self.outer.as_fd(), AsFd::as_fd)
    }

    /// Begins to pass input on, when it is typed and this process is in the foreground: then every key is the task's,
    /// Ctrl-C too.
    pub(crate) fn begin(&mut self) -> Result<(), Errno> {
        self.inner = None;
        let foreground = self.replaces.input && tcgetpgrp(stdin()).is_ok_and(|group| group == rustix::process::getpgrp());
        if foreground {
            let before = tcgetattr(stdin())?;
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(stdin(), OptionalActions::Now, &raw)?;
            self.before = Some(before);
        }
        Ok(())
    }

    pub(crate) fn outer(&self) -> Option<BorrowedFd<'_>> {
        self.open.then(|| self.outer.as_fd())
    }

    /// Returns how many bytes of the task's output have been shown.
    pub(crate) fn shown(&self) -> u64 {
        self.shown
    }

    /// Returns whether more typed input is wanted now.
    pub(crate) fn wants_input(&self) -> bool {
        self.before.is_some() && self.open && self.typed.len() < WAITING
    }

    pub(crate) fn has_input(&self) -> bool {
        !self.typed.is_empty()
    }

    /// Takes what was typed.
    pub(crate) fn take_input(&mut self) -> Result<(), Errno> {
        let mut buffer = [0_u8; 4096];
        match read(stdin(), &mut buffer) {
            // The caller's terminal is gone.
            Ok(0) | Err(Errno::IO) => self.restore(),
            Ok(length) => self.typed.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => return Err(errno),
        }
        self.give_input()
    }

    /// Gives the task what was typed, as much as it takes.
    pub(crate) fn give_input(&mut self) -> Result<(), Errno> {
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

    /// Shows what the task has printed so far, up to a turn's worth; returns whether there may be more.
    pub(crate) fn show_output(&mut self) -> Result<bool, Errno> {
        let mut buffer = [0_u8; 16 * 1024];
        let mut shown = 0;
        loop {
            match read(&self.outer, &mut buffer) {
                // On a pseudo-terminal EIO is the end: the last inner side is closed.
                Ok(0) | Err(Errno::IO) => {
                    self.open = false;
                    return Ok(false);
                }
                Ok(length) => {
                    self.shown += length as u64;
                    self.print(buffer.get(..length).unwrap_or_default())?;
                    // Signals, keys and limits have their turn while a task prints without end.
                    shown += length;
                    if shown >= TURN {
                        return Ok(true);
                    }
                }
                Err(Errno::AGAIN) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    fn print(&self, mut bytes: &[u8]) -> Result<(), Errno> {
        let Some(callers) = self.replaces.any() else { return Ok(()) };
        while !bytes.is_empty() {
            match write(callers, bytes) {
                Ok(length) => bytes = bytes.get(length..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => wait_until_writable(callers)?,
                // The caller's terminal is gone; the task is told by its hang-up, and its output goes nowhere.
                Err(Errno::IO) => return Ok(()),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Takes over the size of the caller's terminal.
    pub(crate) fn resize(&self) -> Result<(), Errno> {
        let Some(callers) = self.replaces.any() else { return Ok(()) };
        tcsetwinsize(&self.outer, tcgetwinsize(callers)?)
    }

    fn restore(&mut self) {
        if let Some(before) = self.before.take() {
            // A terminal that is gone needs no restoring.
            let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.restore();
    }
}

impl Replaces {
    /// Returns the caller's terminal, on the descriptor that is best to write to.
    fn any(self) -> Option<BorrowedFd<'static>> {
        [(self.output, stdout()), (self.error, stderr()), (self.input, stdin())]
            .into_iter()
            .find_map(|(is_terminal, descriptor)| is_terminal.then_some(descriptor))
    }
}

/// Makes a pseudo-terminal: its outer side, which does not block, its inner side, and the path of that.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd, AbsPath), Errno> {
    let outer = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    unlockpt(&outer)?;
    let inner = ioctl_tiocgptpeer(&outer, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    let path = ptsname(&outer, Vec::new())?;
    let path = AbsPath::new(Path::new(OsStr::from_bytes(path.to_bytes()))).map_err(|_| Errno::ILSEQ)?;
    let flags = rustix::fs::fcntl_getfl(&outer)?;
    rustix::fs::fcntl_setfl(&outer, flags | OFlags::NONBLOCK)?;
    Ok((outer, inner, path))
}

fn wait_until_writable(descriptor: BorrowedFd<'_>) -> Result<(), Errno> {
    use rustix::event::{PollFd, PollFlags, poll};
    match poll(&mut [PollFd::new(&descriptor, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}
