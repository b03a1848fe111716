//! What the child does between fork and exec, one step after another.
//!
//! With a pid namespace the first process becomes its init: it makes the namespaces' mounts, forks the task, and waits;
//! when it ends, the kernel ends everything in the namespace. Without one, the first process becomes the task.

mod cgroups;
mod descriptors;
mod init;
mod landlock;
mod limits;
mod mounts;
mod namespaces;
mod network;
mod privileges;
mod root;
mod route;

use std::cell::RefCell;
use std::convert::Infallible;
use std::ffi::CString;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use remit_sandbox::{Plan, SeccompProgram, observing};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal, set_parent_process_death_signal};

use crate::parent::{Cgroup, Identity};
use crate::signals::supervised;
use crate::sys;
use crate::{LaunchError, Layer, Task};

pub(crate) use mounts::{overlay, own_proc, own_propagation, take};
pub(crate) use namespaces::map_identity;
pub(crate) use privileges::{drop_capabilities, give_up_capabilities, hide_memory};
pub(crate) use root::{Kind, NewRoot};

/// What the parent has made ready.
pub(crate) struct Prepared<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) task: &'a Task<'a>,
    /// Joined before anything else.
    pub(crate) cgroups: Vec<Cgroup>,
    pub(crate) identity: Identity,
    /// How many processes and threads the user has, where the plan wants to know.
    pub(crate) processes: u64,
    pub(crate) program: CString,
    pub(crate) arguments: Vec<CString>,
    pub(crate) environment: Vec<CString>,
    /// Where a failure is reported; its end is closed by exec.
    pub(crate) report: OwnedFd,
    /// Where an init writes how the task ended.
    pub(crate) status: Option<OwnedFd>,
    /// Where the listener of the filter goes, when calls are decided outside.
    pub(crate) listener: Option<OwnedFd>,
    /// What is to be read before exec, and the caller's end of it.
    pub(crate) go: Option<(OwnedFd, RefCell<Option<OwnedFd>>)>,
    /// What is to be asked before exec, in the caller's memory.
    pub(crate) within: Option<RefCell<&'a mut (dyn FnMut(Pid) -> bool + 'a)>>,
}

/// Runs in the child, and does not return.
pub(crate) fn run(prepared: &Prepared<'_>) -> ! {
    // In this process's copy: with it open, the caller's end would not be seen.
    drop(prepared.go.as_ref().and_then(|(_, write)| write.take()));
    fail(prepared, enter(prepared))
}

fn fail(prepared: &Prepared<'_>, result: Result<Infallible, LaunchError>) -> ! {
    let Err(error) = result;
    // When the parent is gone there is nobody to tell, and nothing has started.
    let _ = rustix::io::write(&prepared.report, &error.to_bytes());
    sys::exit_now(125)
}

fn enter(prepared: &Prepared<'_>) -> Result<Infallible, LaunchError> {
    let plan = prepared.plan;
    die_with_parent(prepared)?;
    for cgroup in &prepared.cgroups {
        cgroup.join().map_err(|errno| LaunchError::new(Layer::Cgroup, errno))?;
    }
    let Some(spaces) = plan.namespaces else { return become_task(prepared) };
    namespaces::map_identity(spaces.user, prepared.identity).map_err(|errno| LaunchError::new(Layer::Namespaces, errno))?;
    if spaces.loopback {
        let raised = sys::raise_loopback().and_then(|()| route::second_addresses());
        raised.map_err(LaunchError::at(Layer::Namespaces, "loopback"))?;
    }
    if let Some(proxy) = &plan.proxy {
        network::listen(proxy, prepared.task).map_err(LaunchError::at(Layer::Network, proxy.address))?;
    }
    if let Some(root) = &plan.root {
        mounts::apply(plan, root, prepared.task)?;
    }
    // From here on the cgroups that it has joined are all that it has a name for.
    sys::own_cgroups().map_err(LaunchError::at(Layer::Namespaces, "cgroup"))?;
    if !spaces.pid {
        return become_task(prepared);
    }
    // The task shares our user: it must not be able to read this process's memory, which is a copy of the caller's.
    privileges::hide_memory().map_err(|errno| LaunchError::new(Layer::Privileges, errno))?;
    // Before there is a child whose end could be missed; the child unblocks them again.
    sys::set_mask(&supervised()).map_err(|errno| LaunchError::new(Layer::Session, errno))?;
    let mut task = || fail(prepared, die_with_parent(prepared).and_then(|()| become_task(prepared)));
    let (pid, _) = sys::spawn_sharing(0, &mut task).map_err(|errno| LaunchError::new(Layer::Fork, errno))?;
    init::run(prepared, pid)
}

fn become_task(prepared: &Prepared<'_>) -> Result<Infallible, LaunchError> {
    let Prepared { plan, task, .. } = prepared;
    let failed = |layer: Layer| move |errno: Errno| LaunchError::new(layer, errno);
    descriptors::session(&task.stdio).map_err(failed(Layer::Session))?;
    descriptors::only_standard(&task.stdio).map_err(failed(Layer::Descriptors))?;
    sys::reset_signals().map_err(failed(Layer::Session))?;
    limits::apply(&plan.limits, prepared.processes).map_err(failed(Layer::Limits))?;
    rustix::process::chdir(task.directory.as_path()).map_err(LaunchError::at(Layer::Directory, &task.directory))?;
    privileges::drop(plan)?;
    if let Some(rules) = &plan.landlock {
        landlock::restrict(rules, plan, task)?;
    }
    if let Some(filter) = &plan.seccomp {
        filter_calls(prepared, filter).map_err(failed(Layer::Seccomp))?;
    }
    if let Some((go, _)) = &prepared.go {
        wait_for(go).map_err(failed(Layer::Exec))?;
    }
    if let Some(release) = &prepared.within
        && !(*release.borrow_mut())(rustix::process::getpid())
    {
        return Err(failed(Layer::Exec)(Errno::CANCELED));
    }
    if task.watch.is_some() {
        let channel = prepared.listener.as_ref().ok_or_else(|| failed(Layer::Seccomp)(Errno::INVAL))?;
        observe(prepared, channel).map_err(failed(Layer::Seccomp))?;
    }
    let errno = sys::exec(&prepared.program, &prepared.arguments, &prepared.environment);
    Err(LaunchError { layer: Layer::Exec, path: Some(task.program.to_string()), errno })
}

/// Waits until the caller agrees to the start; when it is gone, it never does.
fn wait_for(go: &OwnedFd) -> Result<(), Errno> {
    loop {
        match rustix::io::read(go, &mut [0_u8]) {
            Ok(1) => return Ok(()),
            Ok(_) => return Err(Errno::CANCELED),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

fn filter_calls(prepared: &Prepared<'_>, filter: &SeccompProgram) -> Result<(), Errno> {
    match &prepared.listener {
        None if filter.notifies() => Err(Errno::INVAL),
        None => sys::install_filter(filter.instructions()),
        // The one listener that a task can have is the observer's, whose filter asks about all that this one does; until it is
        // there, what this one asks about is refused.
        Some(_) if prepared.task.watch.is_some() => sys::install_filter(filter.instructions()),
        Some(channel) => hand_over(channel.as_fd(), sys::install_asking_filter(filter.instructions())?.as_fd(), b'l'),
    }
}

/// Installs the filter that asks what is only looked at, over the one that decides.
fn observe(prepared: &Prepared<'_>, channel: &OwnedFd) -> Result<(), Errno> {
    let first = prepared.program.as_ptr().addr();
    let program = observing(u64::try_from(first).map_err(|_| Errno::INVAL)?);
    hand_over(channel.as_fd(), sys::install_asking_filter(&program)?.as_fd(), b'l')
}

/// Gives a descriptor away with a letter that says what it is; through the filter, which lets this pass.
pub(crate) fn hand_over(channel: BorrowedFd<'_>, descriptor: BorrowedFd<'_>, letter: u8) -> Result<(), Errno> {
    let descriptors = [descriptor];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(Errno::NOBUFS);
    }
    sendmsg(channel, &[IoSlice::new(&[letter])], &mut control, SendFlags::NOSIGNAL).map(|_| ())
}

/// Asks to be killed when the parent dies, and ends at once when it is dead already.
fn die_with_parent(prepared: &Prepared<'_>) -> Result<(), LaunchError> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let failed = |errno| LaunchError::new(Layer::Session, errno);
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed)?;
    // In a pid namespace the parent has no number that could be compared; the pipe's other end tells as well.
    let mut pipe = [PollFd::new(&prepared.report, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut pipe, Some(&now)).map_err(failed)?;
    let [pipe] = pipe;
    if pipe.revents().contains(PollFlags::ERR) {
        sys::exit_now(125);
    }
    Ok(())
}
