use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::servers::Servers;
use crate::{Host, Outcome, Running, World, binary, remit};

/// Which walls stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wall {
    /// Every one that this host has: `remit` itself.
    All,
    /// A root of its own, without Landlock.
    RootAlone,
    /// Landlock of a version of its interface, without namespaces: no root of its own.
    LandlockAlone(u32),
}

impl Wall {
    /// Returns what is to be expected of: the host with these walls and no others.
    pub fn on(self, host: Host) -> Host {
        match self {
            Wall::All => host,
            Wall::RootAlone => Host { landlock: 0, ..host },
            Wall::LandlockAlone(landlock) => Host { namespaces: false, landlock, ..host },
        }
    }

    /// Runs a command as an agent's task, behind these walls.
    #[track_caller]
    pub fn run(self, world: &World, agent: &Path, command: &[&str]) -> Outcome {
        let mut run = if self == Wall::All {
            world.run_command(agent, command)
        } else {
            let mut run = self.other_host(world, agent);
            run.arg("--").args(command);
            run
        };
        Running::start(&mut run).outcome()
    }

    /// Returns the preview of an agent behind these walls.
    #[track_caller]
    pub fn preview(self, world: &World, agent: &Path) -> Value {
        let mut command = match self {
            Wall::All => world.remit_command(&["preview", "--json", agent.to_str().unwrap()]),
            _ => self.other_host(world, agent),
        };
        let outcome = Running::start(&mut command).outcome();
        outcome.assert_code(0);
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.report()))
    }

    /// Returns what the preview says that is not held.
    #[track_caller]
    pub fn gaps(self, world: &World, agent: &Path) -> Vec<String> {
        let preview = self.preview(world, agent);
        preview["not_held"].as_array().unwrap().iter().map(|gap| gap["what"].as_str().unwrap().to_owned()).collect()
    }

    /// Runs a command as an agent's task while an observer looks on, and returns what the plan said was refused: act and path.
    #[track_caller]
    pub fn observed(self, world: &World, agent: &Path, command: &[&str]) -> (Outcome, Vec<(String, String)>) {
        let kept = world.path().join("observed");
        let _ = std::fs::remove_file(&kept);
        let mut run = self.other_host(world, agent);
        run.env("OTHER_HOST_OBSERVED", &kept).arg("--").args(command);
        let outcome = Running::start(&mut run).outcome();
        let text = std::fs::read_to_string(&kept).unwrap_or_else(|error| panic!("{error}: {}", outcome.report()));
        let line = |line: &str| line.split_once(' ').map(|(act, path)| (act.to_owned(), path.to_owned())).unwrap();
        (outcome, text.lines().map(line).collect())
    }

    fn other_host(self, world: &World, agent: &Path) -> Command {
        let mut command = world.command(other_host());
        // What was found by trying is the same for every run of this process.
        command.env("OTHER_HOST_TRIALS", Servers::running().directory().join("trials.json"));
        match self {
            Wall::All => {}
            Wall::RootAlone => {
                command.args(["--landlock", "0"]);
            }
            Wall::LandlockAlone(version) => {
                command.args(["--no-namespaces", "--landlock", &version.to_string()]);
            }
        }
        command.arg(agent);
        command
    }
}

/// Returns the path of the test's own `other-host`, which stands beside the running test, or beside `REMIT_BIN`.
fn other_host() -> PathBuf {
    let directory = match std::env::var_os("REMIT_BIN") {
        Some(_) => remit().parent().unwrap().to_owned(),
        None => binary::profile_directory(),
    };
    let path = directory.join("other-host");
    assert!(path.is_file(), "no `{}`: cargo builds it with the tests", path.display());
    path
}
