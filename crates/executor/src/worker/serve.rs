//! The worker's side: orders in, answers out, each order on a thread of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use remit_agent::AbsPath;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use super::protocol::{Answer, Reply, What, frame, read};
use super::resolve::resolve;
use super::servers::{Attended, Servers};
use crate::tools::{Control, Failure, expand, hook};

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
    let answers = Arc::new(Answers {
        socket: Arc::clone(&socket),
        one: Mutex::new(()),
        running: Mutex::new(BTreeMap::new()),
        servers: Servers::default(),
    });
    let mut orders = BufReader::new(&*socket);
    while let Some(order) = read(&mut orders)? {
        match order.what {
            What::Cancel => answers.cancel(order.id),
            // Quick, and nothing is opened: no thread.
            What::Resolve(paths) => {
                let resolved = paths.iter().map(|path| resolved(path)).collect();
                answers.send(order.id, Reply::Resolved(resolved));
            }
            // It is there before the next order, which may be for it.
            What::Serve(start) => match answers.servers.start(&start) {
                Ok(server) => follow(&answers, order.id, move |control| attend(server, control))?,
                Err(failure) => answers.send(order.id, Reply::Failed { why: failure.why, errno: failure.errno }),
            },
            what @ (What::Act(_)
            | What::Hook { .. }
            | What::Expand(_)
            | What::Walk(_)
            | What::Search { .. }
            | What::Tools { .. }) => {
                let followed = follow(&answers, order.id, move |control| act(what, control));
                followed.unwrap_or_else(|error| {
                    // At the limit of processes, for as long as a command is: that is no end of the session.
                    let why = "the sandbox has no room for one thing more at once".to_owned();
                    answers.end(order.id, Reply::Failed { why, errno: error.raw_os_error() });
                });
            }
        }
    }
    Ok(())
}

fn resolved(path: &str) -> Result<String, String> {
    let path = AbsPath::new(Path::new(path)).map_err(|error| error.to_string())?;
    resolve(&path).map(|path| path.to_string())
}

/// Follows an order on a thread of its own.
fn follow(answers: &Arc<Answers>, id: u64, act: impl FnOnce(&Control<'_>) -> Reply + Send + 'static) -> io::Result<()> {
    let (cancelled, (cancel, pipe)) = (Arc::new(AtomicBool::new(false)), pipe_with(PipeFlags::CLOEXEC)?);
    answers.begin(id, Running { cancelled: Arc::clone(&cancelled), _pipe: pipe });
    let answers = Arc::clone(answers);
    thread::Builder::new().stack_size(1 << 20).spawn(move || {
        let progress = |text: String| answers.send(id, Reply::Progress(text));
        let control = Control { cancelled: &cancelled, cancel: &cancel, progress: &progress, servers: &answers.servers };
        // Whoever waits is answered, whatever becomes of this thread.
        let reply = catch_unwind(AssertUnwindSafe(|| act(&control)));
        let broken = |_| Reply::Failed { why: "it broke off in the middle, by a defect of remit".to_owned(), errno: None };
        answers.end(id, reply.unwrap_or_else(broken));
    })?;
    Ok(())
}

fn act(what: What, control: &Control<'_>) -> Reply {
    let failed = |failure: Failure| Reply::Failed { why: failure.why, errno: failure.errno };
    match what {
        What::Act(call) => call.perform(control).map_or_else(failed, Reply::Done),
        What::Hook { command, input, timeout_ms, longest } => {
            hook(&command, &input, Duration::from_millis(timeout_ms), longest, control)
        }
        What::Expand(pattern) => match expand(&pattern, control) {
            Ok(paths) => Reply::Resolved(paths.into_iter().map(Ok).collect()),
            Err(failure) => failed(failure),
        },
        What::Walk(grep) => match grep.files(control) {
            Ok(paths) => Reply::Resolved(paths.into_iter().map(Ok).collect()),
            Err(failure) => failed(failure),
        },
        What::Search { grep, files } => grep.search(files, control).map_or_else(failed, Reply::Done),
        What::Tools { server, timeout_ms } => {
            let tools = control.servers.tools(&server, Duration::from_millis(timeout_ms), control);
            tools.map_or_else(failed, Reply::Tools)
        }
        // These are followed where they are read.
        What::Serve(_) | What::Resolve(_) | What::Cancel => failed(Failure::new("this order takes no thread")),
    }
}

fn attend(server: Attended, control: &Control<'_>) -> Reply {
    let Failure { why, errno } = server.until_the_end(control);
    Reply::Failed { why, errno }
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
    servers: Servers,
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn an_order_that_breaks_off_is_answered() {
        let (session, worker) = UnixStream::pair().unwrap();
        let answers = Arc::new(Answers {
            socket: Arc::new(File::from(OwnedFd::from(worker))),
            one: Mutex::new(()),
            running: Mutex::new(BTreeMap::new()),
            servers: Servers::default(),
        });
        follow(&answers, 7, |_| panic!("on purpose")).unwrap();
        let answer: Answer = {
            use std::io::Read as _;
            let (mut session, mut head) = (session, [0; 4]);
            session.read_exact(&mut head).unwrap();
            let mut bytes = vec![0; super::super::protocol::length(head).unwrap()];
            session.read_exact(&mut bytes).unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };
        assert!(matches!((answer.id, &answer.reply), (7, Reply::Failed { why, .. }) if why.contains("broke off")), "{answer:?}");
        assert!(locked(&answers.running).is_empty());
    }
}
