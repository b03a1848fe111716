//! Bytes both ways between two sockets, through the kernel's pipes: they are not copied into this process.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, splice};

/// At most so much goes through a pipe at once.
const AT_ONCE: usize = 1 << 20;

/// A flow of so many bytes gets a wider pipe.
const MUCH: u64 = 1 << 20;

/// How long a connection stays of which one side has ended, and the other is silent.
const HALF_OPEN: Timespec = Timespec { tv_sec: 300, tv_nsec: 0 };

/// How much went through a connection, while it lasts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
}

/// Passes everything on, until both sides have ended.
pub(crate) fn relay(task: &TcpStream, host: &TcpStream, counts: &Counts) -> io::Result<()> {
    task.set_nonblocking(true)?;
    host.set_nonblocking(true)?;
    let mut flows = [Flow::new(task, host, &counts.sent)?, Flow::new(host, task, &counts.received)?];
    loop {
        for flow in &mut flows {
            flow.pass()?;
        }
        let [out, back] = &flows;
        if out.state == State::Done && back.state == State::Done {
            return Ok(());
        }
        // A socket that has nothing to wait for is not waited for: an error of it would come again and again.
        let wants: Vec<(&TcpStream, PollFlags)> = flows.iter().filter_map(Flow::wants).collect();
        let mut watched: Vec<PollFd<'_>> = wants.iter().map(|(stream, flags)| PollFd::new(*stream, *flags)).collect();
        // Where one side has said that it is done, the other has to go on or end.
        let half = [out, back].iter().any(|flow| flow.state == State::Done);
        match poll(&mut watched, half.then_some(&HALF_OPEN)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// One way.
struct Flow<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    into: OwnedFd,
    out: OwnedFd,
    /// Bytes in the pipe.
    pending: usize,
    /// Its pipe has the size that one for much has.
    wide: bool,
    state: State,
    count: &'a AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    /// What is pending cannot be written yet.
    Writing,
    Done,
}

impl<'a> Flow<'a> {
    fn new(from: &'a TcpStream, to: &'a TcpStream, count: &'a AtomicU64) -> io::Result<Flow<'a>> {
        let (out, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Flow { from, to, into, out, pending: 0, wide: false, state: State::Reading, count })
    }

    fn wants(&self) -> Option<(&'a TcpStream, PollFlags)> {
        match self.state {
            State::Reading => Some((self.from, PollFlags::IN)),
            State::Writing => Some((self.to, PollFlags::OUT)),
            State::Done => None,
        }
    }

    /// Passes on what there is, until one of the sockets has to be waited for.
    fn pass(&mut self) -> io::Result<()> {
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        while self.state != State::Done {
            if self.pending == 0 {
                match splice(self.from, None, &self.into, None, AT_ONCE, flags) {
                    Ok(0) => {
                        self.state = State::Done;
                        // The other side may have gone already.
                        let _ = self.to.shutdown(Shutdown::Write);
                        return Ok(());
                    }
                    Ok(length) => self.pending = length,
                    Err(Errno::AGAIN) => {
                        self.state = State::Reading;
                        return Ok(());
                    }
                    Err(Errno::INTR) => continue,
                    Err(errno) => return Err(errno.into()),
                }
            }
            match splice(&self.out, None, self.to, None, self.pending, flags) {
                Ok(length) => {
                    self.pending -= length.min(self.pending);
                    let before = self.count.fetch_add(length as u64, Ordering::Relaxed);
                    if !self.wide && before > MUCH {
                        self.wide = true;
                        // A user has so much room for pipes; without it goes on in smaller pieces.
                        let _ = rustix::pipe::fcntl_setpipe_size(&self.into, AT_ONCE);
                    }
                }
                Err(Errno::AGAIN) => {
                    self.state = State::Writing;
                    return Ok(());
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }
}
