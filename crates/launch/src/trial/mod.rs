//! What this host can do, found by doing it in a process made for that: no sysctl tells the truth everywhere.

mod cgroups;
mod notification;

pub use cgroups::try_cgroups;

use remit_agent::AbsPath;
use remit_sandbox::{Availability, Trials};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{WaitId, WaitIdOptions, waitid};
use rustix::thread::set_no_new_privs;
use std::os::fd::AsFd;
use std::path::Path;

use crate::parent::Identity;
use crate::stage::{Kind, NewRoot, map_identity, overlay, own_proc, own_propagation, take};
use crate::sys::{self, MountFlag, Side};
use crate::{LaunchError, Scratch};

const USER: libc::c_int = libc::CLONE_NEWUSER;
const BASE: libc::c_int = libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS | libc::CLONE_NEWCGROUP;

/// Tries every mechanism. `scratch` is an empty directory; what is made in it is left for the caller to remove.
pub fn try_host(scratch: &Scratch) -> Result<Trials, LaunchError> {
    let identity = Identity::of_caller();
    let enter = |user: bool| {
        move || {
            map_identity(user, identity)?;
            own_propagation()
        }
    };
    let direct = if identity.user == 0 { attempt(BASE, enter(false)) } else { Err(Errno::PERM) };
    let needs_user_namespace = direct.is_err();
    let flags = if needs_user_namespace { BASE | USER } else { BASE };
    let namespaces = if needs_user_namespace { attempt(flags, enter(true)) } else { direct };
    let root = scratch.path.join("trial-root");
    make(&root)?;
    // A root of its own is what they are for.
    let namespaces = namespaces.and_then(|()| {
        attempt(flags, || {
            enter(needs_user_namespace)()?;
            let mut root = NewRoot::at(&root)?;
            let bind = take(Path::new("/usr"))?;
            sys::set_mount_flags(bind.as_fd(), MountFlag::READ_ONLY)?;
            root.put(&bind, Kind::Host, &AbsPath::root().join("/usr"))?;
            root.enter()
        })
    });

    let lower = scratch.path.join("trial-lower");
    let (upper, work) = scratch.layer(usize::MAX);
    for directory in [&lower, &upper, &work] {
        make(directory)?;
    }
    let overlay = attempt(flags, || {
        enter(needs_user_namespace)()?;
        overlay(lower.as_path(), &upper, &work, needs_user_namespace).map(|_| ())
    });
    let proc = attempt(flags | libc::CLONE_NEWPID, || {
        enter(needs_user_namespace)()?;
        own_proc(Path::new("/proc"))
    });
    let network = attempt(flags | libc::CLONE_NEWNET, || {
        map_identity(needs_user_namespace, identity)?;
        sys::raise_loopback()
    });
    let filter = attempt(0, || {
        set_no_new_privs(true)?;
        // `return ALLOW`.
        sys::install_filter(&[[0x06, 0, 0, 0, 0, 0, 0xFF, 0x7F]])
    });
    let namespaces = availability("user and mount namespaces", namespaces, namespaces_remedy());
    // Whether they would work with namespaces nobody can try.
    let inside = |what: &str, tried: Result<(), Errno>, remedy: &str| match &namespaces {
        Availability::Missing { remedy, .. } => Availability::missing("it needs user and mount namespaces", remedy.clone()),
        Availability::Works => availability(what, tried, remedy),
    };
    Ok(Trials {
        landlock_abi: sys::landlock_abi(),
        seccomp: availability("a seccomp filter", filter, "use a kernel with CONFIG_SECCOMP_FILTER"),
        needs_user_namespace,
        overlay: inside(
            "an overlay mount",
            overlay,
            "use Linux 5.11 or later, and a state directory ($XDG_STATE_HOME) on a file system with extended attributes",
        ),
        own_proc: inside("a /proc of its own", proc, "run outside a container that covers parts of /proc"),
        network_namespace: inside("a network namespace", network, "use a kernel with CONFIG_NET_NS"),
        namespaces,
        notification: availability(
            "deciding a call outside the task",
            notification::works(),
            "use Linux 5.14 or later, outside a container whose own filter asks; and set `kernel.yama.ptrace_scope` to 1 or 0",
        ),
    })
}

/// Tries to lay a layer over one directory. `scratch` is an empty directory; what is made in it is left for the caller to remove.
pub fn try_layer(scratch: &Scratch, lower: &AbsPath, user: bool) -> Result<Availability, LaunchError> {
    let identity = Identity::of_caller();
    let (upper, work) = scratch.layer(usize::MAX);
    for directory in [&upper, &work] {
        make(directory)?;
    }
    let tried = attempt(if user { BASE | USER } else { BASE }, || {
        map_identity(user, identity)?;
        own_propagation()?;
        overlay(lower.as_path(), &upper, &work, user).map(|_| ())
    });
    let remedy = "use a workspace on a file system that an overlay can lie over, such as ext4, XFS or Btrfs";
    Ok(availability(&format!("a private layer over `{lower}`"), tried, remedy))
}

fn make(directory: &AbsPath) -> Result<(), LaunchError> {
    let mode = rustix::fs::Mode::from_raw_mode(0o700);
    rustix::fs::mkdir(directory.as_path(), mode).map_err(LaunchError::at(crate::Layer::Mounts, directory))
}

/// Names the switch of this host, where one is known to be off.
fn namespaces_remedy() -> String {
    let reads = |path: &str, value: &str| std::fs::read_to_string(path).is_ok_and(|text| text.trim() == value);
    if reads("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        "allow user namespaces with `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`".to_owned()
    } else if reads("/proc/sys/user/max_user_namespaces", "0") {
        "allow user namespaces with `sudo sysctl -w user.max_user_namespaces=15000`".to_owned()
    } else if reads("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        "allow user namespaces with `sudo sysctl -w kernel.unprivileged_userns_clone=1`".to_owned()
    } else {
        "allow user namespaces (in a container: `--security-opt seccomp=…` with `unshare` and `mount`)".to_owned()
    }
}

fn availability(what: &str, tried: Result<(), Errno>, remedy: impl Into<String>) -> Availability {
    match tried {
        Ok(()) => Availability::Works,
        Err(errno) => {
            let answer = std::io::Error::from(errno).to_string().to_lowercase();
            Availability::missing(format!("the kernel refuses {what}: {answer}"), remedy)
        }
    }
}

/// Runs `act` in a child with these namespaces, and returns what it returned.
fn attempt(flags: libc::c_int, act: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
    let (answer, answer_end) = pipe_with(PipeFlags::CLOEXEC)?;
    match sys::fork(flags)? {
        Side::Child => {
            let errno = act().err().map_or(0, Errno::raw_os_error);
            let _ = rustix::io::write(&answer_end, &errno.to_le_bytes());
            sys::exit_now(0)
        }
        Side::Parent { pidfd, .. } => {
            drop(answer_end);
            let mut raw = [0_u8; 4];
            let read = rustix::io::read(&answer, &mut raw);
            waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED)?;
            match (read?, i32::from_le_bytes(raw)) {
                (4, 0) => Ok(()),
                (4, errno) => Err(Errno::from_raw_os_error(errno)),
                // It ended without a word.
                _ => Err(Errno::CHILD),
            }
        }
    }
}
