//! The private layers of a task, as `run`, `diff`, `apply` and `discard` meet them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use remit_agent::AbsPath;
use remit_layer::{Changes, Layer, Layers, Pattern, Protected, Purpose, RelPath, changes};
use remit_policy::{PathPattern, Workspace, protected};
use remit_tasks::{Record, StateDir, TaskId};

use crate::failure::Failure;
use crate::load::shown;
use crate::places;
use crate::store::Tasks;
use crate::ui::Ui;

/// A task that was typed, and its layers.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) state: StateDir,
    pub(crate) id: TaskId,
    pub(crate) record: Record,
    pub(crate) layers: Layers,
    pub(crate) workspace: Workspace,
}

/// Finds a task and its layers.
pub(crate) fn find(ui: &Ui, task: &str) -> Result<Found, Failure> {
    let tasks = Tasks::existing(ui)?;
    let record = tasks.record(task)?;
    let layers = Layers::of(&tasks.state, &record.id)?;
    let root = AbsPath::new(Path::new(&record.created.workspace)).map_err(|error| Failure::of(&error))?;
    let workspace = Workspace { root, ..places::workspace(None)? };
    Ok(Found { state: tasks.state, id: record.id.clone(), record, layers, workspace })
}

impl Found {
    /// Refuses a task that may still write.
    pub(crate) fn over(&self) -> Result<(), Failure> {
        if self.record.is_over() {
            return Ok(());
        }
        Err(Failure::new(format!("task `{}` is still running", self.id))
            .help(format!("`remit wait {}` returns when it is over", self.id)))
    }

    /// Returns the layer over the directory that was typed, or over the workspace.
    pub(crate) fn layer(&self, typed: Option<&str>) -> Result<&Layer, Failure> {
        let all = self.layers.all();
        let found = match typed {
            None => all.iter().find(|layer| layer.purpose == Purpose::Workspace),
            Some(typed) => {
                all.iter().find(|layer| self.name(layer) == typed || layer.target.as_str() == typed.trim_end_matches('/'))
            }
        };
        found.ok_or_else(|| match typed {
            None => Failure::new(format!("task `{}` has no private layer: nothing was written, or it was discarded", self.id)),
            Some(typed) => {
                let names: Vec<_> = all.iter().map(|layer| format!("`{}`", self.name(layer))).collect();
                Failure::new(format!("task `{}` has no private layer over `{typed}`", self.id))
                    .help(format!("it has: {}", names.join(", ")))
            }
        })
    }

    /// Returns what people call the directory that a layer lies over.
    pub(crate) fn name(&self, layer: &Layer) -> String {
        name_in(layer, &self.workspace)
    }

    /// Returns what is applied by name only, below the layer's target: what is protected in every task, and of what changed what
    /// the task's policy denies.
    pub(crate) fn protected(&self, layer: &Layer, changes: &Changes) -> Result<Vec<Protected>, Failure> {
        let agent = self.record.created.agent.as_ref().and_then(|agent| AbsPath::new(Path::new(&agent.path)).ok());
        let within = |path: &AbsPath| match path.relative_to(&layer.target) {
            Some(relative) => RelPath::parse(relative.as_bytes()),
            // All of the target lies in something that is protected.
            None => layer.target.is_beneath(path).then(RelPath::root),
        };
        let always = protected(&self.workspace, agent.as_ref());
        let mut all: Vec<_> = always.iter().filter_map(within).map(|path| Protected { path, denied_by: None }).collect();
        for pattern in &layer.by_name {
            let pattern = policys(pattern)?;
            let paths = changes.list.iter().flat_map(|change| std::iter::once(&change.path).chain(change.renamed_from()));
            let denied = paths.filter_map(|path| highest(layer, &pattern, path));
            all.extend(denied.map(|path| Protected { path, denied_by: Some(pattern.text.to_string()) }));
        }
        Ok(all)
    }
}

/// Returns a pattern that was noted as the policy had it.
fn policys(noted: &Pattern) -> Result<PathPattern, Failure> {
    let base = AbsPath::new(Path::new(&noted.base)).map_err(|error| Failure::of(&error))?;
    PathPattern::of_parts(&noted.text, base, noted.glob.as_deref())
        .map_err(|error| Failure::new(format!("what was noted of the task's layers is damaged: `{}`: {error}", noted.text)))
}

/// Returns the highest directory on the way to a path that the pattern covers, or the path itself.
fn highest(layer: &Layer, pattern: &PathPattern, path: &RelPath) -> Option<RelPath> {
    let covers = |path: &RelPath| {
        let text = String::from_utf8_lossy(path.as_bytes());
        pattern.matches_or_above(&layer.target.join(&text))
    };
    let above = std::iter::successors(Some(path.clone()), RelPath::parent);
    above.take_while(covers).last()
}

/// Returns what people call the directory that a layer of a task lies over.
pub(crate) fn name(layer: &Layer, record: &Record) -> Result<String, Failure> {
    let root = AbsPath::new(Path::new(&record.created.workspace)).map_err(|error| Failure::of(&error))?;
    Ok(name_in(layer, &Workspace { root, ..places::workspace(None)? }))
}

fn name_in(layer: &Layer, workspace: &Workspace) -> String {
    if layer.target == workspace.root {
        return "the workspace".to_owned();
    }
    let home = workspace.home.clone();
    shown(&layer.target, &Workspace { root: AbsPath::root().join("/nowhere"), home, ..workspace.clone() })
}

/// Returns paths that were typed as paths below a layer's target: relative to the current directory where that lies inside, and to
/// the target otherwise.
pub(crate) fn paths(layer: &Layer, typed: &[std::ffi::OsString]) -> Result<Vec<RelPath>, Failure> {
    let inside = std::env::current_dir().ok().and_then(|at| std::fs::canonicalize(at).ok());
    let base = inside.as_deref().filter(|at| at.starts_with(layer.target.as_path())).unwrap_or(layer.target.as_path()).to_owned();
    typed.iter().map(|path| below(layer, &base, path)).collect()
}

fn below(layer: &Layer, base: &Path, typed: &OsStr) -> Result<RelPath, Failure> {
    let outside = || Failure::new(format!("`{}` lies outside `{}`", typed.display(), layer.target));
    let whole = base.join(typed);
    // Lexically: a path that was deleted is nowhere to be looked up.
    let whole = RelPath::parse(whole.as_os_str().as_bytes()).ok_or_else(outside)?;
    let target = RelPath::parse(layer.target.as_str().as_bytes()).ok_or_else(outside)?;
    if !whole.is_beneath(&target) {
        return Err(outside());
    }
    let rest = whole.as_bytes().get(target.as_bytes().len()..).unwrap_or_default();
    RelPath::parse(rest).ok_or_else(outside)
}

/// Clears up after a task's processes, and says what is left to look at. That it cannot be told keeps no task from ending.
pub(crate) fn settle(ui: &Ui, state: &StateDir, id: &TaskId) {
    let settle = || -> Result<(), Failure> {
        let layers = Layers::of(state, id)?.settle()?;
        if let Some(layer) = layers.all().first() {
            let changes = changes(&layer.open()?);
            if !changes.is_empty() {
                ui.tell(&format!("{} in the private layer: remit diff {id}", counted(&changes)));
            }
        }
        Ok(())
    };
    if let Err(failure) = settle() {
        failure.tell(ui);
    }
}

/// Returns how many files changed, in words.
pub(crate) fn counted(changes: &Changes) -> String {
    let files = changes.list.iter().filter(|change| !change.is_directory()).count();
    match files {
        0 => "directories changed".to_owned(),
        1 => "1 file changed".to_owned(),
        files => format!("{files} files changed"),
    }
}
