//! Calls that are decided and done outside the task (`SECCOMP_RET_USER_NOTIF`).
//!
//! A filter sees numbers and no paths. For the few calls that Landlock does not bound, the kernel stops the task and asks
//! a thread of this process. It resolves what the call means, from the task's own root, working directory and
//! descriptors; asks the plan; and does the call itself, by a descriptor. The task's own call is never let go on: what
//! its arguments point to could have changed by then. What cannot be resolved or is not known is refused.
//!
//! The thread has no capabilities. It ends when nothing is left that the filter holds; if it ends before, the kernel
//! answers the waiting calls `ENOSYS`.

mod caller;
mod connect;
mod create;
mod metadata;
mod names;
mod open;
pub(crate) mod processes;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use remit_agent::AbsPath;
use remit_sandbox::{Observed, Outside};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::sys::{self, Notification};
use caller::Caller;

pub(crate) use caller::trial;
pub(crate) use metadata::SYS_FCHMODAT2;

/// What the answers depend on.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) plan: Outside,
    /// IPv4 and IPv6 connections are granted.
    pub(crate) inet: bool,
    /// The host's name of the task's terminal.
    pub(crate) terminal: Option<AbsPath>,
    /// The task's first process, or the init of its pid namespace.
    pub(crate) first: Pid,
    /// Answers that have a thread of their own.
    pub(crate) later: AtomicUsize,
}

/// What a call gets.
enum Answer {
    /// 0 or an error.
    Plain(Result<(), Errno>),
    /// The number of a copy of this.
    Descriptor { descriptor: OwnedFd, close_at_exec: bool },
    /// A thread of its own answers, because what it does may block.
    Later,
}

/// Begins to answer the calls of a task, on a thread of its own.
pub(crate) fn serve(listener: OwnedFd, bounds: Bounds) -> std::io::Result<JoinHandle<Option<Observed>>> {
    let (listener, bounds) = (Arc::new(listener), Arc::new(bounds));
    std::thread::Builder::new().name("outside".to_owned()).spawn(move || {
        if prepare_thread().is_ok() {
            // Linux 6.6. A signal that comes before somebody has begun to answer interrupts the call, so that had better be soon.
            let _ = sys::wake_in_place(listener.as_fd());
            // Without an answer the kernel refuses.
            let _ = run(&listener, &bounds);
        }
        None
    })
}

/// Answers one call for somebody who has the listener, and returns whether it was refused.
pub(crate) fn answer(listener: &Arc<OwnedFd>, bounds: &Arc<Bounds>, notification: &Notification) -> bool {
    let answer = decide(listener, bounds, notification);
    let refused = matches!(answer, Answer::Plain(Err(Errno::ACCESS | Errno::PERM | Errno::XDEV)));
    give(listener, notification, answer);
    refused
}

/// Waits for a call; false when nobody is left to make one.
pub(crate) fn wait(listener: &Arc<OwnedFd>) -> Result<bool, Errno> {
    loop {
        let mut watched = [PollFd::new(listener, PollFlags::IN)];
        match poll(&mut watched, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno),
        }
        let [watched] = watched;
        return Ok(watched.revents().contains(PollFlags::IN));
    }
}

/// The umask of the task is applied by hand, so this thread's own must not be; and it may do no more than the task's user.
pub(crate) fn prepare_thread() -> Result<(), Errno> {
    sys::own_file_settings()?;
    rustix::process::umask(rustix::fs::Mode::empty());
    crate::stage::give_up_capabilities()
}

fn run(listener: &Arc<OwnedFd>, bounds: &Arc<Bounds>) -> Result<(), Errno> {
    while wait(listener)? {
        match sys::receive(listener.as_fd()) {
            Ok(notification) => give(listener, &notification, decide(listener, bounds, &notification)),
            // The caller was killed, or a signal came.
            Err(Errno::NOENT | Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn decide(listener: &Arc<OwnedFd>, bounds: &Arc<Bounds>, notification: &Notification) -> Answer {
    // When its memory or its files cannot be read, nobody knows what it asks for.
    let Ok(caller) = Caller::new(listener.as_fd(), notification) else { return Answer::Plain(Err(Errno::PERM)) };
    let later = Later { listener: Arc::clone(listener), bounds: Arc::clone(bounds), id: notification.id };
    let number = libc::c_long::from(notification.number);
    if let Some(change) = metadata::change(number, &notification.arguments) {
        Answer::Plain(metadata::act(bounds, &caller, &change))
    } else if let Some(change) = processes::change(number, &notification.arguments) {
        Answer::Plain(processes::act(bounds, &caller, &change))
    } else if let Some(open) = open::call(number, &notification.arguments) {
        open::act(bounds, &caller, &open, later).unwrap_or_else(|errno| Answer::Plain(Err(errno)))
    } else if number == libc::SYS_truncate {
        let [path, length, ..] = notification.arguments;
        Answer::Plain(open::truncate(bounds, &caller, path, length))
    } else if number == libc::SYS_connect {
        connect::act(bounds, &caller, &notification.arguments, later).unwrap_or_else(|errno| Answer::Plain(Err(errno)))
    } else if let Some(creation) = create::call(number, &notification.arguments) {
        Answer::Plain(create::act(bounds, &caller, &creation))
    } else {
        // The filter asks for nothing else.
        Answer::Plain(Err(Errno::NOSYS))
    }
}

fn give(listener: &Arc<OwnedFd>, notification: &Notification, answer: Answer) {
    let given = match answer {
        Answer::Plain(result) => sys::answer(listener.as_fd(), notification.id, result),
        Answer::Descriptor { descriptor, close_at_exec } => {
            match sys::answer_with(listener.as_fd(), notification.id, descriptor.as_fd(), close_at_exec) {
                // As its table of descriptors is full, or the kernel is too old.
                Err(errno) if errno != Errno::NOENT => sys::answer(listener.as_fd(), notification.id, Err(errno)),
                other => other,
            }
        }
        Answer::Later => return,
    };
    // The caller has gone: there is nobody to tell.
    let _ = given;
}

/// More named pipes than a task waits for at once.
const MOST_LATER: usize = 128;

/// What a thread of its own needs to answer one call.
struct Later {
    listener: Arc<OwnedFd>,
    bounds: Arc<Bounds>,
    id: u64,
}

impl Later {
    /// Does something that may block, and answers then.
    ///
    /// Whoever asked may be killed meanwhile, and the thread goes on waiting: so there is a limit to them.
    fn answer(self, act: impl FnOnce(&Bounds) -> Answer + Send + 'static) -> Result<Answer, Errno> {
        let bounds = Arc::clone(&self.bounds);
        if bounds.later.fetch_add(1, Ordering::Relaxed) >= MOST_LATER {
            bounds.later.fetch_sub(1, Ordering::Relaxed);
            return Err(Errno::AGAIN);
        }
        let thread = move || {
            let ready = prepare_thread();
            let answer = match ready {
                Ok(()) => act(&self.bounds),
                Err(errno) => Answer::Plain(Err(errno)),
            };
            let notification = Notification { id: self.id, thread: 0, number: 0, arguments: [0; 6] };
            give(&self.listener, &notification, answer);
            self.bounds.later.fetch_sub(1, Ordering::Relaxed);
        };
        std::thread::Builder::new().name("outside".to_owned()).spawn(thread).map_err(|_| {
            bounds.later.fetch_sub(1, Ordering::Relaxed);
            Errno::AGAIN
        })?;
        Ok(Answer::Later)
    }
}
