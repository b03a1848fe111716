//! The directories that must stand before the child begins.

use remit_agent::AbsPath;
use remit_sandbox::{Plan, Rights, Temporary};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawMode, chmodat, mkdirat, openat, stat, statat};
use rustix::io::Errno;

use crate::{LaunchError, Layer, Scratch};

/// Whom the task runs as; read before the fork, because a new user namespace has no names yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

impl Identity {
    pub(crate) fn of_caller() -> Identity {
        Identity { user: rustix::process::geteuid().as_raw(), group: rustix::process::getegid().as_raw() }
    }
}

impl Scratch {
    /// Returns the task's own directory for temporary files, as the task sees it. Without a root of its own there is nothing else
    /// in the scratch directory, and that is the one; otherwise it has a place where no grant can be above it, and nothing hides it.
    pub(crate) fn temporary(&self, plan: &Plan) -> AbsPath {
        if plan.root.is_none() { self.path.clone() } else { AbsPath::root().join("remit-tmp") }
    }

    /// Returns what stands there on the host, where the task has a root of its own.
    pub(crate) fn temporary_source(&self) -> AbsPath {
        self.path.join("tmp")
    }

    /// Returns where a layer's writes go, and the directory that overlayfs works in.
    pub fn layer(&self, index: usize) -> (AbsPath, AbsPath) {
        (self.path.join(&format!("layer-{index}-upper")), self.path.join(&format!("layer-{index}-work")))
    }

    pub(crate) fn private(&self, index: usize) -> AbsPath {
        self.path.join(&format!("private-{index}"))
    }
}

pub(super) fn directories(plan: &Plan, scratch: &Scratch) -> Result<(), LaunchError> {
    for path in &plan.make_directories {
        make_all(path).map_err(LaunchError::at(Layer::Mounts, path))?;
    }
    for (index, layer) in plan.layers.iter().enumerate() {
        // The root of an overlay has the mode of its upper directory.
        let mode = stat(layer.target.as_path()).map_err(LaunchError::at(Layer::Mounts, &layer.target))?.st_mode;
        let (upper, work) = scratch.layer(index);
        make(&upper, mode & 0o7777)?;
        make(&work, 0o700)?;
    }
    for (index, private) in plan.private_directories.iter().enumerate().filter(|(_, private)| !private.in_memory) {
        let _ = private;
        make(&scratch.private(index), 0o1777)?;
    }
    let named = plan.temporary != Temporary::Named(Rights::NONE) && matches!(plan.temporary, Temporary::Named(_));
    // Without a root the scratch directory itself, which the caller has made.
    if named && plan.root.is_some() {
        make(&scratch.temporary_source(), 0o700)?;
    }
    Ok(())
}

fn make(path: &AbsPath, mode: RawMode) -> Result<(), LaunchError> {
    let at = |errno| LaunchError::at(Layer::Mounts, path)(errno);
    match mkdirat(CWD, path.as_path(), Mode::from_raw_mode(0o700)) {
        // A worker that takes another's place goes on in its directories.
        Err(Errno::EXIST) if is_directory(path) => return Ok(()),
        result => result.map_err(at)?,
    }
    // The umask has a say in mkdir, and not here.
    if mode == 0o700 { Ok(()) } else { chmodat(CWD, path.as_path(), Mode::from_raw_mode(mode), AtFlags::empty()).map_err(at) }
}

fn is_directory(path: &AbsPath) -> bool {
    let found = statat(CWD, path.as_path(), AtFlags::SYMLINK_NOFOLLOW);
    found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory)
}

/// Makes a directory and those above it, and follows no symbolic link on the way.
fn make_all(path: &AbsPath) -> Result<(), Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at = openat(CWD, "/", flags, Mode::empty())?;
    for name in path.as_str().split('/').filter(|name| !name.is_empty()) {
        at = match openat(&at, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => {
                mkdirat(&at, name, Mode::from_raw_mode(0o777))?;
                openat(&at, name, flags, Mode::empty())?
            }
            other => other?,
        };
    }
    Ok(())
}
