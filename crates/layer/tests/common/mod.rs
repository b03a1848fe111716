//! A task that wrote in a private layer, without the rest of Remit: a real overlay, mounted by mount(8) in a namespace.

#![allow(dead_code, reason = "each test uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's leave for tests does not reach the helpers of an integration test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use remit_agent::AbsPath;
use remit_layer::{
    Applied, ChangeKind, Changes, Choice, Layer, Layers, Manner, Protected, Purpose, RelPath, ToNote, View, Xattrs, changes,
};
use remit_tasks::{LayerToKeep, StateDir, TaskDir};
use tempfile::TempDir;

/// A workspace, and a task with a layer over it.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) task: TaskDir,
    pub(crate) state: StateDir,
}

/// Returns the ways in which an overlay can be mounted here.
pub(crate) fn modes() -> Vec<Xattrs> {
    let works =
        |arguments: &[&str]| Command::new("unshare").args(arguments).arg("true").status().is_ok_and(|status| status.success());
    let mut modes = Vec::new();
    if works(&["--user", "--map-current-user", "--keep-caps", "--mount"]) {
        modes.push(Xattrs::User);
    }
    if rustix::process::geteuid().is_root() && works(&["--mount"]) {
        modes.push(Xattrs::Trusted);
    }
    modes
}

impl World {
    /// Makes a workspace with a shell script, lets the time be taken, and runs another script in a layer over it.
    pub(crate) fn new(mode: Xattrs, workspace: &str, task: &str) -> World {
        let world = World::begun(mode, workspace);
        world.write(mode, task);
        world
    }

    pub(crate) fn begun(mode: Xattrs, workspace: &str) -> World {
        // In memory, where syncing costs nothing.
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let at = |name: &str| AbsPath::new(&directory.path().join(name)).unwrap();
        let lower = at("workspace");
        fs::create_dir(lower.as_path()).unwrap();
        run(Command::new("sh").args(["-euc", &format!("umask 022\n{workspace}")]).current_dir(lower.as_path()));
        let state = StateDir::open_or_create(&at("state")).unwrap();
        let task = TaskDir::create(&state).unwrap();
        let scratch = task.make_scratch().unwrap();
        task.keep_layers(vec![LayerToKeep { target: lower.to_string(), name: "layer-0-upper".to_owned() }]).unwrap();
        Layers::note(task.path(), mode, vec![ToNote { target: lower.clone(), purpose: Purpose::Workspace, by_name: Vec::new() }])
            .unwrap();
        for name in ["layer-0-upper", "layer-0-work"] {
            fs::create_dir(scratch.join(name).as_path()).unwrap();
        }
        fs::set_permissions(scratch.join("layer-0-upper").as_path(), fs::metadata(lower.as_path()).unwrap().permissions())
            .unwrap();
        World { directory, task, state }
    }

    /// Runs a script in the layer, and copies what it saw at its end to `merged`.
    pub(crate) fn write(&self, mode: Xattrs, script: &str) {
        let root = self.directory.path();
        let mount = root.join("mount");
        fs::create_dir_all(&mount).unwrap();
        let (arguments, option): (&[&str], &str) = match mode {
            Xattrs::User => (&["--user", "--map-current-user", "--keep-caps", "--mount"], ",userxattr"),
            Xattrs::Trusted => (&["--mount"], ",redirect_dir=nofollow,metacopy=off,index=off"),
        };
        let script = format!(
            "umask 022\nmount -t overlay overlay -o lowerdir=workspace,upperdir=$1/layer-0-upper,workdir=$1/layer-0-work{option} mount\n\
             ( cd mount\n{script}\n)\ncp -a mount merged 2>/dev/null || :"
        );
        let scratch = self.task.path().join("scratch");
        run(Command::new("unshare")
            .args(arguments)
            .args(["bash", "-euc", &script, "bash"])
            .arg(scratch.as_path())
            .current_dir(root));
    }

    pub(crate) fn lower(&self) -> PathBuf {
        self.directory.path().join("workspace")
    }

    pub(crate) fn upper(&self) -> PathBuf {
        self.task.path().join("scratch/layer-0-upper").as_path().to_owned()
    }

    pub(crate) fn merged(&self) -> PathBuf {
        self.directory.path().join("merged")
    }

    pub(crate) fn layers(&self) -> Layers {
        Layers::of(&self.state, self.task.id()).unwrap()
    }

    pub(crate) fn layer(&self) -> Layer {
        self.layers().all()[0].clone()
    }

    pub(crate) fn view(&self) -> View {
        self.layer().open().unwrap()
    }

    pub(crate) fn changes(&self) -> Changes {
        changes(&self.view())
    }

    /// Runs a script of the person whose workspace it is.
    pub(crate) fn person(&self, script: &str) {
        run(Command::new("sh").args(["-euc", script]).current_dir(self.lower()));
    }

    pub(crate) fn apply(&self, paths: &[&str], manner: Manner) -> Applied {
        self.try_apply(paths, &[], manner, &mut |_| {}).unwrap()
    }

    pub(crate) fn try_apply(
        &self,
        paths: &[&str],
        protected: &[&str],
        manner: Manner,
        step: &mut dyn FnMut(&'static str),
    ) -> Result<Applied, remit_layer::ApplyError> {
        let parse = |paths: &[&str]| paths.iter().map(|path| RelPath::parse(path.as_bytes()).unwrap()).collect::<Vec<_>>();
        let (paths, protected) = (parse(paths), parse(protected));
        let protected: Vec<Protected> = protected.into_iter().map(|path| Protected { path, denied_by: None }).collect();
        let layers = self.layers();
        let choice = Choice { paths: &paths, protected: &protected, manner };
        loop {
            // A process that another test has just forked holds every lock of this one, until it becomes its program.
            match remit_layer::apply_observed(&layers, &layers.all()[0], &choice, step) {
                Err(remit_layer::ApplyError::Layers(remit_layer::LayersError::Busy)) => std::thread::yield_now(),
                other => return other,
            }
        }
    }

    /// Asserts that nothing of an apply is left: no staging directory, and no open journal.
    pub(crate) fn assert_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.lower())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.as_bytes().starts_with(b".remit-apply"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(!remit_layer::is_interrupted(&self.layer()));
    }
}

/// Returns the changes, a line each.
pub(crate) fn list(changes: &Changes) -> Vec<String> {
    let mut lines: Vec<String> = changes
        .list
        .iter()
        .map(|change| match &change.kind {
            ChangeKind::Renamed { from } => format!("Renamed {} => {}", from.quoted(), change.path.quoted()),
            kind => format!("{kind:?} {}", change.path.quoted()),
        })
        .collect();
    lines.extend(changes.unread.iter().map(|unread| format!("Unread {}: {}", unread.path.quoted(), unread.why)));
    lines
}

pub(crate) fn refused(applied: &Applied) -> Vec<String> {
    applied.refused.iter().map(|refused| format!("{}: {}", refused.path.quoted(), refused.why)).collect()
}

pub(crate) fn done(applied: &Applied) -> Vec<String> {
    applied.done.iter().map(RelPath::quoted).collect()
}

/// Everything below a directory, but for times and owners.
pub(crate) fn tree(root: &Path) -> BTreeMap<Vec<u8>, String> {
    let mut entries = BTreeMap::new();
    visit(root, root, &mut entries);
    entries
}

fn visit(root: &Path, path: &Path, entries: &mut BTreeMap<Vec<u8>, String>) {
    let facts = fs::symlink_metadata(path).unwrap();
    let mode = facts.permissions().mode();
    let entry = if facts.is_symlink() {
        format!("-> {}", fs::read_link(path).unwrap().display())
    } else if facts.is_file() {
        format!("{mode:o} {:?}", fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
    } else if facts.file_type().is_char_device() {
        format!("{mode:o} device {}", facts.rdev())
    } else {
        format!("{mode:o}")
    };
    entries.insert(path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec(), entry);
    if facts.is_dir()
        && let Ok(inside) = fs::read_dir(path)
    {
        for child in inside {
            visit(root, &child.unwrap().path(), entries);
        }
    }
}

pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
