//! The agent's own MCP servers: started by the worker, so as confined as every command, and spoken to from here.
//!
//! What a server says is read inside the sandbox, line by line and within limits; the session gets it as typed frames.
//! Each server has a thread that writes, one that reads, and one that looks on until it ends. No call waits longer than
//! its server's time, and none outlives its server.

mod link;
mod speech;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use remit_diagnostics::visible;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::tools::{Control, Failure, Output};
use link::Link;
pub(crate) use speech::Asked;

/// How long a server may take to end after it has closed its output.
const GRACE: Duration = Duration::from_millis(500);
/// How much of the last that it printed is told with its end, in bytes.
const TAIL: usize = 1000;

/// How a server is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) server: String,
    pub(crate) words: Vec<String>,
    /// What it is given beside the environment of the task.
    pub(crate) environment: BTreeMap<String, String>,
}

/// A tool of a server, as the server describes it; nothing of it is trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Remote {
    pub(crate) name: String,
    pub(crate) title: Option<String>,
    pub(crate) description: String,
    pub(crate) schema: Map<String, Value>,
    pub(crate) read_only: bool,
}

/// The servers that have been started, by name.
#[derive(Debug, Default)]
pub(crate) struct Servers(Mutex<BTreeMap<String, Arc<Server>>>);

#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    link: Link,
    /// The last that it printed to its standard error.
    tail: Mutex<Vec<u8>>,
}

/// A server that runs, for whoever looks on.
#[derive(Debug)]
pub(crate) struct Attended {
    server: Arc<Server>,
    child: Child,
    pidfd: OwnedFd,
    /// Readable when it has closed its output.
    closed: OwnedFd,
    stderr: Option<ChildStderr>,
}

impl Servers {
    /// Starts a server. Nothing is waited for.
    pub(crate) fn start(&self, start: &Start) -> Result<Attended, Failure> {
        let (program, arguments) = start.words.split_first().ok_or_else(|| Failure::new("its command is empty"))?;
        let mut command = Command::new(program);
        command.args(arguments).envs(&start.environment).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| crate::tools::not_started(program, &error))?;
        match self.attended(start, &mut child) {
            Ok((server, pidfd, closed)) => Ok(Attended { server, pidfd, closed, stderr: child.stderr.take(), child }),
            Err(failure) => {
                end_group(&child);
                let _ = child.wait();
                Err(failure)
            }
        }
    }

    fn attended(&self, start: &Start, child: &mut Child) -> Result<(Arc<Server>, OwnedFd, OwnedFd), Failure> {
        let failed = |errno: Errno| Failure { why: "it cannot be watched".to_owned(), errno: Some(errno.raw_os_error()) };
        let pidfd = pidfd_open(pid(child).ok_or_else(|| failed(Errno::INVAL))?, PidfdFlags::empty()).map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return Err(failed(Errno::PIPE)) };
        let (link, closed) =
            Link::new(input, output).map_err(|error| Failure::new(format!("it cannot be spoken to: {error}")))?;
        let server = Arc::new(Server { name: start.server.clone(), link, tail: Mutex::default() });
        locked(&self.0).insert(start.server.clone(), Arc::clone(&server));
        Ok((server, pidfd, closed))
    }

    /// Introduces itself to a server, and learns its tools.
    pub(crate) fn tools(&self, server: &str, limit: Duration, control: &Control<'_>) -> Result<Vec<Remote>, Failure> {
        self.named(server)?.tools(limit, control)
    }

    /// Calls a tool of a server.
    pub(crate) fn call(&self, asked: &Asked, control: &Control<'_>) -> Result<Output, Failure> {
        self.named(&asked.server)?.call(asked, control)
    }

    fn named(&self, name: &str) -> Result<Arc<Server>, Failure> {
        let found = locked(&self.0).get(name).cloned();
        found.ok_or_else(|| Failure::new(format!("the server `{}` has not been started", visible(name))))
    }
}

impl Attended {
    /// Looks on until the server ends, tells what it prints to its standard error, and returns how it ended.
    pub(crate) fn until_the_end(mut self, control: &Control<'_>) -> Failure {
        let mut until = None;
        let status = loop {
            let wait = until.map(|until: Instant| until.saturating_duration_since(Instant::now()));
            let (ended, closed) = match self.poll(until.is_none(), wait, control) {
                Ok(ready) => ready,
                Err(errno) => break Err(errno),
            };
            if ended {
                break self.child.wait().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO));
            }
            match until {
                None if closed => until = Some(Instant::now() + GRACE),
                Some(when) if Instant::now() >= when => {
                    end_group(&self.child);
                    until = Some(Instant::now() + GRACE);
                }
                _ => {}
            }
        };
        end_group(&self.child);
        let why = self.server.how(status.as_ref().ok());
        self.server.link.end(&why);
        Failure::new(why)
    }

    /// Waits for something to happen; returns whether it has ended, and whether it has closed its output.
    fn poll(&mut self, open: bool, wait: Option<Duration>, control: &Control<'_>) -> Result<(bool, bool), Errno> {
        let mut watched = vec![PollFd::from_borrowed_fd(self.pidfd.as_fd(), PollFlags::IN)];
        if open {
            watched.push(PollFd::from_borrowed_fd(self.closed.as_fd(), PollFlags::IN));
        }
        if let Some(stderr) = &self.stderr {
            watched.push(PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::IN));
        }
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        match poll(&mut watched, wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        let ready: Vec<bool> = watched.iter().map(|fd| !fd.revents().is_empty()).collect();
        let at = |index: usize| ready.get(index).copied().unwrap_or(false);
        let printed = self.stderr.is_some() && at(usize::from(open) + 1);
        if printed {
            self.listen(control);
        }
        // What it printed last is read before its end is told.
        Ok((at(0) && !printed, open && at(1)))
    }

    fn listen(&mut self, control: &Control<'_>) {
        let mut buffer = [0; 8192];
        match self.stderr.as_mut().map(|stderr| stderr.read(&mut buffer)) {
            Some(Ok(length @ 1..)) => {
                let text = buffer.get(..length).unwrap_or_default();
                let mut tail = locked(&self.server.tail);
                tail.extend_from_slice(text);
                let over = tail.len().saturating_sub(TAIL);
                tail.drain(..over);
                (control.progress)(String::from_utf8_lossy(text).into_owned());
            }
            Some(Err(error)) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Some(Ok(_) | Err(_)) | None => self.stderr = None,
        }
    }
}

impl Server {
    /// Says how it ended, with the last lines that it printed.
    fn how(&self, status: Option<&ExitStatus>) -> String {
        let how = match status.map(|status| (status.code(), status.signal())) {
            Some((Some(code), _)) => format!("exit status {code}"),
            Some((None, Some(signal))) => format!("killed by signal {signal}"),
            Some((None, None)) | None => "nobody knows how".to_owned(),
        };
        let tail = locked(&self.tail);
        let text = String::from_utf8_lossy(&tail);
        let mut last: Vec<String> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(3).map(visible).collect();
        last.reverse();
        let printed = if last.is_empty() { String::new() } else { format!(": {}", last.join(" | ")) };
        format!("the server `{}` has ended ({how}){printed}", visible(&self.name))
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn end_group(child: &Child) {
    if let Some(pid) = pid(child) {
        // It may have ended already.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
