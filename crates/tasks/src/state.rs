//! The private directory that holds everything else, and the checks that it is private.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use remit_agent::AbsPath;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use thiserror::Error;

use crate::files;

/// The directory of Remit's state, open and checked: a directory itself, the user's own, closed to everybody else.
// INVARIANT: `fd` passed `check_private`. Everything below is reached from `fd`, so what was checked is what is used.
#[derive(Debug)]
pub struct StateDir {
    fd: OwnedFd,
    path: AbsPath,
}

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    #[error("state directory `{path}` is a symbolic link or not a directory")]
    NotADirectory { path: AbsPath },
    #[error("state directory `{path}` belongs to user {owner}, not to user {user}")]
    NotOwned { path: AbsPath, owner: u32, user: u32 },
    #[error("state directory `{path}` can be used by others: its mode is {mode:03o}")]
    NotPrivate { path: AbsPath, mode: u32 },
    #[error("cannot {action} state directory `{path}`")]
    Io { action: &'static str, path: AbsPath, source: std::io::Error },
}

impl StateError {
    /// Returns the cure, as an instruction.
    pub fn help(&self) -> Option<String> {
        match self {
            StateError::NotADirectory { path } => {
                Some(format!("move `{path}` away, or set `XDG_STATE_HOME` to another directory"))
            }
            StateError::NotOwned { user, .. } => {
                Some(format!("set `XDG_STATE_HOME` to a directory of user {user}, or run as the owner"))
            }
            StateError::NotPrivate { path, .. } => {
                Some(format!("look whether anything in it was changed, then run `chmod 700 {path}`"))
            }
            StateError::Io { .. } => Some("set `XDG_STATE_HOME` to a directory that you can write to".to_owned()),
        }
    }
}

impl StateDir {
    /// Opens the directory at `path`, and makes it, closed to everybody else, when it is not there.
    pub fn open_or_create(path: &AbsPath) -> Result<StateDir, StateError> {
        if let Some(state) = StateDir::open_existing(path)? {
            return Ok(state);
        }
        let failed = |source| StateError::Io { action: "create", path: path.clone(), source };
        // The directories above it too: the XDG specification asks for 0700 where they are missing.
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(path.as_path()).map_err(failed)?;
        StateDir::open_existing(path)?.ok_or_else(|| failed(Errno::NOENT.into()))
    }

    /// Opens the directory at `path`; `None` when nothing is there.
    pub fn open_existing(path: &AbsPath) -> Result<Option<StateDir>, StateError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match rustix::fs::open(path.as_path(), flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(StateError::NotADirectory { path: path.clone() }),
            Err(errno) => return Err(StateError::Io { action: "open", path: path.clone(), source: errno.into() }),
        };
        check_private(fd.as_fd(), path)?;
        Ok(Some(StateDir { fd, path: path.clone() }))
    }

    pub fn path(&self) -> &AbsPath {
        &self.path
    }

    /// Reads a small file of the caller's own, such as what was found out about the host; `None` when there is none.
    pub fn read(&self, name: &str) -> std::io::Result<Option<Vec<u8>>> {
        files::read(self.fd(), name)
    }

    /// Writes such a file: a reader sees the old contents or the new, whole.
    pub fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        files::write_atomically(self.fd(), name, bytes)
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn check_private(fd: BorrowedFd<'_>, path: &AbsPath) -> Result<(), StateError> {
    let stat =
        rustix::fs::fstat(fd).map_err(|errno| StateError::Io { action: "look at", path: path.clone(), source: errno.into() })?;
    let user = rustix::process::geteuid().as_raw();
    if stat.st_uid != user {
        return Err(StateError::NotOwned { path: path.clone(), owner: stat.st_uid, user });
    }
    let mode = stat.st_mode & 0o777;
    if mode & 0o077 != 0 {
        return Err(StateError::NotPrivate { path: path.clone(), mode });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn path(directory: &tempfile::TempDir, name: &str) -> AbsPath {
        AbsPath::new(&directory.path().join(name)).unwrap()
    }

    #[test]
    fn it_is_made_private_with_what_is_above_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = path(&directory, "a/b/remit");
        assert!(StateDir::open_existing(&path).unwrap().is_none());
        StateDir::open_or_create(&path).unwrap();
        for path in [path.clone(), path.parent().unwrap()] {
            let mode = std::fs::metadata(path.as_path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{path}");
        }
        assert!(StateDir::open_existing(&path).unwrap().is_some());
    }

    #[test]
    fn a_symlink_a_file_and_an_open_directory_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let real = path(&directory, "real");
        StateDir::open_or_create(&real).unwrap();

        let link = path(&directory, "link");
        symlink(real.as_path(), link.as_path()).unwrap();
        let error = StateDir::open_or_create(&link).unwrap_err();
        assert!(matches!(error, StateError::NotADirectory { .. }), "{error}");

        let dangling = path(&directory, "dangling");
        symlink("nowhere", dangling.as_path()).unwrap();
        StateDir::open_or_create(&dangling).unwrap_err();

        let file = path(&directory, "file");
        std::fs::write(file.as_path(), "").unwrap();
        let error = StateDir::open_or_create(&file).unwrap_err();
        assert!(matches!(error, StateError::NotADirectory { .. }), "{error}");

        for mode in [0o770, 0o701, 0o720] {
            std::fs::set_permissions(real.as_path(), PermissionsExt::from_mode(mode)).unwrap();
            let error = StateDir::open_or_create(&real).unwrap_err();
            assert!(matches!(error, StateError::NotPrivate { mode: found, .. } if found == mode), "{error}");
        }
    }

    #[test]
    fn somebody_elses_directory_is_refused() {
        let user = rustix::process::geteuid().as_raw();
        let path = AbsPath::new(std::path::Path::new("/proc/1")).unwrap();
        // Only where process 1 is another user's is there such a directory without being root.
        if std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/1").unwrap()) != user {
            let error = StateDir::open_or_create(&path).unwrap_err();
            assert!(matches!(error, StateError::NotOwned { .. }), "{error}");
        }
        if user == 0 {
            let directory = tempfile::tempdir().unwrap();
            std::os::unix::fs::chown(directory.path(), Some(65534), None).unwrap();
            let path = AbsPath::new(directory.path()).unwrap();
            let error = StateDir::open_or_create(&path).unwrap_err();
            assert!(matches!(error, StateError::NotOwned { owner: 65534, user: 0, .. }), "{error}");
        }
    }
}
