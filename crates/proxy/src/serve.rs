//! The process: sockets come in, connections are served, and at the end of the control socket it is over.

use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::Config;
use crate::answer::{self, Status};
use crate::control::{Told, next_socket};
use crate::event::{Event, Way};
use crate::handle::{Client, handle};
use crate::relay::Counts;

/// How many connections there are at once; one more is refused.
const AT_ONCE: usize = 480;
/// A thread of a connection needs no more, in bytes.
const STACK: usize = 256 * 1024;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) config: Config,
    pub(crate) told: Told,
    next: AtomicU64,
    open: AtomicUsize,
    live: Mutex<BTreeMap<u64, Live>>,
}

/// A connection to a host, while it lasts.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    counts: Arc<Counts>,
    begun: Instant,
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
        next: AtomicU64::new(1),
        open: AtomicUsize::new(0),
        live: Mutex::new(BTreeMap::new()),
    });
    while let Some((letter, socket)) = next_socket(control)? {
        if letter == b'p' {
            let (listener, proxy) = (TcpListener::from(socket), Arc::clone(&proxy));
            thread::Builder::new().name("listener".to_owned()).spawn(move || proxy.listen(&listener))?;
        }
    }
    // What is open ends with this process, and is told of before.
    let live = std::mem::take(&mut *proxy.live());
    for (number, live) in live {
        proxy.told.tell(&live.disconnected(number, Some("the task has ended".to_owned())))?;
    }
    Ok(())
}

impl Proxy {
    fn live(&self) -> MutexGuard<'_, BTreeMap<u64, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self, number: u64) -> Live {
        let live = Live { counts: Arc::default(), begun: Instant::now() };
        self.live().insert(number, live.clone());
        live
    }

    pub(crate) fn end(&self, number: u64, live: &Live, why: Option<String>) -> io::Result<()> {
        // At the end of the process somebody else has told of it.
        if self.live().remove(&number).is_none() {
            return Ok(());
        }
        self.told.tell(&live.disconnected(number, why))
    }

    fn listen(self: Arc<Proxy>, listener: &TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept() else {
                // Out of descriptors, for a while.
                thread::sleep(Duration::from_millis(20));
                continue;
            };
            let (proxy, number) = (Arc::clone(&self), self.next.fetch_add(1, Ordering::Relaxed));
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
                let _ = stream.set_nodelay(true);
                // What cannot be told of was not done.
                let _ = handle(&Client { proxy: &proxy, number, stream: &stream });
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
