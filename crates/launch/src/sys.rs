//! The calls that no safe crate has. Each is one system call.

mod processes;

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, WaitOptions, getrlimit, setrlimit, waitpid};

pub(crate) use processes::{
    same_memory, set_affinity, set_disk_priority, set_limit, set_priority, set_scheduler, set_scheduling,
};

/// Which side of a fork goes on.
pub(crate) enum Side {
    Child,
    Parent { pid: Pid, pidfd: OwnedFd },
}

/// Forks with the given `CLONE_NEW*` flags; the parent gets a pidfd (Linux 5.2).
///
/// The process must have one thread: see the crate's documentation.
pub(crate) fn fork(namespaces: libc::c_int) -> Result<Side, Errno> {
    let mut pidfd: libc::c_int = -1;
    let flags = libc::c_long::from(namespaces | libc::CLONE_PIDFD | libc::SIGCHLD);
    let none = ptr::null_mut::<libc::c_void>();
    // SAFETY: without CLONE_VM and with no stack given, clone(2) acts as fork(2): the child has a copy of the memory and
    // returns here too. The caller has one thread, so no lock is held by anybody else. `pidfd` outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_clone, flags, none, &raw mut pidfd, none, none) };
    match result {
        -1 => Err(last_error()),
        0 => Ok(Side::Child),
        pid => {
            // SAFETY: the kernel has just made this descriptor for us.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::INVAL)?;
            Ok(Side::Parent { pid, pidfd })
        }
    }
}

/// Runs `child` in a new process that borrows this one's memory, and returns once the child has become another program or
/// has ended (`CLONE_VM | CLONE_VFORK`, as `posix_spawn` does). No page is copied, so it costs half of a fork.
///
/// `child` must not return: it ends in exec or in [`exit_now`]. What it writes to memory stays written.
pub(crate) fn spawn_sharing(namespaces: libc::c_int, child: &mut dyn FnMut()) -> Result<(Pid, OwnedFd), Errno> {
    // More than the stages use; pages that are not touched cost nothing.
    const STACK: usize = 512 * 1024;

    extern "C" fn enter(child: *mut libc::c_void) -> libc::c_int {
        // SAFETY: the pointer is the one below, to a closure that lives as long as the parent waits.
        let child = unsafe { &mut *child.cast::<&mut dyn FnMut()>() };
        child();
        exit_now(125)
    }

    let mut child = child;
    // 16 bytes are what the ABI aligns a stack to.
    let mut stack: Vec<u128> = Vec::with_capacity(STACK / size_of::<u128>());
    // SAFETY: one past the end of the allocation, which clone(2) takes as the top of a stack that grows down.
    let top = unsafe { stack.as_mut_ptr().add(stack.capacity()) };
    let mut pidfd: libc::c_int = -1;
    let flags = namespaces | libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    // SAFETY: the child has a stack of its own and this process stands still until the child lets go of the memory, so they
    // never run in it at the same time; the process has one thread. Signal actions and descriptors are copies.
    let pid = unsafe { libc::clone(enter, top.cast(), flags, (&raw mut child).cast(), &raw mut pidfd) };
    check(libc::c_long::from(pid))?;
    // SAFETY: the kernel has just made this descriptor for us.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok((Pid::from_raw(pid).ok_or(Errno::INVAL)?, pidfd))
}

/// Unmaps pages of this program's code. `start` and `length` are those of a mapping of its file that is read and executed only.
pub(crate) fn forget_code(start: usize, length: usize) -> Result<(), Errno> {
    let start = ptr::with_exposed_provenance_mut::<libc::c_void>(start);
    // SAFETY: nothing has written to the mapping, so each page holds what the file holds, which cannot be written to while it
    // is executed; the kernel maps it again at the next use, as it did at the first.
    check(libc::c_long::from(unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) }))
}

/// Tries whether the user could make a process under this limit of processes (`RLIMIT_NPROC`), in a process of its own.
///
/// The process must have one thread.
pub(crate) fn may_fork_under(limit: u64) -> Result<bool, Errno> {
    let mut answer = Err(Errno::CHILD);
    let mut child = || {
        let host = getrlimit(Resource::Nproc).maximum;
        let limit = host.map_or(limit, |host| host.min(limit));
        let limited = setrlimit(Resource::Nproc, Rlimit { current: Some(limit), maximum: Some(limit) });
        answer = match limited.and_then(|()| fork(0)) {
            Ok(Side::Child) => exit_now(0),
            Ok(Side::Parent { pid, .. }) => waitpid(Some(pid), WaitOptions::empty()).map(|_| true),
            // Nothing that is asked for here would be more.
            Err(Errno::AGAIN) if Some(limit) == host => Err(Errno::AGAIN),
            Err(Errno::AGAIN) => Ok(false),
            Err(errno) => Err(errno),
        };
        exit_now(0)
    };
    let (pid, _) = spawn_sharing(0, &mut child)?;
    waitpid(Some(pid), WaitOptions::empty())?;
    answer
}

/// Marks every descriptor from `first` on as closed at exec (Linux 5.11).
pub(crate) fn close_at_exec_from(first: libc::c_uint) -> Result<(), Errno> {
    // SAFETY: the call reads no memory of ours, and closes nothing before exec.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) })
}

/// Closes every descriptor from `first` on, for a process that goes on without any (Linux 5.9).
pub(crate) fn close_from(first: libc::c_uint) -> Result<(), Errno> {
    // SAFETY: the caller uses no descriptor from `first` on after this; it is an init that only waits.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) })
}

/// Installs a seccomp filter for this thread; `no_new_privs` must be set, or the caller privileged.
pub(crate) fn install_filter(program: &[[u8; 8]]) -> Result<(), Errno> {
    set_filter(program, 0).map(|_| ())
}

/// Grants rights on a file, or on a directory and all that is below it, in a ruleset of Landlock (Linux 5.13).
pub(crate) fn landlock_grant(ruleset: BorrowedFd<'_>, path: BorrowedFd<'_>, access: u64) -> Result<(), Errno> {
    /// `struct landlock_path_beneath_attr`.
    #[repr(C, packed)]
    struct PathBeneath {
        allowed_access: u64,
        parent_fd: libc::c_int,
    }
    const PATH_BENEATH: libc::c_int = 1;
    let rule = PathBeneath { allowed_access: access, parent_fd: path.as_raw_fd() };
    // SAFETY: the kernel only reads the rule, which outlives the call and has the form of its uapi.
    check(unsafe { libc::syscall(libc::SYS_landlock_add_rule, ruleset.as_raw_fd(), PATH_BENEATH, &raw const rule, 0) })
}

/// Puts this thread, and what it becomes and makes, under a ruleset of Landlock.
pub(crate) fn landlock_restrict(ruleset: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: the call reads no memory of ours.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) })
}

/// Installs a seccomp filter that asks, and returns the listener on which it does (Linux 5.0).
///
/// From Linux 5.19 on, a call that is being decided is interrupted by a fatal signal only: it is not done twice.
pub(crate) fn install_asking_filter(program: &[[u8; 8]]) -> Result<OwnedFd, Errno> {
    let ask = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let listener = match set_filter(program, ask | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
        Err(Errno::INVAL) => set_filter(program, ask)?,
        other => other?,
    };
    let listener = libc::c_int::try_from(listener).map_err(|_| Errno::BADF)?;
    // SAFETY: the kernel has just made this descriptor for us; it is closed at exec.
    Ok(unsafe { OwnedFd::from_raw_fd(listener) })
}

fn set_filter(program: &[[u8; 8]], flags: libc::c_ulong) -> Result<libc::c_long, Errno> {
    #[repr(C)]
    struct Program {
        length: libc::c_ushort,
        filter: *const [u8; 8],
    }
    let length = libc::c_ushort::try_from(program.len()).map_err(|_| Errno::TOOBIG)?;
    let program = Program { length, filter: program.as_ptr() };
    // SAFETY: `program` is laid out as `struct sock_fprog`, and its instructions as `struct sock_filter`; the kernel copies
    // `length` of them, checks them, and keeps no pointer.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    check(result).map(|()| result)
}

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notification {
    pub(crate) id: u64,
    /// The thread that calls, by its number in our pid namespace; 0 when it has none there.
    pub(crate) thread: u32,
    pub(crate) number: libc::c_int,
    pub(crate) arguments: [u64; 6],
}

/// Waits for the next call that asks. `ENOENT` says that the caller was killed in between.
pub(crate) fn receive(listener: BorrowedFd<'_>) -> Result<Notification, Errno> {
    // SAFETY: an all-zero seccomp_notif is what the kernel wants; it fills it in and keeps no pointer.
    unsafe {
        let mut raw: libc::seccomp_notif = std::mem::zeroed();
        check_int(libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut raw))?;
        Ok(Notification { id: raw.id, thread: raw.pid, number: raw.data.nr, arguments: raw.data.args })
    }
}

/// Answers a call with what it returns. `ENOENT` says that the caller has gone.
pub(crate) fn answer(listener: BorrowedFd<'_>, id: u64, result: Result<(), Errno>) -> Result<(), Errno> {
    let error = result.err().map_or(0, |errno| -errno.raw_os_error());
    let response = libc::seccomp_notif_resp { id, val: 0, error, flags: 0 };
    // SAFETY: the response outlives the call, and is laid out as the kernel reads it.
    check_int(unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const response) })
}

/// Lets a call go on as if nobody had been asked (Linux 5.5): what its arguments point to is read again by the kernel, which
/// decides. So this is for calls that were only looked at. `ENOENT` says that the caller has gone.
pub(crate) fn let_go_on(listener: BorrowedFd<'_>, id: u64) -> Result<(), Errno> {
    let flags = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or(1);
    let response = libc::seccomp_notif_resp { id, val: 0, error: 0, flags };
    // SAFETY: as for `answer`.
    check_int(unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const response) })
}

/// Has the kernel wake who answers, and who asked, on the processor that they are on (Linux 6.6).
pub(crate) fn wake_in_place(listener: BorrowedFd<'_>) -> Result<(), Errno> {
    // Not in every version of the libc crate: SECCOMP_IOW(4, __u64), and its only flag.
    const SET_FLAGS: libc::Ioctl = 0x4008_2104_u32 as libc::Ioctl;
    const SYNC_WAKE_UP: libc::c_ulong = 1;
    // SAFETY: the argument of this call is a number.
    check_int(unsafe { libc::ioctl(listener.as_raw_fd(), SET_FLAGS, SYNC_WAKE_UP) })
}

/// Reads memory of another thread, and returns how much there was.
pub(crate) fn read_memory(thread: u32, address: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
    let thread = libc::pid_t::try_from(thread).map_err(|_| Errno::SRCH)?;
    let address = usize::try_from(address).map_err(|_| Errno::FAULT)?;
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let remote = libc::iovec { iov_base: ptr::without_provenance_mut(address), iov_len: buffer.len() };
    // SAFETY: the kernel writes no more than the buffer's length, and takes `remote` as a number of the other's memory.
    let read = unsafe { libc::process_vm_readv(thread, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(read).map_err(|_| last_error())
}

/// Gives a copy of a descriptor to the caller, and answers its call with the copy's number, in one step (Linux 5.14).
pub(crate) fn answer_with(
    listener: BorrowedFd<'_>,
    id: u64,
    descriptor: BorrowedFd<'_>,
    close_at_exec: bool,
) -> Result<(), Errno> {
    let request = libc::seccomp_notif_addfd {
        id,
        flags: u32::try_from(libc::SECCOMP_ADDFD_FLAG_SEND).unwrap_or(2),
        srcfd: u32::try_from(descriptor.as_raw_fd()).map_err(|_| Errno::BADF)?,
        newfd: 0,
        newfd_flags: if close_at_exec { libc::O_CLOEXEC.cast_unsigned() } else { 0 },
    };
    // SAFETY: as for `answer`.
    check_int(unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ADDFD, &raw const request) })
}

/// Returns whether the call still waits: only then is its thread's number still that thread's.
pub(crate) fn still_waits(listener: BorrowedFd<'_>, id: u64) -> Result<(), Errno> {
    // SAFETY: the number outlives the call.
    check_int(unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) })
}

fn check_int(result: libc::c_int) -> Result<(), Errno> {
    check(libc::c_long::from(result))
}

/// Gives this thread a working directory and an umask of its own.
pub(crate) fn own_file_settings() -> Result<(), Errno> {
    // SAFETY: the descriptors stay shared.
    check_int(unsafe { libc::unshare(libc::CLONE_FS) })
}

/// Gives the process a cgroup namespace, whose root is the cgroup that it is in (Linux 4.6).
pub(crate) fn own_cgroups() -> Result<(), Errno> {
    // SAFETY: no memory is concerned.
    check_int(unsafe { libc::unshare(libc::CLONE_NEWCGROUP) })
}

/// Replaces the process; returns only on failure. The strings are those of the arguments and of the environment.
pub(crate) fn exec(program: &CString, arguments: &[CString], environment: &[CString]) -> Errno {
    let pointers = |strings: &[CString]| strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect::<Vec<_>>();
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both arrays end in a null pointer and point to strings that outlive the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    last_error()
}

/// Ends the process at once: no destructor and no exit handler of the copied memory runs.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` is always safe to call.
    unsafe { libc::_exit(code) }
}

/// Unblocks all signals, and stops ignoring SIGPIPE, which Rust's start ignores: exec takes away handlers, and leaves
/// ignored what is ignored. What the caller of Remit had ignored stays so (`nohup`).
pub(crate) fn reset_signals() -> Result<(), Errno> {
    // SAFETY: SIG_DFL is a valid action.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    set_mask(&no_signals())
}

pub(crate) fn no_signals() -> libc::sigset_t {
    // SAFETY: an all-zero sigset_t is valid memory for sigemptyset to initialise.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        set
    }
}

pub(crate) fn signal_set(signals: &[libc::c_int]) -> libc::sigset_t {
    let mut set = no_signals();
    for signal in signals {
        // SAFETY: `set` is initialised; an invalid number is refused by the call.
        unsafe { libc::sigaddset(&raw mut set, *signal) };
    }
    set
}

pub(crate) fn set_mask(set: &libc::sigset_t) -> Result<(), Errno> {
    // SAFETY: `set` is initialised; the old mask is not asked for.
    check(libc::c_long::from(unsafe { libc::sigprocmask(libc::SIG_SETMASK, set, ptr::null_mut()) }))
}

/// Makes a descriptor from which the signals of `set` are read; they must be blocked.
pub(crate) fn signal_descriptor(set: &libc::sigset_t) -> Result<OwnedFd, Errno> {
    // SAFETY: `set` is initialised.
    let descriptor = unsafe { libc::signalfd(-1, set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    check(libc::c_long::from(descriptor))?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Has the kernel send this process a signal at the next write to a file of a directory.
pub(crate) fn notify_of_write(directory: BorrowedFd<'_>, signal: libc::c_int) -> Result<(), Errno> {
    // Neither is in the libc crate for every target.
    const SET_SIGNAL: libc::c_int = 10;
    const MODIFIED: libc::c_int = 2;
    // SAFETY: both arguments are numbers.
    check_int(unsafe { libc::fcntl(directory.as_raw_fd(), SET_SIGNAL, signal) })?;
    // SAFETY: as before.
    check_int(unsafe { libc::fcntl(directory.as_raw_fd(), libc::F_NOTIFY, MODIFIED) })
}

/// Waits for one of the signals of `set`, which must be blocked.
pub(crate) fn wait_for_signal(set: &libc::sigset_t) -> Result<libc::c_int, Errno> {
    // SAFETY: `set` is initialised; the details are not asked for.
    let signal = unsafe { libc::sigwaitinfo(set, ptr::null_mut()) };
    check(libc::c_long::from(signal)).map(|()| signal)
}

/// Sends a signal to a process group.
pub(crate) fn signal_group(group: Pid, signal: libc::c_int) -> Result<(), Errno> {
    // SAFETY: the call reads no memory.
    check(libc::c_long::from(unsafe { libc::kill(-group.as_raw_nonzero().get(), signal) }))
}

/// Flags of a mount, to be added to those that it has.
#[derive(Clone, Copy)]
pub(crate) struct MountFlag(u64);

impl MountFlag {
    pub(crate) const NONE: MountFlag = MountFlag(0);
    pub(crate) const READ_ONLY: MountFlag = MountFlag(libc::MOUNT_ATTR_RDONLY);
    pub(crate) const NO_SUID: MountFlag = MountFlag(libc::MOUNT_ATTR_NOSUID);
    pub(crate) const NO_DEV: MountFlag = MountFlag(libc::MOUNT_ATTR_NODEV);
    pub(crate) const NO_EXEC: MountFlag = MountFlag(libc::MOUNT_ATTR_NOEXEC);
}

impl std::ops::BitOr for MountFlag {
    type Output = MountFlag;

    fn bitor(self, other: MountFlag) -> MountFlag {
        MountFlag(self.0 | other.0)
    }
}

/// Adds flags to a detached mount, and to everything mounted below it (Linux 5.12).
pub(crate) fn set_mount_flags(mount: BorrowedFd<'_>, flags: MountFlag) -> Result<(), Errno> {
    mount_setattr(mount.as_raw_fd(), c"", libc::AT_EMPTY_PATH | libc::AT_RECURSIVE, flags)
}

/// Adds flags to the root, and to nothing that is mounted below it.
pub(crate) fn set_root_flags(flags: MountFlag) -> Result<(), Errno> {
    mount_setattr(libc::AT_FDCWD, c"/", 0, flags)
}

fn mount_setattr(at: libc::c_int, path: &CStr, how: libc::c_int, flags: MountFlag) -> Result<(), Errno> {
    let attributes = libc::mount_attr { attr_set: flags.0, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path ends in a zero, the attributes outlive the call, and the size is theirs.
    check(unsafe {
        libc::syscall(libc::SYS_mount_setattr, at, path.as_ptr(), how, &raw const attributes, size_of::<libc::mount_attr>())
    })
}

/// Brings the loopback interface of the process's network namespace up.
pub(crate) fn raise_loopback() -> Result<(), Errno> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: an all-zero ifreq is valid; the name fits and ends in a zero; the flags are what SIOCSIFFLAGS reads.
    check(unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(*b"lo") {
            *to = libc::c_char::from_ne_bytes([from]);
        }
        request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or(0);
        // Not ioctl(3), whose second argument has another type in each libc.
        libc::syscall(libc::SYS_ioctl, socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request)
    })
}

/// Returns Landlock's ABI, 0 when the kernel has none or it is switched off.
pub(crate) fn landlock_abi() -> u32 {
    const VERSION: libc::c_uint = 1;
    // SAFETY: with this flag the kernel takes a null pointer and a size of 0, and makes nothing.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, ptr::null::<libc::c_void>(), 0_usize, VERSION) };
    u32::try_from(abi).unwrap_or(0)
}

fn check(result: libc::c_long) -> Result<(), Errno> {
    if result == -1 { Err(last_error()) } else { Ok(()) }
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}
