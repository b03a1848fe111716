use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::fs::{XattrFlags, setxattr};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value, json};

use crate::servers::Servers;
use crate::{Attempt, Outcome, Tree, Wall, World, source};

/// A world with all that an attempt can be about: files outside, another process, servers, links planted before the start.
#[derive(Debug)]
pub struct Scene {
    pub world: World,
    pub agent: PathBuf,
    command: Vec<&'static str>,
    /// What must not change in the workspace.
    guarded: Vec<PathBuf>,
    victim: Victim,
    _terminal: OwnedFd,
    _shared: Option<SharedMemory>,
}

impl Scene {
    pub fn of(attempt: &Attempt) -> Scene {
        let world = World::empty();
        furnish(&world);
        let victim = Victim::start(&world);
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();

        let mut words = Servers::running().words();
        words.insert("outside", world.outside().to_str().unwrap().to_owned());
        words.insert("home", world.home().to_str().unwrap().to_owned());
        words.insert("workspace", world.workspace().to_str().unwrap().to_owned());
        words.insert("victim", victim.0.id().to_string());
        words.insert("terminal", ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap());

        let shared = attempt.mentions("@shared@").then(SharedMemory::make);
        if let Some(shared) = &shared {
            words.insert("shared", shared.0.clone());
        }

        let command = attempt.language.command();
        let prelude = fs::read_to_string(source().join("tests/escapes/calls.py")).unwrap();
        let script = attempt.script(&words, &prelude);
        fs::write(world.workspace().join(attempt.language.file()), script).unwrap();
        let agent = world.test_runner(&[&command.join(" ")], &settings(&attempt.agent));
        let guarded = match attempt.agent.as_str() {
            "writer" => [".git/config", ".git/hooks", "private"].map(|path| world.workspace().join(path)).into(),
            "placed" => vec![world.workspace().join(".git")],
            "builder" => [".git", "private"].map(|path| world.workspace().join(path)).into(),
            _ => vec![world.workspace()],
        };
        Scene { world, agent, command, guarded, victim, _terminal: terminal, _shared: shared }
    }

    /// Runs the attempt, without remit or behind walls; returns how it ended, and what has changed that a task must not change.
    #[track_caller]
    pub fn run(&self, wall: Option<Wall>) -> (Outcome, Vec<String>) {
        let before = self.traces();
        let outcome = match wall {
            None => self.world.plain(&self.command),
            Some(wall) => wall.run(&self.world, &self.agent, &self.command),
        };
        let after = self.traces();
        let changes = after.0.iter().zip(&before.0).flat_map(|(after, before)| after.since(before));
        let victim = (after.1 != before.1).then(|| format!("the victim: {} became {}", before.1, after.1));
        (outcome, changes.chain(victim).collect())
    }

    fn traces(&self) -> (Vec<Tree>, String) {
        let places = [self.world.outside(), self.world.home().to_owned()];
        (places.iter().chain(&self.guarded).map(|path| Tree::of(path)).collect(), self.victim.state())
    }
}

/// The agents that an attempt can name; all may run it, and read the workspace.
fn settings(agent: &str) -> Value {
    match agent {
        // As it ships: what it writes goes to a private layer.
        "runner" => Value::Null,
        // Writes the workspace itself, in which a few things are hidden, and a few are granted by their own name only.
        "writer" => json!({ "files": { "write": ["**"], "hide": ["private", "absent", "**/*.pem"] } }),
        // Writes one directory, in which no name is denied.
        "placed" => json!({ "files": { "write": ["**"], "hide": ["kept/**/secret.key"] } }),
        "builder" => json!({ "files": { "write": ["made/**"] } }),
        // Is granted names of the workspace that were links before it was ever started.
        "linked" => {
            json!({ "files": { "read": ["linked/**"], "write": ["linked/**", "dangling"], "execute": ["linked/tool"] } })
        }
        // May execute what the system has, and nothing else.
        "base" => json!({ "profile": "base" }),
        // May reach a host by its name, which is this machine, whose addresses nobody named.
        "hosts" => {
            let words = Servers::running().words();
            let ports = ["http", "tcp", "udp"].map(|word| format!("localhost:{}", words[word]));
            json!({ "network": { "allow": ports, "loopback": true } })
        }
        // Its processes may trace each other.
        "debugger" => json!({ "debug": true }),
        other => panic!("no such agent: `{other}`"),
    }
}

fn furnish(world: &World) {
    let (outside, workspace) = (world.outside(), world.workspace());
    fs::copy("/bin/true", outside.join("tool")).unwrap();
    fs::create_dir(outside.join("directory")).unwrap();
    std::os::unix::fs::symlink("secret", outside.join("link")).unwrap();
    Servers::running().link(&outside);
    // A file of one's own that is granted to be read.
    let readable = world.home().join(".gitconfig");
    fs::write(&readable, "[user]\n\tname = Somebody\n").unwrap();
    for path in [&readable, &outside.join("secret")] {
        setxattr(path, "user.remit", b"canary", XattrFlags::empty()).unwrap();
    }

    for directory in [".git/hooks", "private"] {
        fs::create_dir_all(workspace.join(directory)).unwrap();
    }
    let files = [
        (".git/config", "[core]\n\tbare = false\n"),
        (".git/HEAD", "ref: refs/heads/main\n"),
        ("private/key", "canary: hidden\n"),
        ("cert.pem", "canary: by pattern\n"),
    ];
    for (path, text) in files {
        fs::write(workspace.join(path), text).unwrap();
    }
    std::os::unix::fs::symlink(&outside, workspace.join("linked")).unwrap();
    std::os::unix::fs::symlink(outside.join("planted"), workspace.join("dangling")).unwrap();
}

/// A process of the same user, outside the task, that stands outside the workspace and has a secret open.
#[derive(Debug)]
struct Victim(Child);

impl Victim {
    fn start(world: &World) -> Victim {
        let secret = fs::File::options().read(true).write(true).open(world.outside().join("secret")).unwrap();
        let mut sleep = Command::new("sleep");
        // A group of its own, so that an attempt on the group is one on this process.
        sleep.process_group(0);
        Victim(sleep.arg("600").current_dir(world.outside()).stdin(Stdio::from(secret)).spawn().unwrap())
    }

    /// Says what another process of the user can change of it: whether it runs, its priority, its processors, its limits.
    fn state(&self) -> String {
        let read = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", self.0.id())).unwrap_or_default();
        let stat = read("stat");
        // State, priority and nice value, counted from behind the name, which may have any letters; real-time priority, policy.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).copied().unwrap_or_default();
        let running = if matches!(field(3), "" | "Z" | "X") { "gone" } else { "there" };
        let numbers: BTreeMap<&str, &str> =
            [("nice", field(19)), ("real-time", field(40)), ("policy", field(41))].into_iter().collect();
        let status = read("status");
        let processors = status.lines().find(|line| line.starts_with("Cpus_allowed:")).unwrap_or_default();
        let limits = read("limits").lines().filter(|line| line.contains("core")).collect::<String>();
        format!("{running} {numbers:?} {processors} {limits} {}", read("oom_score_adj").trim())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

/// A segment of System V shared memory, which is removed with this.
#[derive(Debug)]
struct SharedMemory(String);

impl SharedMemory {
    fn make() -> SharedMemory {
        let output = Command::new("ipcmk").args(["--shmem", "4096", "--mode", "0600"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        SharedMemory(text.rsplit(' ').next().unwrap().trim().to_owned())
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // An attempt may have removed it.
        let _ = Command::new("ipcrm").args(["--shmem-id", &self.0]).stderr(Stdio::null()).status();
    }
}
