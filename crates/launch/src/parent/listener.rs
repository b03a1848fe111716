//! The listener on which a task's filter asks: it comes from the child, and is answered here.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicUsize;

use remit_agent::AbsPath;
use remit_sandbox::{PathRights, Plan, Rights, Temporary, Wall};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType, recvmsg, socketpair,
};
use rustix::process::Pid;

use super::running::Asked;
use crate::Task;
use crate::observe::{self, Observer};
use crate::outside::Bounds;

/// Makes what the listener comes through, when the plan has calls decided outside.
pub(super) fn channel(plan: &Plan, task: &Task<'_>) -> Result<Option<(OwnedFd, OwnedFd)>, Errno> {
    if plan.outside.is_none() && task.watch.is_none() {
        return Ok(None);
    }
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).map(Some)
}

/// Takes the listener of a task that has started; an observer begins to look on.
pub(super) fn take(channel: &OwnedFd, plan: &Plan, task: &Task<'_>, first: Pid) -> Result<Asked, Errno> {
    let terminal = || task.stdio.terminal.as_ref().map(|(_, path)| path.clone());
    let temporary = || matches!(plan.temporary, Temporary::Named(_)).then(|| task.scratch.temporary(plan));
    let own = || Own { rules: own_rules(plan, task), temporary: temporary(), terminal: terminal(), first };
    let error = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::AGAIN);
    match task.watch {
        None if plan.outside.is_none() => Ok(Asked::Nothing),
        None => Ok(Asked::Calls(receive(channel)?, own())),
        Some(watch) => {
            let (own, rules) = (own(), own_rules(plan, task));
            let bounds = bounds(plan, own);
            let observer = Observer { wall: Wall::of(plan, rules), watch, filter: plan.seccomp.clone() };
            observe::serve(receive(channel)?, observer, bounds).map(Asked::Observed).map_err(error)
        }
    }
}

/// What only the task's own launch knows.
#[derive(Debug)]
pub(super) struct Own {
    rules: Vec<PathRights>,
    temporary: Option<AbsPath>,
    terminal: Option<AbsPath>,
    first: Pid,
}

/// Returns what the answers depend on; `None` when a plan has no calls decided outside.
pub(super) fn bounds(plan: &Plan, own: Own) -> Option<Bounds> {
    let mut outside = plan.outside.clone()?;
    outside.rules.extend(own.rules);
    outside.temporary = own.temporary;
    let inet = plan.seccomp.as_ref().is_some_and(|filter| filter.inet);
    Some(Bounds { plan: outside, inet, terminal: own.terminal, first: own.first, later: AtomicUsize::new(0) })
}

/// Returns what only the task's own launch knows: its temporary directory and its terminal.
fn own_rules(plan: &Plan, task: &Task<'_>) -> Vec<PathRights> {
    let mut rules = Vec::new();
    let mut grant = |path, rights| rules.push(PathRights { path, rights, patterns: Vec::new(), wider: false });
    if let Temporary::Named(rights) = plan.temporary {
        grant(task.scratch.temporary(plan), rights);
    }
    if let Some((_, terminal)) = &task.stdio.terminal {
        let terminal = if plan.root.is_some() { Task::console() } else { terminal.clone() };
        grant(terminal, Rights::READ | Rights::WRITE);
    }
    rules
}

pub(crate) fn receive(channel: &OwnedFd) -> Result<OwnedFd, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0_u8; 1];
    recvmsg(channel, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT)?;
    control
        .drain()
        .find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        })
        .ok_or(Errno::PROTO)
}
