//! The layers of a task, and what was noted about them when the task began.
//!
//! Where they lie is for `tasks` to say; the notes lie beside them.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use remit_agent::AbsPath;
use remit_tasks::{StateDir, TaskError, TaskId};
use rustix::fs::{CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::apply::is_interrupted;
use crate::node::Time;

const VERSION: u32 = 2;
const NOTES: &str = "layer-notes.json";

/// The private layers of one task.
#[derive(Debug)]
pub struct Layers {
    notes: AbsPath,
    layers: Vec<Layer>,
}

/// An upper directory, and the directory that it is a layer of.
#[derive(Clone, Debug)]
pub struct Layer {
    pub target: AbsPath,
    pub purpose: Purpose,
    /// What the task's policy denies, which is applied by name only.
    pub by_name: Vec<Pattern>,
    pub(crate) upper: AbsPath,
    pub(crate) xattrs: Xattrs,
    pub(crate) began: Time,
    /// What is applied is written down here first.
    pub(crate) journal: AbsPath,
    /// What is on its way into its place lies here meanwhile, in the target.
    pub(crate) staging: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    Workspace,
    /// What a toolchain keeps for itself: shown apart, and applied by name only.
    Cache,
}

/// A layer that is about to be made.
#[derive(Clone, Debug)]
pub struct ToNote {
    pub target: AbsPath,
    pub purpose: Purpose,
    pub by_name: Vec<Pattern>,
}

/// A pattern of paths, as the policy has it: what is meant with it is the policy's to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// As it was written.
    pub text: String,
    /// An absolute path, without a wildcard.
    pub base: String,
    /// What follows below it; `None`: everything.
    pub glob: Option<String>,
}

/// Where overlayfs keeps what it has to remember: in `user.` attributes when it was mounted without privileges (Linux 5.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Xattrs {
    User,
    Trusted,
}

impl Xattrs {
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Xattrs::User => "user.",
            Xattrs::Trusted => "trusted.",
        }
    }
}

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LayersError {
    #[error(transparent)]
    Task(#[from] TaskError),
    #[error("cannot {action} `{path}`")]
    Io { action: &'static str, path: AbsPath, source: io::Error },
    #[error("record `{path}` is damaged: {reason}")]
    Damaged { path: AbsPath, reason: String },
    #[error("record `{path}` was written by a newer version of remit")]
    Newer { path: AbsPath },
    #[error("the layer was written by a task of root, and only root can read what overlayfs noted in it")]
    NeedsRoot,
    #[error("another process is at work on the layers of this task")]
    Busy,
    #[error("nothing is noted of the layer over `{target}`")]
    NotNoted { target: AbsPath },
    #[error("an apply of this task was interrupted, and `{target}` holds what it was doing")]
    Interrupted { target: AbsPath },
}

impl LayersError {
    /// Returns the cure, as an instruction.
    pub fn help(&self) -> Option<String> {
        match self {
            LayersError::Task(error) => error.help(),
            LayersError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("make room on the disk".to_owned())
            }
            LayersError::Io { .. } => None,
            LayersError::Damaged { path, .. } => Some(format!("the files themselves lie beside `{path}`")),
            LayersError::Newer { .. } => Some("use the newer version".to_owned()),
            LayersError::NeedsRoot => Some("run it as root".to_owned()),
            LayersError::NotNoted { .. } => Some("the task was run by another version of remit".to_owned()),
            LayersError::Busy => Some("wait until it is done".to_owned()),
            LayersError::Interrupted { .. } => Some("`remit apply` finishes it, or takes it back, first".to_owned()),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    version: u32,
    began: Time,
    xattrs: Xattrs,
    layers: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    target: String,
    purpose: Purpose,
    /// Since version 2.
    #[serde(default)]
    by_name: Vec<Pattern>,
}

impl Layer {
    /// Returns the directory that holds what was written.
    pub fn upper(&self) -> &AbsPath {
        &self.upper
    }
}

impl Layers {
    /// Notes what has to be known of layers that are about to be made, in the directory of their task, and takes the time.
    ///
    /// Nothing of the targets is looked at: whatever they hold, this costs the same.
    pub fn note(task: &AbsPath, xattrs: Xattrs, targets: Vec<ToNote>) -> Result<(), LayersError> {
        let path = task.join(NOTES);
        let write = || -> io::Result<()> {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::openat(CWD, path.as_path(), flags, Mode::from_raw_mode(0o600))?;
            // A time that somebody looked at is not given again (Linux 6.13): after the second change it is later than
            // that of every file that changed before. On an older kernel it is as coarse as the kernel's clock ticks.
            rustix::fs::fstat(&file)?;
            rustix::fs::fchmod(&file, Mode::from_raw_mode(0o600))?;
            let stat = rustix::fs::fstat(&file)?;
            let entry =
                |noted: ToNote| Entry { target: noted.target.to_string(), purpose: noted.purpose, by_name: noted.by_name };
            let notes = Notes {
                version: VERSION,
                began: Time(stat.st_ctime, stat.st_ctime_nsec),
                xattrs,
                layers: targets.into_iter().map(entry).collect(),
            };
            File::from(file).write_all(&serde_json::to_vec(&notes)?)
        };
        write().map_err(|source| LayersError::Io { action: "write", path: path.clone(), source })
    }

    /// Finds the layers of a task; those of the workspace come first.
    pub fn of(state: &StateDir, id: &TaskId) -> Result<Layers, LayersError> {
        let kept = remit_tasks::layers(state, id)?;
        let task = state.path().join("tasks").join(id.as_str());
        let path = task.join(NOTES);
        if kept.is_empty() {
            return Ok(Layers { notes: path, layers: Vec::new() });
        }
        let notes = read(&path)?;
        let mut layers = Vec::new();
        for (index, kept) in kept.into_iter().enumerate() {
            let entry = notes.layers.iter().find(|entry| Path::new(&entry.target) == kept.target.as_path());
            let Some(entry) = entry else { return Err(LayersError::NotNoted { target: kept.target }) };
            let journal =
                kept.upper.parent().unwrap_or_else(AbsPath::root).join(&format!("{}-applied.jsonl", kept.upper.file_name()));
            layers.push(Layer {
                target: kept.target,
                purpose: entry.purpose,
                by_name: entry.by_name.clone(),
                upper: kept.upper,
                xattrs: notes.xattrs,
                began: notes.began,
                journal,
                staging: format!(".remit-apply-{id}-{index}"),
            });
        }
        layers.sort_by_key(|layer| layer.purpose == Purpose::Cache);
        Ok(Layers { notes: path, layers })
    }

    /// Returns the layers; those over the workspace come first.
    pub fn all(&self) -> &[Layer] {
        &self.layers
    }

    /// Removes layers that nobody will ask for, when the task's processes are gone: those that nothing was written to, and those over
    /// caches where there is none over the workspace. What a toolchain kept is worth something only beside what was built.
    pub fn settle(self) -> Result<Layers, LayersError> {
        // A directory that cannot be read is one that was written to.
        let holds_something = |layer: &&Layer| layer.holds_something().unwrap_or(true);
        let worth = self.layers.iter().filter(holds_something).any(|layer| layer.purpose == Purpose::Workspace);
        let (kept, empty): (Vec<Layer>, Vec<Layer>) =
            self.layers.into_iter().partition(|layer| worth && layer.holds_something().unwrap_or(true));
        for layer in empty {
            layer.remove()?;
        }
        Ok(Layers { notes: self.notes, layers: kept })
    }

    /// Removes the layers with all that is in them; what was applied stays applied.
    pub fn discard(self, state: &StateDir, id: &TaskId) -> Result<(), LayersError> {
        let _lock = self.lock()?;
        if let Some(layer) = self.layers.iter().find(|layer| is_interrupted(layer)) {
            return Err(LayersError::Interrupted { target: layer.target.clone() });
        }
        Ok(remit_tasks::remove_layers(state, id)?)
    }

    /// Keeps every other process from applying or discarding, until the value is dropped.
    pub(crate) fn lock(&self) -> Result<impl Sized + use<>, LayersError> {
        let failed = |errno: Errno| LayersError::Io { action: "lock", path: self.notes.clone(), source: errno.into() };
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(CWD, self.notes.as_path(), flags, Mode::empty()).map_err(failed)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(Errno::WOULDBLOCK) => Err(LayersError::Busy),
            Err(errno) => Err(failed(errno)),
        }
    }
}

impl Layer {
    fn holds_something(&self) -> io::Result<bool> {
        let mode = |path: &AbsPath| rustix::fs::stat(path.as_path()).map(|stat| stat.st_mode & 0o7777);
        let mut entries = std::fs::read_dir(self.upper.as_path())?;
        Ok(entries.next().is_some() || mode(&self.upper)? != mode(&self.target)?)
    }

    fn remove(&self) -> Result<(), LayersError> {
        let removed = || -> io::Result<()> {
            let parent = self.upper.parent().unwrap_or_else(AbsPath::root);
            let parent = File::open(parent.as_path())?;
            remit_tasks::remove_tree(std::os::fd::AsFd::as_fd(&parent), &std::ffi::CString::new(self.upper.file_name())?)
        };
        removed().map_err(|source| LayersError::Io { action: "remove", path: self.upper.clone(), source })
    }
}

fn read(path: &AbsPath) -> Result<Notes, LayersError> {
    let bytes = std::fs::read(path.as_path()).map_err(|source| LayersError::Io { action: "read", path: path.clone(), source })?;
    match serde_json::from_slice::<Notes>(&bytes) {
        Ok(notes) if notes.version > VERSION => Err(LayersError::Newer { path: path.clone() }),
        Ok(notes) => Ok(notes),
        Err(error) => match serde_json::from_slice(&bytes) {
            Ok(Version { version }) if version > VERSION => Err(LayersError::Newer { path: path.clone() }),
            _ => Err(LayersError::Damaged { path: path.clone(), reason: error.to_string() }),
        },
    }
}

/// What every version of the notes has.
#[derive(Deserialize)]
struct Version {
    version: u32,
}
