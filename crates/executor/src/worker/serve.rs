//! The worker's side: orders in, answers out, each order on a thread of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use remit_agent::AbsPath;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use super::protocol::{Answer, Order, Reply, What, frame, read};
use super::resolve::resolve;
use crate::tools::{Control, expand, hook};

/// Serves the session at standard input until it goes. `looked_at`: some of its calls are decided outside the sandbox, by
/// a thread that has to look at its descriptors; then so can a command, which finds nothing there that it has not itself.
///
/// # Errors
///
/// Returns what is wrong with the socket, or with what came over it.
pub fn serve(looked_at: bool) -> io::Result<()> {
    // A command has the worker's own user: it must not look into the worker's memory, nor at its descriptors.
    if !looked_at {
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    let socket = Arc::new(File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?));
    // What a command inherits is no way to the session either.
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    let answers = Arc::new(Answers { socket: Arc::clone(&socket), one: Mutex::new(()), running: Mutex::new(BTreeMap::new()) });
    let mut orders = BufReader::new(&*socket);
    while let Some(order) = read(&mut orders)? {
        match order.what {
            What::Cancel => answers.cancel(order.id),
            // Quick, and nothing is opened: no thread.
            What::Resolve(paths) => {
                let resolved = paths.iter().map(|path| resolved(path)).collect();
                answers.send(order.id, Reply::Resolved(resolved));
            }
            What::Act(_) | What::Hook { .. } | What::Expand(_) => {
                let (cancelled, pipe) = (Arc::new(AtomicBool::new(false)), pipe_with(PipeFlags::CLOEXEC)?);
                answers.begin(order.id, Running { cancelled: Arc::clone(&cancelled), _pipe: pipe.1 });
                let answers = Arc::clone(&answers);
                thread::Builder::new().stack_size(1 << 20).spawn(move || act(order, &answers, &cancelled, &pipe.0))?;
            }
        }
    }
    Ok(())
}

fn resolved(path: &str) -> Result<String, String> {
    let path = AbsPath::new(Path::new(path)).map_err(|error| error.to_string())?;
    resolve(&path).map(|path| path.to_string())
}

fn act(order: Order, answers: &Answers, cancelled: &AtomicBool, cancel: &OwnedFd) {
    let id = order.id;
    let progress = |text: String| answers.send(id, Reply::Progress(text));
    let control = Control { cancelled, cancel, progress: &progress };
    let reply = match order.what {
        What::Act(call) => match call.perform(&control) {
            Ok(output) => Reply::Done(output),
            Err(failure) => Reply::Failed { why: failure.why, errno: failure.errno },
        },
        What::Hook { command, input, timeout_ms, longest } => {
            hook(&command, &input, Duration::from_millis(timeout_ms), longest, &control)
        }
        What::Expand(pattern) => match expand(&pattern, &control) {
            Ok(paths) => Reply::Resolved(paths.into_iter().map(Ok).collect()),
            Err(failure) => Reply::Failed { why: failure.why, errno: failure.errno },
        },
        What::Resolve(_) | What::Cancel => return,
    };
    answers.end(id, reply);
}

/// An order that is being followed.
struct Running {
    cancelled: Arc<AtomicBool>,
    /// The other end becomes readable when this one is closed.
    _pipe: OwnedFd,
}

struct Answers {
    socket: Arc<File>,
    /// Held while a frame is written.
    one: Mutex<()>,
    running: Mutex<BTreeMap<u64, Running>>,
}

impl Answers {
    fn begin(&self, id: u64, running: Running) {
        locked(&self.running).insert(id, running);
    }

    fn end(&self, id: u64, reply: Reply) {
        locked(&self.running).remove(&id);
        self.send(id, reply);
    }

    fn cancel(&self, id: u64) {
        if let Some(running) = locked(&self.running).remove(&id) {
            running.cancelled.store(true, Ordering::Relaxed);
        }
    }

    fn send(&self, id: u64, reply: Reply) {
        let bytes = frame(&Answer { id, reply }).or_else(|_| {
            let why = "the answer is longer than 32 MiB: ask for less".to_owned();
            frame(&Answer { id, reply: Reply::Failed { why, errno: None } })
        });
        let _one = locked(&self.one);
        // When the session is gone, the next read says so.
        let _ = bytes.and_then(|bytes| (&*self.socket).write_all(&bytes));
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
