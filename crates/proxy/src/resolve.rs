//! From a name to its addresses, asked of a name server once for each connection: what is judged is what was answered.
//!
//! A name is absolute: nothing is appended to it, so it cannot become another host's. `/etc/hosts` is read first, as programs do.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use crate::dns::{Answer, Kind, answer, question};

/// How long a name server may take, each time that it is asked.
const PATIENCE: Duration = Duration::from_millis(2500);
/// How often the list of name servers is gone through.
const ROUNDS: u32 = 2;
/// As many name servers are asked, as elsewhere.
const SERVERS: usize = 3;

/// Returns the addresses of a canonical name, those of IPv4 first. What is wrong is a lower-case fragment.
pub(crate) fn resolve(name: &str, resolver: Option<SocketAddr>) -> Result<Vec<IpAddr>, String> {
    let servers = if let Some(server) = resolver {
        vec![server]
    } else {
        let known = in_hosts(&fs::read_to_string("/etc/hosts").unwrap_or_default(), name);
        if !known.is_empty() {
            return Ok(known);
        }
        in_configuration(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
    };
    let mut wrong = "no name server answers".to_owned();
    for _ in 0..ROUNDS {
        for server in &servers {
            match ask(*server, name) {
                Ok(Found::Addresses(addresses)) if addresses.is_empty() => return Err("the name has no address".to_owned()),
                Ok(Found::Addresses(addresses)) => return Ok(addresses),
                Ok(Found::NoName) => return Err("there is no such name".to_owned()),
                Ok(Found::Refused(why)) => why.clone_into(&mut wrong),
                Err(_) => {}
            }
        }
    }
    Err(wrong)
}

enum Found {
    Addresses(Vec<IpAddr>),
    NoName,
    Refused(&'static str),
}

fn ask(server: SocketAddr, name: &str) -> io::Result<Found> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    // Answers of anybody else are not seen.
    socket.connect(server)?;
    let ids = [id()?, id()?];
    let kinds = [Kind::V4, Kind::V6];
    for (id, kind) in ids.iter().zip(kinds) {
        socket.send(&question(*id, name, kind))?;
    }
    let until = Instant::now() + PATIENCE;
    let mut found: [Option<Result<Answer, &'static str>>; 2] = [None, None];
    let mut bytes = [0; 4096];
    while found.iter().any(Option::is_none) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        socket.set_read_timeout(Some(left))?;
        let length = match socket.recv(&mut bytes) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = bytes.get(..length).unwrap_or_default();
        for ((id, kind), found) in ids.iter().zip(kinds).zip(&mut found) {
            if found.is_none() {
                *found = answer(bytes, *id, name, kind);
            }
        }
    }
    let mut addresses = Vec::new();
    for ((id, kind), found) in ids.iter().zip(kinds).zip(found) {
        let whole = match found {
            Some(Ok(Answer::Cut)) => ask_for_all(server, &question(*id, name, kind), |bytes| answer(bytes, *id, name, kind))?,
            // A server that says nothing of one kind of address is not taken for one that says that there is none.
            None => return Err(ErrorKind::TimedOut.into()),
            Some(found) => found,
        };
        match whole {
            Ok(Answer::Addresses(more)) => addresses.extend(more),
            Ok(Answer::NoName) => return Ok(Found::NoName),
            Ok(Answer::Cut) => return Ok(Found::Refused("the answer of the name server is not well formed")),
            Err(why) => return Ok(Found::Refused(why)),
        }
    }
    Ok(Found::Addresses(addresses))
}

/// Asks again over TCP, where the answer fits.
fn ask_for_all<T>(server: SocketAddr, question: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> io::Result<T> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let length = u16::try_from(question.len()).map_err(|_| ErrorKind::InvalidInput)?;
    stream.write_all(&[&length.to_be_bytes()[..], question].concat())?;
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(head))];
    stream.read_exact(&mut bytes)?;
    read(&bytes).ok_or_else(|| ErrorKind::InvalidData.into())
}

/// Returns a number that cannot be guessed.
fn id() -> io::Result<u16> {
    let mut bytes = [0; 2];
    rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty())?;
    Ok(u16::from_ne_bytes(bytes))
}

fn in_hosts(text: &str, name: &str) -> Vec<IpAddr> {
    let of_line = |line: &str| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    };
    let mut addresses: Vec<IpAddr> = text.lines().filter_map(of_line).collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses
}

fn in_configuration(text: &str) -> Vec<SocketAddr> {
    let of_line = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let address: IpAddr = (words.next() == Some("nameserver")).then(|| words.next())??.parse().ok()?;
        Some(SocketAddr::new(address, 53))
    };
    let servers: Vec<SocketAddr> = text.lines().filter_map(of_line).take(SERVERS).collect();
    // Without a word there, it is this machine's own.
    if servers.is_empty() { vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 53))] } else { servers }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_this_machine() {
        let hosts = "127.0.0.1 localhost\n::1 localhost a.test # b.test\n10.0.0.1\tx A.TEST\nbad a.test\n";
        assert_eq!(format!("{:?}", in_hosts(hosts, "a.test")), "[10.0.0.1, ::1]");
        assert_eq!(in_hosts(hosts, "b.test"), Vec::<IpAddr>::new());
        let text = "# nameserver 9.9.9.9\nsearch corp.example\nnameserver 1.1.1.1\nnameserver ::1\nnameserver fe80::1%eth0\n";
        assert_eq!(format!("{:?}", in_configuration(text)), "[1.1.1.1:53, [::1]:53]");
        assert_eq!(format!("{:?}", in_configuration("")), "[127.0.0.1:53]");
    }
}
