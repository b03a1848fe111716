//! Where a path leads, as the task sees it and as the host does.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use remit_agent::AbsPath;
use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;

use crate::root::open_below;

/// A root directory, from which paths are resolved.
pub(super) struct View {
    root: OwnedFd,
    /// The mount namespace of a task. Without it the root would lose what is mounted in it when the task ends, and the task's
    /// last call is looked into after that: `exit_group(2)` with code 0 does not wait for the observer.
    _mounts: Option<OwnedFd>,
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It exists, and this is its name without symbolic links on the way.
    Found(AbsPath),
    /// The directory exists, and there is nothing of that name in it.
    Free(AbsPath),
    /// Not even the directory exists.
    Nowhere,
    /// A directory on the way may not be passed.
    Closed,
}

impl View {
    /// Returns the view of a thread. Its root never changes: the filter refuses chroot(2), and every mount call.
    pub(super) fn of_thread(thread: u32) -> Result<View, Errno> {
        let open = |name, flags| openat(CWD, format!("/proc/{thread}/{name}"), flags | OFlags::CLOEXEC, Mode::empty());
        Ok(View { root: open("root", OFlags::PATH | OFlags::DIRECTORY)?, _mounts: Some(open("ns/mnt", OFlags::RDONLY)?) })
    }

    pub(super) fn of_host() -> Result<View, Errno> {
        Ok(View { root: openat(CWD, "/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?, _mounts: None })
    }

    /// Resolves an absolute path.
    pub(super) fn place(&self, path: &[u8], follow: bool) -> Place {
        let flags = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
        match self.open(path, flags) {
            Ok(found) => standing(&found).map_or(Place::Nowhere, Place::Found),
            Err(Errno::NOENT) => self.free(path),
            Err(Errno::ACCESS) => Place::Closed,
            Err(_) => Place::Nowhere,
        }
    }

    /// Resolves a path all of whose last name: that is a name in a directory, whatever it stands for.
    pub(super) fn entry(&self, path: &[u8]) -> Place {
        let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
        match self.place(path.get(..end).unwrap_or_default(), false) {
            Place::Nowhere => self.free(path),
            other => other,
        }
    }

    fn free(&self, path: &[u8]) -> Place {
        let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
        let path = path.get(..end).unwrap_or_default();
        let start = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let Some((parent, name)) = path.split_at_checked(start) else { return Place::Nowhere };
        let Ok(name) = std::str::from_utf8(name) else { return Place::Nowhere };
        if matches!(name, "" | "." | "..") {
            return Place::Nowhere;
        }
        match self.open(parent, OFlags::DIRECTORY) {
            Ok(directory) => standing(&directory).map_or(Place::Nowhere, |directory| Place::Free(directory.join(name))),
            Err(Errno::ACCESS) => Place::Closed,
            Err(_) => Place::Nowhere,
        }
    }

    fn open(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        open_below(&self.root, path, flags)
    }
}

/// Returns where a descriptor of ours stands, in its own mount namespace.
fn standing(descriptor: &OwnedFd) -> Option<AbsPath> {
    let link = format!("/proc/self/fd/{}", descriptor.as_fd().as_raw_fd());
    let target = readlinkat(CWD, link, Vec::new()).ok()?;
    let text = target.to_str().ok()?;
    AbsPath::new(Path::new(text)).ok()
}
