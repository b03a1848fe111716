//! The process: sockets come in, connections are served, and at the end of the control socket it is over.

use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::Config;
use crate::answer::{self, Status};
use crate::connect;
use crate::control::{Told, next_socket};
use crate::event::{Event, Way};
use crate::handle::{Client, handle, handle_tls, handle_web, refuse_address};
use crate::names::Names;
use crate::relay::{Counts, prepare};
use crate::target::{Host, Target};

/// How many connections there are at once; one more is refused.
const AT_ONCE: usize = 480;
/// A thread of a connection needs no more, in bytes.
const STACK: usize = 256 * 1024;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) config: Config,
    pub(crate) told: Told,
    pub(crate) names: Names,
    next: AtomicU64,
    open: AtomicUsize,
    /// What is open; nothing any more once the end of the process has been told of.
    live: Mutex<Option<BTreeMap<u64, Live>>>,
}

/// A connection to a host, while it lasts.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    counts: Arc<Counts>,
    begun: Instant,
}

/// What comes in through a socket of the task's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    Proxy,
    /// Connections to addresses, those that stand for names and others.
    Web,
    Tls,
    /// Questions for those addresses.
    Names,
}

impl Socket {
    fn of(letter: u8) -> Option<Socket> {
        match letter {
            b'p' => Some(Socket::Proxy),
            b'w' => Some(Socket::Web),
            b't' => Some(Socket::Tls),
            b'n' => Some(Socket::Names),
            _ => None,
        }
    }

    fn handle(self, client: &Client<'_>) -> io::Result<()> {
        let port = match self {
            Socket::Proxy => return handle(client),
            Socket::Tls => 443,
            Socket::Web | Socket::Names => 80,
        };
        let address = client.stream.local_addr()?.ip();
        let (by, host) = match client.proxy.names.name(address) {
            Some(name) => (Way::Name, Host::Name(name)),
            // An address of the task's own loopback that stands for nothing: as if nobody listened.
            None if address.is_loopback() => return Ok(()),
            None => (Way::Address, Host::Address(address)),
        };
        let target = Target { host, port };
        if by == Way::Address
            && let Err(why) = connect::rule(&client.proxy.config, &target)
        {
            return refuse_address(client, &target, &why);
        }
        if port == 443 { handle_tls(client, by, &target) } else { handle_web(client, by, &target) }
    }
}

/// Serves the sockets that come over the control socket, until its other end is closed.
pub fn serve(config: Config, control: &UnixStream) -> io::Result<()> {
    // Each connection takes six.
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limits.maximum.map(|maximum| maximum.min(8192)), ..limits };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, raised);
    let proxy = Arc::new(Proxy {
        config,
        told: Told::new(control.try_clone()?),
        names: Names::default(),
        next: AtomicU64::new(1),
        open: AtomicUsize::new(0),
        live: Mutex::new(Some(BTreeMap::new())),
    });
    while let Some((letter, socket)) = next_socket(control)? {
        let (proxy, thread) = (Arc::clone(&proxy), thread::Builder::new().name("listener".to_owned()));
        match Socket::of(letter) {
            Some(Socket::Names) => drop(thread.spawn(move || proxy.answer_names(&UdpSocket::from(socket)))?),
            Some(kind) => drop(thread.spawn(move || proxy.listen(kind, &TcpListener::from(socket)))?),
            None => {}
        }
    }
    proxy.close()
}

impl Proxy {
    fn live(&self) -> MutexGuard<'_, Option<BTreeMap<u64, Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of a connection that has been made, before anything goes through it.
    pub(crate) fn begin(&self, number: u64, connected: &Event) -> io::Result<Live> {
        let mut open = self.live();
        let Some(open) = open.as_mut() else { return Err(io::ErrorKind::ConnectionAborted.into()) };
        self.told.tell(connected)?;
        let live = Live { counts: Arc::default(), begun: Instant::now() };
        open.insert(number, live.clone());
        Ok(live)
    }

    /// Tells of the end of a connection.
    pub(crate) fn end(&self, number: u64, live: &Live, why: Option<String>) -> io::Result<()> {
        // Told while the table is held: the end of the process waits for it, and does not come between.
        let mut open = self.live();
        match open.as_mut().and_then(|open| open.remove(&number)) {
            Some(_) => self.told.tell(&live.disconnected(number, why)),
            // At the end of the process somebody else has told of it.
            None => Ok(()),
        }
    }

    /// Tells of what is open, which ends with this process.
    fn close(&self) -> io::Result<()> {
        let mut open = self.live();
        for (number, live) in open.take().into_iter().flatten() {
            self.told.tell(&live.disconnected(number, Some("the task has ended".to_owned())))?;
        }
        Ok(())
    }

    /// Returns the number of the next connection.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn listen(self: Arc<Proxy>, kind: Socket, listener: &TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept() else {
                // Out of descriptors, for a while.
                thread::sleep(Duration::from_millis(20));
                continue;
            };
            let (proxy, number) = (Arc::clone(&self), self.number());
            if self.open.fetch_add(1, Ordering::AcqRel) >= AT_ONCE {
                self.open.fetch_sub(1, Ordering::AcqRel);
                let client = Client { proxy: &self, number, stream: &stream };
                let why = format!("there are {AT_ONCE} connections already");
                if client.refused(Way::Proxy, None, None, &why).is_ok() {
                    answer::say(&stream, Status::TooMany, &why);
                }
                continue;
            }
            let serve = move || {
                prepare(&stream);
                // What cannot be told of was not done.
                let _ = kind.handle(&Client { proxy: &proxy, number, stream: &stream });
                drop::<TcpStream>(stream);
                proxy.open.fetch_sub(1, Ordering::AcqRel);
            };
            if thread::Builder::new().stack_size(STACK).spawn(serve).is_err() {
                self.open.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }
}

impl Live {
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    fn disconnected(&self, connection: u64, why: Option<String>) -> Event {
        let micros = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (sent, received) = (self.counts.sent.load(Ordering::Relaxed), self.counts.received.load(Ordering::Relaxed));
        Event::Disconnected { connection, sent, received, micros, why }
    }
}
