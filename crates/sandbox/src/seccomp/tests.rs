//! The programs, run by a small interpreter of classic BPF; the kernel's own answers are tested in `launch`.

use super::{CallAnswer, Metadata, SeccompProgram, SetGroupId, observing};

const X86_64: u32 = 0xC000_003E;
const I386: u32 = 0x4000_0003;

/// `struct seccomp_data` up to the third argument.
struct Call {
    arch: u32,
    nr: u32,
    args: [u64; 3],
}

fn run(program: &[[u8; 8]], call: &Call) -> u32 {
    let mut data = [0_u8; 64];
    data[0..4].copy_from_slice(&call.nr.to_le_bytes());
    data[4..8].copy_from_slice(&call.arch.to_le_bytes());
    for (index, argument) in call.args.iter().enumerate() {
        data[16 + 8 * index..24 + 8 * index].copy_from_slice(&argument.to_le_bytes());
    }
    let (mut at, mut accumulator) = (0_usize, 0_u32);
    loop {
        let [c0, c1, then, otherwise, k @ ..] = program[at];
        let (code, k) = (u16::from_le_bytes([c0, c1]), u32::from_le_bytes(k));
        at += 1;
        let branch = |taken: bool| usize::from(if taken { then } else { otherwise });
        match code {
            0x20 => accumulator = u32::from_le_bytes(data[k as usize..k as usize + 4].try_into().unwrap()),
            0x54 => accumulator &= k,
            0x05 => at += k as usize,
            0x15 => at += branch(accumulator == k),
            0x35 => at += branch(accumulator >= k),
            0x45 => at += branch(accumulator & k != 0),
            0x06 => return k,
            other => panic!("code {other:#x}"),
        }
    }
}

fn answer(value: u32) -> &'static str {
    match value {
        0x7FFF_0000 => "allow",
        0x0005_0001 => "EPERM",
        0x0005_0026 => "ENOSYS",
        0x0005_005D => "EPROTONOSUPPORT",
        0x0005_0061 => "EAFNOSUPPORT",
        0x0005_005E => "ESOCKTNOSUPPORT",
        0x0005_000D => "EACCES",
        0x7FC0_0000 => "notify",
        0x8000_0000 => "kill",
        _ => "other",
    }
}

#[cfg(target_arch = "x86_64")]
const OPEN: SeccompProgram = SeccompProgram {
    inet: true,
    ipc: true,
    creation: false,
    programs_in_memory: true,
    ptrace: false,
    metadata: Metadata::Free(SetGroupId::Free),
};

#[cfg(target_arch = "x86_64")]
const CLOSED: SeccompProgram = SeccompProgram {
    inet: false,
    ipc: false,
    creation: false,
    programs_in_memory: false,
    ptrace: false,
    metadata: Metadata::Refused,
};

#[cfg(target_arch = "x86_64")]
const DECIDED: SeccompProgram = SeccompProgram {
    inet: false,
    ipc: false,
    creation: true,
    programs_in_memory: false,
    ptrace: false,
    metadata: Metadata::Decided,
};

#[cfg(target_arch = "x86_64")]
fn check(program: &SeccompProgram, arch: u32, nr: u32, args: [u64; 3], expected: &str) {
    let value = run(program.instructions(), &Call { arch, nr, args });
    assert_eq!(answer(value), expected, "{program:?} arch {arch:#x} nr {nr} args {args:x?}");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn sockets_are_answered_as_the_data_says() {
    check(&CLOSED, X86_64, 41, [2, 1, 0], "EAFNOSUPPORT");
    check(&CLOSED, X86_64, 41, [10, 2, 0], "EAFNOSUPPORT");
    check(&OPEN, X86_64, 41, [2, 0x80001, 0], "allow"); // inet stream cloexec
    check(&OPEN, X86_64, 41, [10, 2, 17], "allow"); // inet6 dgram udp
    check(&OPEN, X86_64, 41, [2, 3, 0], "EPROTONOSUPPORT"); // raw
    check(&OPEN, X86_64, 41, [2, 1, 262], "EPROTONOSUPPORT"); // MPTCP
    check(&CLOSED, X86_64, 41, [16, 3, 0], "EAFNOSUPPORT"); // netlink
    check(&OPEN, X86_64, 41, [16, 0x80003, 0], "allow"); // NETLINK_ROUTE
    check(&OPEN, X86_64, 41, [16, 3, 12], "EPROTONOSUPPORT"); // NETLINK_NETFILTER
    check(&OPEN, X86_64, 41, [16, 3, 0x1_0000_0000], "allow"); // NETLINK_ROUTE to the kernel
    check(&OPEN, X86_64, 41, [17, 3, 0], "EAFNOSUPPORT"); // packet
}

#[cfg(target_arch = "x86_64")]
#[test]
fn calls_are_answered_as_the_data_says() {
    for program in [OPEN, CLOSED, DECIDED] {
        check(&program, X86_64, 0, [0; 3], "allow"); // read
        check(&program, X86_64, 59, [0; 3], "allow"); // execve
        check(&program, I386, 0, [0; 3], "kill");
        check(&program, X86_64, 0x4000_0000, [0; 3], "kill"); // x32 read
        check(&program, X86_64, u32::MAX, [0; 3], "kill");
        check(&program, X86_64, 101, [0; 3], "EPERM"); // ptrace
        check(&program, X86_64, 165, [0; 3], "EPERM"); // mount
        check(&program, X86_64, 272, [0; 3], "EPERM"); // unshare
        check(&program, X86_64, 321, [0; 3], "EPERM"); // bpf
        check(&program, X86_64, 425, [0; 3], "ENOSYS"); // io_uring_setup
        check(&program, X86_64, 435, [0; 3], "ENOSYS"); // clone3
        check(&program, X86_64, 334, [0; 3], "allow"); // rseq
        check(&program, X86_64, 335, [0; 3], "ENOSYS"); // a hole
        check(&program, X86_64, 100_000, [0; 3], "ENOSYS");
        check(&program, X86_64, 56, [0x11, 0, 0], "allow"); // clone, SIGCHLD
        check(&program, X86_64, 56, [0x1000_0011, 0, 0], "EPERM"); // CLONE_NEWUSER
        check(&program, X86_64, 56, [0x0002_0000, 0, 0], "EPERM"); // CLONE_NEWNS
        check(&program, X86_64, 16, [0, 0x5401, 0], "allow"); // ioctl TCGETS
        check(&program, X86_64, 16, [0, 0x5412, 0], "EPERM"); // TIOCSTI
        check(&program, X86_64, 16, [0, 0xDEAD_BEEF_0000_5412, 0], "EPERM"); // the same to the kernel
        check(&program, X86_64, 16, [0, 0x541C, 0], "EPERM"); // TIOCLINUX
        check(&program, X86_64, 135, [0xFFFF_FFFF, 0, 0], "allow"); // personality, asked
        check(&program, X86_64, 135, [0x0400_0000, 0, 0], "EPERM");
        check(&program, X86_64, 41, [1, 1, 0], "allow"); // socket unix
        check(&program, X86_64, 41, [40, 1, 0], "EAFNOSUPPORT"); // vsock
        check(&program, X86_64, 53, [1, 1, 0], "allow"); // socketpair unix
        check(&program, X86_64, 53, [2, 1, 0], "EAFNOSUPPORT");
    }
    check(&CLOSED, X86_64, 29, [0; 3], "EPERM"); // shmget
    check(&OPEN, X86_64, 29, [0; 3], "allow");
    for (nr, args, free, refused, decided) in [
        (90, [0; 3], "allow", "EPERM", "notify"),                             // chmod
        (190, [0; 3], "allow", "EPERM", "notify"),                            // fsetxattr
        (42, [0; 3], "allow", "EACCES", "notify"),                            // connect
        (41, [1, 0x80002, 0], "allow", "ESOCKTNOSUPPORT", "ESOCKTNOSUPPORT"), // socket unix dgram cloexec
        (53, [1, 2, 0], "allow", "ESOCKTNOSUPPORT", "ESOCKTNOSUPPORT"),       // socketpair unix dgram
        (257, [0, 0, 0o2], "allow", "allow", "notify"),                       // openat O_RDWR
        (257, [0, 0, 0o1000], "allow", "allow", "notify"),                    // openat O_TRUNC
        (257, [0, 0, 0o2_204_000], "allow", "allow", "allow"),                // openat O_CLOEXEC, O_DIRECTORY, O_NONBLOCK
        (76, [0; 3], "allow", "allow", "notify"),                             // truncate
        (257, [0, 0, 0o102], "allow", "allow", "notify"),                     // openat O_CREAT
        (2, [0, 0o100, 0], "allow", "allow", "notify"),                       // open O_CREAT
        (82, [0; 3], "allow", "allow", "notify"),                             // rename
        (319, [0, 1, 0], "allow", "EACCES", "EACCES"),                        // memfd_create MFD_CLOEXEC
        (319, [0, 9, 0], "allow", "allow", "allow"),                          // MFD_NOEXEC_SEAL
        (437, [0; 3], "ENOSYS", "ENOSYS", "ENOSYS"),                          // openat2
        (87, [0; 3], "allow", "allow", "notify"),                             // unlink
        (90, [0, 0o4755, 0], "EPERM", "EPERM", "EPERM"),                      // chmod u+s
        (90, [0, 0o2755, 0], "allow", "EPERM", "notify"),                     // chmod g+s
        (2, [0, 0o101, 0o4755], "EPERM", "EPERM", "EPERM"),                   // open O_CREAT u+s
        (2, [0, 0o1, 0o4755], "allow", "allow", "notify"),                    // open without a mode
        (2, [0, 0o2020_0001, 0o4755], "EPERM", "EPERM", "EPERM"),             // open O_TMPFILE u+s
        (2, [0, 0o101, 0o2755], "EPERM", "EPERM", "EPERM"),                   // open O_CREAT g+s
        (2, [0, 0o1, 0o2755], "allow", "allow", "notify"),                    // open without a mode
        (133, [0, 0o2755, 0], "EPERM", "EPERM", "EPERM"),                     // mknod g+s
        (83, [0, 0o2755, 0], "allow", "allow", "notify"),                     // mkdir g+s
    ] {
        check(&OPEN, X86_64, nr, args, free);
        check(&CLOSED, X86_64, nr, args, refused);
        check(&DECIDED, X86_64, nr, args, decided);
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_set_group_id_bit_is_asked_about_where_what_has_it_stays() {
    let check = |set_group_id: SetGroupId, chmod: &str| {
        let program = SeccompProgram {
            inet: false,
            ipc: true,
            creation: false,
            programs_in_memory: false,
            ptrace: false,
            metadata: Metadata::Free(set_group_id),
        };
        // chmod, fchmod, fchmodat, fchmodat2
        for (nr, at) in [(90, 1), (91, 1), (268, 2), (452, 2)] {
            for (mode, expected) in [(0o755, "allow"), (0o2755, chmod), (0o4755, "EPERM"), (0o6755, "EPERM"), (0o1777, "allow")] {
                let mut args = [0; 3];
                args[at] = mode | 0xFFFF_0000_0000_0000;
                let value = run(program.instructions(), &Call { arch: X86_64, nr, args });
                assert_eq!(answer(value), expected, "{set_group_id:?} nr {nr} mode {mode:o}");
            }
        }
        assert_eq!(program.notifies(), set_group_id == SetGroupId::Decided);
    };
    check(SetGroupId::Free, "allow");
    check(SetGroupId::Decided, "notify");
    check(SetGroupId::Refused, "EPERM");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn another_process_is_asked_about_where_numbers_are_the_hosts() {
    const UPPER: u64 = 1 << 32;
    let check = |nr: u32, args: [u64; 3], expected: &str| {
        for program in all() {
            let expected = if program.metadata == Metadata::Decided { expected } else { "allow" };
            let value = run(program.instructions(), &Call { arch: X86_64, nr, args });
            assert_eq!(answer(value), expected, "{program:?} nr {nr} args {args:x?}");
        }
    };
    // sched_setparam, sched_setscheduler, sched_setaffinity, sched_setattr
    for nr in [142, 144, 203, 314] {
        check(nr, [0, 1, 1], "allow");
        check(nr, [UPPER, 1, 1], "allow");
        check(nr, [1, 0, 0], "notify");
        check(nr, [u64::MAX, 0, 0], "notify");
    }
    // prlimit64, whose third argument is null when it only reads
    check(302, [0, 7, 1], "allow");
    check(302, [5, 7, 0], "allow");
    check(302, [5, 7, UPPER], "notify");
    check(302, [5, 7, 1], "notify");
    // setpriority: of a process, a group, a user
    check(141, [0, 0, 5], "allow");
    check(141, [0, 1, 5], "notify");
    check(141, [1, 0, 5], "notify");
    check(141, [2, 0, 5], "notify");
    // ioprio_set
    check(251, [1, 0, 5], "allow");
    check(251, [1, 1, 5], "notify");
    check(251, [2, 0, 5], "notify");
}

/// What changes a file by a descriptor that only reads is refused, and what only reads is not.
#[cfg(target_arch = "x86_64")]
#[test]
fn requests_of_file_systems_are_refused_by_their_type() {
    let check = |request: u64, expected: &str| {
        for program in all() {
            let value = run(program.instructions(), &Call { arch: X86_64, nr: 16, args: [0, request, 0] });
            assert_eq!(answer(value), expected, "{program:?} {request:#x}");
        }
    };
    // FS_IOC_SETFLAGS, EXT4_IOC_SETVERSION, FS_IOC_SETVERSION, FS_IOC_FSSETXATTR, FS_IOC_SET_ENCRYPTION_POLICY,
    // FS_IOC_ENABLE_VERITY, FAT_IOCTL_SET_ATTRIBUTES, BTRFS_IOC_SNAP_CREATE_V2, F2FS_IOC_SET_PIN_FILE
    for request in
        [0x4008_6602, 0x4008_6604, 0x4008_7602, 0x401C_5820, 0x800C_6613, 0x4080_6685, 0x4004_7211, 0x5000_9417, 0x4004_F50D]
    {
        check(request, "EPERM");
        check(request | 1 << 32, "EPERM");
    }
    // FS_IOC_GETFLAGS, FS_IOC_FIEMAP, FICLONE, TCGETS, FIONREAD, FIOCLEX, SIOCGIFNAME
    for request in [0x8008_6601, 0xC020_660B, 0x4004_9409, 0x5401, 0x541B, 0x5451, 0x8910] {
        check(request, "allow");
    }
}

#[test]
fn programs_are_within_the_kernels_limit() {
    for program in all() {
        let length = program.instructions().len();
        assert!((100..4096).contains(&length), "{length}");
    }
}

fn all() -> impl Iterator<Item = SeccompProgram> {
    let free = [SetGroupId::Free, SetGroupId::Decided, SetGroupId::Refused].map(Metadata::Free);
    free.into_iter().chain([Metadata::Decided, Metadata::Refused]).flat_map(|metadata| {
        (0..32).map(move |number| {
            let [inet, ipc, creation, programs_in_memory, ptrace] = [1, 2, 4, 8, 16].map(|bit| number & bit != 0);
            SeccompProgram { inet, ipc, creation, programs_in_memory, ptrace, metadata }
        })
    })
}

/// A task has one listener, the observer's: about what it does not ask, nobody is asked.
#[cfg(target_arch = "x86_64")]
#[test]
fn an_observer_asks_about_all_that_is_decided_outside() {
    let arguments = [[0; 3], [u64::MAX; 3], [0, 0, 0x40], [0, 0x40, 0], [0, 0x0020_0040, 0], [0, 0, 0x0020_0040], [1, 2, 3]];
    let observer = observing(0x7FFF_1234_5678);
    for program in all() {
        for number in 0..600 {
            for args in arguments {
                let asks = run(program.instructions(), &Call { arch: X86_64, nr: number, args });
                let known = program.answer(i32::try_from(number).unwrap(), &[args[0], args[1], args[2], 0, 0, 0]);
                assert_eq!(known == CallAnswer::Ask, answer(asks) == "notify", "{number} {args:x?}");
                if known == CallAnswer::Ask {
                    let also = run(&observer, &Call { arch: X86_64, nr: number, args });
                    assert_eq!(answer(also), "notify", "{number} {args:x?}");
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn an_observer_decides_nothing() {
    let observer = observing(0x7FFF_1234_5678);
    let check = |arch: u32, nr: u32, args: [u64; 3], expected: &str| {
        assert_eq!(answer(run(&observer, &Call { arch, nr, args })), expected, "nr {nr} args {args:x?}");
    };
    check(X86_64, 59, [0x7FFF_1234_5678, 0, 0], "allow"); // the launch's own execve
    check(X86_64, 59, [0x1234_5678, 0, 0], "notify");
    check(X86_64, 59, [0x7FFF_1234_5679, 0, 0], "notify");
    check(X86_64, 257, [0; 3], "notify"); // openat
    check(X86_64, 0, [0; 3], "allow"); // read
    check(X86_64, 101, [0; 3], "allow"); // ptrace, which is the other filter's
    check(X86_64, 332, [0, 0, 0x1000], "allow"); // statx of a descriptor
    check(X86_64, 332, [0, 0, 0], "notify");
    check(X86_64, 231, [0; 3], "allow"); // exit_group 0
    check(X86_64, 231, [1, 0, 0], "notify");
    check(I386, 5, [0; 3], "allow");
}
