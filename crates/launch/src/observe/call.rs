//! What an observed call is about, as its registers have it.

use remit_sandbox::Act;
use rustix::fs::OFlags;

use crate::outside::{SYS_FCHMODAT2, processes};

/// A call.
pub(super) enum Call {
    Open {
        at: Name,
        flags: OFlags,
    },
    /// One act on something that exists.
    One {
        at: Name,
        act: Act,
        follow: bool,
    },
    /// Changes what a descriptor is open on.
    Opened {
        descriptor: i32,
    },
    /// Gives a new name.
    Make {
        at: Name,
    },
    Remove {
        at: Name,
    },
    /// Takes one name away and gives another.
    Rename {
        from: Name,
        to: Name,
        exchange: bool,
    },
    Connect {
        address: u64,
        length: u64,
    },
    Bind {
        address: u64,
        length: u64,
    },
    /// Limits or priorities of a process; `None`: of a group or a user.
    Limit {
        process: Option<i32>,
    },
    Exit {
        code: i32,
    },
}

#[derive(Clone, Copy)]
pub(super) struct Name {
    pub(super) directory: i32,
    pub(super) path: u64,
}

/// Reads the call of a number; `None` when nothing is to be seen of it.
#[expect(clippy::many_single_char_names, reason = "registers have no better names before the call is known")]
pub(super) fn call(number: libc::c_long, arguments: &[u64; 6]) -> Option<Call> {
    let [a, b, c, d, e, f] = *arguments;
    let at = |directory: u64, path| Name { directory: register(directory), path };
    let open = |at, flags: u64| Call::Open { at, flags: OFlags::from_bits_retain(register(flags).cast_unsigned()) };
    let opened = Call::Opened { descriptor: register(a) };
    let one = |at, act| Call::One { at, act, follow: true };
    let follow = |at, act, flags: u64| Call::One { at, act, follow: register(flags) & libc::AT_SYMLINK_NOFOLLOW == 0 };
    Some(match number {
        libc::SYS_openat => open(at(a, b), c),
        libc::SYS_execve => one(here(a), Act::Execute),
        libc::SYS_execveat => follow(at(a, b), Act::Execute, e),
        libc::SYS_newfstatat => follow(at(a, b), Act::Look, d),
        libc::SYS_statx => follow(at(a, b), Act::Look, c),
        libc::SYS_faccessat => one(at(a, b), asked(c)),
        libc::SYS_faccessat2 => follow(at(a, b), asked(c), d),
        libc::SYS_chdir => one(here(a), Act::Look),
        libc::SYS_truncate => one(here(a), Act::Write),
        libc::SYS_mkdirat | libc::SYS_mknodat => Call::Make { at: at(a, b) },
        libc::SYS_symlinkat => Call::Make { at: at(b, c) },
        libc::SYS_linkat => Call::Make { at: at(c, d) },
        libc::SYS_unlinkat => Call::Remove { at: at(a, b) },
        libc::SYS_renameat => Call::Rename { from: at(a, b), to: at(c, d), exchange: false },
        libc::SYS_renameat2 => {
            let exchange = u32::try_from(e & 0xFFFF_FFFF).is_ok_and(|flags| flags & libc::RENAME_EXCHANGE != 0);
            Call::Rename { from: at(a, b), to: at(c, d), exchange }
        }
        libc::SYS_fchmodat => one(at(a, b), Act::Change),
        SYS_FCHMODAT2 => follow(at(a, b), Act::Change, d),
        libc::SYS_setxattr | libc::SYS_removexattr => one(here(a), Act::Change),
        libc::SYS_lsetxattr | libc::SYS_lremovexattr => Call::One { at: here(a), act: Act::Change, follow: false },
        libc::SYS_fchmod | libc::SYS_fchown | libc::SYS_fsetxattr | libc::SYS_fremovexattr => opened,
        libc::SYS_fchownat => follow(at(a, b), Act::Change, e),
        // With no path it is about a descriptor.
        libc::SYS_utimensat if b == 0 => opened,
        libc::SYS_utimensat => follow(at(a, b), Act::Change, d),
        libc::SYS_connect => Call::Connect { address: b, length: c },
        libc::SYS_sendto => Call::Connect { address: e, length: f },
        libc::SYS_bind => Call::Bind { address: b, length: c },
        libc::SYS_exit_group => Call::Exit { code: register(a) & 0xFF },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => open(here(a), b),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat => Call::Open { at: here(a), flags: OFlags::CREATE | OFlags::WRONLY | OFlags::TRUNC },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_stat => one(here(a), Act::Look),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_access => one(here(a), asked(b)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mkdir | libc::SYS_mknod => Call::Make { at: here(a) },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_symlink | libc::SYS_link => Call::Make { at: here(b) },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_unlink | libc::SYS_rmdir => Call::Remove { at: here(a) },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename => Call::Rename { from: here(a), to: here(b), exchange: false },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chmod | libc::SYS_chown | libc::SYS_utime | libc::SYS_utimes => one(here(a), Act::Change),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_lchown => Call::One { at: here(a), act: Act::Change, follow: false },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_futimesat if b == 0 => opened,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_futimesat => one(at(a, b), Act::Change),
        _ => return processes::change(number, arguments).map(|change| Call::Limit { process: change.process }),
    })
}

/// Returns whether a call gives a mode with the set-group-id bit.
pub(super) fn sets_group_id(number: libc::c_long, arguments: &[u64; 6]) -> bool {
    let [_, b, c, ..] = *arguments;
    let mode = match number {
        libc::SYS_fchmod => b,
        libc::SYS_fchmodat | SYS_FCHMODAT2 => c,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chmod => b,
        _ => 0,
    };
    mode & u64::from(libc::S_ISGID) != 0
}

/// access(2) is no use of what it asks for, and Landlock has no say in it.
fn asked(_mode: u64) -> Act {
    Act::Look
}

fn here(path: u64) -> Name {
    Name { directory: libc::AT_FDCWD, path }
}

/// Reads an `int` of a register: its upper half is not part of it.
#[expect(clippy::cast_possible_truncation, reason = "the kernel truncates so as well")]
fn register(value: u64) -> i32 {
    (value as u32).cast_signed()
}
