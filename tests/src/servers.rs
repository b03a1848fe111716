use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::Path;
use std::sync::OnceLock;
use std::thread;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tempfile::TempDir;

use crate::world;

/// The servers of this process that an attempt may talk to, each of which answers `hello`.
///
/// They are started once, and their threads end with the process.
#[derive(Debug)]
pub(crate) struct Servers {
    tcp: u16,
    http: u16,
    udp: u16,
    name: String,
    sockets: TempDir,
}

/// Returns the ports of servers, TCP and UDP, that answer `hello`.
pub fn ports() -> (u16, u16) {
    let servers = Servers::running();
    (servers.tcp, servers.udp)
}

/// The sockets that have a path, by the names that they get outside the workspace.
const BY_PATH: [&str; 3] = ["socket", "datagrams", "descriptors"];

impl Servers {
    pub(crate) fn running() -> &'static Servers {
        static SERVERS: OnceLock<Servers> = OnceLock::new();
        SERVERS.get_or_init(|| {
            let sockets = world::directory("servers-");
            let name = sockets.path().file_name().unwrap().to_str().unwrap().to_owned();
            greet(UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap());
            greet(UnixListener::bind(sockets.path().join("socket")).unwrap());
            answer_datagrams(UnixDatagram::bind(sockets.path().join("datagrams")).unwrap());
            fs::write(sockets.path().join("secret"), "canary: by descriptor\n").unwrap();
            hand_out(
                UnixListener::bind(sockets.path().join("descriptors")).unwrap(),
                File::open(sockets.path().join("secret")).unwrap(),
            );
            Servers { tcp: tcp(), http: http(), udp: udp(), name, sockets }
        })
    }

    /// Gives the sockets that have a path a further one, in a directory.
    pub(crate) fn link(&self, directory: &Path) {
        for name in BY_PATH {
            fs::hard_link(self.sockets.path().join(name), directory.join(name)).unwrap();
        }
    }

    /// Returns a directory of this process's own.
    pub(crate) fn directory(&self) -> &Path {
        self.sockets.path()
    }

    /// Returns where they are, by the words of an attempt.
    pub(crate) fn words(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("tcp", self.tcp.to_string()),
            ("http", self.http.to_string()),
            ("udp", self.udp.to_string()),
            ("abstract", self.name.clone()),
        ])
    }
}

fn tcp() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // Speaks first, and closes only when the other has: a reset would take the answer with it.
            thread::spawn(move || {
                let _ = stream.write_all(b"hello");
                let _ = stream.shutdown(Shutdown::Write);
                let _ = stream.read_to_end(&mut Vec::new());
            });
        }
    });
    port
}

fn http() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n");
            });
        }
    });
    port
}

fn udp() -> u16 {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = udp.local_addr().unwrap().port();
    let elsewhere = UdpSocket::bind(("127.1.2.3", port)).unwrap();
    for socket in [udp, elsewhere] {
        thread::spawn(move || {
            while let Ok((_, from)) = socket.recv_from(&mut [0; 16]) {
                let _ = socket.send_to(b"hello", from);
            }
        });
    }
    port
}

fn greet(listener: UnixListener) {
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"hello");
        }
    });
}

fn answer_datagrams(socket: UnixDatagram) {
    thread::spawn(move || {
        while let Ok((_, from)) = socket.recv_from(&mut [0; 16]) {
            let _ = socket.send_to_addr(b"hello", &from);
        }
    });
}

/// Hands a descriptor to whoever connects, as a desktop's portal does.
fn hand_out(listener: UnixListener, file: File) {
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            let descriptors = [file.as_fd()];
            control.push(SendAncillaryMessage::ScmRights(&descriptors));
            let _ = sendmsg(stream.unwrap(), &[IoSlice::new(b"hello")], &mut control, SendFlags::empty());
        }
    });
}
