//! What a supervisor notes beside the output: how far the task is, and what its output came to.
//!
//! Not events: they change often, and nothing depends on them.

use std::io;
use std::os::fd::BorrowedFd;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::progress::Progress;
use crate::summary::Summary;
use crate::task::DIRECTORY;
use crate::{StateDir, TaskId, files};

const PROGRESS: &str = "progress.json";
const SUMMARY: &str = "summary.json";
const EXPLANATION: &str = "explanation.json";

pub fn note_progress(directory: BorrowedFd<'_>, progress: &Progress) -> io::Result<()> {
    note(directory, PROGRESS, progress)
}

pub fn note_summary(directory: BorrowedFd<'_>, summary: &Summary) -> io::Result<()> {
    note(directory, SUMMARY, summary)
}

/// Notes what an observer of the task saw, in whatever form it is told.
pub fn note_explanation(directory: BorrowedFd<'_>, explanation: &impl Serialize) -> io::Result<()> {
    note(directory, EXPLANATION, explanation)
}

/// Returns what an observer of a task saw; `None` when there was none, or when what is noted cannot be read.
pub fn explanation_of<T: DeserializeOwned>(state: &StateDir, id: &TaskId) -> Option<T> {
    noted(state, id, EXPLANATION)
}

/// Returns how far a task is; `None` when nobody knows, or when what is noted cannot be read.
pub fn progress_of(state: &StateDir, id: &TaskId) -> Option<Progress> {
    noted(state, id, PROGRESS)
}

/// Returns what a task's output came to; `None` when nobody knows, or when what is noted cannot be read.
pub fn summary_of(state: &StateDir, id: &TaskId) -> Option<Summary> {
    noted(state, id, SUMMARY)
}

fn note(directory: BorrowedFd<'_>, name: &str, value: &impl Serialize) -> io::Result<()> {
    files::replace(directory, name, &serde_json::to_vec(value)?)
}

fn noted<T: DeserializeOwned>(state: &StateDir, id: &TaskId, name: &str) -> Option<T> {
    let bytes = files::read(state.fd(), &format!("{DIRECTORY}/{id}/{name}")).ok()??;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TaskDir;
    use crate::progress::Unit;
    use crate::task::tests::state;

    #[test]
    fn what_is_noted_is_read_and_what_is_damaged_is_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let task = TaskDir::create(&state).unwrap();
        assert_eq!(progress_of(&state, task.id()), None);
        for done in [1, 2] {
            let progress = Progress { done, total: Some(3), unit: Unit::Tests, label: None };
            note_progress(task.fd(), &progress).unwrap();
            assert_eq!(progress_of(&state, task.id()), Some(progress));
        }
        let summary = Summary { warnings: 2, ..Summary::default() };
        note_summary(task.fd(), &summary).unwrap();
        assert_eq!(summary_of(&state, task.id()), Some(summary));
        std::fs::write(task.path().join(PROGRESS).as_path(), "{").unwrap();
        assert_eq!(progress_of(&state, task.id()), None);
    }
}
