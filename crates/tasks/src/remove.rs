//! Removes a tree that somebody else filled.
//!
//! What a task leaves behind is of any shape: directories that nobody may enter (an overlay's own `work/work` is one),
//! directories without the right to write (Go's module cache), trees deeper than there are file descriptors. No symbolic
//! link is followed, and no path is looked up twice: everything goes through descriptors of directories.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, SeekFrom};
use rustix::io::Errno;

use crate::files;

/// How deep the descent goes. What lies deeper is moved up first, so that a deep tree uses up neither descriptors nor
/// the stack.
const DEPTH: u32 = 32;

/// Removes `name` below `parent`, whatever it is; nothing there is fine.
///
/// Nobody else may be at work in the tree: the processes that filled it are gone.
pub fn remove_tree(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR) => return gone(rustix::fs::unlinkat(parent, name, AtFlags::empty())),
        Err(_) => {}
    }
    let top = match open_for_removal(parent, name) {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NOENT) => return Ok(()),
        other => other?,
    };
    let (mut moved, mut again) = (0, AGAIN);
    loop {
        let before = moved;
        empty(top.as_fd(), &mut Up { top: top.as_fd(), moved: &mut moved }, 0)?;
        if moved == before {
            match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
                // Somebody has put something there meanwhile.
                Err(Errno::NOTEMPTY) if again > 0 => again -= 1,
                done => return gone(done),
            }
        }
        rustix::fs::seek(&top, SeekFrom::Start(0))?;
    }
}

/// How often a directory is emptied that somebody fills meanwhile.
const AGAIN: u32 = 100;

/// What somebody else has removed is removed.
fn gone(removed: Result<(), Errno>) -> io::Result<()> {
    match removed {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Where directories that lie too deep are moved to, and how many were.
struct Up<'a> {
    top: BorrowedFd<'a>,
    moved: &'a mut u64,
}

/// Empties a directory, which is read from where its descriptor stands.
fn empty(directory: BorrowedFd<'_>, up: &mut Up<'_>, depth: u32) -> io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = match entry {
            // The directory itself is gone.
            Err(Errno::NOENT) => return Ok(()),
            other => other?,
        };
        let name = entry.file_name();
        if files::is_dot(name) {
            continue;
        }
        if entry.file_type() != FileType::Directory {
            match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => continue,
                // A file system that does not tell types; a directory after all.
                Err(Errno::ISDIR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        if rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR).is_ok() {
            continue;
        }
        let child = match open_for_removal(directory, name) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOENT) => continue,
            other => other?,
        };
        if depth < DEPTH {
            empty(child.as_fd(), up, depth + 1)?;
            match rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR) {
                // The top is emptied once more.
                Err(Errno::NOTEMPTY) => {}
                done => gone(done)?,
            }
        } else {
            move_up(directory, name, up)?;
        }
    }
    Ok(())
}

fn move_up(directory: BorrowedFd<'_>, name: &CStr, up: &mut Up<'_>) -> io::Result<()> {
    loop {
        let new = format!(".deep-{}", *up.moved);
        *up.moved += 1;
        match rustix::fs::renameat(directory, name, up.top, new) {
            // An empty directory that stood there is gone now, which is what it was there for.
            Ok(()) => return Ok(()),
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Opens a directory so that it can be read and emptied, and gives its owner the rights to do so.
fn open_for_removal(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(parent, name, flags | OFlags::RDONLY, Mode::empty());
    let fd = match open() {
        Ok(fd) => fd,
        Err(Errno::ACCESS) => {
            // chmod(2) by name would follow a symbolic link; by way of this descriptor it cannot.
            let place = rustix::fs::openat(parent, name, flags | OFlags::PATH, Mode::empty())?;
            let by_descriptor = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&place));
            rustix::fs::chmod(by_descriptor, files::PRIVATE_DIRECTORY)?;
            open()?
        }
        Err(errno) => return Err(errno.into()),
    };
    if rustix::fs::fstat(&fd)?.st_mode & 0o700 != 0o700 {
        rustix::fs::fchmod(&fd, files::PRIVATE_DIRECTORY)?;
    }
    Ok(fd)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn remove(directory: &tempfile::TempDir) {
        let parent = fs::File::open(directory.path()).unwrap();
        remove_tree(parent.as_fd(), c"scratch").unwrap();
        assert!(!directory.path().join("scratch").exists());
    }

    #[test]
    fn what_is_not_there_or_is_a_file_or_a_link_goes() {
        let directory = tempfile::tempdir().unwrap();
        remove(&directory);
        fs::write(directory.path().join("scratch"), "").unwrap();
        remove(&directory);
        fs::write(directory.path().join("kept"), "").unwrap();
        symlink(".", directory.path().join("scratch")).unwrap();
        remove(&directory);
        assert!(directory.path().join("kept").exists());
    }

    #[test]
    fn two_can_remove_the_same() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..20 {
            for at in 0..50 {
                let below = directory.path().join(format!("scratch/{}/{at}", at % 5));
                fs::create_dir_all(&below).unwrap();
                fs::write(below.join("file"), "").unwrap();
            }
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| remove(&directory));
                }
            });
        }
    }

    #[test]
    fn directories_without_rights_go_and_links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let outside = directory.path().join("outside");
        fs::create_dir_all(outside.join("sub")).unwrap();
        fs::write(outside.join("sub/file"), "kept").unwrap();
        fs::set_permissions(&outside, PermissionsExt::from_mode(0o555)).unwrap();

        let scratch = directory.path().join("scratch");
        for (name, mode) in [("closed/in", 0o000), ("readonly/in", 0o555), ("noenter/in", 0o600), ("work/work", 0o000)] {
            fs::create_dir_all(scratch.join(name)).unwrap();
            fs::write(scratch.join(name).join("file"), "").unwrap();
            symlink(&outside, scratch.join(name).join("link")).unwrap();
            fs::set_permissions(scratch.join(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        symlink(outside.join("sub/file"), scratch.join("link")).unwrap();
        fs::set_permissions(scratch.join("closed"), PermissionsExt::from_mode(0o0)).unwrap();
        remove(&directory);
        assert_eq!(fs::read_to_string(outside.join("sub/file")).unwrap(), "kept");
        assert_eq!(fs::metadata(&outside).unwrap().permissions().mode() & 0o777, 0o555);
        fs::set_permissions(&outside, PermissionsExt::from_mode(0o700)).unwrap();
    }

    #[test]
    fn a_tree_deeper_than_there_are_descriptors_goes() {
        let directory = tempfile::tempdir().unwrap();
        let mut at = rustix::fs::open(directory.path(), OFlags::DIRECTORY, Mode::empty()).unwrap();
        for level in 0..3000 {
            let name = if level == 0 { "scratch" } else { ".deep-0" };
            rustix::fs::mkdirat(&at, name, Mode::RWXU).unwrap();
            at = rustix::fs::openat(&at, name, OFlags::DIRECTORY, Mode::empty()).unwrap();
            rustix::fs::symlinkat("/", &at, "link").unwrap();
        }
        remove(&directory);
    }
}
