//! The mounts of the task's own mount namespace: layers, private directories, masks, `/proc`.
//!
//! Everything is taken first, detached, while every path still means what it means to the caller; then it is put in
//! place, outer before inner. Paths never go into a mount option: what a path may hold (`,`, `:`) would be read there.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use remit_agent::AbsPath;
use remit_sandbox::{LayerPurpose, Plan, PrivateDirectory};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount, mount_change, move_mount, open_tree,
};

use crate::{LaunchError, Layer, Scratch, sys};

pub(super) fn apply(plan: &Plan, scratch: &Scratch) -> Result<(), LaunchError> {
    let userxattr = plan.namespaces.is_some_and(|spaces| spaces.user);
    own_propagation().map_err(LaunchError::at(Layer::Mounts, "/"))?;

    let mut layers = Vec::new();
    for (index, layer) in plan.layers.iter().enumerate() {
        let at = |errno| LaunchError::at(Layer::Mounts, &layer.target)(errno);
        let (upper, work) = scratch.layer(index);
        layers.push((overlay(layer.target.as_path(), &upper, &work, userxattr).map_err(at)?, &layer.target));
    }
    let mut private = Vec::new();
    for (index, directory) in plan.private_directories.iter().enumerate() {
        let at = |errno| LaunchError::at(Layer::Mounts, &directory.target)(errno);
        let source = if directory.in_memory { memory(directory) } else { take(scratch.private(index).as_path()) };
        private.push((source.map_err(at)?, &directory.target));
    }
    let mut kept = Vec::new();
    for path in kept_inside_private(plan) {
        kept.push((take(path.as_path()).map_err(LaunchError::at(Layer::Mounts, path))?, path));
    }
    // A mount can be put in one place only: each mask is a mount of its own.
    let mut masks = Vec::new();
    for mask in &plan.masks {
        let at = |errno| LaunchError::at(Layer::Mounts, &mask.path)(errno);
        let (directory, file) = scratch.masks();
        let source = take(if mask.directory { &directory } else { &file }.as_path()).map_err(at)?;
        sys::make_read_only(source.as_fd()).map_err(at)?;
        masks.push((source, &mask.path));
    }

    for (source, target) in private {
        put(&source, target)?;
    }
    for (source, path) in kept {
        make_mount_point(&source, path).map_err(LaunchError::at(Layer::Mounts, path))?;
        put(&source, path)?;
    }
    for (source, target) in layers {
        put(&source, target)?;
    }
    for path in &plan.read_only {
        let at = |errno| LaunchError::at(Layer::Mounts, path)(errno);
        let source = take(path.as_path()).map_err(at)?;
        sys::make_read_only(source.as_fd()).map_err(at)?;
        put(&source, path)?;
    }
    for (source, path) in masks {
        put(&source, path)?;
    }
    if plan.namespaces.is_some_and(|spaces| spaces.pid) {
        own_proc().map_err(LaunchError::at(Layer::Mounts, "/proc"))?;
    }
    Ok(())
}

/// Keeps what is mounted here from reaching the host, and lets the host's later mounts come in, as before.
pub(crate) fn own_propagation() -> Result<(), Errno> {
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
}

/// Mounts the `/proc` of the process's pid namespace; refused where the host's own `/proc` is partly covered.
pub(crate) fn own_proc() -> Result<(), Errno> {
    mount("proc", "/proc", "proc", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None)
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

fn take(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags)
}

fn put(source: &OwnedFd, target: &AbsPath) -> Result<(), LaunchError> {
    move_mount(source, "", CWD, target.as_path(), MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(LaunchError::at(Layer::Mounts, target))
}

/// What is granted below a private directory that is not: `resolv.conf` below `/run`.
fn kept_inside_private(plan: &Plan) -> impl Iterator<Item = &AbsPath> {
    let covered = |path: &AbsPath| {
        plan.private_directories.iter().any(|private| path != &private.target && path.is_beneath(&private.target))
    };
    let layered =
        |path: &AbsPath| plan.layers.iter().any(|layer| layer.purpose == LayerPurpose::Cache && path.is_beneath(&layer.target));
    plan.landlock_rules().iter().map(|rule| &rule.path).filter(move |path| covered(path) && !layered(path))
}

fn make_mount_point(source: &OwnedFd, path: &AbsPath) -> Result<(), Errno> {
    let directory = FileType::from_raw_mode(statat(source, "", AtFlags::EMPTY_PATH)?.st_mode) == FileType::Directory;
    let above = if directory { Some(path.clone()) } else { path.parent() };
    if let Some(above) = above {
        std::fs::create_dir_all(above.as_path()).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))?;
    }
    if !directory {
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        openat(CWD, path.as_path(), flags, Mode::empty())?;
    }
    Ok(())
}
