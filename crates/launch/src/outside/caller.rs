//! The process that calls, and what its arguments mean: strings in its memory, paths from its own root.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use remit_agent::AbsPath;
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, getxattr, makedev, openat, readlinkat};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::root::open_below;
use crate::sys::{self, Notification};

/// `PATH_MAX`, with the zero at the end.
const LONGEST_PATH: usize = 4096;

/// A thread whose call waits. What is open here is its own: the call still waited after it was opened.
pub(super) struct Caller {
    thread: u32,
    memory: File,
    root: OwnedFd,
}

/// Something that exists, by a descriptor of ours (`O_PATH`), and where it stands.
pub(super) struct Found {
    pub(super) descriptor: OwnedFd,
    pub(super) stat: Stat,
    /// `None`: it has no name, as a pipe has none, or a file that was removed.
    pub(super) path: Option<AbsPath>,
}

/// A name in a directory that exists.
pub(super) struct Entry {
    pub(super) directory: OwnedFd,
    pub(super) name: CString,
    /// With no symbolic link in it, but the last name may be one.
    pub(super) path: AbsPath,
    /// A slash stood behind the name: it means a directory.
    pub(super) slash: bool,
}

impl Caller {
    pub(super) fn new(listener: BorrowedFd<'_>, notification: &Notification) -> Result<Caller, Errno> {
        let thread = notification.thread;
        let proc = |name: &str| format!("/proc/{thread}/{name}");
        // Where it may only be read, one call has nowhere to return something to.
        let memory = File::options().read(true).write(true).open(proc("mem")).or_else(|_| File::open(proc("mem")));
        let memory = memory.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::PERM))?;
        let root = openat(CWD, proc("root"), OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        sys::still_waits(listener, notification.id)?;
        Ok(Caller { thread, memory, root })
    }

    /// Reads a string of the caller's memory, without the zero at its end.
    pub(super) fn string(&self, address: u64) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0; LONGEST_PATH];
        let mut filled = 0;
        // A read ends where the mapping does; the string may, too.
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let read = match self.memory.read_at(rest, address.wrapping_add(filled as u64)) {
                Ok(0) | Err(_) => return Err(Errno::FAULT),
                Ok(read) => read,
            };
            let fresh = rest.get(..read).unwrap_or_default();
            if let Some(end) = fresh.iter().position(|byte| *byte == 0) {
                bytes.truncate(filled + end);
                return Ok(bytes);
            }
            filled += read;
        }
        Err(Errno::NAMETOOLONG)
    }

    /// Reads exactly so many bytes of the caller's memory.
    pub(super) fn bytes(&self, address: u64, length: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0; length];
        self.memory.read_exact_at(&mut bytes, address).map_err(|_| Errno::FAULT)?;
        Ok(bytes)
    }

    /// Writes to the caller's memory what its call returns there. The memory is that of the process that called, whatever has
    /// its number by now.
    pub(super) fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.memory.write_all_at(bytes, address).map_err(|_| Errno::FAULT)
    }

    /// Resolves a path of the caller's, as the `at` calls read it.
    pub(super) fn find(&self, directory: i32, path: &[u8], follow: bool) -> Result<Found, Errno> {
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        let path = self.absolute(directory, path)?;
        if let Some(number) = self.descriptor_named(&path).filter(|_| follow) {
            return self.descriptor(number);
        }
        let flags = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
        found(self.open(&path, flags)?)
    }

    /// Finds what a descriptor of the caller's is open on.
    pub(super) fn descriptor(&self, number: i32) -> Result<Found, Errno> {
        let link = format!("/proc/{}/fd/{number}", self.thread);
        let opened = openat(CWD, link, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        found(opened.map_err(|errno| if errno == Errno::NOENT { Errno::BADF } else { errno })?)
    }

    /// Resolves all of a path but its last name, which need not exist.
    pub(super) fn entry(&self, directory: i32, path: &[u8]) -> Result<Entry, Errno> {
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        self.entry_at(&self.absolute(directory, path)?)
    }

    /// As [`Caller::entry`], of a path from the caller's root.
    pub(super) fn entry_at(&self, path: &[u8]) -> Result<Entry, Errno> {
        let slash = path.last() == Some(&b'/');
        let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
        let path = path.get(..end).unwrap_or_default();
        let start = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let (parent, name) = path.split_at_checked(start).ok_or(Errno::INVAL)?;
        if matches!(name, b"" | b"." | b"..") {
            return Err(Errno::EXIST);
        }
        let directory = self.open(parent, OFlags::DIRECTORY)?;
        let at = standing(&directory)?.ok_or(Errno::NOENT)?;
        let path = at.join(&String::from_utf8_lossy(name));
        Ok(Entry { directory, name: CString::new(name).map_err(|_| Errno::INVAL)?, path, slash })
    }

    /// Makes a path that begins at the caller's root.
    pub(super) fn absolute(&self, directory: i32, path: &[u8]) -> Result<Vec<u8>, Errno> {
        let (start, path) = match (path.first() == Some(&b'/'), directory) {
            // Here `self` would be this process.
            (true, _) => match through_itself(path) {
                Some((link, rest)) => (format!("/proc/{}/{link}", self.thread), rest),
                None => return self.by_number(path),
            },
            (false, libc::AT_FDCWD) => (format!("/proc/{}/cwd", self.thread), path),
            (false, number) => (format!("/proc/{}/fd/{number}", self.thread), path),
        };
        let start = readlinkat(CWD, start, Vec::new()).map_err(|_| Errno::BADF)?.into_bytes();
        if start.first() != Some(&b'/') {
            return Err(Errno::NOTDIR);
        }
        Ok([start.as_slice(), b"/", path].concat())
    }

    /// Returns a copy of the caller's descriptor, which shares its file.
    pub(super) fn copy(&self, number: i32) -> Result<OwnedFd, Errno> {
        let process = Pid::from_raw(self.status("Tgid:", 10)?.cast_signed()).ok_or(Errno::SRCH)?;
        pidfd_getfd(pidfd_open(process, PidfdFlags::empty())?, number, PidfdGetfdFlags::empty())
    }

    /// Returns the modes that the caller's new files do not get.
    pub(super) fn umask(&self) -> Result<Mode, Errno> {
        self.status("Umask:", 8).map(Mode::from_raw_mode)
    }

    /// Returns the mode that something new gets in a directory: what the directory's default access control list says, or what the
    /// umask leaves.
    pub(super) fn new_mode(&self, entry: &Entry, mode: Mode) -> Result<Mode, Errno> {
        self.new_mode_in(&entry.directory, mode)
    }

    /// As [`Caller::new_mode`].
    pub(super) fn new_mode_in(&self, directory: &OwnedFd, mode: Mode) -> Result<Mode, Errno> {
        match getxattr(link(directory.as_fd()), c"system.posix_acl_default", &mut [0_u8; 0][..]) {
            Ok(_) => Ok(mode),
            Err(_) => Ok(mode.difference(self.umask()?)),
        }
    }

    /// Returns the descriptor of the caller's that a path names: by convention, or by the number of its process.
    pub(super) fn descriptor_named(&self, path: &[u8]) -> Option<i32> {
        descriptor_named(path).or_else(|| {
            let rest = path.strip_prefix(b"/proc/")?;
            let (process, number) = rest.split_at_checked(rest.iter().position(|byte| *byte == b'/')?)?;
            let number = descriptor_named(&[b"/proc/self".as_slice(), number].concat())?;
            (self.own_number("NStgid:").ok()?.as_bytes() == process).then_some(number)
        })
    }

    /// Returns the path with the caller's number for `/proc/self`, which here would be this process.
    fn by_number(&self, path: &[u8]) -> Result<Vec<u8>, Errno> {
        let itself = |prefix: &[u8]| path.strip_prefix(prefix).filter(|rest| matches!(rest.first(), None | Some(b'/')));
        let (start, rest) = if let Some(rest) = itself(b"/proc/self") {
            (format!("/proc/{}", self.own_number("NStgid:")?), rest)
        } else if let Some(rest) = itself(b"/proc/thread-self") {
            (format!("/proc/{}/task/{}", self.own_number("NStgid:")?, self.own_number("NSpid:")?), rest)
        } else {
            return Ok(path.to_vec());
        };
        Ok([start.as_bytes(), rest].concat())
    }

    /// Returns a number of the caller's, as its own pid namespace counts.
    fn own_number(&self, field: &str) -> Result<String, Errno> {
        let status = told(self.thread, "status")?;
        let numbers = status.lines().find_map(|line| line.strip_prefix(field)).ok_or(Errno::SRCH)?;
        numbers.split_whitespace().next_back().map(str::to_owned).ok_or(Errno::SRCH)
    }

    /// Returns the device number of the terminal of the caller's session.
    pub(super) fn terminal(&self) -> Result<Option<u64>, Errno> {
        let stat = told(self.thread, "stat")?;
        // Behind the name, which may have anything in it: state, parent, group, session, terminal.
        let (_, fields) = stat.rsplit_once(')').ok_or(Errno::SRCH)?;
        let device: i32 = fields.split_whitespace().nth(4).and_then(|field| field.parse().ok()).ok_or(Errno::SRCH)?;
        let device = device.cast_unsigned();
        // As `new_encode_dev` packs it.
        let (major, minor) = ((device >> 8) & 0xFFF, (device & 0xFF) | ((device >> 12) & 0xFFF00));
        Ok((device != 0).then(|| makedev(major, minor)))
    }

    /// Returns whether the caller's session is the one that the task began with. In a pid namespace that is the second process's, behind
    /// the init; elsewhere no two terminals have one number.
    pub(super) fn is_in_first_session(&self) -> Result<bool, Errno> {
        let text = told(self.thread, "status")?;
        let numbers = text.lines().find_map(|line| line.strip_prefix("NSsid:")).ok_or(Errno::SRCH)?;
        let numbers: Vec<&str> = numbers.split_whitespace().collect();
        Ok(numbers.len() < 2 || numbers.last() == Some(&"2"))
    }

    fn status(&self, name: &str, radix: u32) -> Result<u32, Errno> {
        status(self.thread, name, radix)
    }

    /// Opens a place (`O_PATH`) from the caller's root.
    fn open(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        open_below(&self.root, path, flags)
    }
}

/// Reads what the kernel tells of a process or a thread. The name in it is any bytes.
fn told(thread: u32, name: &str) -> Result<String, Errno> {
    let bytes = std::fs::read(format!("/proc/{thread}/{name}")).map_err(|_| Errno::SRCH)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads a number of a process or a thread; `ESRCH` when there is none.
pub(super) fn status(thread: u32, name: &str, radix: u32) -> Result<u32, Errno> {
    let text = told(thread, "status")?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)).ok_or(Errno::SRCH)?;
    u32::from_str_radix(value.trim(), radix).map_err(|_| Errno::SRCH)
}

impl Found {
    pub(super) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    /// Returns a path by which this process reaches exactly this.
    pub(super) fn link(&self) -> String {
        link(self.descriptor.as_fd())
    }
}

impl Entry {
    /// Looks at what stands there, without following it. Where a slash stood behind the name, only a directory may.
    pub(super) fn look(&self) -> Result<Found, Errno> {
        let descriptor = openat(&self.directory, &self.name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let stat = fstat(&descriptor)?;
        let found = Found { descriptor, stat, path: Some(self.path.clone()) };
        if self.slash && found.kind() != FileType::Directory { Err(Errno::NOTDIR) } else { Ok(found) }
    }

    /// Refuses a name with a slash behind it for what is no directory, as the kernel does before it makes one.
    pub(super) fn of_a_file(&self) -> Result<(), Errno> {
        if !self.slash {
            return Ok(());
        }
        Err(if self.look().is_ok() { Errno::EXIST } else { Errno::NOENT })
    }
}

pub(super) fn link(descriptor: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", descriptor.as_raw_fd())
}

fn found(descriptor: OwnedFd) -> Result<Found, Errno> {
    let stat = fstat(&descriptor)?;
    // What was removed has a path that is another's by now.
    let path = if stat.st_nlink == 0 { None } else { standing(&descriptor)? };
    Ok(Found { descriptor, stat, path })
}

/// Returns where a descriptor of ours stands, in its own mount namespace; `None` for what stands nowhere.
fn standing(descriptor: &OwnedFd) -> Result<Option<AbsPath>, Errno> {
    let target = readlinkat(CWD, link(descriptor.as_fd()), Vec::new())?;
    let text = String::from_utf8_lossy(target.as_bytes()).into_owned();
    if !text.starts_with('/') {
        return Ok(None);
    }
    AbsPath::new(Path::new(&text)).map(Some).map_err(|_| Errno::INVAL)
}

/// Returns the link of the caller's own directory in `/proc` that a path goes on from, and the rest of the path.
fn through_itself(path: &[u8]) -> Option<(&str, &[u8])> {
    let rest = [b"/proc/self/".as_slice(), b"/proc/thread-self/"].into_iter().find_map(|start| path.strip_prefix(start))?;
    let end = if rest.starts_with(b"fd/") { rest.iter().skip(3).position(|byte| *byte == b'/')? + 3 } else { 3 };
    let (link, rest) = rest.split_at_checked(end)?;
    let link = std::str::from_utf8(link).ok().filter(|link| *link == "cwd" || link.strip_prefix("fd/").is_some_and(is_number))?;
    rest.strip_prefix(b"/").map(|rest| (link, rest))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the descriptor that a path names by the conventions of `/dev/fd` and `/proc/self/fd`.
fn descriptor_named(path: &[u8]) -> Option<i32> {
    match path {
        b"/dev/stdin" => return Some(0),
        b"/dev/stdout" => return Some(1),
        b"/dev/stderr" => return Some(2),
        _ => {}
    }
    let number = [b"/dev/fd/".as_slice(), b"/proc/self/fd/", b"/proc/thread-self/fd/"]
        .into_iter()
        .find_map(|start| path.strip_prefix(start))?;
    std::str::from_utf8(number).ok()?.parse().ok().filter(|number: &i32| *number >= 0)
}

/// Tries it: a process of our own asks, and is understood and answered.
pub(crate) fn trial(listener: BorrowedFd<'_>, expected: &[u8]) -> Result<(), Errno> {
    let notification = sys::receive(listener)?;
    let read = Caller::new(listener, &notification).and_then(|caller| {
        let [_, path, ..] = notification.arguments;
        if caller.string(path)? == expected { caller.umask() } else { Err(Errno::PROTO) }
    });
    // The caller takes this error as the sign that it was answered from here.
    sys::answer(listener, notification.id, Err(Errno::XDEV))?;
    read.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_go_on_from_the_callers_own_directories() {
        for (path, expected) in [
            ("/proc/self/cwd/new", Some(("cwd", "new"))),
            ("/proc/thread-self/fd/12/a/b", Some(("fd/12", "a/b"))),
            ("/proc/self/cwd/", Some(("cwd", ""))),
            ("/proc/self/cwd", None),
            ("/proc/self/fd/12", None),
            ("/proc/self/fd/x/a", None),
            ("/proc/self/fd//a", None),
            ("/proc/self/root/a", None),
            ("/proc/self/cwdx/a", None),
            ("/proc/1/cwd/a", None),
        ] {
            let found = through_itself(path.as_bytes());
            assert_eq!(found, expected.map(|(link, rest)| (link, rest.as_bytes())), "{path}");
        }
    }

    #[test]
    fn a_descriptor_is_named_by_convention_only() {
        for (path, expected) in [
            ("/dev/stdout", Some(1)),
            ("/dev/fd/7", Some(7)),
            ("/proc/self/fd/12", Some(12)),
            ("/proc/self/fd/", None),
            ("/proc/self/fd/-1", None),
            ("/proc/self/fd/1/x", None),
            ("/proc/1/fd/1", None),
            ("/dev/fd", None),
        ] {
            assert_eq!(descriptor_named(path.as_bytes()), expected, "{path}");
        }
    }
}
