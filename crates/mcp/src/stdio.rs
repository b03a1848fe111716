//! Standard input and output without another thread: hosts give pipes, or sockets; a person may give a terminal or a file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as Socket;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::fs::{FileType, Mode, OFlags, fcntl_getfl, fcntl_setfl, fstat, open};
use rustix::io::Errno;
use rustix::termios::isatty;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

pub(crate) type Standard = (Box<dyn AsyncRead + Send + Unpin>, Box<dyn AsyncWrite + Send + Unpin>);

/// Takes standard input and output, inside a runtime.
pub(crate) fn standard() -> io::Result<Standard> {
    Ok((input()?, output()?))
}

fn input() -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
    let fd = rustix::stdio::stdin();
    Ok(match kind(fd)? {
        _ if isatty(fd) => {
            let own = reopened(fd, OFlags::RDONLY | OFlags::NOCTTY)?;
            Box::new(Terminal(pipe::Receiver::from_owned_fd_unchecked(own)?))
        }
        FileType::Fifo => Box::new(pipe::Receiver::from_owned_fd(reopened(fd, OFlags::RDONLY)?)?),
        FileType::Socket => Box::new(socket(fd)?),
        _ => Box::new(Plain(File::from(fd.try_clone_to_owned()?))),
    })
}

fn output() -> io::Result<Box<dyn AsyncWrite + Send + Unpin>> {
    let fd = rustix::stdio::stdout();
    Ok(match kind(fd)? {
        FileType::Fifo => Box::new(pipe::Sender::from_owned_fd(reopened(fd, OFlags::WRONLY)?)?),
        FileType::Socket => Box::new(socket(fd)?),
        _ => Box::new(Plain(File::from(fd.try_clone_to_owned()?))),
    })
}

fn kind(fd: BorrowedFd<'_>) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(fstat(fd.as_fd())?.st_mode))
}

/// Opens a pipe or a terminal anew: that it does not block is then nobody else's concern. One of another user, as `sudo -u` leaves
/// it, cannot be opened; then it is the end that was given which does not block.
fn reopened(fd: BorrowedFd<'_>, flags: OFlags) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    match open(path, flags | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
        Err(Errno::ACCESS | Errno::PERM) => {
            let own = fd.try_clone_to_owned()?;
            fcntl_setfl(&own, fcntl_getfl(&own)? | OFlags::NONBLOCK)?;
            Ok(own)
        }
        opened => Ok(opened?),
    }
}

fn socket(fd: BorrowedFd<'_>) -> io::Result<UnixStream> {
    let socket = Socket::from(fd.try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

/// A terminal, waited for like a pipe. It gives no more than a line at once, so little does not mean that there was no more:
/// it is read until there is nothing.
struct Terminal(pipe::Receiver);

impl AsyncRead for Terminal {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            match self.0.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(length) => {
                    buffer.advance(length);
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

/// A file, which never keeps a reader waiting; or a terminal that is written to.
struct Plain(File);

impl AsyncRead for Plain {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let length = match self.0.read(buffer.initialize_unfilled()) {
            Ok(length) => length,
            Err(error) => return Poll::Ready(Err(error)),
        };
        buffer.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Plain {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.0.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
