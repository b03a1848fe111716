//! The proxy over real sockets: what cannot be read is refused and told of, and nothing of it is sent on.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

use std::io::{BufRead, BufReader, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

use remit_proxy::{Config, Event, Pattern, Rules, configured, send_config, serve};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

struct Served {
    address: SocketAddr,
    control: UnixStream,
    thread: JoinHandle<()>,
}

impl Served {
    /// Serves, with one host that may be reached: an address of this machine.
    fn with(port: u16) -> Served {
        let (control, inner) = UnixStream::pair().unwrap();
        let thread = thread::spawn(move || {
            let config = configured(&inner).unwrap();
            serve(config, &inner).unwrap();
        });
        let rule = Pattern { host: "127.0.0.1".to_owned(), port: Some(port), place: String::new() };
        send_config(&control, &Config { rules: Rules(vec![rule]), resolver: None }).unwrap();
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
