//! The `JUnit` files that a task was said to write, read when it is over.
//!
//! Only what the task itself wrote counts: in its private layer, or where it writes to the workspace, what is newer than its start. The
//! files are the task's, so no symbolic link is followed, and no more is read than a few megabytes.

use remit_agent::AbsPath;
use remit_layer::{Layers, Purpose, RelPath, written};
use remit_tasks::summary::{Tests, read_junit};
use remit_tasks::{Record, StateDir, TaskDir, note_summary, summary_of};

/// Adds what the files say to what is known of a task's output.
pub(crate) fn note(state: &StateDir, task: &TaskDir, record: &Record) {
    let reports = reports(state, record);
    if !reports.is_empty() {
        let mut summary = summary_of(state, task.id()).unwrap_or_default();
        summary.tests.extend(reports);
        // What nobody can note nobody misses.
        let _ = note_summary(task.fd(), &summary);
    }
}

/// Returns what the files say that were named when the task was made; what cannot be read says nothing.
fn reports(state: &StateDir, record: &Record) -> Vec<Tests> {
    let Some(background) = record.created.background() else { return Vec::new() };
    let Some(started) = record.state.started_at().filter(|_| !background.junit.is_empty()) else { return Vec::new() };
    let layers = Layers::of(state, &record.id).ok();
    let layer = layers.as_ref().and_then(|layers| layers.all().iter().find(|layer| layer.purpose == Purpose::Workspace));
    let root = match layer {
        Some(layer) => Some(layer.upper().clone()),
        None => AbsPath::new(std::path::Path::new(&record.created.workspace)).ok(),
    };
    let Some(root) = root else { return Vec::new() };
    // In a layer everything is the task's; a clock of a file system may lag behind by some milliseconds.
    let since = if layer.is_some() { 0 } else { started.as_second() };
    let mut all = Vec::new();
    for path in background.junit.iter().filter_map(|path| RelPath::parse(path.as_bytes())) {
        for (path, bytes) in written(&root, &path, b".xml", since) {
            all.extend(read_junit(&bytes).map(|tests| Tests { tool: format!("JUnit {}", path.quoted()), ..tests }));
        }
    }
    all
}
