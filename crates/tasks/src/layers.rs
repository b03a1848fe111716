//! The private layers of a task: what it wrote over the workspace, kept until somebody applies or discards it.
//!
//! While the task runs, its writes are in `scratch/`, under the name that the start gave them; `layers.json` says which of
//! those are to be kept, and over which directory they lie. When the task is over they are moved to `layers/<n>`, and the
//! rest of `scratch/` goes. A task whose process died is treated the same by the next sweep.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use remit_agent::AbsPath;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::remove::remove_tree;
use crate::task::DIRECTORY;
use crate::{StateDir, TaskDir, TaskError, TaskId, files};

const LIST: &str = "layers.json";
const KEPT: &str = "layers";
const SCRATCH: &str = "scratch";
const VERSION: u32 = 1;

/// A private layer of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLayer {
    /// The directory over which it lies, as in the workspace.
    pub target: AbsPath,
    /// What was written: an overlay's upper directory, with its whiteouts.
    pub upper: AbsPath,
}

/// A layer that is to be kept, as the start knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerToKeep {
    pub target: String,
    /// The name of the upper directory in the task's scratch directory.
    pub name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    version: u32,
    layers: Vec<LayerToKeep>,
}

/// Returns the layers of a task, running or over, in the order in which they were mounted. Those that are applied or
/// discarded are not among them.
///
/// # Errors
///
/// A list that cannot be read is an error, and never an empty list.
pub fn layers(state: &StateDir, id: &TaskId) -> Result<Vec<KeptLayer>, TaskError> {
    let path = state.path().join(&format!("{DIRECTORY}/{id}"));
    let directory = match files::open_directory(state.fd(), &format!("{DIRECTORY}/{id}")) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Ok(Vec::new()),
        Err(errno) => return Err(TaskError::Io { action: "open", path, source: errno.into() }),
    };
    let list = read(directory.as_fd()).map_err(|source| TaskError::Io { action: "read", path: path.join(LIST), source })?;
    let mut found = Vec::new();
    for (index, layer) in list.iter().enumerate() {
        let target = AbsPath::new(std::path::Path::new(&layer.target)).map_err(|error| TaskError::Io {
            action: "read",
            path: path.join(LIST),
            source: io::Error::other(error.to_string()),
        })?;
        let places = [format!("{KEPT}/{index}"), format!("{SCRATCH}/{}", layer.name)];
        let upper = places.into_iter().find(|place| files::open_directory(directory.as_fd(), place).is_ok());
        found.extend(upper.map(|place| KeptLayer { target, upper: path.join(&place) }));
    }
    Ok(found)
}

/// Removes the layers of a task that is over: they are applied, or not wanted.
pub fn remove_layers(state: &StateDir, id: &TaskId) -> Result<(), TaskError> {
    let path = state.path().join(&format!("{DIRECTORY}/{id}"));
    let failed = |source| TaskError::Io { action: "remove", path: path.join(KEPT), source };
    let directory = files::open_directory(state.fd(), &format!("{DIRECTORY}/{id}")).map_err(|errno| failed(errno.into()))?;
    remove_tree(directory.as_fd(), c"layers").map_err(failed)
}

impl TaskDir {
    /// Says which directories below the scratch directory are layers that outlive the task. Called before it starts.
    pub fn keep_layers(&self, layers: Vec<LayerToKeep>) -> Result<(), TaskError> {
        if layers.is_empty() {
            return Ok(());
        }
        let write = || files::write(self.fd(), LIST, &serde_json::to_vec(&List { version: VERSION, layers })?);
        write().map_err(|source| TaskError::Io { action: "write", path: self.path().join(LIST), source })
    }
}

/// Moves the layers out of the scratch directory, which goes after this.
pub(crate) fn move_out(directory: BorrowedFd<'_>) -> io::Result<()> {
    let list = read(directory)?;
    if list.is_empty() {
        return Ok(());
    }
    files::make_directory(directory, KEPT)?;
    for (index, layer) in list.iter().enumerate() {
        // Nothing was written.
        if rustix::fs::unlinkat(directory, format!("{SCRATCH}/{}", layer.name), rustix::fs::AtFlags::REMOVEDIR).is_ok() {
            continue;
        }
        match rustix::fs::renameat(directory, format!("{SCRATCH}/{}", layer.name), directory, format!("{KEPT}/{index}")) {
            // Moved by a sweep that died after it, or never made: the task did not start.
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

fn read(directory: BorrowedFd<'_>) -> io::Result<Vec<LayerToKeep>> {
    let Some(bytes) = files::read(directory, LIST)? else { return Ok(Vec::new()) };
    let list: List = serde_json::from_slice(&bytes).map_err(|error| io::Error::other(format!("it is damaged: {error}")))?;
    // A name is one component: nothing outside the scratch directory is a layer.
    let odd = |layer: &LayerToKeep| layer.name.contains('/') || matches!(layer.name.as_str(), "" | "." | "..");
    if list.version != VERSION || list.layers.iter().any(odd) {
        return Err(io::Error::other("it is damaged, or was written by a newer version of remit"));
    }
    Ok(list.layers)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::task::tests::{at, created, state};
    use crate::{Outcome, Store};

    fn with_layers(state: &StateDir, store: &mut Store) -> TaskDir {
        let task = TaskDir::create(state).unwrap();
        let scratch = task.make_scratch().unwrap();
        for name in ["layer-0-upper", "layer-0-work/work", "layer-2-upper", "private-0"] {
            fs::create_dir_all(scratch.join(name).as_path()).unwrap();
            fs::write(scratch.join(name).join("file").as_path(), name).unwrap();
        }
        let keep = |target: &str, name: &str| LayerToKeep { target: target.to_owned(), name: name.to_owned() };
        task.keep_layers(vec![keep("/work", "layer-0-upper"), keep("/other", "layer-2-upper")]).unwrap();
        store.create(task.id(), "make", at(0), vec![created()]).unwrap();
        task
    }

    fn check(state: &StateDir, id: &TaskId, expected: &[(&str, &str)]) {
        let root = state.path().join(&format!("{DIRECTORY}/{id}"));
        let found: Vec<_> = layers(state, id)
            .unwrap()
            .into_iter()
            .map(|layer| (layer.target.to_string(), layer.upper.relative_to(&root).unwrap().to_owned()))
            .collect();
        let expected: Vec<_> = expected.iter().map(|(target, place)| ((*target).to_owned(), (*place).to_owned())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn layers_outlive_the_task_and_the_rest_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let mut store = Store::open(&state).unwrap();
        let task = with_layers(&state, &mut store);
        let (id, path) = (task.id().clone(), task.path().clone());
        check(&state, &id, &[("/work", "scratch/layer-0-upper"), ("/other", "scratch/layer-2-upper")]);
        task.end(&mut store, at(1), Outcome::Succeeded).unwrap();
        check(&state, &id, &[("/work", "layers/0"), ("/other", "layers/1")]);
        assert_eq!(fs::read_to_string(path.join("layers/1/file").as_path()).unwrap(), "layer-2-upper");
        assert!(!path.join("scratch").as_path().exists());

        remove_layers(&state, &id).unwrap();
        check(&state, &id, &[]);
    }

    #[test]
    fn layers_outlive_a_process_that_died() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let mut store = Store::open(&state).unwrap();
        let task = with_layers(&state, &mut store);
        let id = task.id().clone();
        drop(task);
        assert_eq!(crate::sweep(&state, &mut store, at(1)).unwrap().lost, std::slice::from_ref(&id));
        check(&state, &id, &[("/work", "layers/0"), ("/other", "layers/1")]);
    }

    #[test]
    fn a_list_that_is_not_ours_moves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let mut store = Store::open(&state).unwrap();
        for text in [
            "{",
            r#"{"version":2,"layers":[]}"#,
            r#"{"version":1,"layers":[{"target":"/w","name":"../approvals"}]}"#,
            r#"{"version":1,"layers":[{"target":"/w","name":".."}]}"#,
        ] {
            let task = with_layers(&state, &mut store);
            let (id, path) = (task.id().clone(), task.path().clone());
            fs::write(path.join(LIST).as_path(), text).unwrap();
            layers(&state, &id).unwrap_err();
            task.end(&mut store, at(1), Outcome::Succeeded).unwrap_err();
            assert!(path.join("scratch/layer-0-upper/file").as_path().exists(), "{text}");
        }
    }
}
