//! The record of a task's layers, in a directory beside them.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use remit_agent::AbsPath;
use remit_tasks::remove_tree;
use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::apply::is_interrupted;
use crate::beneath::DIRECTORY;
use crate::node::Time;

const VERSION: u32 = 1;
const RECORD: &str = "layers.json";

/// The private layers of one task.
#[derive(Debug)]
pub struct Layers {
    pub(crate) directory: AbsPath,
    layers: Vec<Layer>,
}

/// An upper directory, and the directory that it is a layer of.
#[derive(Clone, Debug)]
pub struct Layer {
    pub target: AbsPath,
    pub purpose: Purpose,
    pub(crate) upper: AbsPath,
    pub(crate) work: AbsPath,
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
    #[error("an apply of this task was interrupted, and `{target}` holds what it was doing")]
    Interrupted { target: AbsPath },
}

impl LayersError {
    /// Returns the cure, as an instruction.
    pub fn help(&self) -> Option<String> {
        match self {
            LayersError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => Some("make room on the disk".to_owned()),
            LayersError::Io { .. } => None,
            LayersError::Damaged { path, .. } => Some(format!("the files themselves lie beside `{path}`")),
            LayersError::Newer { .. } => Some("use the newer version".to_owned()),
            LayersError::NeedsRoot => Some("run it as root".to_owned()),
            LayersError::Busy => Some("wait until it is done".to_owned()),
            LayersError::Interrupted { .. } => Some("`remit apply` finishes it, or takes it back, first".to_owned()),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
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
}

impl Layers {
    /// Writes the record of layers that are about to be made in `directory`, which exists, and takes the time.
    ///
    /// Nothing of the targets is looked at: whatever they hold, this costs the same.
    pub fn create(directory: &AbsPath, xattrs: Xattrs, targets: &[(AbsPath, Purpose)]) -> Result<(), LayersError> {
        let path = directory.join(RECORD);
        let write = || -> io::Result<()> {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::openat(CWD, path.as_path(), flags, Mode::from_raw_mode(0o600))?;
            // A time that somebody looked at is not given again (Linux 6.13): after the second change it is later than
            // that of every file that changed before. On an older kernel it is as coarse as the kernel's clock ticks.
            rustix::fs::fstat(&file)?;
            rustix::fs::fchmod(&file, Mode::from_raw_mode(0o600))?;
            let stat = rustix::fs::fstat(&file)?;
            let entry = |(target, purpose): &(AbsPath, Purpose)| Entry { target: target.to_string(), purpose: *purpose };
            let record = Record {
                version: VERSION,
                began: Time(stat.st_ctime, stat.st_ctime_nsec),
                xattrs,
                layers: targets.iter().map(entry).collect(),
            };
            File::from(file).write_all(&serde_json::to_vec(&record)?)
        };
        write().map_err(|source| LayersError::Io { action: "write", path: path.clone(), source })
    }

    /// Reads the record in `directory`; `None` when there is none, because there are no layers or none any more.
    pub fn read(directory: &AbsPath) -> Result<Option<Layers>, LayersError> {
        let path = directory.join(RECORD);
        let bytes = match std::fs::read(path.as_path()) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(LayersError::Io { action: "read", path, source }),
        };
        let damaged = |reason: String| LayersError::Damaged { path: path.clone(), reason };
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| match serde_json::from_slice(&bytes) {
            Ok(Version { version }) if version > VERSION => LayersError::Newer { path: path.clone() },
            _ => damaged(error.to_string()),
        })?;
        if record.version > VERSION {
            return Err(LayersError::Newer { path });
        }
        let task = directory.parent().map_or_else(String::new, |task| task.file_name().to_owned());
        let mut layers = Vec::new();
        for (index, entry) in record.layers.into_iter().enumerate() {
            let target = AbsPath::new(std::path::Path::new(&entry.target)).map_err(|error| damaged(error.to_string()))?;
            let layer = Layer {
                target,
                purpose: entry.purpose,
                upper: directory.join(&format!("layer-{index}-upper")),
                work: directory.join(&format!("layer-{index}-work")),
                xattrs: record.xattrs,
                began: record.began,
                journal: directory.join(&format!("layer-{index}-applied.jsonl")),
                staging: format!(".remit-apply-{task}-{index}"),
            };
            if layer.upper.as_path().exists() {
                layers.push(layer);
            }
        }
        Ok(Some(Layers { directory: directory.clone(), layers }))
    }

    /// Returns the layers that hold something: the workspace's first.
    pub fn iter(&self) -> impl Iterator<Item = &Layer> {
        let of = |purpose| self.layers.iter().filter(move |layer| layer.purpose == purpose);
        of(Purpose::Workspace).chain(of(Purpose::Cache))
    }

    /// Removes what nobody will ask for, when the task's processes are gone: overlayfs's own directories, and layers that nothing was
    /// written to. Caches alone are not kept: they are worth something only beside what was built with them.
    pub fn settle(self) -> Result<Option<Layers>, LayersError> {
        let holds_something = |layer: &Layer| -> Result<bool, LayersError> {
            let failed = |source| LayersError::Io { action: "read", path: layer.upper.clone(), source };
            let mode = |path: &AbsPath| rustix::fs::stat(path.as_path()).map(|stat| stat.st_mode & 0o7777);
            let mut entries = std::fs::read_dir(layer.upper.as_path()).map_err(failed)?;
            Ok(entries.next().is_some() || mode(&layer.upper).ok() != mode(&layer.target).ok())
        };
        let mut kept = false;
        for layer in self.layers.iter().filter(|layer| layer.purpose == Purpose::Workspace) {
            // A directory that cannot be read is one that was written to.
            kept |= holds_something(layer).unwrap_or(true);
        }
        if !kept {
            self.remove()?;
            return Ok(None);
        }
        let mut layers = Vec::new();
        for layer in &self.layers {
            remove(&layer.work)?;
            if holds_something(layer).unwrap_or(true) {
                layers.push(layer.clone());
            } else {
                remove(&layer.upper)?;
            }
        }
        Ok(Some(Layers { directory: self.directory, layers }))
    }

    /// Removes the layers with all that is in them; what was applied stays applied.
    pub fn discard(self) -> Result<(), LayersError> {
        let _lock = self.lock()?;
        if let Some(layer) = self.layers.iter().find(|layer| is_interrupted(layer)) {
            return Err(LayersError::Interrupted { target: layer.target.clone() });
        }
        self.remove()
    }

    /// Keeps every other process from applying or discarding, until the value is dropped.
    pub fn lock(&self) -> Result<impl Sized + use<>, LayersError> {
        let path = self.directory.join(RECORD);
        let failed = |errno: Errno| LayersError::Io { action: "lock", path: path.clone(), source: errno.into() };
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(CWD, path.as_path(), flags, Mode::empty()).map_err(failed)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(Errno::WOULDBLOCK) => Err(LayersError::Busy),
            Err(errno) => Err(failed(errno)),
        }
    }

    /// The record goes last: as long as it is there, the rest is found.
    fn remove(&self) -> Result<(), LayersError> {
        let failed = |source: io::Error| LayersError::Io { action: "remove", path: self.directory.clone(), source };
        let open = rustix::fs::openat(CWD, self.directory.as_path(), DIRECTORY, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        for name in crate::beneath::names(open.as_fd()).map_err(|errno| failed(errno.into()))? {
            if name != RECORD.as_bytes() {
                let name = std::ffi::CString::new(name).map_err(|error| failed(error.into()))?;
                remove_tree(open.as_fd(), &name).map_err(failed)?;
            }
        }
        rustix::fs::unlinkat(&open, RECORD, AtFlags::empty()).map_err(|errno| failed(errno.into()))?;
        std::fs::remove_dir(self.directory.as_path()).map_err(failed)
    }
}

/// What every version of a record has.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

fn remove(path: &AbsPath) -> Result<(), LayersError> {
    let failed = |source: io::Error| LayersError::Io { action: "remove", path: path.clone(), source };
    let (Some(parent), Ok(name)) = (path.parent(), std::ffi::CString::new(path.file_name())) else { return Ok(()) };
    let parent = rustix::fs::openat(CWD, parent.as_path(), DIRECTORY, Mode::empty()).map_err(|errno| failed(errno.into()))?;
    remove_tree(parent.as_fd(), &name).map_err(failed)
}
