//! After an apply that was killed: units whose every step was done are finished, all others taken back.
//!
//! What a slot holds says how far it came: what is new is what the layer has, byte for byte, and what stood there is known from the
//! journal. What is neither was put there by somebody else in the moment between, and goes back to where they put it.

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::ApplyError;
use super::act::{Actor, Held, Step, is_new};
use super::journal::Journal;
use super::plan::Op;
use crate::beneath::{self, View};
use crate::layers::Layer;
use crate::path::RelPath;

pub(super) fn recover(layer: &Layer, view: &View, journal: &mut Journal, step: Step<'_>) -> Result<(), ApplyError> {
    let Some(section) = journal.open_section() else { return Ok(()) };
    let exists = beneath::look_in(view.lower.as_fd(), layer.staging.as_bytes());
    let exists = exists.map_err(|errno| io(layer, errno))?.is_some();
    // Without a staging directory nothing had begun, or everything was done.
    if section.is_whole() && exists {
        let mut actor = Actor::open(layer, view, step)?;
        let numbered: Vec<(usize, usize, &Op)> =
            section.ops.iter().enumerate().map(|(slot, (unit, op))| (slot, *unit, op)).collect();
        for unit in numbered.chunk_by(|one, next| one.1 == next.1) {
            let marked = unit.first().is_some_and(|(_, unit, _)| section.committed.contains(unit));
            recover_unit(layer, view, &mut actor, unit, marked)?;
        }
        actor.end()?;
    }
    journal.end()
}

fn recover_unit(
    layer: &Layer,
    view: &View,
    actor: &mut Actor<'_>,
    ops: &[(usize, usize, &Op)],
    marked: bool,
) -> Result<(), ApplyError> {
    let failed = |errno| io(layer, errno);
    let mut complete = true;
    for (slot, _, op) in ops {
        complete &= marked || is_done(view, actor, op, *slot).map_err(failed)?;
    }
    for (slot, _, op) in ops.iter().rev() {
        let (op, slot) = (*op, *slot);
        let held = actor.slot(slot).map_err(failed)?;
        let old = match op.before() {
            Some(before) => actor.is_old(slot, before).map_err(failed)?,
            None => false,
        };
        match (op, held) {
            (Op::Place { .. } | Op::Remove { .. }, Some(_)) if complete && old => actor.finish(op, slot)?,
            (Op::Place { path, before, .. }, Some(held)) => {
                let new = !old && is_new(view, actor.staging.as_fd(), &slot_path(slot), &held, path).map_err(failed)?;
                if !new && before.is_some() {
                    // What stood there; or what somebody put there in the last moment, which goes nowhere else.
                    actor.undo(op, slot, if old { Held::Old } else { Held::Foreign })?;
                }
                actor.drop_staged(slot)?;
            }
            (Op::Remove { .. }, Some(_)) => actor.undo(op, slot, Held::Old)?,
            (Op::Place { path, before: None, .. }, None) if !complete => {
                if beneath::look(view.lower.as_fd(), path).map_err(failed)?.is_some() {
                    actor.undo(op, slot, Held::Old)?;
                }
                actor.drop_staged(slot)?;
            }
            (Op::Chmod { path, before: Some(before), mode }, _) if !complete => {
                let there = beneath::look(view.lower.as_fd(), path).map_err(failed)?;
                if there.is_some_and(|there| there.inode == before.inode && there.mode == *mode) {
                    actor.undo(op, slot, Held::Old)?;
                }
            }
            // Not begun, or finished; a part of a file may be left.
            (_, None) => actor.drop_staged(slot)?,
            (Op::Chmod { .. }, Some(_)) => {}
        }
    }
    Ok(())
}

/// Returns whether a step was done, by what it left in its slot.
fn is_done(view: &View, actor: &Actor<'_>, op: &Op, slot: usize) -> Result<bool, Errno> {
    match op {
        Op::Place { before: Some(before), .. } | Op::Remove { before, .. } => actor.is_old(slot, before),
        Op::Place { path, before: None, .. } => match (actor.slot(slot)?, beneath::look(view.lower.as_fd(), path)?) {
            (None, Some(there)) => is_new(view, view.lower.as_fd(), path, &there, path),
            _ => Ok(false),
        },
        Op::Chmod { path, mode, .. } => {
            let there = beneath::look(view.lower.as_fd(), path)?;
            Ok(there.is_some_and(|there| there.mode == *mode))
        }
    }
}

fn slot_path(slot: usize) -> RelPath {
    RelPath::root().join(slot.to_string().as_bytes())
}

fn io(layer: &Layer, errno: Errno) -> ApplyError {
    ApplyError::Io { action: "look into", path: layer.target.join(&layer.staging).to_string(), source: errno.into() }
}
