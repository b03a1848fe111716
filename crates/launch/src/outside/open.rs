//! open(2) with `O_CREAT` or to write, and truncate(2), where a name inside a granted directory must not appear or be written.

use std::os::fd::{AsFd, OwnedFd};

use remit_sandbox::Named;
use rustix::fs::{CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, fstat, fstatfs, ftruncate, major, minor, openat, readlinkat};
use rustix::io::Errno;

use super::caller::{Caller, Entry, Found, link};
use super::metadata::register;
use super::{Answer, Bounds, Later};

/// As the kernel counts symbolic links on the way to one file.
const MOST_LINKS: usize = 40;

/// A call, as its registers have it.
pub(super) struct Open {
    directory: i32,
    path: u64,
    flags: OFlags,
    mode: Mode,
}

/// Reads the call of a number; `None` when it is no call of this kind.
pub(super) fn call(number: libc::c_long, arguments: &[u64; 6]) -> Option<Open> {
    let [a, b, c, d, ..] = *arguments;
    let (directory, path, flags, mode) = match number {
        libc::SYS_openat => (register(a), b, c, d),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => (libc::AT_FDCWD, a, b, c),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat => (libc::AT_FDCWD, a, u64::from((OFlags::CREATE | OFlags::WRONLY | OFlags::TRUNC).bits()), b),
        _ => return None,
    };
    let flags = OFlags::from_bits_retain(register(flags).cast_unsigned());
    Some(Open { directory, path, flags, mode: Mode::from_raw_mode(register(mode).cast_unsigned() & 0o7777) })
}

/// Decides, and does it.
pub(super) fn act(bounds: &Bounds, caller: &Caller, open: &Open, later: Later) -> Result<Answer, Errno> {
    let path = caller.string(open.path)?;
    if path.is_empty() {
        return Err(Errno::NOENT);
    }
    if open.flags.contains(OFlags::PATH) {
        // Then it makes nothing, and what it gets is only a place.
        let found = caller.find(open.directory, &path, !open.flags.contains(OFlags::NOFOLLOW))?;
        let wanted = !open.flags.contains(OFlags::DIRECTORY) || found.kind() == FileType::Directory;
        return if wanted { Ok(descriptor(found.descriptor, open)) } else { Err(Errno::NOTDIR) };
    }
    if open.flags.contains(OFlags::TMPFILE) {
        return unnamed(bounds, caller, open, &path).map(|opened| descriptor(opened, open));
    }
    if open.flags.contains(OFlags::DIRECTORY) {
        return Err(if open.flags.contains(OFlags::CREATE) { Errno::INVAL } else { Errno::ISDIR });
    }
    let mut path = caller.absolute(open.directory, &path)?;
    // Each turn follows one link, or begins again because something changed meanwhile.
    for _ in 0..MOST_LINKS {
        if let Some(number) = caller.descriptor_named(&path) {
            return again(bounds, caller, number, open, later);
        }
        let entry = match caller.entry_at(&path) {
            // The root, or a name like `..`: a directory in every case.
            Err(Errno::EXIST) => return Err(Errno::ISDIR),
            other => other?,
        };
        if entry.slash && open.flags.contains(OFlags::CREATE) {
            return Err(Errno::ISDIR);
        }
        let found = match entry.look() {
            Err(Errno::NOENT) if !open.flags.contains(OFlags::CREATE) => return Err(Errno::NOENT),
            Err(Errno::NOENT) => match make(bounds, caller, &entry, open) {
                Err(Errno::EXIST) => continue,
                made => return Ok(descriptor(made?, open)),
            },
            other => other?,
        };
        if open.flags.contains(OFlags::CREATE | OFlags::EXCL) {
            return Err(Errno::EXIST);
        }
        match found.kind() {
            FileType::Symlink if open.flags.contains(OFlags::NOFOLLOW) => return Err(Errno::LOOP),
            FileType::Symlink => {
                let target = readlinkat(&found.descriptor, c"", Vec::new())?.into_bytes();
                path = if target.first() == Some(&b'/') {
                    target
                } else {
                    let directory = entry.path.parent().ok_or(Errno::INVAL)?;
                    [directory.as_str().as_bytes(), b"/", &target].concat()
                };
            }
            FileType::RegularFile => match existing(bounds, &entry, &found, open) {
                // It is another file by now.
                Err(Errno::NOENT | Errno::STALE | Errno::LOOP) => {}
                opened => return Ok(descriptor(opened?, open)),
            },
            FileType::Directory => return Err(Errno::ISDIR),
            FileType::Socket => return Err(Errno::NXIO),
            _ => return special(bounds, caller, found, open, later),
        }
    }
    Err(Errno::LOOP)
}

/// Cuts or lengthens a file.
pub(super) fn truncate(bounds: &Bounds, caller: &Caller, path: u64, length: u64) -> Result<(), Errno> {
    let found = caller.find(libc::AT_FDCWD, &caller.string(path)?, true)?;
    match found.kind() {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Errno::ISDIR),
        _ => return Err(Errno::INVAL),
    }
    if found.path.as_ref().is_some_and(|path| !bounds.plan.may_write(path)) {
        return Err(Errno::ACCESS);
    }
    not_of_a_process(&found)?;
    let file = openat(CWD, found.link(), OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    // Its sign is looked at by the kernel.
    ftruncate(&file, length)
}

/// Makes a file without a name in a directory; it may get one by linkat(2), which is decided then.
fn unnamed(bounds: &Bounds, caller: &Caller, open: &Open, directory: &[u8]) -> Result<OwnedFd, Errno> {
    let found = caller.find(open.directory, directory, true)?;
    if found.kind() != FileType::Directory {
        return Err(Errno::NOTDIR);
    }
    if !found.path.as_ref().is_some_and(|path| bounds.plan.may_write(path)) {
        return Err(Errno::ACCESS);
    }
    not_of_a_process(&found)?;
    let mode = caller.new_mode_in(&found.descriptor, open.mode)?;
    openat(CWD, found.link(), open.flags.difference(OFlags::NOFOLLOW) | OFlags::CLOEXEC, mode)
}

fn descriptor(descriptor: OwnedFd, open: &Open) -> Answer {
    Answer::Descriptor { descriptor, close_at_exec: open.flags.contains(OFlags::CLOEXEC) }
}

fn make(bounds: &Bounds, caller: &Caller, entry: &Entry, open: &Open) -> Result<OwnedFd, Errno> {
    if !bounds.plan.may_appear(&entry.path, Named::New) {
        return Err(Errno::ACCESS);
    }
    // With O_EXCL nothing that was put there meanwhile is opened or followed.
    let flags = open.flags | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(&entry.directory, &entry.name, flags, caller.new_mode(entry, open.mode)?)
}

/// Opens a regular file that was there, as Landlock would let the caller.
fn existing(bounds: &Bounds, entry: &Entry, found: &Found, open: &Open) -> Result<OwnedFd, Errno> {
    let access = open.flags & OFlags::RWMODE;
    let writes = access != OFlags::RDONLY || open.flags.contains(OFlags::TRUNC);
    let reads = access != OFlags::WRONLY;
    if (writes && !bounds.plan.may_write(&entry.path)) || (reads && !bounds.plan.may_read(&entry.path)) {
        return Err(Errno::ACCESS);
    }
    not_of_a_process(found)?;
    // Through the descriptor it is the file that was looked at, and no other.
    openat(CWD, found.link(), reopening(open.flags), Mode::empty())
}

/// Opens what one of the caller's own descriptors is open on, as `/dev/stdout` means it.
fn again(bounds: &Bounds, caller: &Caller, number: i32, open: &Open, later: Later) -> Result<Answer, Errno> {
    if open.flags.contains(OFlags::CREATE | OFlags::EXCL) {
        return Err(Errno::EXIST);
    }
    let found = caller.descriptor(number)?;
    match (found.kind(), &found.path) {
        (FileType::RegularFile, Some(path)) => {
            let access = open.flags & OFlags::RWMODE;
            let writes = access != OFlags::RDONLY || open.flags.contains(OFlags::TRUNC);
            if (writes && !bounds.plan.may_write(path)) || (access != OFlags::WRONLY && !bounds.plan.may_read(path)) {
                return Err(Errno::ACCESS);
            }
            not_of_a_process(&found)?;
            Ok(descriptor(openat(CWD, found.link(), reopening(open.flags), Mode::empty())?, open))
        }
        (FileType::Directory, _) => Err(Errno::ISDIR),
        (FileType::Socket, _) => Err(Errno::NXIO),
        // A pipe is the caller's already, whoever else has it.
        // What was looked at, and not what the number means by then.
        (FileType::Fifo, None) => wait_for(found.link(), found, open, later),
        _ => special(bounds, caller, found, open, later),
    }
}

/// Refuses what `/proc` shows. What is in it depends on who opens it: to this process, which no domain of Landlock holds, the kernel
/// would show the memory and the environment of every process of the user, and as `self` its own.
fn not_of_a_process(found: &Found) -> Result<(), Errno> {
    let system = fstatfs(&found.descriptor)?;
    if system.f_type == PROC_SUPER_MAGIC { Err(Errno::ACCESS) } else { Ok(()) }
}

/// Opens a device or a named pipe.
fn special(bounds: &Bounds, caller: &Caller, found: Found, open: &Open, later: Later) -> Result<Answer, Errno> {
    let path = found.path.as_ref().ok_or(Errno::NXIO)?;
    if !bounds.plan.may_change(path) {
        return Err(Errno::ACCESS);
    }
    let device = (FileType::from_raw_mode(found.stat.st_mode) == FileType::CharacterDevice)
        .then(|| (major(found.stat.st_rdev), minor(found.stat.st_rdev)));
    match device {
        // Here it would be this process's.
        Some(CONTROLLING_TERMINAL) => Ok(descriptor(controlling_terminal(bounds, caller, open)?, open)),
        // `/dev/null` and its like open at once.
        Some((MEMORY_DEVICES, _)) => Ok(descriptor(openat(CWD, found.link(), reopening(open.flags), Mode::empty())?, open)),
        _ => wait_for(found.link(), found, open, later),
    }
}

/// `/dev/tty`.
const CONTROLLING_TERMINAL: (u32, u32) = (5, 0);
/// `MEM_MAJOR`: `/dev/null`, `/dev/zero`, `/dev/full`, `/dev/random`, `/dev/urandom`.
const MEMORY_DEVICES: u32 = 1;

/// Opens the caller's controlling terminal: that of the task, or one that the task made in a session of its own.
fn controlling_terminal(bounds: &Bounds, caller: &Caller, open: &Open) -> Result<OwnedFd, Errno> {
    let device = caller.terminal()?.ok_or(Errno::NXIO)?;
    let given = bounds.terminal.as_ref().map(|path| openat(CWD, path.as_path(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()));
    let given = given.transpose()?.filter(|given| fstat(given).is_ok_and(|stat| stat.st_rdev == device));
    let made = caller.find(libc::AT_FDCWD, format!("/dev/pts/{}", minor(device)).as_bytes(), true).ok();
    let made =
        made.filter(|made| made.stat.st_rdev == device && made.path.as_ref().is_some_and(|path| bounds.plan.may_change(path)));
    let terminal = match (given, made) {
        // Each devpts counts from 0.
        (Some(_), Some(made)) if !caller.is_in_first_session()? => made.descriptor,
        (Some(given), _) => given,
        (None, made) => made.ok_or(Errno::NXIO)?.descriptor,
    };
    openat(CWD, link(terminal.as_fd()), reopening(open.flags), Mode::empty())
}

/// A named pipe opens when its other end does.
fn wait_for(link: String, found: Found, open: &Open, later: Later) -> Result<Answer, Errno> {
    let (flags, close_at_exec) = (reopening(open.flags), open.flags.contains(OFlags::CLOEXEC));
    later.answer(move |_| {
        // What the link leads to is held until it is open.
        let _held = found;
        match openat(CWD, link, flags, Mode::empty()) {
            Ok(descriptor) => Answer::Descriptor { descriptor, close_at_exec },
            Err(errno) => Answer::Plain(Err(errno)),
        }
    })
}

fn reopening(flags: OFlags) -> OFlags {
    flags.difference(OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW) | OFlags::CLOEXEC | OFlags::NOCTTY
}
