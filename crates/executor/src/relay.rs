//! The limit of output, where the task would write to the caller's own descriptors: it writes to pipes instead.
//!
//! A thread for each pipe passes the bytes on and counts; so a reader that is slow holds up the task, and nothing else. At
//! the limit the task is killed. Nothing is made where there is no limit.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, pidfd_send_signal};

/// Two pipes, and where what comes out of them goes.
pub(crate) struct Relay {
    limit: u64,
    output: Way,
    error: Way,
}

struct Way {
    from: OwnedFd,
    to: OwnedFd,
    inner: OwnedFd,
}

/// Threads that pass output on.
pub(crate) struct Relaying {
    counted: Arc<Counted>,
    threads: Vec<JoinHandle<()>>,
}

struct Counted {
    limit: u64,
    printed: AtomicU64,
    over: AtomicBool,
}

impl Relay {
    pub(crate) fn new(limit: u64) -> Result<Relay, Errno> {
        let way = |to: BorrowedFd<'_>| {
            let (from, inner) = pipe_with(PipeFlags::CLOEXEC)?;
            Ok::<_, Errno>(Way { from, inner, to: rustix::io::fcntl_dupfd_cloexec(to, 3)? })
        };
        Ok(Relay { limit, output: way(rustix::stdio::stdout())?, error: way(rustix::stdio::stderr())? })
    }

    /// Returns what the task writes to.
    pub(crate) fn inner(&self) -> (BorrowedFd<'_>, BorrowedFd<'_>) {
        (self.output.inner.as_fd(), self.error.inner.as_fd())
    }

    /// Begins to pass on, for a task that has started.
    pub(crate) fn begin(self, task: BorrowedFd<'_>) -> Result<Relaying, Errno> {
        let counted = Arc::new(Counted { limit: self.limit, printed: AtomicU64::new(0), over: AtomicBool::new(false) });
        let mut threads = Vec::new();
        for Way { from, to, inner } in [self.output, self.error] {
            // The task has its own; while this is open there would be no end of file.
            drop(inner);
            let (counted, task) = (Arc::clone(&counted), rustix::io::fcntl_dupfd_cloexec(task, 3)?);
            let pass = move || {
                if counted.pass(File::from(from), File::from(to)).is_none() {
                    let _ = pidfd_send_signal(&task, Signal::KILL);
                }
            };
            threads.push(std::thread::Builder::new().name("relay".to_owned()).spawn(pass).map_err(|_| Errno::AGAIN)?);
        }
        Ok(Relaying { counted, threads })
    }
}

impl Relaying {
    /// Waits until everything that was printed has been passed on, and returns whether the limit was met. The task's tree
    /// must have ended.
    pub(crate) fn end(self) -> bool {
        for thread in self.threads {
            let _ = thread.join();
        }
        self.counted.over.load(Ordering::Acquire)
    }
}

impl Counted {
    /// Passes on until the end; `None` when the limit is met.
    fn pass(&self, mut from: File, mut to: File) -> Option<()> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = match from.read(&mut buffer) {
                Ok(0) => return Some(()),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return Some(()),
            };
            let before = self.printed.fetch_add(length as u64, Ordering::AcqRel);
            let fits = self.limit.saturating_sub(before).min(length as u64);
            let bytes = buffer.get(..usize::try_from(fits).unwrap_or(length)).unwrap_or_default();
            // Nobody reads it any more: the task learns that as it would without a pipe in between.
            if to.write_all(bytes).is_err() {
                return Some(());
            }
            if before + length as u64 > self.limit {
                self.over.store(true, Ordering::Release);
                return None;
            }
        }
    }
}
