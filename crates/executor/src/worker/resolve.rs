//! Where a path leads, link by link, and opening what was found there without following another.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use remit_agent::AbsPath;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, readlinkat};
use rustix::io::Errno;

use crate::tools::Failure;

/// As many symbolic links as the kernel follows in one path.
const LINKS: u32 = 40;

/// Follows every symbolic link of a path; what does not exist stays as it is written.
pub(crate) fn resolve(path: &AbsPath) -> Result<AbsPath, String> {
    let mut at = AbsPath::root();
    let mut rest: Vec<String> = path.as_str().split('/').rev().filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let mut links = 0;
    while let Some(name) = rest.pop() {
        let next = at.join(&name);
        // `EINVAL`: no link. Whatever else is wrong will be met when the path is opened.
        let Ok(target) = readlinkat(CWD, next.as_path(), Vec::new()) else {
            at = next;
            continue;
        };
        links += 1;
        if links > LINKS {
            return Err("it has too many symbolic links".to_owned());
        }
        let target = target.into_string().map_err(|_| "it goes through a symbolic link that is not UTF-8".to_owned())?;
        if target.starts_with('/') {
            at = AbsPath::root();
        }
        rest.extend(target.split('/').rev().filter(|name| !name.is_empty()).map(str::to_owned));
    }
    Ok(at)
}

/// Opens a resolved path. A symbolic link in it was put there since, and is refused by the kernel.
pub(crate) fn open(path: &Path, flags: OFlags) -> Result<File, Failure> {
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    // Without `NONBLOCK` a named pipe would be waited for.
    let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let opened = match openat2(CWD, path, flags & !ignored(flags), Mode::empty(), resolve) {
        // Where new names are decided outside the task there is no such call.
        Err(Errno::NOSYS) => step_by_step(path, flags),
        opened => opened,
    };
    opened.map(File::from).map_err(|errno| refused(path, errno))
}

/// Returns the flags that mean nothing beside `O_PATH`, and that openat2 therefore refuses.
fn ignored(flags: OFlags) -> OFlags {
    if flags.contains(OFlags::PATH) { OFlags::NONBLOCK } else { OFlags::empty() }
}

/// Opens a path name by name, and follows no link on the way.
fn step_by_step(path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at = openat(CWD, "/", step, Mode::empty())?;
    let mut names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        _ => None,
    });
    let Some(mut name) = names.next() else { return openat(CWD, "/", flags, Mode::empty()) };
    for next in names {
        at = openat(&at, name, step, Mode::empty())?;
        name = next;
    }
    let opened = openat(&at, name, flags, Mode::empty())?;
    // With `O_PATH` a link itself is opened.
    if FileType::from_raw_mode(fstat(&opened)?.st_mode) == FileType::Symlink { Err(Errno::LOOP) } else { Ok(opened) }
}

/// Opens a file to be read, and nothing but a file.
pub(crate) fn open_file(path: &Path) -> Result<File, Failure> {
    let file = open(path, OFlags::RDONLY)?;
    match FileType::from_raw_mode(fstat(&file).map_err(|errno| refused(path, errno))?.st_mode) {
        FileType::RegularFile => Ok(file),
        FileType::Directory => Err(Failure::new(format!("`{}` is a directory", path.display()))),
        _ => Err(Failure::new(format!("`{}` is neither a file nor a directory", path.display()))),
    }
}

/// Says what the kernel would not do, and why it may be.
pub(crate) fn refused(path: &Path, errno: Errno) -> Failure {
    let shown = path.display();
    let why = match errno {
        Errno::NOENT => format!("there is no `{shown}` in the sandbox"),
        Errno::LOOP => format!("a symbolic link appeared in `{shown}` while it was looked at"),
        Errno::ACCESS | Errno::PERM => format!("the sandbox does not let `{shown}` be used so"),
        Errno::ROFS => format!("`{shown}` cannot be written in the sandbox"),
        Errno::ISDIR => format!("`{shown}` is a directory"),
        Errno::NOTDIR => format!("a part of `{shown}` is not a directory"),
        errno => format!("`{shown}`: {}", std::io::Error::from(errno).to_string().to_lowercase()),
    };
    Failure { why, errno: Some(errno.raw_os_error()) }
}
