//! The proxy over real sockets: what cannot be read is refused and told of, and nothing of it is sent on.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by a panic")]

use std::io::{BufRead, BufReader, ErrorKind, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use remit_proxy::{Config, Event, Limits, Pattern, Rules, configured, send_config, serve};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, bind, connect, getsockname,
    listen, sendmsg, socket_with,
};

/// The limits of the tests of slowness: what is slow there is slower than this by nature, and nothing else is held to them.
const SHORT: Duration = Duration::from_millis(50);

struct Served {
    address: SocketAddr,
    control: UnixStream,
    thread: JoinHandle<()>,
}

impl Served {
    /// Serves, with one host that may be reached: an address of this machine.
    fn with(port: u16) -> Served {
        Served::within(port, Limits::default())
    }

    fn within(port: u16, limits: Limits) -> Served {
        let (control, inner) = UnixStream::pair().unwrap();
        let thread = thread::spawn(move || {
            let config = configured(&inner).unwrap();
            serve(config, &inner).unwrap();
        });
        let rule = Pattern { host: "127.0.0.1".to_owned(), port: Some(port), place: String::new() };
        send_config(&control, &Config { rules: Rules(vec![rule]), resolver: None, limits }).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors = [listener.as_fd()];
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(&control, &[IoSlice::new(b"p")], &mut ancillary, SendFlags::empty()).unwrap();
        Served { address: listener.local_addr().unwrap(), control, thread }
    }

    /// Sends bytes, and returns everything that is answered.
    fn say(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        // Who refuses early does not read to the end.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Sends a beginning, and then a byte again and again, so slowly that no single one is late; returns what is answered
    /// until the other side has had enough.
    fn drip(&self, beginning: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(beginning).unwrap();
        stream.set_read_timeout(Some(SHORT / 10)).unwrap();
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        for _ in 0..6000 {
            match stream.read(&mut piece) {
                Ok(length @ 1..) => answer.extend_from_slice(&piece[..length]),
                Ok(0) => {
                    // It says nothing more, and may listen still: what is sent to somebody gone comes back as an error.
                    let mut gone = [PollFd::new(&stream, PollFlags::empty())];
                    poll(&mut gone, Some(&Timespec::try_from(SHORT / 10).unwrap())).unwrap();
                    if !gone[0].revents().is_empty() || stream.write_all(b"a").is_err() {
                        return String::from_utf8_lossy(&answer).into_owned();
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let _ = stream.write_all(b"a");
                }
                Err(_) => return String::from_utf8_lossy(&answer).into_owned(),
            }
        }
        panic!("it listens still: {}", String::from_utf8_lossy(&answer));
    }

    /// Ends it, and returns what it told.
    fn end(self) -> Vec<Event> {
        self.control.shutdown(Shutdown::Write).unwrap();
        self.thread.join().unwrap();
        // The listener's thread has the socket still: what was told is there all the same.
        self.control.set_nonblocking(true).unwrap();
        BufReader::new(&self.control).lines().map_while(Result::ok).map(|line| serde_json::from_str(&line).unwrap()).collect()
    }
}

/// A server that answers each connection with what it heard of it; returns its port.
fn mirror() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = vec![0; 1 << 16];
            let length = stream.read(&mut bytes).unwrap_or(0);
            let heard = &bytes[..length];
            let _ =
                stream.write_all(&[format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes(), heard].concat());
        }
    });
    port
}

#[test]
fn what_cannot_be_read_is_refused_and_told_of() {
    let port = mirror();
    let served = Served::with(port);
    let check = |bytes: &[u8], expected: &str| {
        let answer = served.say(bytes);
        assert!(answer.contains(expected), "{:?}: {answer}", String::from_utf8_lossy(&bytes[..bytes.len().min(80)]));
    };
    let long = [b"GET http://127.0.0.1/ HTTP/1.1\r\nA: ".as_slice(), &vec![b'a'; 1 << 20], b"\r\n\r\n"].concat();
    check(&long, "longer than 64 KiB");
    check(&vec![0; 200_000], "longer than 64 KiB");
    check(b"GET http://127.0.0.1/ HTTP/1.1\r\n", "the request is not whole");
    check(b"GET http://127.0.0.1/ HTTP/1.1\r\nHost: a\0b\r\n\r\n", "has a NUL");
    check(b"CONNECT 127.0.0.1 HTTP/1.1\r\nHost: a\r\n\r\n", "names no port");
    check(b"CONNECT [fe80::1%1]:443 HTTP/1.1\r\nHost: a\r\n\r\n", "has a zone");
    check("CONNECT b\u{fc}cher.example:443 HTTP/1.1\r\nHost: a\r\n\r\n".as_bytes(), "letters outside ASCII");
    check(b"\x16\x03\x01\x00\x05hello", "the request is not whole");
    check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "neither HTTP/1.1 nor HTTP/1.0");
    check(b"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\n", "`127.0.0.1:1` is not granted");
    // SOCKS: a name with a NUL, a kind of address that there is not, a request to listen.
    check(b"\x05\x01\x00\x05\x01\x00\x03\x0b127.0.0.1\0a\x00\x50", "\u{5}\u{0}\u{5}\u{1}");
    check(b"\x05\x01\x00\x05\x01\x00\x09", "\u{5}\u{0}\u{5}\u{8}");
    check(b"\x05\x01\x00\x05\x02\x00\x01", "\u{5}\u{0}\u{5}\u{7}");
    let told = served.end();
    assert_eq!(told.len(), 13, "{told:#?}");
    assert!(told.iter().all(|event| matches!(event, Event::Refused { .. })), "{told:#?}");
}

#[test]
fn what_is_sent_on_is_what_was_understood() {
    let port = mirror();
    let served = Served::with(port);
    let request = format!(
        "GET HTTP://127.0.0.1:{port}/a HTTP/1.1\r\nhOST: evil\r\nConnection: X\r\nX: y\r\nZ:  w \r\n\r\nGET / HTTP/1.1\r\n"
    );
    let answer = served.say(request.as_bytes());
    let heard = answer.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(heard, format!("GET /a HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nZ: w\r\nConnection: close\r\n\r\n"));
    let told = served.end();
    assert!(matches!(told.as_slice(), [Event::Connected { .. }, Event::Disconnected { .. }]), "{told:#?}");
}

fn refusals(told: &[Event]) -> Vec<&str> {
    told.iter().filter_map(|event| if let Event::Refused { why, .. } = event { Some(why.as_str()) } else { None }).collect()
}

#[test]
fn a_client_that_drips_is_not_waited_for() {
    let served = Served::within(1, Limits { asking: SHORT, leaving: SHORT, ..Limits::default() });
    let check = |beginning: &[u8], expected: &str| {
        let answer = served.drip(beginning);
        assert!(answer.contains(expected), "{beginning:?}: {answer}");
    };
    check(b"G", "408 Request Timeout");
    check(b"GET http://127.0.0.1/ HTTP/1.1\r\nA: ", "the request did not come in 50 ms");
    // A SOCKS name of 255 bytes, and a greeting that lacks its methods.
    check(b"\x05\x01\x00\x05\x01\x00\x03\xff", "");
    check(b"\x05\xff", "");
    let told = served.end();
    assert_eq!(refusals(&told), ["the request did not come in 50 ms"; 4]);
    assert_eq!(told.len(), 4, "{told:#?}");
}

#[test]
fn who_is_refused_is_not_listened_to() {
    let served = Served::within(2, Limits { leaving: SHORT, ..Limits::default() });
    let answer = served.drip(b"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(refusals(&served.end()), ["`127.0.0.1:1` is not granted: name it in `sandbox.network.allow`"]);
}

#[test]
fn a_hello_that_never_ends_is_not_waited_for() {
    let port = mirror();
    let served = Served::within(port, Limits { greeting: SHORT, leaving: SHORT, ..Limits::default() });
    // The head of a record of 16 KiB, and of a hello as long.
    let connect = format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: a\r\n\r\n");
    let hello = [connect.as_bytes(), b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03"].concat();
    let answer = served.drip(&hello);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let told = served.end();
    assert_eq!(refusals(&told), ["the TLS hello did not come in 50 ms"]);
    let [Event::Connected { .. }, Event::Refused { .. }, Event::Disconnected { sent: 0, why: Some(why), .. }] = told.as_slice()
    else {
        panic!("{told:#?}")
    };
    assert_eq!(why, "the TLS hello did not come in 50 ms");
}

#[test]
fn a_host_that_says_nothing_is_not_waited_for() {
    // It accepts, and that is all.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let served = Served::within(port, Limits { answering: SHORT, ..Limits::default() });
    let answer = served.say(format!("GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    assert!(answer.contains("502 Bad Gateway") && answer.contains("the server gave no answer in 50 ms"), "{answer}");
    let told = served.end();
    assert!(matches!(told.as_slice(), [Event::Connected { .. }, Event::Disconnected { why: Some(_), .. }]), "{told:#?}");
}

#[test]
fn a_host_that_does_not_even_accept_is_not_waited_for() {
    let (full, port, _waiting) = full();
    let served = Served::within(port, Limits { each: SHORT, ..Limits::default() });
    let answer = served.say(format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    assert!(answer.contains("502 Bad Gateway") && answer.contains("cannot connect: connection timed out"), "{answer}");
    let told = served.end();
    assert_eq!(refusals(&told), ["cannot connect: connection timed out"]);
    drop(full);
}

/// Returns a socket that listens, with as many connections as the kernel takes for one that accepts none: the next hears
/// nothing of it.
fn full() -> (OwnedFd, u16, Vec<OwnedFd>) {
    let socket = |flags| socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
    let listener = socket(SocketFlags::CLOEXEC);
    bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listen(&listener, 0).unwrap();
    let address = SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
    let waiting = (0..8).map(|_| {
        let socket = socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK);
        assert_eq!(connect(&socket, &address), Err(rustix::io::Errno::INPROGRESS));
        socket
    });
    let waiting = waiting.collect();
    (listener, address.port(), waiting)
}

/// What a person meets is long enough for everybody, and no longer than a person waits.
#[test]
fn the_limits_of_the_product() {
    let Limits { asking, greeting, connecting, each, answering, leaving } = Limits::default();
    assert_eq!([asking, greeting, connecting, each, answering, leaving].map(|limit| limit.as_secs()), [15, 15, 15, 5, 300, 2]);
}
