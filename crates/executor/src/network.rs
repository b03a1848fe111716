//! The proxy of a task: this very binary once more, outside the task's network, started before the task and ended after it.
//!
//! It is told what to hold to, and given the sockets that the launch makes inside; what it tells goes into the audit record,
//! by a thread of this process. When that cannot be written, the proxy is ended: what cannot be recorded is not done.

use std::io::{BufRead, BufReader};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use remit_launch::{keep_descriptors_to_itself, only_talk};
use remit_proxy::{Config, Event, Limits, Pattern, Rules, configured, send_config, serve};
use remit_sandbox::{Plan, ProxyPlan};
use rustix::process::{Pid, Signal, kill_process};

use crate::audit::{Audit, AuditEvent, Flood};
use crate::{AuditError, ExecutorError};

/// The hidden subcommand that is the proxy.
pub const PROXY: &str = "proxy";

/// How long the proxy may take to tell of what was open when the task ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A proxy that has started.
#[derive(Debug)]
pub(crate) struct Proxy {
    control: UnixStream,
    pid: Option<Pid>,
}

/// The record of what goes through a proxy, while it is written. Dropping it ends the proxy.
#[derive(Debug)]
pub(crate) struct Recording {
    control: UnixStream,
    pid: Option<Pid>,
    expected: Arc<AtomicBool>,
    over: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts the proxy of a plan, if the plan has one. The caller must have one thread.
    pub(crate) fn start(plan: &Plan) -> Result<Option<Proxy>, ExecutorError> {
        let Some(proxy) = &plan.proxy else { return Ok(None) };
        // What this process was given without knowing is nothing for the proxy.
        keep_descriptors_to_itself().map_err(|errno| ExecutorError::Proxy(errno.into()))?;
        let (control, inner) = UnixStream::pair().map_err(ExecutorError::Proxy)?;
        let started = Command::new("/proc/self/exe")
            .arg0("remit")
            .arg(PROXY)
            .env_clear()
            .current_dir("/")
            // What is typed at the terminal is for the task.
            .process_group(0)
            .stdin(OwnedFd::from(inner))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(ExecutorError::Proxy)?;
        let pid = i32::try_from(started.id()).ok().and_then(Pid::from_raw);
        send_config(&control, &config(proxy)).map_err(ExecutorError::Proxy)?;
        Ok(Some(Proxy { control, pid }))
    }

    /// Returns where the sockets of the task's network go.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    /// Begins to record what it tells.
    pub(crate) fn record(self, audit: Arc<Audit>) -> Result<Recording, ExecutorError> {
        let Proxy { control, pid } = self;
        let expected = Arc::new(AtomicBool::new(false));
        let (end, over) = channel();
        let (events, is_expected) = (control.try_clone().map_err(ExecutorError::Proxy)?, Arc::clone(&expected));
        let listen = move || {
            let recorded = listen(&events, &audit);
            if recorded.is_ok() && !is_expected.load(Ordering::Acquire) {
                let why = "the proxy has ended before the task".into();
                let _ = audit.append(&AuditEvent::NetworkClosed { why });
            }
            // Without a record there is no network.
            let _ = events.shutdown(Shutdown::Both);
            let _ = end.send(());
        };
        let thread = std::thread::Builder::new().name("network".to_owned()).spawn(listen).map_err(ExecutorError::Proxy)?;
        Ok(Recording { control, pid, expected, over, thread: Some(thread) })
    }
}

impl Recording {
    /// Ends the proxy, and waits until what it told is written.
    pub(crate) fn finish(mut self) {
        self.end();
        if self.over.recv_timeout(LAST_WORDS).is_err() {
            // It does not end: nothing more is heard of it.
            let _ = self.control.shutdown(Shutdown::Both);
        }
        let _ = self.thread.take().map(JoinHandle::join);
    }

    fn end(&self) {
        self.expected.store(true, Ordering::Release);
        // Paused with the task, it could not end. It is not reaped before this value is gone, so the number is still its own.
        let _ = self.pid.map(|pid| kill_process(pid, Signal::CONT));
        let _ = self.control.shutdown(Shutdown::Write);
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.end();
    }
}

/// Is the proxy, with its control socket as standard input, until that ends.
///
/// # Errors
///
/// Returns what is wrong with the socket, or with what came over it.
pub fn be_proxy() -> std::io::Result<()> {
    let control = UnixStream::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
    let config = configured(&control)?;
    // Where the name servers and the names of this machine stand, also behind the links that lead there.
    let readable = ["/etc", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager"].map(Path::new);
    only_talk(&readable, &ports(&config))?;
    serve(config, &control)
}

fn config(plan: &ProxyPlan) -> Config {
    let pattern =
        |rule: &remit_policy::HostRule| Pattern { host: rule.host.clone(), port: rule.port, place: rule.origin.to_string() };
    Config { rules: Rules(plan.hosts.iter().map(pattern).collect()), resolver: plan.resolver, limits: Limits::default() }
}

/// Returns every port that a rule permits, and those of name servers.
fn ports(config: &Config) -> Vec<u16> {
    let resolver = config.resolver.map_or(53, |resolver| resolver.port());
    let named = config.rules.0.iter().flat_map(|rule| rule.port.map_or(vec![80, 443], |port| vec![port]));
    let mut ports: Vec<u16> = named.chain([resolver]).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn listen(events: &UnixStream, audit: &Audit) -> Result<(), AuditError> {
    let mut flood = Flood::default();
    for line in BufReader::new(events).lines() {
        let Ok(line) = line else { break };
        // From one binary to itself: a line that does not read is the end of one that was killed.
        let Ok(event) = serde_json::from_str::<Event>(&line) else { break };
        if let Some(event) = flood.pass(event) {
            audit.append(&event)?;
        }
    }
    flood.rest().iter().try_for_each(|event| audit.append(event))
}
