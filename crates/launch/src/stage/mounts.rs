//! The mounts of the task's own mount namespace: a root that holds what the plan names, and nothing else.
//!
//! Everything is taken first, detached, while every path still means what it means to the caller. Then it is put into the
//! new root, outer before inner, and the host's root is let go. Paths never go into a mount option: what a path may hold
//! (`,`, `:`) would be read there.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use remit_agent::AbsPath;
use remit_sandbox::{OwnRoot, Plan, PrivateDirectory, Rights, Temporary};
use rustix::fs::{CWD, Mode, OFlags, mkdir, openat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount, mount_change, move_mount, open_tree,
};

use super::cgroups;
use super::root::{Kind, NewRoot};
use crate::sys::{self, MountFlag};
use crate::{LaunchError, Layer, Scratch, Task};

/// The device nodes of a terminal that the task makes for itself.
const PTS: &str = "/dev/pts";

pub(super) fn apply(plan: &Plan, root: &OwnRoot, task: &Task<'_>) -> Result<(), LaunchError> {
    let scratch = task.scratch;
    own_propagation().map_err(LaunchError::at(Layer::Mounts, "/"))?;
    let mut places = take_all(plan, root, task)?;
    let masks = take_masks(plan, scratch)?;

    let mut new = NewRoot::at(&scratch.path).map_err(LaunchError::at(Layer::Mounts, "/"))?;
    // Outer before inner; at one place a layer over what it is a layer of.
    places.sort_by(|one, other| one.target.cmp(&other.target));
    for place in &places {
        new.put(&place.source, place.kind, &place.target).map_err(LaunchError::at(Layer::Mounts, &place.target))?;
    }
    for bind in root.binds.iter().filter(|bind| bind.copy) {
        new.copy(&bind.path).map_err(LaunchError::at(Layer::Mounts, &bind.path))?;
    }
    for (path, text) in &root.files {
        new.write(path, text).map_err(LaunchError::at(Layer::Mounts, path))?;
    }
    if root.cgroups {
        new.directory(&cgroups::root()).map_err(LaunchError::at(Layer::Mounts, cgroups::root()))?;
    }
    for path in &root.directories {
        new.directory(path).map_err(LaunchError::at(Layer::Mounts, path))?;
    }
    for (link, target) in &root.links {
        new.link(link, target.as_str()).map_err(LaunchError::at(Layer::Mounts, link))?;
    }
    devices(&mut new).map_err(LaunchError::at(Layer::Mounts, "/dev"))?;
    if root.proc {
        proc(plan, &mut new).map_err(LaunchError::at(Layer::Mounts, "/proc"))?;
    }
    new.enter().map_err(LaunchError::at(Layer::Mounts, "/"))?;

    // From here on a path is the task's: a link in it leads nowhere else.
    let mut pinned: Vec<_> = plan.pinned.iter().collect();
    pinned.sort();
    for path in pinned {
        let at = |errno| LaunchError::at(Layer::Mounts, path)(errno);
        put(&take(path.as_path()).map_err(at)?, path.as_path()).map_err(at)?;
    }
    for path in &plan.read_only {
        let at = |errno| LaunchError::at(Layer::Mounts, path)(errno);
        let source = take(path.as_path()).map_err(at)?;
        sys::set_mount_flags(source.as_fd(), MountFlag::READ_ONLY).map_err(at)?;
        put(&source, path.as_path()).map_err(at)?;
    }
    for (source, path) in &masks {
        put(source, path.as_path()).map_err(LaunchError::at(Layer::Mounts, path))?;
    }
    let flags = MountFlag::READ_ONLY | MountFlag::NO_SUID | MountFlag::NO_DEV;
    sys::set_root_flags(flags).map_err(LaunchError::at(Layer::Mounts, "/"))
}

/// A detached mount, and where it is to stand.
struct Place {
    source: OwnedFd,
    target: AbsPath,
    kind: Kind,
}

impl Place {
    fn new(source: Result<OwnedFd, Errno>, target: &AbsPath, kind: Kind) -> Result<Place, LaunchError> {
        let source = source.map_err(LaunchError::at(Layer::Mounts, target))?;
        Ok(Place { source, target: target.clone(), kind })
    }
}

/// Takes everything that the plan shows, as detached mounts.
fn take_all(plan: &Plan, root: &OwnRoot, task: &Task<'_>) -> Result<Vec<Place>, LaunchError> {
    let mut places = Vec::new();
    for (index, directory) in plan.private_directories.iter().enumerate() {
        let source = if directory.in_memory { memory(directory) } else { take(task.scratch.private(index).as_path()) };
        let flags = MountFlag::NO_SUID | MountFlag::NO_DEV | no_exec(directory.no_exec);
        let source = source.and_then(|source| sys::set_mount_flags(source.as_fd(), flags).map(|()| source));
        places.push(Place::new(source, &directory.target, Kind::Empty)?);
    }
    for bind in root.binds.iter().filter(|bind| !bind.copy) {
        let flags =
            [(bind.read_only, MountFlag::READ_ONLY), (bind.no_exec, MountFlag::NO_EXEC), (!bind.device, MountFlag::NO_DEV)];
        let flags = flags.into_iter().filter(|(wanted, _)| *wanted).fold(MountFlag::NO_SUID, |all, (_, flag)| all | flag);
        let source = take(bind.path.as_path()).and_then(|source| sys::set_mount_flags(source.as_fd(), flags).map(|()| source));
        places.push(Place::new(source, &bind.path, Kind::Host)?);
    }
    if root.cgroups {
        let flags = MountFlag::READ_ONLY | MountFlag::NO_SUID | MountFlag::NO_DEV | MountFlag::NO_EXEC;
        for (source, target) in cgroups::own().map_err(LaunchError::at(Layer::Mounts, cgroups::root()))? {
            let source = sys::set_mount_flags(source.as_fd(), flags).map(|()| source);
            places.push(Place::new(source, &target, Kind::Host)?);
        }
    }
    let userxattr = plan.namespaces.is_some_and(|spaces| spaces.user);
    for (index, layer) in plan.layers.iter().enumerate() {
        let (upper, work) = task.scratch.layer(index);
        let flags = MountFlag::NO_SUID | MountFlag::NO_DEV | no_exec(layer.no_exec);
        let source = overlay(layer.target.as_path(), &upper, &work, userxattr)
            .and_then(|source| sys::set_mount_flags(source.as_fd(), flags).map(|()| source));
        places.push(Place::new(source, &layer.target, Kind::Host)?);
    }
    if plan.temporary != Temporary::Named(Rights::NONE)
        && let Temporary::Named(rights) = plan.temporary
    {
        let path = task.scratch.temporary(plan);
        let flags = MountFlag::NO_SUID | MountFlag::NO_DEV | no_exec(!rights.contains(Rights::EXECUTE));
        let source = take(task.scratch.temporary_source().as_path());
        let source = source.and_then(|source| sys::set_mount_flags(source.as_fd(), flags).map(|()| source));
        places.push(Place::new(source, &path, Kind::Empty)?);
    }
    if let Some((_, terminal)) = &task.stdio.terminal {
        places.push(Place::new(take(terminal.as_path()), &Task::console(), Kind::Host)?);
    }
    Ok(places)
}

fn no_exec(wanted: bool) -> MountFlag {
    if wanted { MountFlag::NO_EXEC } else { MountFlag::NONE }
}

/// Takes an empty directory or file that nobody may open for each mask.
fn take_masks(plan: &Plan, scratch: &Scratch) -> Result<Vec<(OwnedFd, AbsPath)>, LaunchError> {
    if plan.masks.is_empty() {
        return Ok(Vec::new());
    }
    make_masks(scratch).map_err(LaunchError::at(Layer::Mounts, "masks"))?;
    let mut masks = Vec::new();
    for mask in &plan.masks {
        let at = |errno| LaunchError::at(Layer::Mounts, &mask.path)(errno);
        // A mount can be put in one place only: each mask is a mount of its own.
        let name = if mask.directory { "directory" } else { "file" };
        let source = take(scratch.path.join(name).as_path()).map_err(at)?;
        sys::set_mount_flags(source.as_fd(), MountFlag::READ_ONLY).map_err(at)?;
        masks.push((source, mask.path.clone()));
    }
    Ok(masks)
}

/// Makes them in memory, where the new root is to stand: before Linux 6.15 nothing can be taken out of what stands nowhere.
fn make_masks(scratch: &Scratch) -> Result<(), Errno> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "mode", "0700")?;
    fsconfig_create(&context)?;
    let source = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    put(&source, scratch.path.as_path())?;
    mkdir(scratch.path.join("directory").as_path(), Mode::empty())?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    openat(CWD, scratch.path.join("file").as_path(), flags, Mode::empty()).map(drop)
}

fn devices(new: &mut NewRoot) -> Result<(), Errno> {
    let at = |path: &str| AbsPath::root().join(path);
    new.directory(&at(PTS))?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("devpts", new.path(&at(PTS)), "devpts", flags, c"newinstance,ptmxmode=0666,mode=0620")?;
    for (link, target) in [
        ("/dev/ptmx", "pts/ptmx"),
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ] {
        new.link(&at(link), target)?;
    }
    Ok(())
}

/// The `/proc` of the pid namespace; without one, the host's. It must be mounted while the host's is still to be seen:
/// the kernel shows no more of it than could be seen before.
fn proc(plan: &Plan, new: &mut NewRoot) -> Result<(), Errno> {
    let at = AbsPath::root().join("/proc");
    new.directory(&at)?;
    let Some(spaces) = plan.namespaces.filter(|spaces| spaces.pid) else {
        return new.put(&take(Path::new("/proc"))?, Kind::Host, &at);
    };
    own_proc(new.path(&at))?;
    if spaces.user {
        return Ok(());
    }
    // Without a user namespace root is the host's root, to whom these files belong.
    for name in ["sys", "sysrq-trigger", "irq", "bus"] {
        let file = at.join(name);
        let path = new.path(&file);
        if path.exists() {
            let source = take(path)?;
            sys::set_mount_flags(source.as_fd(), MountFlag::READ_ONLY)?;
            put(&source, path)?;
        }
    }
    Ok(())
}

/// Keeps what is mounted here from reaching the host, and lets the host's later mounts come in, as before.
pub(crate) fn own_propagation() -> Result<(), Errno> {
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
}

/// Mounts the `/proc` of the process's pid namespace; refused where the host's own `/proc` is partly covered.
pub(crate) fn own_proc(at: &Path) -> Result<(), Errno> {
    mount("proc", at, "proc", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None)
}

/// Makes a detached overlay: `lower` underneath, writes into `upper`. Unprivileged since Linux 5.11.
pub(crate) fn overlay(lower: &Path, upper: &AbsPath, work: &AbsPath, userxattr: bool) -> Result<OwnedFd, Errno> {
    let directory = |path: &Path| openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let (lower, upper, work) = (directory(lower)?, directory(upper.as_path())?, directory(work.as_path())?);
    let by_descriptor = |descriptor: &OwnedFd| format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "lowerdir", by_descriptor(&lower))?;
    fsconfig_set_string(&context, "upperdir", by_descriptor(&upper))?;
    fsconfig_set_string(&context, "workdir", by_descriptor(&work))?;
    if userxattr {
        fsconfig_set_flag(&context, "userxattr")?;
    } else {
        // As without privileges, whatever the kernel's defaults are: what is written is whole files and nothing that refers to others.
        for (option, value) in [("redirect_dir", "nofollow"), ("metacopy", "off"), ("index", "off")] {
            fsconfig_set_string(&context, option, value)?;
        }
    }
    fsconfig_create(&context)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV)
}

fn memory(directory: &PrivateDirectory) -> Result<OwnedFd, Errno> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "mode", if directory.target.as_str() == "/run" { "0755" } else { "1777" })?;
    fsconfig_create(&context)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV)
}

pub(crate) fn take(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags)
}

pub(crate) fn put(source: &OwnedFd, target: &Path) -> Result<(), Errno> {
    move_mount(source, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}
