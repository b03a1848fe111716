//! One connection from the task, from what it asks for to its end.

use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use crate::answer::{self, Status};
use crate::connect::{self, Refused};
use crate::event::{Event, Way};
use crate::head::{self, Ask, Plain};
use crate::hello::{self, Hello};
use crate::incoming::Incoming;
use crate::limits::{Limits, Shown};
use crate::plain;
use crate::relay::relay;
use crate::rules::Pattern;
use crate::serve::{Live, Proxy};
use crate::target::{Host, Target};

/// The head of a TLS alert: fatal, access denied.
const DENIED: [u8; 7] = [21, 3, 1, 0, 2, 2, 49];

/// A connection from the task.
pub(crate) struct Client<'a> {
    pub(crate) proxy: &'a Proxy,
    pub(crate) number: u64,
    pub(crate) stream: &'a TcpStream,
}

/// A connection to a host that may be reached, and that has been told of.
pub(crate) struct Connected {
    pub(crate) stream: TcpStream,
    pub(crate) live: Live,
}

/// Serves one connection to the proxy. An error is one of telling what happens: then nothing happens.
pub(crate) fn handle(client: &Client<'_>) -> io::Result<()> {
    let mut incoming = Incoming::new(client.stream);
    incoming.within(Some(client.limits().asking));
    if incoming.more().is_ok() && incoming.read_already().first() == Some(&5) {
        return socks(client, incoming);
    }
    let head = match read_head(&mut incoming, client.limits().asking) {
        Ok(Some(head)) => head,
        // Nothing was asked for.
        Ok(None) => return Ok(()),
        Err((status, why)) => return client.bad(status, &why),
    };
    match head::parse(&head, None) {
        Err(why) => client.bad(Status::Bad, why),
        Ok(Ask::Tunnel(target)) => {
            let connected = match client.reach(Way::Connect, &target)? {
                Ok(connected) => connected,
                Err((status, why)) => {
                    answer::refuse(client.stream, status, &why, client.limits().leaving);
                    return Ok(());
                }
            };
            let mut stream = client.stream;
            match stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n") {
                Ok(()) => client.tunnel(Way::Connect, &target, incoming, &connected),
                Err(_) => client.ended(&connected, None),
            }
        }
        Ok(Ask::Plain(plain)) => client.forward(Way::Http, &plain, incoming),
    }
}

/// Serves one connection that was made without asking a proxy, for plain HTTP.
pub(crate) fn handle_web(client: &Client<'_>, by: Way, target: &Target) -> io::Result<()> {
    let mut incoming = Incoming::new(client.stream);
    incoming.within(Some(client.limits().asking));
    let head = match read_head(&mut incoming, client.limits().asking) {
        Ok(Some(head)) => head,
        Ok(None) => return Ok(()),
        Err((status, why)) => return client.bad(status, &why),
    };
    match head::parse(&head, Some(target)) {
        Ok(Ask::Plain(plain)) => client.forward(by, &plain, incoming),
        Ok(Ask::Tunnel(_)) => client.bad(Status::Bad, "`CONNECT` is for a proxy"),
        Err(why) => {
            client.refused(by, Some(target), None, why)?;
            answer::refuse(client.stream, Status::Forbidden, why, client.limits().leaving);
            Ok(())
        }
    }
}

/// Serves one connection that was made without asking a proxy, for TLS.
pub(crate) fn handle_tls(client: &Client<'_>, by: Way, target: &Target) -> io::Result<()> {
    let mut incoming = Incoming::new(client.stream);
    let held = held_to(target, &mut incoming, client.limits().greeting);
    if held.is_ok() && incoming.read_already().is_empty() {
        return Ok(());
    }
    if let Err(why) = held {
        client.refused(by, Some(target), None, &why)?;
        client.deny(&incoming);
        return Ok(());
    }
    if let Ok(connected) = client.reach(by, target)? {
        return client.pass(incoming, &connected);
    }
    client.deny(&incoming);
    Ok(())
}

/// Ends a connection that was made to an address which no rule names, whatever would be said there.
pub(crate) fn refuse_address(client: &Client<'_>, target: &Target, why: &str) -> io::Result<()> {
    client.refused(Way::Address, Some(target), None, why)?;
    if target.port == 443 {
        let mut incoming = Incoming::new(client.stream);
        incoming.within(Some(client.limits().greeting));
        let _ = incoming.more();
        client.deny(&incoming);
    } else {
        answer::refuse(client.stream, Status::Forbidden, why, client.limits().leaving);
    }
    Ok(())
}

/// Reads a head; `None` when the connection ends without a word.
fn read_head(incoming: &mut Incoming<'_>, asking: Duration) -> Result<Option<Vec<u8>>, (Status, String)> {
    let too_long = || (Status::TooLong, "the head of the request is longer than 64 KiB".to_owned());
    loop {
        if let Some(length) = head::length(incoming.read_already()) {
            return if length > head::LONGEST { Err(too_long()) } else { Ok(Some(incoming.take(length))) };
        }
        if incoming.read_already().len() > head::LONGEST {
            return Err(too_long());
        }
        match incoming.more() {
            Ok(0) if incoming.read_already().is_empty() => return Ok(None),
            Ok(0) => return Err((Status::Bad, "the request is not whole".to_owned())),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                return Err((Status::TooSlow, format!("the request did not come in {}", Shown(asking))));
            }
            Err(_) => return Ok(None),
        }
    }
}

impl Client<'_> {
    fn limits(&self) -> &Limits {
        &self.proxy.config.limits
    }

    /// Tells of a request that cannot be read, and answers it.
    fn bad(&self, status: Status, why: &str) -> io::Result<()> {
        self.refused(Way::Proxy, None, None, why)?;
        answer::refuse(self.stream, status, why, self.limits().leaving);
        Ok(())
    }

    pub(crate) fn refused(&self, by: Way, target: Option<&Target>, address: Option<IpAddr>, why: &str) -> io::Result<()> {
        let (host, port) = target.map_or_else(|| (String::new(), 0), |target| (target.host.to_string(), target.port));
        self.proxy.told.tell(&Event::Refused { connection: self.number, by, host, port, address, why: why.to_owned() })
    }

    /// Judges a target and connects to it; what comes of that is told of before anything is sent.
    pub(crate) fn reach(&self, by: Way, target: &Target) -> io::Result<Result<Connected, (Status, String)>> {
        let reached = connect::permit(&self.proxy.config, target)
            .and_then(|permitted| Ok((permitted.connect()?, permitted.rule.text(), permitted.rule)));
        let (stream, rule, Pattern { place, .. }) = match reached {
            Ok(reached) => reached,
            Err(refused) => {
                let (status, address, why) = match refused {
                    Refused::Forbidden { address, why } => (Status::Forbidden, address, why),
                    Refused::Unreachable { address, why } => (Status::Unreachable, address, why),
                };
                self.refused(by, Some(target), address, &why)?;
                return Ok(Err((status, why)));
            }
        };
        let (host, port, address) = (target.host.to_string(), target.port, stream.peer_addr()?.ip());
        let place = place.clone();
        let told = Event::Connected { connection: self.number, by, host, port, address, rule, place };
        Ok(Ok(Connected { stream, live: self.proxy.begin(self.number, &told)? }))
    }

    /// Tells of the end of a connection that was made.
    pub(crate) fn ended(&self, connected: &Connected, why: Option<String>) -> io::Result<()> {
        self.proxy.end(self.number, &connected.live, why)
    }

    fn forward(&self, by: Way, plain: &Plain, incoming: Incoming<'_>) -> io::Result<()> {
        match self.reach(by, &plain.target)? {
            Ok(connected) => {
                let why = plain::forward(plain, self.stream, incoming, &connected, self.limits());
                self.ended(&connected, why)
            }
            Err((status, why)) => {
                answer::refuse(self.stream, status, &why, self.limits().leaving);
                Ok(())
            }
        }
    }

    /// Ends a connection that goes no further; one of TLS with a word that its programs know.
    fn deny(&self, incoming: &Incoming<'_>) {
        if incoming.read_already().first() == Some(&hello::HANDSHAKE) {
            let mut stream = self.stream;
            let _ = stream.write_all(&DENIED);
        }
        answer::linger(self.stream, self.limits().leaving);
    }

    /// Passes bytes both ways, after a look at the first.
    pub(crate) fn tunnel(&self, by: Way, target: &Target, mut incoming: Incoming<'_>, connected: &Connected) -> io::Result<()> {
        if let Err(why) = greeted(target, &mut incoming, self.stream, &connected.stream, self.limits().greeting) {
            self.refused(by, Some(target), connected.stream.peer_addr().ok().map(|address| address.ip()), &why)?;
            self.deny(&incoming);
            return self.ended(connected, Some(why));
        }
        self.pass(incoming, connected)
    }

    fn pass(&self, mut incoming: Incoming<'_>, connected: &Connected) -> io::Result<()> {
        let first = incoming.take(usize::MAX);
        let counts = connected.live.counts();
        counts.sent.fetch_add(first.len() as u64, std::sync::atomic::Ordering::Relaxed);
        let mut host = &connected.stream;
        let relayed = host.write_all(&first).and_then(|()| relay(self.stream, &connected.stream, counts));
        let why = relayed.err().map(|error| error.to_string().to_lowercase());
        self.ended(connected, why)
    }
}

/// Waits for the first bytes, and holds a TLS hello to the host that was asked for.
///
/// On the ports of HTTP nothing but TLS goes through a tunnel: what else could say there for whom it is, nobody would have
/// looked at. On another port, which a rule has to name, it may be another protocol.
fn greeted(
    target: &Target,
    incoming: &mut Incoming<'_>,
    task: &TcpStream,
    host: &TcpStream,
    greeting: Duration,
) -> Result<(), String> {
    let tls_only = matches!(target.port, 80 | 443);
    if !tls_only && incoming.read_already().is_empty() {
        let mut both = [PollFd::new(task, PollFlags::IN), PollFd::new(host, PollFlags::IN)];
        while let Err(errno) = poll(&mut both, None) {
            if errno != rustix::io::Errno::INTR {
                return Err("the connection cannot be waited for".to_owned());
            }
        }
        let [task, _] = both;
        if task.revents().is_empty() {
            // A server that speaks first speaks no TLS.
            return Ok(());
        }
    }
    held_to(target, incoming, greeting)
}

/// Reads a TLS hello, and holds it to the host; on a port that is not one of HTTP's, another protocol may begin.
fn held_to(target: &Target, incoming: &mut Incoming<'_>, greeting: Duration) -> Result<(), String> {
    let tls_only = matches!(target.port, 80 | 443);
    incoming.within(Some(greeting));
    loop {
        match incoming.read_already().first() {
            Some(&hello::HANDSHAKE) | None => {}
            Some(_) if tls_only => return Err(format!("port {} is for TLS inside a tunnel", target.port)),
            Some(_) => return Ok(()),
        }
        match hello::read(incoming.read_already()).map_err(str::to_owned)? {
            Hello::Named(name) if name == target.host => return Ok(()),
            Hello::Named(name) => return Err(format!("the TLS hello asks for `{name}`")),
            Hello::Unnamed if matches!(target.host, Host::Address(_)) => return Ok(()),
            Hello::Unnamed => return Err("the TLS hello names no server".to_owned()),
            Hello::Unfinished => {}
        }
        match incoming.more() {
            // Closed without a word.
            Ok(0) if incoming.read_already().is_empty() => return Ok(()),
            Ok(0) => return Err("the TLS hello is not whole".to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                return Err(format!("the TLS hello did not come in {}", Shown(greeting)));
            }
            Err(error) => return Err(error.to_string().to_lowercase()),
        }
    }
}

/// SOCKS 5, without authentication: a host by its name, or an address.
fn socks(client: &Client<'_>, mut incoming: Incoming<'_>) -> io::Result<()> {
    let (target, refusal) = match socks_target(client, &mut incoming) {
        Ok(Some(Ok(target))) => (target, 0),
        Ok(Some(Err((why, code)))) => {
            client.refused(Way::Socks, None, None, why)?;
            return socks_answer(client, code);
        }
        Ok(None) => return client.refused(Way::Socks, None, None, "the request is not whole"),
        Err(_) => {
            let why = format!("the request did not come in {}", Shown(client.limits().asking));
            return client.refused(Way::Socks, None, None, &why);
        }
    };
    match client.reach(Way::Socks, &target)? {
        Ok(connected) => match socks_answer(client, refusal) {
            Ok(()) => client.tunnel(Way::Socks, &target, incoming, &connected),
            Err(_) => client.ended(&connected, None),
        },
        Err((Status::Forbidden, _)) => socks_answer(client, 2),
        Err(_) => socks_answer(client, 4),
    }
}

fn socks_answer(client: &Client<'_>, code: u8) -> io::Result<()> {
    let mut stream = client.stream;
    let said = stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
    if code != 0 {
        answer::linger(client.stream, client.limits().leaving);
        return Ok(());
    }
    said
}

type SocksTarget = Result<Target, (&'static str, u8)>;

fn socks_target(client: &Client<'_>, incoming: &mut Incoming<'_>) -> io::Result<Option<SocksTarget>> {
    let Some(greeting) = incoming.exactly(2)? else { return Ok(None) };
    let Some(methods) = incoming.exactly(greeting.last().copied().map_or(0, usize::from))? else { return Ok(None) };
    let mut stream = client.stream;
    if !methods.contains(&0) {
        stream.write_all(&[5, 0xFF])?;
        return Ok(Some(Err(("the client wants to authenticate itself", 1))));
    }
    stream.write_all(&[5, 0])?;
    let Some(request) = incoming.exactly(4)? else { return Ok(None) };
    let kind = match request.as_slice() {
        [5, 1, 0, kind] => *kind,
        [5, _, 0, _] => return Ok(Some(Err(("only connections are made", 7)))),
        _ => return Ok(Some(Err(("the request is not well formed", 1)))),
    };
    let host = match kind {
        1 => incoming.exactly(4)?.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(|bytes| Ok(Host::Address(bytes.into()))),
        4 => {
            incoming.exactly(16)?.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()).map(|bytes| Ok(Host::Address(bytes.into())))
        }
        3 => {
            let Some(length) = incoming.exactly(1)? else { return Ok(None) };
            let name = incoming.exactly(length.first().copied().map_or(0, usize::from))?;
            name.map(|name| std::str::from_utf8(&name).map_err(|_| "the host is not a name").and_then(Host::parse))
        }
        _ => return Ok(Some(Err(("the kind of address is not known", 8)))),
    };
    let (Some(host), Some(port)) = (host, incoming.exactly(2)?) else { return Ok(None) };
    let port = <[u8; 2]>::try_from(port).map_or(0, u16::from_be_bytes);
    Ok(Some(match host {
        Ok(_) if port == 0 => Err(("the port is not a number from 1 to 65535", 1)),
        Ok(host) => Ok(Target { host, port }),
        Err(why) => Err((why, 1)),
    }))
}
