# In front of every attempt in Python that says `call(`, `addressof(` or `socket_of(`: a system call by its name, as the kernel takes it.
import ctypes, os, struct, sys
from ctypes import addressof, byref, create_string_buffer

NUMBERS = dict(
    read=0, getpid=39, open=2, mmap=9, ioctl=16, shmat=30, shmget=29, msgget=68, fcntl=72, truncate=76, rename=82, creat=85, link=86, symlink=88,
    chmod=90, fchmod=91, chown=92, fchown=93, lchown=94, ptrace=101, syslog=103, utime=132, mknod=133, personality=135,
    setpriority=141, sched_setparam=142, sched_setscheduler=144, pivot_root=155, mount=165, umount2=166, setxattr=188, lsetxattr=189,
    fsetxattr=190, getxattr=191, listxattr=194, removexattr=197, lremovexattr=198, fremovexattr=199, tkill=200,
    sched_setaffinity=203, tgkill=234, utimes=235, add_key=248, request_key=249, keyctl=250, ioprio_set=251, migrate_pages=256,
    openat=257, mknodat=259, fchownat=260, futimesat=261, renameat=264, linkat=265, fchmodat=268, unshare=272, splice=275,
    move_pages=279, utimensat=280, perf_event_open=298, fanotify_init=300, fanotify_mark=301, name_to_handle_at=303,
    open_by_handle_at=304, setns=308, process_vm_readv=310, process_vm_writev=311, kcmp=312, sched_setattr=314, renameat2=316,
    memfd_create=319, bpf=321, userfaultfd=323, execveat=322, copy_file_range=326, pidfd_send_signal=424, io_uring_setup=425,
    open_tree=428, move_mount=429, fsopen=430, fspick=433, pidfd_open=434, openat2=437, pidfd_getfd=438, process_madvise=440,
    mount_setattr=442, memfd_secret=447, fchmodat2=452, setxattrat=463, removexattrat=466, open_tree_attr=467, file_setattr=469,
    modify_ldt=154, adjtimex=159, iopl=172, rt_tgsigqueueinfo=297, rt_sigqueueinfo=129, clone=56, clone3=435, statmount=457,
    listmount=458, quotactl_fd=443, kexec_load=246, lookup_dcookie=212, sethostname=170, acct=163, listns=470,
)
AT_FDCWD, AT_EMPTY_PATH, AT_SYMLINK_FOLLOW = -100, 0x1000, 0x400
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    number = NUMBERS[name] if isinstance(name, str) else name
    words = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        lacks(ctypes.get_errno())
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
    return result

def lacks(error):
    # ENOSYS, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EAFNOSUPPORT
    if error in (38, 93, 94, 97):
        sys.exit(77)

def socket_of(family, kind, protocol=0):
    import socket
    try:
        return socket.socket(family, kind, protocol)
    except OSError as error:
        lacks(error.errno)
        raise

TIMES = struct.pack("qqqq", 1000000000, 0, 1000000000, 0)
