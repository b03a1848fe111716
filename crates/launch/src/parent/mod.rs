//! The caller's side: it makes everything ready, forks, learns whether the task started, and sees it end.

mod cgroup;
mod crowd;
mod listener;
mod prepare;
mod running;
mod tree;

use std::cell::RefCell;
use std::ffi::CString;
use std::os::fd::OwnedFd;

use remit_sandbox::{Plan, Temporary};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;

use crate::stage::{self, Prepared};
use crate::sys::{self, Side};
use crate::{LaunchError, Layer, Task};

pub(crate) use cgroup::Cgroup;
pub(crate) use listener::receive as receive_listener;
pub(crate) use prepare::Identity;
use running::Asked;
pub use running::{Ending, Running};
pub use tree::{become_reaper, end_tree, end_tree_but, pause_tree, resume_tree, same_memory, threads_but, tree_but};

/// Starts a task under a plan.
///
/// # Errors
///
/// Returns the layer that could not be applied; then nothing of the task has run.
pub fn spawn(plan: &Plan, task: &Task<'_>) -> Result<Running, LaunchError> {
    let mut running = launch(plan, task, Release::AtOnce)?;
    match running.answer(plan) {
        Ok(()) => Ok(running),
        // Nobody would ever answer it.
        Err(errno) => {
            running.kill();
            running.wait().map_err(|errno| LaunchError::new(Layer::Fork, errno))?;
            Err(LaunchError::new(Layer::Seccomp, errno))
        }
    }
}

/// Starts a task under a plan, once `release` agrees.
///
/// `release` is given the process that was made, while that makes its sandbox ready: it executes nothing before `release`
/// returns `true`, and nothing at all when it returns `false`, or when this process ends.
///
/// What the task's filter asks waits until the caller calls [`Running::answer`], when [`Running::question`] is readable: most
/// tasks ask nothing, and need no thread here.
///
/// # Errors
///
/// As [`spawn`]; where `release` does not agree, [`Layer::Exec`] with `ECANCELED`.
pub fn spawn_when<'a>(
    plan: &'a Plan,
    task: &'a Task<'a>,
    release: &'a mut (dyn FnMut(Pid) -> bool + 'a),
) -> Result<Running, LaunchError> {
    launch(plan, task, Release::Beside(release))
}

/// As [`spawn_when`], for a `release` that only writes to descriptors that are open already.
///
/// Without a pid namespace the new process borrows this one's memory until it executes something, which costs less than a copy,
/// and asks `release` itself: what that opens, or locks, would be the new process's.
pub fn spawn_telling<'a>(
    plan: &'a Plan,
    task: &'a Task<'a>,
    release: &'a mut (dyn FnMut(Pid) -> bool + 'a),
) -> Result<Running, LaunchError> {
    launch(plan, task, Release::Within(release))
}

/// Who says that a process may become the task.
enum Release<'a> {
    AtOnce,
    /// This process, while the other makes itself ready.
    Beside(&'a mut (dyn FnMut(Pid) -> bool + 'a)),
    /// The new process, where it has this one's memory.
    Within(&'a mut (dyn FnMut(Pid) -> bool + 'a)),
}

fn launch<'a>(plan: &'a Plan, task: &'a Task<'a>, release: Release<'a>) -> Result<Running, LaunchError> {
    prepare::directories(plan, task.scratch)?;
    let failed = |errno| LaunchError::new(Layer::Fork, errno);
    let init = plan.namespaces.is_some_and(|spaces| spaces.pid);
    let (beside, within) = match release {
        Release::AtOnce => (None, None),
        // An init goes on beside this process, so it cannot borrow its memory.
        Release::Within(release) if !init => (None, Some(release)),
        Release::Beside(release) | Release::Within(release) => (Some(release), None),
    };
    let (report, report_end) = pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
    let (status, status_end) = init.then(|| pipe_with(PipeFlags::CLOEXEC)).transpose().map_err(failed)?.unzip();
    let name = format!("remit-{}", task.scratch.path.parent().map_or_else(String::new, |task| task.file_name().to_owned()));
    let cgroups = plan.cgroups.iter().map(|cgroup| Cgroup::make(cgroup, &name)).collect::<Result<Vec<_>, _>>()?;
    let go = beside.is_some().then(|| pipe_with(PipeFlags::CLOEXEC)).transpose().map_err(failed)?;
    let (channel, channel_end) = listener::channel(plan, task).map_err(failed)?.unzip();
    let prepared = Prepared {
        plan,
        cgroups,
        task,
        identity: Identity::of_caller(),
        processes: crowd::processes(plan).map_err(|errno| LaunchError::new(Layer::Limits, errno))?,
        program: text(task.program.as_str().as_bytes())?,
        arguments: task.arguments.iter().map(|argument| text(argument.as_encoded_bytes())).collect::<Result<_, _>>()?,
        environment: environment(plan, task)?,
        report: report_end,
        status: status_end,
        listener: channel_end,
        go: go.map(|(read, write)| (read, RefCell::new(Some(write)))),
        within: within.map(RefCell::new),
    };
    let started = if init || beside.is_some() {
        fork(plan, &prepared)
    } else {
        sys::spawn_sharing(namespace_flags(plan), &mut || stage::run(&prepared))
    };
    let (pid, pidfd) = started.map_err(|errno| fork_failed(plan, errno))?;
    // The child has its own ends of the pipes; while these are open there would be no end of file.
    let Prepared { cgroups, report: report_end, status: status_end, listener: channel_end, go, .. } = prepared;
    let go = go.and_then(|(_, write)| write.into_inner());
    drop((report_end, status_end, channel_end));
    let mut running = Running::new(pid, pidfd, status, cgroups);
    if let (Some(go), Some(release)) = (go, beside) {
        if !release(pid) {
            running.kill();
            running.wait().map_err(failed)?;
            return Err(LaunchError::new(Layer::Exec, Errno::CANCELED));
        }
        // A child that has failed by now has nobody to read it, and says so in its report.
        let _ = rustix::io::write(&go, b".");
    }
    match read_report(&report) {
        Ok(None) => match channel.map_or(Ok(Asked::Nothing), |channel| listener::take(&channel, plan, task, pid)) {
            Ok(asked) => Ok(running.asked(asked)),
            // Nobody would ever answer it.
            Err(errno) => {
                running.kill();
                running.wait().map_err(failed)?;
                Err(LaunchError::new(Layer::Seccomp, errno))
            }
        },
        Ok(Some(error)) => {
            running.wait().map_err(failed)?;
            Err(error)
        }
        Err(errno) => {
            running.kill();
            running.wait().map_err(failed)?;
            Err(failed(errno))
        }
    }
}

/// An init goes on beside this process, so it needs memory of its own.
fn fork(plan: &Plan, prepared: &Prepared<'_>) -> Result<(Pid, OwnedFd), Errno> {
    match sys::fork(namespace_flags(plan))? {
        Side::Child => stage::run(prepared),
        Side::Parent { pid, pidfd } => Ok((pid, pidfd)),
    }
}

fn namespace_flags(plan: &Plan) -> libc::c_int {
    let Some(spaces) = plan.namespaces else { return 0 };
    let optional = [(spaces.user, libc::CLONE_NEWUSER), (spaces.pid, libc::CLONE_NEWPID), (spaces.network, libc::CLONE_NEWNET)];
    optional
        .into_iter()
        .filter(|(wanted, _)| *wanted)
        .fold(libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS, |all, (_, flag)| all | flag)
}

fn fork_failed(plan: &Plan, errno: Errno) -> LaunchError {
    LaunchError::new(if plan.namespaces.is_some() { Layer::Namespaces } else { Layer::Fork }, errno)
}

/// Reads what the child has to say: nothing, and the end of file, when it has become the task.
fn read_report(report: &OwnedFd) -> Result<Option<LaunchError>, Errno> {
    let mut bytes = Vec::new();
    let mut buffer = [0_u8; 512];
    loop {
        match rustix::io::read(report, &mut buffer) {
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    if bytes.is_empty() {
        return Ok(None);
    }
    LaunchError::from_bytes(&bytes).map(Some).ok_or(Errno::PROTO)
}

fn environment(plan: &Plan, task: &Task<'_>) -> Result<Vec<CString>, LaunchError> {
    let mut lines: Vec<CString> = Vec::with_capacity(plan.environment.len() + 2);
    for (name, value) in &plan.environment {
        if task.mark.is_some_and(|(mark, _)| mark == name) {
            continue;
        }
        lines.push(text(format!("{name}={value}").as_bytes())?);
    }
    if let Some((name, value)) = task.mark {
        lines.push(text(format!("{name}={value}").as_bytes())?);
    }
    // What a policy says of it holds: of two, programs differ on which they read.
    if matches!(plan.temporary, Temporary::Named(_)) && !plan.environment.contains_key("TMPDIR") {
        lines.push(text(format!("TMPDIR={}", task.scratch.temporary(plan)).as_bytes())?);
    }
    Ok(lines)
}

fn text(bytes: &[u8]) -> Result<CString, LaunchError> {
    CString::new(bytes).map_err(|_| LaunchError::at(Layer::Exec, String::from_utf8_lossy(bytes))(Errno::INVAL))
}
