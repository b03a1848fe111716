//! The names in a directory that is moved: each of them is new at its new place, and gone from its old one.

use std::os::fd::OwnedFd;

use remit_agent::AbsPath;
use remit_sandbox::Named;
use rustix::fs::{Dir, FileType, Mode, OFlags, openat};
use rustix::io::Errno;

use super::Bounds;
use super::caller::Entry;

/// How many names are looked at before a directory counts as too large to be moved; some tens of milliseconds.
const MOST: usize = 20_000;

/// Checks that no name in a directory is denied where the directory goes, nor where it was: there it could not be written. Only the task could put another in its place meanwhile, and
/// what it renames is decided by this thread as well.
pub(super) fn stay_allowed(bounds: &Bounds, from: &Entry, to: &Entry) -> Result<(), Errno> {
    if !bounds.plan.place_matters(&from.path, &to.path) {
        return Ok(());
    }
    let mut left = MOST;
    let mut open = vec![(directory(&from.directory, &from.name)?, from.path.clone(), to.path.clone())];
    while let Some((at, old, new)) = open.pop() {
        for entry in Dir::read_from(&at)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            left = left.checked_sub(1).ok_or(Errno::ACCESS)?;
            let text = name.to_string_lossy();
            let [old, new]: [AbsPath; 2] = [old.join(&text), new.join(&text)];
            if !bounds.plan.may_appear(&new, Named::New) || !bounds.plan.may_write(&old) {
                return Err(Errno::ACCESS);
            }
            match entry.file_type() {
                FileType::Directory => open.push((directory(&at, name)?, old, new)),
                // Some file systems do not tell.
                FileType::Unknown => match directory(&at, name) {
                    Ok(found) => open.push((found, old, new)),
                    Err(Errno::NOTDIR | Errno::LOOP) => {}
                    Err(errno) => return Err(errno),
                },
                _ => {}
            }
        }
    }
    Ok(())
}

fn directory(at: &OwnedFd, name: &std::ffi::CStr) -> Result<OwnedFd, Errno> {
    openat(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}
