//! Small operations on files below an open directory. No symbolic link is followed.

use std::ffi::CStr;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use crate::TaskId;

/// More than any file of ours has; a larger one is damaged.
const LARGEST: u64 = 64 << 20;

pub(crate) const PRIVATE_FILE: Mode = Mode::from_raw_mode(0o600);
pub(crate) const PRIVATE_DIRECTORY: Mode = Mode::from_raw_mode(0o700);

/// Opens a directory below `at`.
pub(crate) fn open_directory(at: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, name, flags, Mode::empty())
}

/// Makes a directory below `at`, closed to everybody else; one that is there already stays.
pub(crate) fn make_directory(at: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    match rustix::fs::mkdirat(at, name, PRIVATE_DIRECTORY) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Returns the ids of the tasks that have a file in a directory, sorted. It is read from where its descriptor stands: once.
pub(crate) fn ids(directory: BorrowedFd<'_>) -> Result<Vec<TaskId>, Errno> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(directory, &mut buffer);
    let mut ids = Vec::new();
    while let Some(entry) = entries.next() {
        // What has another name is not a task's, and is left alone.
        ids.extend(entry?.file_name().to_str().ok().and_then(|name| name.parse().ok()));
    }
    ids.sort();
    Ok(ids)
}

/// Looks at a file below `at` without following a link; `None` when there is none.
pub(crate) fn stat(at: BorrowedFd<'_>, name: &str) -> io::Result<Option<rustix::fs::Stat>> {
    match rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Reads a whole regular file below `at`; `None` when there is none.
pub(crate) fn read(at: BorrowedFd<'_>, name: &str) -> io::Result<Option<Vec<u8>>> {
    // Without NONBLOCK a FIFO in the file's place would hang.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = match rustix::fs::openat(at, name, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    let stat = rustix::fs::fstat(&fd)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is not a regular file"));
    }
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    if size > LARGEST {
        return Err(io::Error::other("it is too large"));
    }
    // One byte more than the file has, so that its end is seen without growing the buffer.
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    let mut file = File::from(fd).take(LARGEST);
    file.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Puts `bytes` in the place of the file `name` in `directory`: a reader sees the old file or the new one, whole.
pub(crate) fn write_atomically(directory: BorrowedFd<'_>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!(".new-{}", hex(&random::<8>()?));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(directory, temporary.as_str(), flags, PRIVATE_FILE)?);
    // The contents reach the disk before the name does. The directory is not synced: a name that a power cut takes back
    // leaves the old file.
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| Ok(rustix::fs::renameat(directory, temporary.as_str(), directory, name)?));
    if written.is_err() {
        // Best effort: the error that matters is the first one.
        let _ = rustix::fs::unlinkat(directory, temporary.as_str(), AtFlags::empty());
    }
    written
}

/// Puts `bytes` in the place of a file that may be lost when the power goes, and not before: nothing is synced.
pub(crate) fn replace(directory: BorrowedFd<'_>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!(".new-{name}");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    File::from(rustix::fs::openat(directory, temporary.as_str(), flags, PRIVATE_FILE)?).write_all(bytes)?;
    Ok(rustix::fs::renameat(directory, temporary.as_str(), directory, name)?)
}

/// Writes a small new file of a directory that only this process writes to. It is not synced.
pub(crate) fn write(directory: BorrowedFd<'_>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    File::from(rustix::fs::openat(directory, name, flags, PRIVATE_FILE)?).write_all(bytes)
}

pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    // Up to 256 bytes come whole or not at all: getrandom(2).
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(bytes)
}

/// Returns the SHA-256 of the parts, each ended by a NUL byte, in hexadecimal.
pub(crate) fn name_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hex(&hash.finalize())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns whether a directory entry is one of the two that every directory has.
pub(crate) fn is_dot(name: &CStr) -> bool {
    name == c"." || name == c".."
}
