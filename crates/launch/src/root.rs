//! Paths from a root directory that is not this process's own.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

/// How often the kernel is asked again. One walk takes some microseconds, and whoever renames without a pause to make it fail
/// gets the error.
const MOST_TRIES: usize = 1000;

/// Opens a place (`O_PATH`) below a root, which `..` and absolute links do not leave. No link of `/proc` is followed: there it
/// would be ours.
///
/// At a `..` the kernel gives up (`EAGAIN`) when anything at all was renamed or mounted on the host meanwhile, whatever it was
/// (openat2(2)): that says nothing of the path, and is tried again.
pub(crate) fn open_below(root: impl AsFd, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..MOST_TRIES {
        match openat2(root.as_fd(), path, flags | OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::{fs, thread};

    use rustix::fs::{CWD, fstat, openat};

    use super::*;

    #[test]
    fn what_is_renamed_elsewhere_hides_nothing() {
        let directory = std::env::temp_dir().join(format!("remit-root-{}", std::process::id()));
        fs::create_dir_all(directory.join("a")).unwrap();
        fs::write(directory.join("there"), "").unwrap();
        let root = openat(CWD, &directory, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let inode = fs::metadata(directory.join("there")).unwrap().ino();
        let over = AtomicBool::new(false);
        let open = |_| open_below(&root, b"/a/../a/../a/../a/../there", OFlags::empty()).and_then(|found| fstat(&found));
        let found: Vec<_> = thread::scope(|scope| {
            scope.spawn(|| {
                let (one, other) = (directory.join("one"), directory.join("other"));
                fs::write(&one, "").unwrap();
                while !over.load(Ordering::Relaxed) {
                    fs::rename(&one, &other).unwrap();
                    fs::rename(&other, &one).unwrap();
                }
            });
            let found = (0..20_000).map(open).collect();
            over.store(true, Ordering::Relaxed);
            found
        });
        fs::remove_dir_all(&directory).unwrap();
        let lost = found.iter().filter(|found| !found.as_ref().is_ok_and(|stat| stat.st_ino == inode)).count();
        assert_eq!(lost, 0, "of {}", found.len());
    }
}
