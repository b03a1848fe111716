//! Bringing changes to the lower directory.
//!
//! [`check`] says what would be done and what is refused, and why. [`apply`] does it: first whatever an apply that was killed left
//! behind is finished or taken back; then the changes are found anew, judged, written down in the journal, and done.

mod act;
mod journal;
mod judge;
mod plan;
mod recover;

use std::io;

use remit_agent::AbsPath;
use rustix::io::Errno;
use thiserror::Error;

use crate::beneath::View;
use crate::changes::{Changes, changes};
use crate::layers::{Layer, Layers, LayersError};
use crate::node::Kind;
use crate::path::RelPath;
use act::Actor;
use journal::Journal;
use plan::{Unit, plan};

/// Which changes, and how.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// These and what lies below them; none: all changes.
    pub paths: &'a [RelPath],
    /// What is applied only when one of `paths` is it or lies below it.
    pub protected: &'a [Protected],
    pub manner: Manner,
}

/// A file or directory that is applied by name only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    pub path: RelPath,
    /// The pattern by which the task's policy denies it; `None`: it is so in every task.
    pub denied_by: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// What is refused stays as it is, and the rest is done.
    Each,
    /// Nothing is done when anything is refused.
    AllOrNothing,
}

/// What was done, or would be, and what was not; both in the order of paths.
#[derive(Debug, Default)]
pub struct Applied {
    pub done: Vec<RelPath>,
    pub refused: Vec<Refused>,
}

#[derive(Debug)]
pub struct Refused {
    pub path: RelPath,
    pub why: Refusal,
}

/// Why a change is not applied. Nothing has been done to the file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refusal {
    #[error("it has changed underneath since the task began")]
    Changed,
    #[error("something new stands there since the task began")]
    Appeared,
    #[error("it was deleted underneath since the task began, or its directory was")]
    Vanished,
    #[error("it has become a symbolic link since the task began")]
    BecameLink,
    #[error("there is a symbolic link in its path")]
    Link,
    #[error("`{0}` is refused")]
    Holder(RelPath),
    #[error("it is protected: name it to apply it")]
    Protected,
    #[error("the agent is denied it, by `{0}`: name it to apply it")]
    Denied(String),
    #[error("it would run with the rights of its owner: name it to apply it")]
    SetId,
    #[error("a {} cannot be brought over", .0.name())]
    NoContent(Kind),
    #[error("the directory holds something that the task did not delete")]
    NotEmpty,
    #[error("cannot {action}: {}", std::io::Error::from(*.errno))]
    System { action: &'static str, errno: Errno },
}

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApplyError {
    #[error(transparent)]
    Layers(#[from] LayersError),
    #[error("`{0}` is not among the changes")]
    NotChanged(RelPath),
    #[error("cannot {action} `{path}`")]
    Io { action: &'static str, path: String, source: io::Error },
    #[error("`{path}` could not be put back; it lies in `{staging}`")]
    NotPutBack { path: RelPath, staging: String, source: io::Error },
}

impl ApplyError {
    /// Returns the cure, as an instruction.
    pub fn help(&self) -> Option<String> {
        match self {
            ApplyError::Layers(error) => error.help(),
            ApplyError::NotChanged(_) => Some("`remit diff` shows what changed".to_owned()),
            ApplyError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("make room on the disk".to_owned())
            }
            ApplyError::Io { .. } => None,
            ApplyError::NotPutBack { path, .. } => Some(format!("move what stands at `{path}` away, and run it again")),
        }
    }
}

/// Says what [`apply`] would do.
pub fn check(layer: &Layer, view: &View, changes: &Changes, choice: &Choice<'_>) -> Result<Applied, ApplyError> {
    let journal = Journal::read(layer)?;
    let (units, mut refused) = plan(view, changes, choice, &journal.evidence())?;
    let mut done: Vec<RelPath> = units.into_iter().flat_map(|unit| unit.changes).collect();
    if choice.manner == Manner::AllOrNothing && !refused.is_empty() {
        done.clear();
    }
    sort(&mut done, &mut refused);
    Ok(Applied { done, refused })
}

/// Brings the chosen changes to the lower directory.
pub fn apply(layers: &Layers, layer: &Layer, choice: &Choice<'_>) -> Result<Applied, ApplyError> {
    apply_observed(layers, layer, choice, &mut |_| {})
}

/// As [`apply`]; `step` is called before each thing that is done to a file system, for tests that stop it there.
#[doc(hidden)]
pub fn apply_observed(
    layers: &Layers,
    layer: &Layer,
    choice: &Choice<'_>,
    step: &mut dyn FnMut(&'static str),
) -> Result<Applied, ApplyError> {
    let _lock = layers.lock()?;
    let view = layer.open()?;
    let mut journal = Journal::read(layer)?;
    recover::recover(layer, &view, &mut journal, step)?;

    let changes = changes(&view);
    let (units, mut refused) = plan(&view, &changes, choice, &journal.evidence())?;
    let mut done = Vec::new();
    let nothing = choice.manner == Manner::AllOrNothing && !refused.is_empty();
    if !nothing && !units.is_empty() {
        let units = match choice.manner {
            Manner::Each => units,
            Manner::AllOrNothing => vec![Unit::all(units)],
        };
        journal.begin(&units, step)?;
        let mut actor = Actor::new(layer, &view, step)?;
        let mut failed: Vec<RelPath> = Vec::new();
        for (index, unit) in units.into_iter().enumerate() {
            let holder = unit.ops.iter().filter_map(|op| op.path().parent()).find(|parent| failed.contains(parent));
            let result = match holder {
                Some(holder) => Err((unit.path.clone(), Refusal::Holder(holder))),
                None => actor.run(index, &unit.ops, &mut journal)?,
            };
            match result {
                Ok(()) => done.extend(unit.changes),
                Err((path, why)) => {
                    // What was to go into a directory that could not be made.
                    failed.extend(unit.changes);
                    refused.push(Refused { path, why });
                }
            }
        }
        actor.end()?;
        journal.end()?;
    }
    sort(&mut done, &mut refused);
    Ok(Applied { done, refused })
}

/// Returns whether an apply was killed and has not been finished or taken back.
pub fn is_interrupted(layer: &Layer) -> bool {
    // A journal that cannot be read may say anything.
    Journal::read(layer).map_or(true, |journal| journal.open_section().is_some())
}

fn sort(done: &mut Vec<RelPath>, refused: &mut [Refused]) {
    done.sort();
    done.dedup();
    refused.sort_by(|one, other| one.path.cmp(&other.path));
}

fn io_error(action: &'static str, path: &AbsPath) -> impl Fn(io::Error) -> ApplyError {
    move |source| ApplyError::Io { action, path: path.to_string(), source }
}
