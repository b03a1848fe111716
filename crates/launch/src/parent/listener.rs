//! The listener on which a task's filter asks: it comes from the child, and is answered here.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use remit_sandbox::{PathRights, Plan, Rights, Temporary, Wall};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType, recvmsg, socketpair,
};

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
pub(super) fn take(channel: &OwnedFd, plan: &Plan, task: &Task<'_>) -> Result<Asked, Errno> {
    let bounds = plan.outside.as_ref().map(|outside| {
        let mut outside = outside.clone();
        outside.rules.extend(own_rules(plan, task));
        Bounds {
            plan: outside,
            inet: plan.seccomp.as_ref().is_some_and(|filter| filter.inet),
            terminal: task.stdio.terminal.as_ref().map(|(_, path)| path.clone()),
        }
    });
    let error = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::AGAIN);
    match (task.watch, bounds) {
        (None, None) => Ok(Asked::Nothing),
        (None, Some(bounds)) => Ok(Asked::Calls(receive(channel)?, Box::new(bounds))),
        (Some(watch), bounds) => {
            let observer = Observer { wall: Wall::of(plan, own_rules(plan, task)), watch, filter: plan.seccomp.clone() };
            observe::serve(receive(channel)?, observer, bounds).map(Asked::Observed).map_err(error)
        }
    }
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
