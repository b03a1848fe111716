//! The one socket between the proxy and whoever started it: in come the rules, then the sockets that listen inside the task's
//! network; out go the events. Its end is the end of the proxy.

use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde::{Deserialize, Serialize};

use crate::{Event, Limits, Rules};

/// The longest configuration, in bytes.
const LONGEST: usize = 4 << 20;

/// What the proxy is to hold to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    pub rules: Rules,
    /// The name server that is asked instead of this machine's own: a person's setting.
    pub resolver: Option<SocketAddr>,
    pub limits: Limits,
}

/// Tells the proxy at the other end what to hold to.
pub fn send_config(mut control: &UnixStream, config: &Config) -> io::Result<()> {
    let bytes = serde_json::to_vec(config)?;
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= LONGEST);
    let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the policy names too many hosts"))?;
    control.write_all(&length.to_le_bytes())?;
    control.write_all(&bytes)
}

/// Reads what to hold to.
pub fn configured(mut control: &UnixStream) -> io::Result<Config> {
    let mut head = [0; 4];
    control.read_exact(&mut head)?;
    let length = usize::try_from(u32::from_le_bytes(head)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    control.read_exact(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Waits for the next socket, with the letter that says what it is; `None` at the end.
pub(crate) fn next_socket(control: &UnixStream) -> io::Result<Option<(u8, OwnedFd)>> {
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut letter = [0];
        let received = recvmsg(control, &mut [IoSliceMut::new(&mut letter)], &mut ancillary, RecvFlags::CMSG_CLOEXEC);
        let bytes = match received {
            Err(rustix::io::Errno::INTR) => continue,
            other => other?.bytes,
        };
        if bytes == 0 {
            return Ok(None);
        }
        let socket = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        if let Some(socket) = socket {
            let [letter] = letter;
            return Ok(Some((letter, socket)));
        }
    }
}

/// Where events go. What cannot be told of is not done.
#[derive(Debug)]
pub(crate) struct Told(Mutex<UnixStream>);

impl Told {
    pub(crate) fn new(control: UnixStream) -> Told {
        Told(Mutex::new(control))
    }

    pub(crate) fn tell(&self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }
}
