//! The two directories of a layer, open. Everything below them is reached from here, and no symbolic link is followed.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, openat2, statat};
use rustix::io::Errno;

use crate::layers::{Layer, LayersError, Xattrs};
use crate::node::{Node, Time};
use crate::path::RelPath;

/// A layer whose directories are open.
#[derive(Debug)]
pub struct View {
    pub(crate) upper: OwnedFd,
    pub(crate) lower: OwnedFd,
    pub(crate) xattrs: Xattrs,
    /// When the task began.
    pub(crate) began: Time,
}

impl Layer {
    /// Opens the upper directory and the directory that it is a layer of.
    pub fn open(&self) -> Result<View, LayersError> {
        if self.xattrs == Xattrs::Trusted && !may_read_trusted() {
            return Err(LayersError::NeedsRoot);
        }
        let open = |path: &remit_agent::AbsPath| {
            // The record has canonical paths: a symbolic link in one has come since.
            openat2(CWD, path.as_path(), DIRECTORY, Mode::empty(), ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS)
                .map_err(|errno| LayersError::Io { action: "open", path: path.clone(), source: errno.into() })
        };
        Ok(View { upper: open(&self.upper)?, lower: open(&self.target)?, xattrs: self.xattrs, began: self.began })
    }
}

pub(crate) const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a directory below `root`; what is mounted inside belongs to no layer.
pub(crate) fn directory(root: BorrowedFd<'_>, path: &RelPath) -> Result<OwnedFd, Errno> {
    at(root, path, DIRECTORY)
}

/// Opens a file below `root` to read it. Something that is no regular file does not make it wait.
pub(crate) fn file(root: BorrowedFd<'_>, path: &RelPath) -> Result<OwnedFd, Errno> {
    at(root, path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC)
}

/// Returns the directory that holds `path`, and its name there. `path` is not the root.
pub(crate) fn parent(root: BorrowedFd<'_>, path: &RelPath) -> Result<(OwnedFd, std::ffi::OsString), Errno> {
    let parent = path.parent().ok_or(Errno::INVAL)?;
    Ok((directory(root, &parent)?, OsStr::from_bytes(path.name()).to_owned()))
}

/// Returns what stands at `path`; `None` when nothing does.
pub(crate) fn look(root: BorrowedFd<'_>, path: &RelPath) -> Result<Option<Node>, Errno> {
    let holder = match path.parent() {
        None => return Ok(Some(Node::of(&rustix::fs::fstat(root)?))),
        Some(parent) => match directory(root, &parent) {
            Ok(holder) => holder,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(errno) => return Err(errno),
        },
    };
    look_in(holder.as_fd(), path.name())
}

/// Returns what stands in `directory` under `name`.
pub(crate) fn look_in(directory: BorrowedFd<'_>, name: &[u8]) -> Result<Option<Node>, Errno> {
    match statat(directory, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(Node::of(&stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Returns the names in a directory, sorted.
pub(crate) fn names(directory: BorrowedFd<'_>) -> Result<Vec<Vec<u8>>, Errno> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    names.sort();
    Ok(names)
}

/// Returns what a symbolic link points to.
pub(crate) fn link(root: BorrowedFd<'_>, path: &RelPath) -> Result<Vec<u8>, Errno> {
    let (holder, name) = parent(root, path)?;
    Ok(rustix::fs::readlinkat(holder, name, Vec::new())?.into_bytes())
}

/// Returns an attribute that overlayfs keeps at a file or directory; `None` when it has none.
pub(crate) fn overlay_xattr(
    directory: BorrowedFd<'_>,
    name: &[u8],
    xattrs: Xattrs,
    attribute: &str,
) -> Result<Option<Vec<u8>>, Errno> {
    // By way of a descriptor that opens nothing: a pipe does not make it wait, and a symbolic link is not followed.
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let place = rustix::fs::openat(directory, OsStr::from_bytes(name), flags, Mode::empty())?;
    let mut value = [0_u8; 256];
    let attribute = format!("{}overlay.{attribute}", xattrs.prefix());
    match rustix::fs::getxattr(by_descriptor(&place), attribute, &mut value) {
        Ok(length) => Ok(Some(value.get(..length).unwrap_or_default().to_vec())),
        // Longer than any value that is asked for: it is there.
        Err(Errno::RANGE) => Ok(Some(Vec::new())),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Returns a path that leads to what the descriptor stands for, for calls that take no descriptor.
pub(crate) fn by_descriptor(descriptor: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", descriptor.as_raw_fd())
}

fn at(root: BorrowedFd<'_>, path: &RelPath, flags: OFlags) -> Result<OwnedFd, Errno> {
    let path = if path.is_root() { b"." } else { path.as_bytes() };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    // EAGAIN: something was renamed meanwhile, and the kernel could not be certain; it asks for another try.
    for _ in 0..64 {
        match openat2(root, OsStr::from_bytes(path), flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

/// Returns whether the kernel shows `trusted.` attributes to this process: without the right it says that there are none.
fn may_read_trusted() -> bool {
    let all = rustix::thread::capabilities(None);
    all.is_ok_and(|sets| sets.effective.contains(rustix::thread::CapabilitySet::SYS_ADMIN))
}
