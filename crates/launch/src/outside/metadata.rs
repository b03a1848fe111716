//! Modes, owners, times and attributes, on a host without namespaces; elsewhere only modes with the set-group-id bit.

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, removexattr, setxattr, utimensat,
};
use rustix::io::Errno;

use super::Bounds;
use super::caller::{Caller, Found};

/// A call, as its registers have it.
pub(super) struct Change {
    target: Target,
    what: What,
}

enum Target {
    Path { directory: i32, path: u64, follow: bool, empty: bool },
    Descriptor(i32),
}

enum What {
    Mode(u64),
    Owner {
        user: u64,
        group: u64,
    },
    /// At 0: now.
    Times {
        at: u64,
        form: Times,
    },
    SetAttribute {
        name: u64,
        value: u64,
        size: u64,
        flags: u64,
    },
    RemoveAttribute {
        name: u64,
    },
}

enum Times {
    /// `struct timespec[2]`.
    Nanoseconds,
    /// `struct timeval[2]`.
    Microseconds,
    /// `struct utimbuf`.
    Seconds,
}

/// Reads the call of a number; `None` when it is no call of this kind.
#[expect(clippy::many_single_char_names, reason = "registers have no better names before the call is known")]
pub(super) fn change(number: libc::c_long, arguments: &[u64; 6]) -> Option<Change> {
    let [a, b, c, d, e, _] = *arguments;
    let path = |path, follow| Target::Path { directory: libc::AT_FDCWD, path, follow, empty: false };
    let at = |flags: u64| Target::Path {
        directory: register(a),
        path: b,
        follow: register(flags) & libc::AT_SYMLINK_NOFOLLOW == 0,
        empty: register(flags) & libc::AT_EMPTY_PATH != 0,
    };
    let opened = || Target::Descriptor(register(a));
    let set = || What::SetAttribute { name: b, value: c, size: d, flags: e };
    let (target, what) = match number {
        libc::SYS_fchmod => (opened(), What::Mode(b)),
        libc::SYS_fchmodat => (at(0), What::Mode(c)),
        SYS_FCHMODAT2 => (at(d), What::Mode(c)),
        libc::SYS_fchown => (opened(), What::Owner { user: b, group: c }),
        libc::SYS_fchownat => (at(e), What::Owner { user: c, group: d }),
        // With no path it is the descriptor's own times.
        libc::SYS_utimensat if b == 0 => (opened(), What::Times { at: c, form: Times::Nanoseconds }),
        libc::SYS_utimensat => (at(d), What::Times { at: c, form: Times::Nanoseconds }),
        libc::SYS_setxattr => (path(a, true), set()),
        libc::SYS_lsetxattr => (path(a, false), set()),
        libc::SYS_fsetxattr => (opened(), set()),
        libc::SYS_removexattr => (path(a, true), What::RemoveAttribute { name: b }),
        libc::SYS_lremovexattr => (path(a, false), What::RemoveAttribute { name: b }),
        libc::SYS_fremovexattr => (opened(), What::RemoveAttribute { name: b }),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chmod => (path(a, true), What::Mode(b)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chown => (path(a, true), What::Owner { user: b, group: c }),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_lchown => (path(a, false), What::Owner { user: b, group: c }),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_utime => (path(a, true), What::Times { at: b, form: Times::Seconds }),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_utimes => (path(a, true), What::Times { at: b, form: Times::Microseconds }),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_futimesat if b == 0 => (opened(), What::Times { at: c, form: Times::Microseconds }),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_futimesat => (at(0), What::Times { at: c, form: Times::Microseconds }),
        _ => return None,
    };
    Some(Change { target, what })
}

/// Not in every version of the libc crate; the same number on every architecture (Linux 6.6).
pub(crate) const SYS_FCHMODAT2: libc::c_long = 452;

/// Decides, and does it.
pub(super) fn act(bounds: &Bounds, caller: &Caller, change: &Change) -> Result<(), Errno> {
    let found = match &change.target {
        Target::Descriptor(number) => caller.descriptor(*number)?,
        Target::Path { directory, path, follow, empty } => {
            let path = caller.string(*path)?;
            match (path.is_empty() && *empty, *directory) {
                (true, libc::AT_FDCWD) => caller.find(*directory, b".", true)?,
                (true, number) => caller.descriptor(number)?,
                (false, _) => caller.find(*directory, &path, *follow)?,
            }
        }
    };
    // What has no name is nobody else's.
    if !found.path.as_ref().is_none_or(|path| bounds.plan.may_write(path)) {
        return Err(Errno::PERM);
    }
    // A device node is the host's own, whoever may use it.
    if matches!(found.kind(), FileType::CharacterDevice | FileType::BlockDevice) {
        return Err(Errno::PERM);
    }
    apply(caller, &found, &change.what)
}

fn apply(caller: &Caller, found: &Found, what: &What) -> Result<(), Errno> {
    let link = found.link();
    let symlink = found.kind() == FileType::Symlink;
    match what {
        What::Mode(_) if symlink => Err(Errno::OPNOTSUPP),
        // Only to a directory does the bit mean something else than to be of its group when it is started.
        What::Mode(mode) if mode & u64::from(libc::S_ISGID) != 0 && found.kind() != FileType::Directory => Err(Errno::PERM),
        What::Mode(mode) => {
            let mode = Mode::from_raw_mode(u32::try_from(mode & 0o7777).map_err(|_| Errno::INVAL)?);
            chmodat(CWD, link, mode, AtFlags::empty())
        }
        What::Owner { user, group } => {
            let [user, group] = [user, group].map(|id| u32::try_from(id & 0xFFFF_FFFF).unwrap_or(u32::MAX));
            let (user, group) = (Some(user).filter(|id| *id != u32::MAX), Some(group).filter(|id| *id != u32::MAX));
            chownat(&found.descriptor, c"", user.map(Uid::from_raw), group.map(Gid::from_raw), AtFlags::EMPTY_PATH)
        }
        What::Times { at, form } => {
            let times = times(caller, *at, form)?;
            // By the path for what a link reaches, because times by a bare descriptor are newer (Linux 5.8).
            if symlink {
                utimensat(&found.descriptor, c"", &times, AtFlags::EMPTY_PATH)
            } else {
                utimensat(CWD, link, &times, AtFlags::empty())
            }
        }
        What::SetAttribute { .. } | What::RemoveAttribute { .. } if symlink => Err(Errno::PERM),
        What::SetAttribute { name, value, size, flags } => {
            // XATTR_SIZE_MAX.
            let size = usize::try_from(*size).ok().filter(|size| *size <= 65536).ok_or(Errno::TOOBIG)?;
            let value = caller.bytes(*value, size)?;
            let flags = u32::try_from(*flags).ok().and_then(XattrFlags::from_bits).ok_or(Errno::INVAL)?;
            setxattr(link, caller.string(*name)?, &value, flags)
        }
        What::RemoveAttribute { name } => removexattr(link, caller.string(*name)?),
    }
}

fn times(caller: &Caller, at: u64, form: &Times) -> Result<Timestamps, Errno> {
    let now = Timespec { tv_sec: 0, tv_nsec: libc::UTIME_NOW };
    if at == 0 {
        return Ok(Timestamps { last_access: now, last_modification: now });
    }
    let words: Vec<i64> = caller
        .bytes(at, if matches!(form, Times::Seconds) { 16 } else { 32 })?
        .chunks_exact(8)
        .map(|word| word.try_into().map_or(0, i64::from_ne_bytes))
        .collect();
    let of_microseconds = |seconds: i64, microseconds: i64| match microseconds {
        0..1_000_000 => Ok(Timespec { tv_sec: seconds, tv_nsec: microseconds * 1000 }),
        _ => Err(Errno::INVAL),
    };
    let (last_access, last_modification) = match (form, words.as_slice()) {
        (Times::Seconds, [access, modified]) => (of_microseconds(*access, 0)?, of_microseconds(*modified, 0)?),
        (Times::Nanoseconds, [access, access_part, modified, modified_part]) => {
            (Timespec { tv_sec: *access, tv_nsec: *access_part }, Timespec { tv_sec: *modified, tv_nsec: *modified_part })
        }
        (Times::Microseconds, [access, access_part, modified, modified_part]) => {
            (of_microseconds(*access, *access_part)?, of_microseconds(*modified, *modified_part)?)
        }
        _ => return Err(Errno::FAULT),
    };
    Ok(Timestamps { last_access, last_modification })
}

/// Reads an `int` of a register: its upper half is not part of it.
#[expect(clippy::cast_possible_truncation, reason = "the kernel truncates so as well")]
pub(super) fn register(value: u64) -> i32 {
    (value as u32).cast_signed()
}
