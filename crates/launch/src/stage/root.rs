//! The new root, while it is put together and when it is entered.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::Path;

use remit_agent::AbsPath;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fchmod, mkdir, openat, statat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, UnmountFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen, unmount,
};

use super::mounts::put;

/// A file system in memory that becomes the root; until then it stands somewhere out of the way, as the process's own
/// directory: from there its paths are short.
pub(crate) struct NewRoot {
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
        rustix::process::chdir(directory.as_path())?;
        Ok(NewRoot { made: BTreeSet::new(), host: Vec::new() })
    }

    /// Returns where a path of the new root is to be found until it is entered.
    #[expect(clippy::unused_self, reason = "the path is one of this root, while it is the directory of the process")]
    pub(crate) fn path<'a>(&self, path: &'a AbsPath) -> &'a Path {
        match path.as_str().trim_start_matches('/') {
            "" => Path::new("."),
            beneath => Path::new(beneath),
        }
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
        put(source, self.path(target))
    }

    /// Copies a file of the host, readable for all.
    pub(crate) fn copy(&mut self, path: &AbsPath) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let source = openat(CWD, path.as_path(), flags, Mode::empty());
        let target = self.file(path)?;
        let source = match source {
            // What the user may not read is there, and is not read.
            Err(Errno::ACCESS) => return fchmod(&target, Mode::empty()),
            source => source?,
        };
        // Nearly all of these files are shorter than that.
        let mut buffer = [0_u8; 16 * 1024];
        loop {
            let mut rest = match rustix::io::read(&source, &mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => buffer.get(..length).unwrap_or_default(),
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(errno),
            };
            while !rest.is_empty() {
                match rustix::io::write(&target, rest) {
                    Ok(0) => return Err(Errno::IO),
                    Ok(length) => rest = rest.get(length..).unwrap_or_default(),
                    Err(Errno::INTR) => {}
                    Err(errno) => return Err(errno),
                }
            }
        }
    }

    /// Makes a file, readable for all, which must not be one of the host's.
    pub(crate) fn write(&mut self, path: &AbsPath, text: &str) -> Result<(), Errno> {
        if self.is_of_host(path) {
            return Err(Errno::EXIST);
        }
        let file = self.file(path)?;
        match rustix::io::write(&file, text.as_bytes()) {
            Ok(length) if length == text.len() => Ok(()),
            Ok(_) => Err(Errno::IO),
            Err(errno) => Err(errno),
        }
    }

    pub(crate) fn directory(&mut self, path: &AbsPath) -> Result<(), Errno> {
        if path.as_str() == "/" || self.is_of_host(path) || self.made.contains(path) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.directory(&parent)?;
        }
        match mkdir(self.path(path), Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        self.made.insert(path.clone());
        Ok(())
    }

    pub(crate) fn link(&mut self, link: &AbsPath, target: &str) -> Result<(), Errno> {
        self.directory(&link.parent().unwrap_or_else(AbsPath::root))?;
        rustix::fs::symlink(target, self.path(link))
    }

    /// Makes it the root, and lets the host's go: nothing that is not open any more can reach it.
    #[expect(clippy::unused_self, reason = "it is used up: its paths lead nowhere any more")]
    pub(crate) fn enter(self) -> Result<(), Errno> {
        rustix::process::pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/")
    }

    fn file(&mut self, path: &AbsPath) -> Result<OwnedFd, Errno> {
        self.directory(&path.parent().unwrap_or_else(AbsPath::root))?;
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        openat(CWD, self.path(path), flags, Mode::from_raw_mode(0o644))
    }

    fn is_of_host(&self, path: &AbsPath) -> bool {
        self.host.iter().any(|host| path.is_beneath(host))
    }
}
