use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Outcome, Running, Terminal, Tree, binary, remit, source};

/// A workspace, a home with secrets in it, and a place outside both; and an agent for it.
#[derive(Debug)]
pub struct World {
    directory: TempDir,
    home: PathBuf,
}

/// What a script did without remit and with it.
#[derive(Clone, Debug)]
pub struct Probed {
    pub plain: Outcome,
    pub confined: Outcome,
}

impl World {
    /// Makes a world with an empty workspace and a home of its own: for tests that need no toolchain.
    pub fn empty() -> World {
        let directory = directory("world-");
        let home = directory.path().join("home");
        for part in ["workspace", "home/.ssh", "home/.aws", "outside", "agents"] {
            fs::create_dir_all(directory.path().join(part)).unwrap();
        }
        let secrets = [
            ("home/.ssh/id_ed25519", "canary: private key\n"),
            ("home/.aws/credentials", "canary: aws_secret_access_key\n"),
            ("home/.netrc", "canary: password\n"),
            ("home/.bashrc", "# canary: start-up file\n"),
            ("outside/secret", "canary: outside\n"),
        ];
        for (path, text) in secrets {
            fs::write(directory.path().join(path), text).unwrap();
        }
        fs::set_permissions(directory.path().join("home/.ssh/id_ed25519"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(directory.path().join("workspace/notes.txt"), "the workspace's own\n").unwrap();
        World { directory, home }
    }

    /// Returns the processes of this world, of remit or of a task, that have an argument: others may have the same.
    pub fn processes_with(&self, argument: &str) -> Vec<rustix::process::Pid> {
        let path = self.path().to_str().unwrap();
        let is_here = |pid: &rustix::process::Pid| {
            let directory = format!("/proc/{}", pid.as_raw_nonzero());
            let environment = fs::read(format!("{directory}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(path)
                || fs::read_link(format!("{directory}/cwd")).is_ok_and(|at| at.starts_with(path))
        };
        crate::processes_with(argument).into_iter().filter(is_here).collect()
    }

    /// Makes a world with an empty workspace and the real home, for its toolchains. Nothing in that home is touched: remit's own
    /// files go elsewhere.
    pub fn at_home() -> World {
        World { home: std::env::var_os("HOME").unwrap().into(), ..World::empty() }
    }

    /// Makes a world whose workspace is a copy of `tests/fixtures/NAME`, with the real home, for its toolchains. Nothing in that
    /// home is touched: remit's own files go elsewhere.
    pub fn fixture(name: &str) -> World {
        let directory = directory("world-");
        for part in ["outside", "agents"] {
            fs::create_dir(directory.path().join(part)).unwrap();
        }
        copy(&source().join("tests/fixtures").join(name), &directory.path().join("workspace"));
        World { directory, home: std::env::var_os("HOME").unwrap().into() }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn workspace(&self) -> PathBuf {
        self.directory.path().join("workspace")
    }

    pub fn home(&self) -> &Path {
        &self.home
    }

    pub fn outside(&self) -> PathBuf {
        self.directory.path().join("outside")
    }

    /// Returns what stands in the workspace, to compare with later.
    pub fn workspace_tree(&self) -> Tree {
        Tree::of(&self.workspace())
    }

    pub fn outside_tree(&self) -> Tree {
        Tree::of(&self.outside())
    }

    /// Writes `agents/NAME.json`, outside the workspace, and returns its path.
    pub fn agent(&self, name: &str, agent: &Value) -> PathBuf {
        let path = self.directory.path().join("agents").join(format!("{name}.json"));
        fs::write(&path, serde_json::to_vec_pretty(agent).unwrap()).unwrap();
        path
    }

    /// Writes the shipped `test-runner` with `commands` among its allowed ones and `sandbox` among its settings.
    pub fn test_runner(&self, commands: &[&str], sandbox: &Value) -> PathBuf {
        let mut agent = shipped_test_runner();
        let settings = agent["toolsSettings"].as_object_mut().unwrap();
        let allowed = settings["execute_bash"]["allowedCommands"].as_array_mut().unwrap();
        allowed.extend(commands.iter().map(|command| json!(command)));
        if !sandbox.is_null() {
            settings.insert("sandbox".to_owned(), sandbox.clone());
        }
        self.agent("test-runner", &agent)
    }

    /// Returns a command with the world's directories in its environment, in the workspace, not confined.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.workspace())
            .env("HOME", &self.home)
            .env("XDG_STATE_HOME", self.directory.path().join("state"))
            .env("XDG_CONFIG_HOME", self.directory.path().join("config"))
            .env("XDG_DATA_HOME", self.directory.path().join("data"))
            .env("XDG_CACHE_HOME", self.directory.path().join("cache"))
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("CARGO_TARGET_DIR")
            .env("NO_COLOR", "1");
        // What cargo sets for a test is no user's environment.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name == "CARGO"
                || name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST")
                || name == "LD_LIBRARY_PATH"
            {
                command.env_remove(name);
            }
        }
        command
    }

    /// Returns `remit ARGUMENTS`, ready to be changed or started.
    pub fn remit_command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = self.command(remit());
        command.args(arguments);
        command
    }

    /// Runs `remit ARGUMENTS` to its end.
    #[track_caller]
    pub fn remit<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Outcome {
        Running::start(&mut self.remit_command(arguments)).outcome()
    }

    /// Returns `remit run --yes --agent AGENT -- COMMAND`.
    pub fn run_command(&self, agent: &Path, command: &[&str]) -> Command {
        let mut run = self.remit_command(&["run", "--yes", "--agent"]);
        run.arg(agent).arg("--").args(command);
        run
    }

    #[track_caller]
    pub fn run(&self, agent: &Path, command: &[&str]) -> Outcome {
        Running::start(&mut self.run_command(agent, command)).outcome()
    }

    /// Approves an agent for the workspace, as a person at a terminal does, and then says no to the command.
    #[track_caller]
    pub fn remit_approve(&self, agent: &Path) {
        let command = self.remit_command(&["run", "--agent", agent.to_str().unwrap(), "--", "no-such-program"]);
        let mut terminal = Terminal::start(&command, 100, 50);
        terminal.wait_for("[y/N]").type_text("y\n").wait_for("[y/N]").type_text("n\n");
        terminal.end();
    }

    /// Runs a command without remit, as the control of an experiment.
    #[track_caller]
    pub fn plain(&self, command: &[&str]) -> Outcome {
        Running::start(self.command(command[0]).args(&command[1..])).outcome()
    }

    /// Runs a shell script in the workspace, first without remit and then confined as `test-runner` is.
    #[track_caller]
    pub fn probe(&self, script: &str) -> Probed {
        fs::write(self.workspace().join("probe.sh"), format!("echo started\n{script}")).unwrap();
        let agent = self.test_runner(&["sh probe.sh"], &Value::Null);
        let plain = self.plain(&["sh", "probe.sh"]);
        let confined = self.run(&agent, &["sh", "probe.sh"]);
        Probed { plain, confined }
    }
}

impl Probed {
    /// Asserts that the script succeeds without remit, and is started and fails with it.
    #[track_caller]
    pub fn assert_held(&self) -> &Probed {
        assert_eq!(self.plain.code, 0, "not even unconfined: {}", self.plain.report());
        assert!(self.confined.stdout.starts_with("started"), "not even started: {}", self.confined.report());
        assert_ne!(self.confined.code, 0, "not held: {}", self.confined.report());
        self
    }

    /// Asserts that the script does confined what it does unconfined.
    #[track_caller]
    pub fn assert_same(&self) -> &Probed {
        assert_eq!(self.plain.code, 0, "not even unconfined: {}", self.plain.report());
        assert_eq!(self.confined.code, 0, "a false denial: {}", self.confined.report());
        assert_eq!(self.plain.stdout, self.confined.stdout);
        self
    }
}

/// Returns the agent file that the project ships and the README names.
fn shipped_test_runner() -> Value {
    let path = source().join("policies/agents/test-runner.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Makes an empty directory below `REMIT_TEST_DIR` or the build's: not below `/tmp`, which a task has of its own.
pub(crate) fn directory(prefix: &str) -> TempDir {
    let parent = match std::env::var_os("REMIT_TEST_DIR") {
        Some(path) => PathBuf::from(path),
        None => binary::profile_directory().parent().unwrap().join("tmp"),
    };
    fs::create_dir_all(&parent).unwrap();
    let directory = tempfile::Builder::new().prefix(prefix).tempdir_in(parent).unwrap();
    // So that a file in it that belongs to someone else can be reached by its mode alone.
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            // What a run of the fixture in place leaves behind.
            if !matches!(entry.file_name().to_str(), Some("target" | "node_modules" | "__pycache__" | ".pytest_cache")) {
                copy(&entry.path(), &target);
            }
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
