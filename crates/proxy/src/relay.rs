//! Bytes both ways between two sockets, through the kernel's pipes: they are not copied into this process.
//!
//! What goes fast on one machine is what stays in the processor's cache. So little waits at a time: the queue of a socket whose
//! other end is on this machine is short (left alone it grows to 4 MiB, and by then every byte is fetched from memory again at
//! each stage), and a pipe is no wider than it takes. A queue towards another machine is the kernel's to choose: it has to hold
//! what is under way on a long line.

use std::io;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, splice};

/// At most so much goes through a pipe at once, in bytes.
const AT_ONCE: usize = 1 << 20;

/// So many flows at once have a pipe of that width, the others one of [`NARROW`] bytes: a user without privileges has 64 MiB for all
/// pipes, and gets tiny ones after that.
const WIDEST: usize = 32;
const NARROW: usize = 128 << 10;

/// A flow of so many bytes gets a wider pipe.
const MUCH: u64 = 1 << 20;

/// What is sent to this machine and not taken yet, in bytes; the kernel takes twice as much, for its own needs.
const NEAR: usize = 128 << 10;

/// How long a connection stays of which one side has ended, and the other is silent.
const HALF_OPEN: Timespec = Timespec { tv_sec: 300, tv_nsec: 0 };

/// How much went through a connection, while it lasts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
}

/// Makes a socket ready for what is passed on: a small message goes at once, and no more waits than is useful.
pub(crate) fn prepare(stream: &TcpStream) {
    // Both are for speed: without them everything goes through as well.
    let _ = stream.set_nodelay(true);
    if let Some(length) = stream.peer_addr().ok().and_then(|peer| queue(peer.ip())) {
        let _ = set_socket_send_buffer_size(stream, length);
    }
}

/// Returns how much may wait to be sent to an address, in bytes; `None` where the kernel chooses.
fn queue(peer: IpAddr) -> Option<usize> {
    peer.to_canonical().is_loopback().then_some(NEAR)
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
    /// What makes its pipe a wider one, once much has gone through it.
    width: Option<Width>,
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

/// How many flows of this process have the widest pipe.
static WIDE: AtomicUsize = AtomicUsize::new(0);

/// A share of the room for pipes, given back when the flow ends.
enum Width {
    Wide(&'static AtomicUsize),
    Narrow,
}

impl Width {
    fn take(wide: &'static AtomicUsize) -> Width {
        let more = |count| (count < WIDEST).then_some(count + 1);
        match wide.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Width::Wide(wide),
            Err(_) => Width::Narrow,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Width::Wide(_) => AT_ONCE,
            Width::Narrow => NARROW,
        }
    }
}

impl Drop for Width {
    fn drop(&mut self) {
        if let Width::Wide(wide) = self {
            wide.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl<'a> Flow<'a> {
    fn new(from: &'a TcpStream, to: &'a TcpStream, count: &'a AtomicU64) -> io::Result<Flow<'a>> {
        let (out, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Flow { from, to, into, out, pending: 0, width: None, state: State::Reading, count })
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
                    if before > MUCH && self.width.is_none() {
                        let width = Width::take(&WIDE);
                        // A user has so much room for pipes; without it goes on in smaller pieces.
                        let _ = rustix::pipe::fcntl_setpipe_size(&self.into, width.bytes());
                        self.width = Some(width);
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use rustix::net::sockopt::socket_send_buffer_size;

    use super::*;

    /// Two ends of a connection over the loopback; the second is prepared.
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (near, _) = listener.accept().unwrap();
        prepare(&near);
        (far, near)
    }

    #[test]
    fn the_room_for_pipes_is_shared_and_given_back() {
        static FLOWS: AtomicUsize = AtomicUsize::new(0);
        let mut widths: Vec<Width> = (0..WIDEST + 168).map(|_| Width::take(&FLOWS)).collect();
        assert_eq!(widths.iter().filter(|width| width.bytes() == AT_ONCE).count(), WIDEST);
        // Two hundred flows with much in them, in what a user has for pipes.
        assert!(widths.iter().map(Width::bytes).sum::<usize>() < 64 << 20);
        drop(widths.remove(0));
        assert_eq!(Width::take(&FLOWS).bytes(), AT_ONCE);
    }

    #[test]
    fn only_a_queue_on_this_machine_is_short() {
        let check = |peer: &str, expected: Option<usize>| assert_eq!(queue(peer.parse().unwrap()), expected, "{peer}");
        check("127.0.0.1", Some(NEAR));
        // A name's address in the task's network.
        check("127.18.0.1", Some(NEAR));
        check("::1", Some(NEAR));
        check("::ffff:127.0.0.1", Some(NEAR));
        check("10.0.0.1", None);
        check("192.0.2.1", None);
        check("::ffff:192.0.2.1", None);
        check("2001:db8::1", None);
    }

    #[test]
    fn a_prepared_socket_sends_at_once_and_queues_little() {
        let (_far, near) = pair();
        assert!(near.nodelay().unwrap());
        // The kernel doubles what is asked for.
        assert_eq!(socket_send_buffer_size(&near).unwrap(), 2 * NEAR);
    }

    #[test]
    fn much_both_ways_at_once_arrives_whole_and_a_byte_after_it_is_not_held_back() {
        /// Far more than a queue and a pipe hold.
        const LENGTH: usize = 8 << 20;
        /// Sends much while it reads as much, then takes turns byte by byte; the first to speak is the first to end.
        fn talk(mut stream: TcpStream, first: bool) {
            // No power of two: pieces that change places are seen.
            let bytes = |seed: bool| (0..251_u8).cycle().skip(usize::from(seed)).take(LENGTH).collect::<Vec<u8>>();
            let mut writer = stream.try_clone().unwrap();
            let sent = thread::spawn(move || writer.write_all(&bytes(first)).unwrap());
            let mut heard = vec![0; LENGTH];
            stream.read_exact(&mut heard).unwrap();
            assert!(heard == bytes(!first), "what arrives is what was sent");
            sent.join().unwrap();
            let mut byte = [0];
            for turn in 0..8 {
                if (turn % 2 == 0) == first {
                    stream.write_all(&[turn]).unwrap();
                } else {
                    stream.read_exact(&mut byte).unwrap();
                    assert_eq!(byte, [turn]);
                }
            }
            if first {
                stream.shutdown(Shutdown::Write).unwrap();
                // The other way is open still.
                stream.read_exact(&mut byte).unwrap();
                assert_eq!(byte, *b"z");
            } else {
                assert_eq!(stream.read(&mut byte).unwrap(), 0);
                stream.write_all(b"z").unwrap();
            }
        }

        let ((task_end, task), (host_end, host)) = (pair(), pair());
        let ends = [thread::spawn(move || talk(task_end, true)), thread::spawn(move || talk(host_end, false))];
        let counts = Counts::default();
        relay(&task, &host, &counts).unwrap();
        for end in ends {
            end.join().unwrap();
        }
        assert_eq!(counts.sent.into_inner(), LENGTH as u64 + 4);
        assert_eq!(counts.received.into_inner(), LENGTH as u64 + 5);
    }
}
