//! The new root, while it is put together and when it is entered.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;

use remit_agent::AbsPath;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, mkdir, openat, statat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, UnmountFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen, unmount,
};

use super::mounts::put;

/// A file system in memory that becomes the root; until then it stands somewhere out of the way.
pub(crate) struct NewRoot {
    at: AbsPath,
    /// Directories that were made here, so that none is looked for twice.
    made: BTreeSet<AbsPath>,
    /// Where the host's own directories stand: what is mounted inside finds its place there.
    host: Vec<AbsPath>,
}

/// What a mount holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Files and directories of the host, under the names that they have there.
    Host,
    /// Nothing yet.
    Empty,
}

impl NewRoot {
    /// Makes one, and lets it stand at `directory` until it is entered.
    pub(crate) fn at(directory: &AbsPath) -> Result<NewRoot, Errno> {
        let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_string(&context, "mode", "0755")?;
        // Directories, links and small files only.
        fsconfig_set_string(&context, "size", "64m")?;
        fsconfig_create(&context)?;
        let source = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
        put(&source, directory.as_path())?;
        Ok(NewRoot { at: directory.clone(), made: BTreeSet::new(), host: Vec::new() })
    }

    /// Returns where a path of the new root is to be found until it is entered.
    pub(crate) fn path(&self, path: &AbsPath) -> AbsPath {
        self.at.join(path.as_str().trim_start_matches('/'))
    }

    /// Mounts something, in the order of paths.
    pub(crate) fn put(&mut self, source: &OwnedFd, kind: Kind, target: &AbsPath) -> Result<(), Errno> {
        let directory = FileType::from_raw_mode(statat(source, "", AtFlags::EMPTY_PATH)?.st_mode) == FileType::Directory;
        if !self.is_of_host(target) {
            if directory {
                self.directory(target)?;
            } else {
                self.file(target)?;
            }
        }
        if directory && kind == Kind::Host {
            self.host.push(target.clone());
        }
        put(source, self.path(target).as_path())
    }

    /// Copies a file of the host, readable for all.
    pub(crate) fn copy(&mut self, path: &AbsPath) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let source = std::fs::File::from(openat(CWD, path.as_path(), flags, Mode::empty())?);
        let mut target = std::fs::File::from(self.file(path)?);
        std::io::copy(&mut &source, &mut target).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        Ok(())
    }

    pub(crate) fn directory(&mut self, path: &AbsPath) -> Result<(), Errno> {
        if path.as_str() == "/" || self.is_of_host(path) || self.made.contains(path) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.directory(&parent)?;
        }
        match mkdir(self.path(path).as_path(), Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        self.made.insert(path.clone());
        Ok(())
    }

    pub(crate) fn link(&mut self, link: &AbsPath, target: &str) -> Result<(), Errno> {
        self.directory(&link.parent().unwrap_or_else(AbsPath::root))?;
        rustix::fs::symlink(target, self.path(link).as_path())
    }

    /// Makes it the root, and lets the host's go: nothing that is not open any more can reach it.
    pub(crate) fn enter(self) -> Result<(), Errno> {
        rustix::process::chdir(self.at.as_path())?;
        rustix::process::pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/")
    }

    fn file(&mut self, path: &AbsPath) -> Result<OwnedFd, Errno> {
        self.directory(&path.parent().unwrap_or_else(AbsPath::root))?;
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        openat(CWD, self.path(path).as_path(), flags, Mode::from_raw_mode(0o644))
    }

    fn is_of_host(&self, path: &AbsPath) -> bool {
        self.host.iter().any(|host| path.is_beneath(host))
    }
}
