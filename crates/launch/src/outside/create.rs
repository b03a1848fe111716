//! Calls that give a name or take it away, where a name inside a granted directory must not appear.

use remit_agent::AbsPath;
use remit_sandbox::Named;
use rustix::fs::{AtFlags, CWD, FileType, Mode, RenameFlags, linkat, mkdirat, mknodat, renameat_with, symlinkat, unlinkat};
use rustix::io::Errno;

use super::caller::{Caller, Found};
use super::metadata::register;
use super::{Bounds, names};

/// A call, as its registers have it.
pub(super) enum Creation {
    Directory { at: Name, mode: Mode },
    Node { at: Name, mode: u32 },
    Symlink { target: u64, at: Name },
    Link { from: Name, to: Name, flags: i32 },
    Rename { from: Name, to: Name, flags: u32 },
    Remove { at: Name, flags: i32 },
}

#[derive(Clone, Copy)]
pub(super) struct Name {
    directory: i32,
    path: u64,
}

/// Reads the call of a number; `None` when it is no call of this kind.
#[expect(clippy::many_single_char_names, reason = "registers have no better names before the call is known")]
pub(super) fn call(number: libc::c_long, arguments: &[u64; 6]) -> Option<Creation> {
    let [a, b, c, d, e, _] = *arguments;
    let at = |directory: u64, path| Name { directory: register(directory), path };
    let mode = |value: u64| register(value).cast_unsigned();
    let directory = |at, value| Creation::Directory { at, mode: Mode::from_raw_mode(mode(value) & 0o7777) };
    Some(match number {
        libc::SYS_mkdirat => directory(at(a, b), c),
        libc::SYS_mknodat => Creation::Node { at: at(a, b), mode: mode(c) },
        libc::SYS_symlinkat => Creation::Symlink { target: a, at: at(b, c) },
        libc::SYS_linkat => Creation::Link { from: at(a, b), to: at(c, d), flags: register(e) },
        libc::SYS_renameat => Creation::Rename { from: at(a, b), to: at(c, d), flags: 0 },
        libc::SYS_renameat2 => Creation::Rename { from: at(a, b), to: at(c, d), flags: mode(e) },
        libc::SYS_unlinkat => Creation::Remove { at: at(a, b), flags: register(c) },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_unlink => Creation::Remove { at: here(a), flags: 0 },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rmdir => Creation::Remove { at: here(a), flags: libc::AT_REMOVEDIR },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mkdir => directory(here(a), b),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mknod => Creation::Node { at: here(a), mode: mode(b) },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_symlink => Creation::Symlink { target: a, at: here(b) },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_link => Creation::Link { from: here(a), to: here(b), flags: 0 },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename => Creation::Rename { from: here(a), to: here(b), flags: 0 },
        _ => return None,
    })
}

#[cfg(target_arch = "x86_64")]
fn here(path: u64) -> Name {
    Name { directory: libc::AT_FDCWD, path }
}

/// Decides, and does it.
pub(super) fn act(bounds: &Bounds, caller: &Caller, creation: &Creation) -> Result<(), Errno> {
    let entry = |name: &Name| caller.entry(name.directory, &caller.string(name.path)?);
    let appears = |path: &AbsPath, what| if bounds.plan.may_appear(path, what) { Ok(()) } else { Err(Errno::ACCESS) };
    match creation {
        Creation::Directory { at, mode } => {
            let entry = entry(at)?;
            // As the kernel answers, which looks first; `mkdir -p` lives on it.
            if entry.look().is_ok() {
                return Err(Errno::EXIST);
            }
            appears(&entry.path, Named::New)?;
            mkdirat(&entry.directory, &entry.name, caller.new_mode(&entry, *mode)?)
        }
        Creation::Node { at, mode } => {
            let entry = entry(at)?;
            entry.of_a_file()?;
            appears(&entry.path, Named::New)?;
            let kind = match FileType::from_raw_mode(*mode) {
                kind @ (FileType::RegularFile | FileType::Fifo | FileType::Socket) => kind,
                _ if mode & libc::S_IFMT == 0 => FileType::RegularFile,
                _ => return Err(Errno::PERM),
            };
            let mode = caller.new_mode(&entry, Mode::from_raw_mode(mode & 0o7777))?;
            mknodat(&entry.directory, &entry.name, kind, mode, 0)
        }
        Creation::Symlink { target, at } => {
            let (target, entry) = (caller.string(*target)?, entry(at)?);
            entry.of_a_file()?;
            appears(&entry.path, Named::Tree)?;
            symlinkat(target, &entry.directory, &entry.name)
        }
        Creation::Link { from, to, flags } => {
            let path = caller.string(from.path)?;
            let follow = flags & libc::AT_SYMLINK_FOLLOW != 0;
            let found = match (path.is_empty() && flags & libc::AT_EMPTY_PATH != 0, from.directory) {
                (true, number) => caller.descriptor(number)?,
                (false, directory) => caller.find(directory, &path, follow)?,
            };
            let to = entry(to)?;
            to.of_a_file()?;
            appears(&to.path, Named::Tree)?;
            stays(bounds, &found, &to.path)?;
            if found.kind() == FileType::Symlink {
                // A link cannot be linked by a descriptor. Only the task could put something else there meanwhile, and what it renames
                // is decided by this thread as well.
                let from = entry(from)?;
                return linkat(&from.directory, &from.name, &to.directory, &to.name, AtFlags::empty());
            }
            linkat(CWD, found.link(), &to.directory, &to.name, AtFlags::SYMLINK_FOLLOW)
        }
        Creation::Remove { at, flags } => {
            let entry = match entry(at) {
                // The root, or a name like `..`.
                Err(Errno::EXIST) => return Err(Errno::INVAL),
                other => other?,
            };
            entry.look()?;
            if !bounds.plan.may_be_removed(&entry.path) {
                return Err(Errno::ACCESS);
            }
            let flags = AtFlags::from_bits(flags.cast_unsigned()).ok_or(Errno::INVAL)?;
            unlinkat(&entry.directory, &entry.name, flags)
        }
        Creation::Rename { from, to, flags } => {
            let (from, to) = (entry(from)?, entry(to)?);
            let flags =
                RenameFlags::from_bits(*flags).filter(|flags| !flags.contains(RenameFlags::WHITEOUT)).ok_or(Errno::INVAL)?;
            let exchange = flags.contains(RenameFlags::EXCHANGE);
            let found = from.look()?;
            stays(bounds, &found, &to.path)?;
            if found.kind() == FileType::Directory {
                names::stay_allowed(bounds, &from, &to)?;
            } else if to.slash {
                return Err(Errno::NOTDIR);
            }
            if exchange {
                let other = to.look()?;
                stays(bounds, &other, &from.path)?;
                if other.kind() == FileType::Directory {
                    names::stay_allowed(bounds, &to, &from)?;
                }
            }
            // What is renamed could be another by now: so it is taken for a directory with names in it.
            let moves = |from: &AbsPath, to: &AbsPath| bounds.plan.may_vanish(from) && bounds.plan.may_appear(to, Named::Tree);
            if !moves(&from.path, &to.path) || (exchange && !moves(&to.path, &from.path)) {
                return Err(Errno::ACCESS);
            }
            renameat_with(&from.directory, &from.name, &to.directory, &to.name, flags)
        }
    }
}

/// Checks that something gains nothing by another name, as Landlock does (`LANDLOCK_ACCESS_FS_REFER`).
fn stays(bounds: &Bounds, found: &Found, to: &AbsPath) -> Result<(), Errno> {
    let Some(from) = &found.path else { return Ok(()) };
    if !bounds.plan.may_change(from) || (bounds.plan.may_execute(to) && !bounds.plan.may_execute(from)) {
        return Err(Errno::XDEV);
    }
    // Under another name it would be written.
    if bounds.plan.may_write(from) { Ok(()) } else { Err(Errno::ACCESS) }
}
