//! A notification on the desktop: the one call of D-Bus that it takes, in the few types that the call has.
//!
//! A library for D-Bus is larger than Remit's supervisor may be; `notify-send` is not everywhere, and would be one more
//! program. What is spoken here is in the D-Bus specification, "Message protocol", and in the Desktop Notifications
//! specification 1.2. The bus checks every message and hangs up on one that is wrong.

use std::io::{self, ErrorKind, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);
/// No answer to this call is nearly as long.
const LONGEST: usize = 64 << 10;

const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;
const REPLY_SERIAL: u8 = 5;

/// Shows a notification, and returns when the desktop has taken it.
pub(super) fn notify(bus: &str, title: &str, body: &str, urgent: bool) -> io::Result<()> {
    let mut stream = connect(bus)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    authenticate(&mut stream)?;
    let bus = Call { destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", interface: "org.freedesktop.DBus" };
    let desktop = Call {
        destination: "org.freedesktop.Notifications",
        path: "/org/freedesktop/Notifications",
        interface: "org.freedesktop.Notifications",
    };
    call(&mut stream, 1, &bus.message(1, "Hello", "", &Bytes::default()))?;
    call(&mut stream, 2, &desktop.message(2, "Notify", "susssasa{sv}i", &arguments(title, body, urgent)))
}

fn connect(address: &str) -> io::Result<UnixStream> {
    let mut last = io::Error::new(ErrorKind::InvalidInput, "the address of the session bus is none that is known");
    for way in address.split(';') {
        let Some(pairs) = way.strip_prefix("unix:") else { continue };
        for (key, value) in pairs.split(',').filter_map(|pair| pair.split_once('=')) {
            let value = unescaped(value);
            let address = match key {
                "path" => SocketAddr::from_pathname(std::path::Path::new(&value)),
                "abstract" => SocketAddr::from_abstract_name(value.as_bytes()),
                _ => continue,
            };
            match address.and_then(|address| UnixStream::connect_addr(&address)) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
    }
    Err(last)
}

/// Reads `%2f` and the like.
fn unescaped(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Says who we are; the bus asks the kernel whether it is true.
fn authenticate(stream: &mut UnixStream) -> io::Result<()> {
    let user = rustix::process::geteuid().as_raw().to_string();
    // Every digit's code is 0x30 and the digit.
    let hex: String = user.chars().flat_map(|digit| ['3', digit]).collect();
    stream.write_all(format!("\0AUTH EXTERNAL {hex}\r\n").as_bytes())?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        answer.extend(byte);
        if answer.len() > 1024 {
            return Err(invalid());
        }
    }
    if !answer.starts_with(b"OK") {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "the session bus does not know this user"));
    }
    stream.write_all(b"BEGIN\r\n")
}

/// Sends a call and waits for its answer.
fn call(stream: &mut UnixStream, serial: u32, message: &[u8]) -> io::Result<()> {
    stream.write_all(message)?;
    // Signals may come in between.
    for _ in 0..64 {
        let answer = read_message(stream)?;
        match answer.kind {
            METHOD_RETURN if answer.reply_to == Some(serial) => return Ok(()),
            ERROR if answer.reply_to == Some(serial) => {
                return Err(io::Error::new(ErrorKind::NotFound, "nothing on the session bus shows notifications"));
            }
            _ => {}
        }
    }
    Err(invalid())
}

struct Answer {
    kind: u8,
    reply_to: Option<u32>,
}

fn read_message(stream: &mut UnixStream) -> io::Result<Answer> {
    let mut head = [0; 16];
    stream.read_exact(&mut head)?;
    let [b'l', kind, _, 1, body @ .., f0, f1, f2, f3] = head else { return Err(invalid()) };
    let [b0, b1, b2, b3, ..] = body;
    let length = |bytes: [u8; 4]| usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX);
    let (body, fields) = (length([b0, b1, b2, b3]), length([f0, f1, f2, f3]));
    if body > LONGEST || fields > LONGEST {
        return Err(invalid());
    }
    let mut rest = vec![0; fields.next_multiple_of(8) + body];
    stream.read_exact(&mut rest)?;
    Ok(Answer { kind, reply_to: reply_serial(rest.get(..fields).unwrap_or_default()) })
}

/// Finds the field that says which call is answered.
fn reply_serial(fields: &[u8]) -> Option<u32> {
    let mut at = 0_usize;
    loop {
        at = at.next_multiple_of(8);
        let rest = fields.get(at..)?;
        let (code, kind) = match rest {
            [code, 1, kind, 0, ..] => (*code, *kind),
            _ => return None,
        };
        let number = || Some(u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?));
        at += match kind {
            b'u' if code == REPLY_SERIAL => return number(),
            b'u' => 8,
            // Length, text, zero.
            b's' | b'o' => 8 + usize::try_from(number()?).ok()?.min(LONGEST) + 1,
            b'g' => 4 + 1 + usize::from(*rest.get(4)?) + 1,
            _ => return None,
        };
    }
}

struct Call<'a> {
    destination: &'a str,
    path: &'a str,
    interface: &'a str,
}

impl Call<'_> {
    fn message(&self, serial: u32, member: &str, signature: &str, body: &Bytes) -> Vec<u8> {
        let mut fields = Bytes::default();
        for (code, kind, text) in [(1, "o", self.path), (2, "s", self.interface), (3, "s", member), (6, "s", self.destination)] {
            fields.align(8);
            fields.0.push(code);
            fields.signature(kind);
            fields.string(text);
        }
        if !signature.is_empty() {
            fields.align(8);
            fields.0.push(8);
            fields.signature("g");
            fields.signature(signature);
        }
        // Little-endian, a method call, no flags, version 1.
        let mut message = Bytes(vec![b'l', 1, 0, 1]);
        message.length(body.0.len());
        message.number(serial);
        message.length(fields.0.len());
        message.0.extend(fields.0);
        message.align(8);
        message.0.extend(&body.0);
        message.0
    }
}

fn arguments(title: &str, body: &str, urgent: bool) -> Bytes {
    // The body may be read as markup.
    let body = body.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut bytes = Bytes::default();
    bytes.string("remit");
    // Replaces no other one.
    bytes.number(0);
    // No icon.
    bytes.string("");
    bytes.string(title);
    bytes.string(&body);
    // No actions: an array of nothing.
    bytes.length(0);
    let mut hints = Bytes::default();
    hints.string("urgency");
    hints.signature("y");
    hints.0.push(if urgent { 2 } else { 1 });
    bytes.length(hints.0.len());
    bytes.align(8);
    bytes.0.extend(hints.0);
    // It goes when the desktop likes.
    bytes.align(4);
    bytes.0.extend((-1_i32).to_le_bytes());
    bytes
}

/// A message in the making. What begins at a multiple of eight in it is aligned by itself.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn number(&mut self, number: u32) {
        self.align(4);
        self.0.extend(number.to_le_bytes());
    }

    fn length(&mut self, length: usize) {
        self.number(u32::try_from(length).unwrap_or(u32::MAX));
    }

    fn string(&mut self, text: &str) {
        // A zero byte ends a string, so there is none in it.
        let text = text.replace('\0', " ");
        self.length(text.len());
        self.0.extend(text.as_bytes());
        self.0.push(0);
    }

    fn signature(&mut self, text: &str) {
        self.0.push(u8::try_from(text.len()).unwrap_or(0));
        self.0.extend(text.as_bytes());
        self.0.push(0);
    }
}

fn invalid() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the session bus answered something that is not D-Bus")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A bus of the test's own, which starts no service of this machine's.
    const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=@</listen>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>
"#;

    /// A real bus; `None` where there is no `dbus-daemon`.
    fn bus(directory: &std::path::Path) -> Option<(Child, String)> {
        let configuration = directory.join("bus.conf");
        std::fs::write(&configuration, BUS.replace('@', directory.to_str().unwrap())).unwrap();
        let mut daemon = Command::new("dbus-daemon");
        daemon.args(["--nofork", "--nopidfile", "--print-address", "--config-file"]).arg(configuration);
        let mut child = daemon.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Some((child, address.trim().to_owned()))
    }

    /// Takes the name of the desktop's notifications, and answers one call: returns its bytes.
    fn desktop(address: &str, ready: &std::sync::mpsc::Sender<()>) -> Vec<u8> {
        let mut stream = connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        authenticate(&mut stream).unwrap();
        let bus = Call { destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", interface: "org.freedesktop.DBus" };
        call(&mut stream, 1, &bus.message(1, "Hello", "", &Bytes::default())).unwrap();
        let mut name = Bytes::default();
        name.string("org.freedesktop.Notifications");
        name.number(0);
        call(&mut stream, 2, &bus.message(2, "RequestName", "su", &name)).unwrap();
        ready.send(()).unwrap();
        loop {
            let mut head = [0; 16];
            stream.read_exact(&mut head).unwrap();
            let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
            let mut rest = vec![0; (number(12) as usize).next_multiple_of(8) + number(4) as usize];
            stream.read_exact(&mut rest).unwrap();
            let Some(at) = rest.windows(5).position(|bytes| bytes == b":1.1\0" || bytes == b":1.2\0") else { continue };
            if head[1] != 1 {
                continue;
            }
            let sender = String::from_utf8(rest[at..at + 4].to_vec()).unwrap();
            let mut fields = Bytes::default();
            fields.0.push(REPLY_SERIAL);
            fields.signature("u");
            fields.number(number(8));
            fields.align(8);
            fields.0.push(6);
            fields.signature("s");
            fields.string(&sender);
            fields.align(8);
            fields.0.push(8);
            fields.signature("g");
            fields.signature("u");
            let mut reply = Bytes(vec![b'l', METHOD_RETURN, 0, 1]);
            reply.number(4);
            reply.number(3);
            reply.length(fields.0.len());
            reply.0.extend(fields.0);
            reply.align(8);
            reply.number(77);
            stream.write_all(&reply.0).unwrap();
            return rest;
        }
    }

    #[test]
    fn a_real_bus_takes_what_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let Some((mut daemon, address)) = bus(directory.path()) else { return };
        // Nobody shows notifications yet.
        let error = notify(&address, "t", "b", false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let (ready, is_ready) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let desktop = scope.spawn(|| desktop(&address, &ready));
            is_ready.recv().unwrap();
            notify(&address, "the title", "a < b & c", true).unwrap();
            let call = String::from_utf8_lossy(&desktop.join().unwrap()).into_owned();
            assert!(call.contains("the title") && call.contains("a &lt; b &amp; c") && call.contains("urgency"), "{call:?}");
        });
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    #[test]
    fn an_address_may_be_wrong() {
        for address in ["", "tcp:host=localhost,port=1", "unix:path=/nonexistent/bus", "unix:", "unix:guid=1", "x;y"] {
            notify(address, "t", "b", false).unwrap_err();
        }
        assert_eq!(unescaped("/tmp/a%20b%2"), "/tmp/a b%2");
    }

    #[test]
    fn an_answer_may_be_anything() {
        for bytes in
            [&b""[..], &[5], &[5, 1, b'u', 0, 9], &[1, 1, b's', 0, 255, 255, 255, 255], &[1, 2, b's', 0], &[8, 1, b'g', 0, 255]]
        {
            assert_eq!(reply_serial(bytes), None, "{bytes:?}");
        }
        assert_eq!(reply_serial(&[8, 1, b'g', 0, 1, b'u', 0, 0, 5, 1, b'u', 0, 7, 0, 0, 0]), Some(7));
    }
}
