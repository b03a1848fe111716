//! Doing it: stage, commit, look once more, and only then let go of what stood there.
//!
//! Each step has a *slot*, a name in the staging directory. What is new is made there whole and synced; to commit is one rename,
//! which leaves what stood in its place in the slot. If that is not what it was when it was judged, or anything else fails,
//! everything goes back the way it came.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, XattrFlags, renameat_with};
use rustix::io::Errno;

use super::journal::Journal;
use super::judge::unreachable;
use super::plan::Op;
use super::{ApplyError, Refusal};
use crate::beneath::{self, View};
use crate::content;
use crate::layers::Layer;
use crate::node::{Kind, Node};
use crate::path::RelPath;

pub(super) type Step<'a> = &'a mut dyn FnMut(&'static str);

/// What a slot holds after a step that is to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// What stood in the place when it was judged; or nothing, because nothing did.
    Old,
    /// What somebody put there after that.
    Foreign,
}

pub(super) struct Actor<'a> {
    view: &'a View,
    pub(super) staging: OwnedFd,
    staging_name: String,
    staging_path: String,
    pub(super) step: Step<'a>,
    next_slot: usize,
    touched: BTreeSet<RelPath>,
}

impl<'a> Actor<'a> {
    /// Makes the staging directory.
    pub(super) fn new(layer: &Layer, view: &'a View, step: Step<'a>) -> Result<Actor<'a>, ApplyError> {
        step("make staging");
        let made = rustix::fs::mkdirat(&view.lower, layer.staging.as_str(), Mode::RWXU);
        made.map_err(|errno| ApplyError::Io { action: "create", path: staging_path(layer), source: errno.into() })?;
        Actor::open(layer, view, step)
    }

    /// Opens the staging directory that an earlier apply left.
    pub(super) fn open(layer: &Layer, view: &'a View, step: Step<'a>) -> Result<Actor<'a>, ApplyError> {
        let path = RelPath::root().join(layer.staging.as_bytes());
        let staging = beneath::directory(view.lower.as_fd(), &path).map_err(|errno| ApplyError::Io {
            action: "open",
            path: staging_path(layer),
            source: errno.into(),
        })?;
        Ok(Actor {
            view,
            staging,
            staging_name: layer.staging.clone(),
            staging_path: staging_path(layer),
            step,
            next_slot: 0,
            touched: BTreeSet::new(),
        })
    }

    /// Does all of `ops`, or none. Returns what was refused, and why, when it was none.
    pub(super) fn run(
        &mut self,
        unit: usize,
        ops: &[Op],
        journal: &mut Journal,
    ) -> Result<Result<(), (RelPath, Refusal)>, ApplyError> {
        let first = self.next_slot;
        self.next_slot += ops.len();
        let slots = || ops.iter().zip(first..);
        for (op, slot) in slots() {
            if let Err(why) = self.stage(op, slot) {
                slots().take_while(|(_, at)| *at <= slot).try_for_each(|(_, slot)| self.drop_staged(slot))?;
                return Ok(Err((op.path().clone(), why)));
            }
        }
        for (op, slot) in slots() {
            if let Err(why) = self.commit(op, slot) {
                for (op, slot) in slots().take_while(|(_, at)| *at < slot).collect::<Vec<_>>().into_iter().rev() {
                    self.undo(op, slot, Held::Old)?;
                }
                slots().try_for_each(|(_, slot)| self.drop_staged(slot))?;
                return Ok(Err((op.path().clone(), why)));
            }
        }
        if ops.len() > 1 {
            (self.step)("committed");
            journal.commit(unit)?;
        }
        slots().try_for_each(|(op, slot)| self.finish(op, slot))?;
        self.touched.extend(ops.iter().filter_map(|op| op.path().parent()));
        Ok(Ok(()))
    }

    /// Waits until the disk has the new names, and removes the staging directory.
    pub(super) fn end(self) -> Result<(), ApplyError> {
        for path in &self.touched {
            (self.step)("sync");
            // A directory that went meanwhile has no names to keep.
            if let Ok(directory) = beneath::directory(self.view.lower.as_fd(), path) {
                let _ = rustix::fs::fsync(&directory);
            }
        }
        (self.step)("remove staging");
        rustix::fs::unlinkat(&self.view.lower, self.staging_name.as_str(), AtFlags::REMOVEDIR).map_err(|errno| ApplyError::Io {
            action: "remove",
            path: self.staging_path.clone(),
            source: errno.into(),
        })
    }

    fn stage(&mut self, op: &Op, slot: usize) -> Result<(), Refusal> {
        let Op::Place { path, mode, .. } = op else { return Ok(()) };
        let failed = |action: &'static str| move |errno: Errno| Refusal::System { action, errno };
        let part = part(slot);
        let upper = self.view.upper.as_fd();
        let Some(node) = beneath::look(upper, path).map_err(failed("read it in the layer"))? else {
            return Err(Refusal::System { action: "read it in the layer", errno: Errno::NOENT });
        };
        (self.step)("stage");
        match node.kind {
            Kind::File => {
                let source = content::open(upper, path).map_err(|error| failed("read it in the layer")(errno_of(&error)))?;
                self.copy(&source, &part, *mode).map_err(failed("write it"))?;
            }
            Kind::Symlink => {
                let target = beneath::link(upper, path).map_err(failed("read it in the layer"))?;
                let target: OsString = std::os::unix::ffi::OsStringExt::from_vec(target);
                rustix::fs::symlinkat(target, &self.staging, part.as_str()).map_err(failed("write it"))?;
            }
            _ => {
                rustix::fs::mkdirat(&self.staging, part.as_str(), Mode::RWXU).map_err(failed("write it"))?;
                // The umask has a say in mkdir, and not here.
                let mode = Mode::from_raw_mode(*mode);
                rustix::fs::chmodat(&self.staging, part.as_str(), mode, AtFlags::empty()).map_err(failed("write it"))?;
            }
        }
        (self.step)("staged");
        rustix::fs::renameat(&self.staging, part.as_str(), &self.staging, name(slot)).map_err(failed("write it"))
    }

    fn copy(&mut self, source: &File, part: &str, mode: u32) -> Result<(), Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let target = File::from(rustix::fs::openat(&self.staging, part, flags, Mode::from_raw_mode(0o600))?);
        std::io::copy(&mut &*source, &mut &target).map_err(|error| errno_of(&error))?;
        (self.step)("copied");
        let owner = rustix::fs::fstat(source)?;
        let own = rustix::fs::fstat(&target)?;
        if (owner.st_uid, owner.st_gid) != (own.st_uid, own.st_gid) {
            // Only root gives files away; somebody else's is then the file of who applies it.
            let (user, group) = (rustix::fs::Uid::from_raw(owner.st_uid), rustix::fs::Gid::from_raw(owner.st_gid));
            let _ = rustix::fs::fchown(&target, Some(user), Some(group));
        }
        copy_xattrs(source, &target)?;
        rustix::fs::fchmod(&target, Mode::from_raw_mode(mode))?;
        rustix::fs::fsync(&target)
    }

    pub(super) fn commit(&mut self, op: &Op, slot: usize) -> Result<(), Refusal> {
        let (directory, leaf) = if op.path().is_root() {
            (self.view.lower.try_clone().map_err(|error| unreachable(errno_of(&error)))?, OsString::from("."))
        } else {
            beneath::parent(self.view.lower.as_fd(), op.path()).map_err(unreachable)?
        };
        let failed = |action: &'static str| {
            move |errno: Errno| match errno {
                Errno::EXIST => Refusal::Appeared,
                Errno::NOENT => Refusal::Vanished,
                errno => Refusal::System { action, errno },
            }
        };
        (self.step)("commit");
        match op {
            Op::Place { before: None, .. } => renameat_with(&self.staging, name(slot), &directory, &leaf, RenameFlags::NOREPLACE)
                .map_err(failed("put it there")),
            Op::Place { before: Some(before), .. } => {
                let swap = RenameFlags::EXCHANGE;
                renameat_with(&self.staging, name(slot), &directory, &leaf, swap).map_err(failed("put it there"))?;
                self.look_again(slot, before, || renameat_with(&self.staging, name(slot), &directory, &leaf, swap))
            }
            Op::Remove { before, .. } => {
                let flags = RenameFlags::NOREPLACE;
                renameat_with(&directory, &leaf, &self.staging, name(slot), flags).map_err(failed("remove it"))?;
                self.look_again(slot, before, || renameat_with(&self.staging, name(slot), &directory, &leaf, flags))
            }
            Op::Chmod { before, mode, .. } => {
                let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let place = rustix::fs::openat(&directory, &leaf, flags, Mode::empty()).map_err(failed("open it"))?;
                let now = Node::of(&rustix::fs::fstat(&place).map_err(failed("open it"))?);
                if now.kind == Kind::Symlink || before.is_some_and(|before| !now.is_still(&before)) {
                    return Err(Refusal::Changed);
                }
                rustix::fs::chmod(beneath::by_descriptor(&place), Mode::from_raw_mode(*mode)).map_err(failed("change its mode"))
            }
        }
    }

    /// Compares what has been taken out of its place with what was judged; if it is something else, it goes back.
    fn look_again(&self, slot: usize, before: &Node, back: impl Fn() -> Result<(), Errno>) -> Result<(), Refusal> {
        let why = match self.is_old(slot, before) {
            Ok(true) => return Ok(()),
            Ok(false) if before.is_directory() => Refusal::NotEmpty,
            Ok(false) => Refusal::Changed,
            Err(errno) => Refusal::System { action: "look at it", errno },
        };
        match back() {
            Ok(()) => Err(why),
            Err(errno) => Err(Refusal::System { action: "put it back", errno }),
        }
    }

    /// Returns whether the slot holds what stood in its place, as it was; a directory has to be empty besides.
    pub(super) fn is_old(&self, slot: usize, before: &Node) -> Result<bool, Errno> {
        let Some(node) = self.slot(slot)? else { return Ok(false) };
        if !node.is_still(before) {
            return Ok(false);
        }
        if !before.is_directory() {
            return Ok(true);
        }
        let directory = beneath::directory(self.staging.as_fd(), &RelPath::root().join(name(slot).as_bytes()))?;
        Ok(beneath::names(directory.as_fd())?.is_empty())
    }

    pub(super) fn slot(&self, slot: usize) -> Result<Option<Node>, Errno> {
        beneath::look_in(self.staging.as_fd(), name(slot).as_bytes())
    }

    /// Takes a step back that was done. What somebody wrote in the new file meanwhile is theirs, and stays.
    pub(super) fn undo(&mut self, op: &Op, slot: usize, held: Held) -> Result<(), ApplyError> {
        let staging = self.staging_path.clone();
        let failed = |errno: Errno| ApplyError::NotPutBack { path: op.path().clone(), staging, source: errno.into() };
        if let Op::Place { path, .. } = op {
            let there = beneath::look(self.view.lower.as_fd(), path).map_err(failed.clone())?;
            let ours = match there {
                Some(there) => is_new(self.view, self.view.lower.as_fd(), path, &there, path).map_err(failed.clone())?,
                None => false,
            };
            match held {
                _ if ours => {}
                Held::Old => return Ok(()),
                Held::Foreign => return Err(failed(Errno::EXIST)),
            }
        }
        let place = if op.path().is_root() {
            self.view.lower.try_clone().map(|root| (root, OsString::from("."))).map_err(|error| errno_of(&error))
        } else {
            beneath::parent(self.view.lower.as_fd(), op.path())
        };
        let (directory, leaf) = place.map_err(failed.clone())?;
        (self.step)("undo");
        let undone = match op {
            Op::Place { before: None, .. } => renameat_with(&directory, &leaf, &self.staging, name(slot), RenameFlags::NOREPLACE),
            Op::Place { before: Some(_), .. } => {
                renameat_with(&self.staging, name(slot), &directory, &leaf, RenameFlags::EXCHANGE)
            }
            Op::Remove { .. } => renameat_with(&self.staging, name(slot), &directory, &leaf, RenameFlags::NOREPLACE),
            Op::Chmod { before, .. } => match before {
                Some(before) => rustix::fs::chmodat(&directory, &leaf, Mode::from_raw_mode(before.mode), AtFlags::empty()),
                None => Ok(()),
            },
        };
        undone.map_err(failed)
    }

    /// Removes what is new and did not get into its place; the layer has it.
    pub(super) fn drop_staged(&mut self, slot: usize) -> Result<(), ApplyError> {
        (self.step)("drop");
        for name in [part(slot), name(slot)] {
            self.remove(&name)?;
        }
        Ok(())
    }

    /// Lets go of what stood there.
    pub(super) fn finish(&mut self, op: &Op, slot: usize) -> Result<(), ApplyError> {
        if matches!(op, Op::Chmod { .. } | Op::Place { before: None, .. }) {
            return Ok(());
        }
        (self.step)("finish");
        self.remove(&name(slot))
    }

    fn remove(&self, name: &str) -> Result<(), ApplyError> {
        let removed = match rustix::fs::unlinkat(&self.staging, name, AtFlags::empty()) {
            Err(Errno::ISDIR) => rustix::fs::unlinkat(&self.staging, name, AtFlags::REMOVEDIR),
            other => other,
        };
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => {
                Err(ApplyError::Io { action: "remove", path: format!("{}/{name}", self.staging_path), source: errno.into() })
            }
        }
    }
}

/// Returns whether `node`, at `at` below `root`, is what the layer has at `path`: then nothing is lost with it.
pub(super) fn is_new(view: &View, root: BorrowedFd<'_>, at: &RelPath, node: &Node, path: &RelPath) -> Result<bool, Errno> {
    let upper = view.upper.as_fd();
    let Some(new) = beneath::look(upper, path)?.filter(|new| new.kind == node.kind) else { return Ok(false) };
    match new.kind {
        Kind::File if new.size != node.size => Ok(false),
        Kind::File => {
            let same = || content::equal(content::open(upper, path)?, content::open(root, at)?);
            same().map_err(|error| errno_of(&error))
        }
        Kind::Symlink => Ok(beneath::link(upper, path)? == beneath::link(root, at)?),
        Kind::Directory => Ok(beneath::names(beneath::directory(root, at)?.as_fd())?.is_empty()),
        _ => Ok(false),
    }
}

fn staging_path(layer: &Layer) -> String {
    layer.target.join(&layer.staging).to_string()
}

fn name(slot: usize) -> String {
    slot.to_string()
}

/// What is being written, and not yet whole.
fn part(slot: usize) -> String {
    format!("{slot}.part")
}

/// Copies the attributes that a user sets, and access lists; not overlayfs's own.
fn copy_xattrs(source: &File, target: &File) -> Result<(), Errno> {
    let mut list = vec![0_u8; 64 << 10];
    let length = match rustix::fs::flistxattr(source, &mut list) {
        Err(Errno::OPNOTSUPP) => return Ok(()),
        other => other?,
    };
    let mut value = vec![0_u8; 64 << 10];
    for attribute in list.get(..length).unwrap_or_default().split(|byte| *byte == 0) {
        let wanted = attribute.starts_with(b"user.") && !attribute.starts_with(b"user.overlay.");
        if !wanted && attribute != b"system.posix_acl_access" {
            continue;
        }
        let length = rustix::fs::fgetxattr(source, attribute, &mut value)?;
        rustix::fs::fsetxattr(target, attribute, value.get(..length).unwrap_or_default(), XattrFlags::empty())?;
    }
    Ok(())
}

pub(super) fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
