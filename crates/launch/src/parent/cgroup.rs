//! The cgroups of a task: made before it starts, joined by it before anything else, removed after it.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use remit_agent::AbsPath;
use remit_sandbox::{CgroupPlan, Counter, GroupLimit};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::{LaunchError, Layer};

/// A cgroup that this process made; it is removed when this is dropped, if it is empty by then.
#[derive(Debug)]
pub(crate) struct Cgroup {
    path: AbsPath,
    /// `cgroup.procs`: whoever writes 0 to it is in.
    members: OwnedFd,
    counters: Vec<(Counter, OwnedFd)>,
}

impl Cgroup {
    pub(crate) fn make(plan: &CgroupPlan, name: &str) -> Result<Cgroup, LaunchError> {
        let path = plan.parent.join(name);
        let at = |errno| LaunchError::at(Layer::Cgroup, &path)(errno);
        rustix::fs::mkdir(path.as_path(), Mode::from_raw_mode(0o755)).map_err(at)?;
        let made = fill(plan, &path).map_err(at);
        if made.is_err() {
            let _ = rustix::fs::rmdir(path.as_path());
        }
        made
    }

    /// Makes the calling process a member, with every process that it makes from then on.
    pub(crate) fn join(&self) -> Result<(), Errno> {
        rustix::io::write(&self.members, b"0").map(|_| ())
    }

    /// Returns the limit that was met, if one was.
    pub(crate) fn met(&self) -> Option<GroupLimit> {
        self.counters.iter().find(|(counter, file)| count(counter, file.as_fd()) > 0).map(|(counter, _)| counter.limit)
    }

    /// Returns the file that tells, as a `POLLPRI`, when the limit of processes is met.
    pub(crate) fn processes(&self) -> Option<BorrowedFd<'_>> {
        let counter = self.counters.iter().find(|(counter, _)| counter.limit == GroupLimit::Processes);
        counter.map(|(_, file)| file.as_fd())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // With a member left it stays, and says so by its name.
        let _ = rustix::fs::rmdir(self.path.as_path());
    }
}

fn fill(plan: &CgroupPlan, path: &AbsPath) -> Result<Cgroup, Errno> {
    for (file, value) in &plan.settings {
        fs::write(path.join(file).as_path(), value).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    }
    let open = |file: &str, flags: OFlags| openat(CWD, path.join(file).as_path(), flags | OFlags::CLOEXEC, Mode::empty());
    let counters = plan.counters.iter().map(|counter| Ok((*counter, open(counter.file, OFlags::RDONLY)?)));
    Ok(Cgroup {
        members: open("cgroup.procs", OFlags::WRONLY)?,
        counters: counters.collect::<Result<_, Errno>>()?,
        path: path.clone(),
    })
}

/// Reads the number behind the counter's key; a file that cannot be read counts as not met.
fn count(counter: &Counter, file: BorrowedFd<'_>) -> u64 {
    let mut text = [0_u8; 1024];
    let Ok(length) = rustix::io::pread(file, &mut text, 0) else { return 0 };
    let text = String::from_utf8_lossy(text.get(..length).unwrap_or_default()).into_owned();
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(key, _)| *key == counter.key).and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0)
}
