//! What is read of a thread whose call waits. It may lie: nothing is decided by it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustix::fs::{CWD, readlinkat};
use rustix::io::Errno;

use crate::sys;

/// `PATH_MAX`, with the zero at the end.
const LONGEST_PATH: usize = 4096;
/// Most paths are shorter, and are read at once.
const FIRST: usize = 256;
const PAGE: u64 = 4096;
/// `sizeof(struct sockaddr_storage)`.
const LONGEST_ADDRESS: u64 = 128;

#[derive(Clone, Copy)]
pub(super) struct Thread(pub(super) u32);

pub(super) enum Address {
    Internet(IpAddr, u16),
    Path(Vec<u8>),
}

impl Thread {
    /// Reads a path and makes it absolute; empty when it was empty.
    pub(super) fn path(self, directory: i32, at: u64) -> Result<Vec<u8>, Errno> {
        if at == 0 {
            return Err(Errno::INVAL);
        }
        let path = self.string(at)?;
        if path.is_empty() { Ok(path) } else { self.absolute(directory, path) }
    }

    pub(super) fn absolute(self, directory: i32, path: Vec<u8>) -> Result<Vec<u8>, Errno> {
        if path.first() == Some(&b'/') {
            return Ok(path);
        }
        let start = match directory {
            libc::AT_FDCWD => format!("/proc/{}/cwd", self.0),
            number => format!("/proc/{}/fd/{number}", self.0),
        };
        let mut start = readlinkat(CWD, start, Vec::new())?.into_bytes();
        if start.first() != Some(&b'/') {
            return Err(Errno::NOTDIR);
        }
        start.push(b'/');
        start.extend_from_slice(&path);
        Ok(start)
    }

    /// Returns the path of what a descriptor is open on; `None` when it has none, or none any more.
    pub(super) fn opened(self, descriptor: i32) -> Result<Option<Vec<u8>>, Errno> {
        let path = readlinkat(CWD, format!("/proc/{}/fd/{descriptor}", self.0), Vec::new())?.into_bytes();
        Ok(Some(path).filter(|path| path.starts_with(b"/") && !path.ends_with(b" (deleted)")))
    }

    /// Reads the address of a socket; `None` when it is neither of the internet nor a path.
    pub(super) fn address(self, at: u64, length: u64) -> Result<Option<Address>, Errno> {
        let length = (length & 0xFFFF_FFFF).min(LONGEST_ADDRESS);
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| Errno::INVAL)?];
        let read = sys::read_memory(self.0, at, &mut bytes)?;
        bytes.truncate(read);
        let Some((family, rest)) = bytes.split_first_chunk::<2>() else { return Ok(None) };
        Ok(match i32::from(u16::from_ne_bytes(*family)) {
            libc::AF_UNIX => {
                let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
                rest.get(..end).filter(|path| !path.is_empty()).map(|path| Address::Path(path.to_vec()))
            }
            libc::AF_INET => {
                let port = rest.first_chunk::<2>().map(|port| u16::from_be_bytes(*port));
                let address = rest.get(2..6).and_then(|address| <[u8; 4]>::try_from(address).ok());
                port.zip(address).map(|(port, address)| Address::Internet(IpAddr::V4(Ipv4Addr::from(address)), port))
            }
            libc::AF_INET6 => {
                let port = rest.first_chunk::<2>().map(|port| u16::from_be_bytes(*port));
                let address = rest.get(6..22).and_then(|address| <[u8; 16]>::try_from(address).ok());
                port.zip(address).map(|(port, address)| Address::Internet(IpAddr::V6(Ipv6Addr::from(address)), port))
            }
            _ => None,
        })
    }

    /// Returns the process of the thread; the thread itself when nobody can tell.
    pub(super) fn process(self) -> u32 {
        self.who().0
    }

    /// Returns the process and its name.
    pub(super) fn who(self) -> (u32, String) {
        let Ok(status) = std::fs::read(format!("/proc/{}/status", self.0)) else { return (self.0, String::new()) };
        let text = String::from_utf8_lossy(&status);
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let process = field("Tgid:").and_then(|id| id.parse().ok()).unwrap_or(self.0);
        (process, field("Name:").unwrap_or_default().to_owned())
    }

    fn string(self, at: u64) -> Result<Vec<u8>, Errno> {
        let mut bytes = Vec::new();
        while bytes.len() < LONGEST_PATH {
            let at = at.wrapping_add(bytes.len() as u64);
            // A read goes up to the end of a page: what lies behind may not be there.
            let page = usize::try_from(PAGE - at % PAGE).unwrap_or(FIRST);
            let most = page.min(if bytes.is_empty() { FIRST } else { LONGEST_PATH - bytes.len() });
            let start = bytes.len();
            bytes.resize(start + most, 0);
            let read = sys::read_memory(self.0, at, bytes.get_mut(start..).unwrap_or_default())?;
            if read == 0 {
                return Err(Errno::FAULT);
            }
            bytes.truncate(start + read);
            if let Some(end) = bytes.iter().skip(start).position(|byte| *byte == 0) {
                bytes.truncate(start + end);
                return Ok(bytes);
            }
        }
        Err(Errno::NAMETOOLONG)
    }
}
