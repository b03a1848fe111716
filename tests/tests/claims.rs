//! What the preview claims is what is enforced: its data is read, and every claim in it is tried.
//!
//! The attempts are made from the claims. A grant is used, in every way that it names and in those that it does not; what lies above
//! and beside every grant is tried as well. A promise under `held` that no attempt here knows fails the test: a new promise
//! comes with an attempt to break it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command};

use remit_tests::{Host, Outcome, Running, Wall, World, source};
use serde_json::{Value, json};

#[test]
fn of_an_agent_with_a_private_layer() {
    check(&Value::Null);
}

#[test]
fn of_an_agent_that_writes_a_directory() {
    check(&json!({ "files": { "write": ["target/**"], "hide": ["private"] }, "network": "none" }));
}

#[test]
fn of_an_agent_that_writes_everything() {
    check(&json!({ "files": { "write": ["**"], "hide": ["private"] } }));
}

#[test]
fn of_an_agent_that_runs_the_system_only() {
    check(&json!({ "profile": "base", "limits": { "openFiles": 64, "fileSize": "64K", "diskSpace": "100T" } }));
}

#[test]
fn of_an_agent_with_grants_elsewhere() {
    check(&json!({ "files": { "read": ["~/readable"], "write": ["~/writable/**"], "execute": ["~/tools"] } }));
}

#[test]
fn of_an_agent_without_a_loopback() {
    check(&json!({ "network": { "allow": [], "loopback": false } }));
}

fn check(sandbox: &Value) {
    let host = Host::look();
    let mut walls = vec![Wall::All];
    if host.namespaces {
        // Without Landlock the preview's grants are the policy's, and it says so: the escapes try the root alone.
        walls.extend([Wall::LandlockAlone(host.landlock), Wall::LandlockAlone(1)]);
    }
    let failures: Vec<String> = walls.into_iter().flat_map(|wall| broken(sandbox, wall)).collect();
    assert!(failures.is_empty(), "{} claims on {host:?}:\n{}", failures.len(), failures.join("\n"));
}

/// Returns the claims that do not hold behind a wall.
fn broken(sandbox: &Value, wall: Wall) -> Vec<String> {
    let ground = Ground::furnish(sandbox);
    let preview = wall.preview(&ground.world, &ground.agent);
    let claims = Claims::of(&preview, &ground);
    let plain = ground.run(None, &claims);
    let confined = ground.run(Some(wall), &claims);
    let mut failures = claims.unknown();
    for (claim, (plain, confined)) in claims.list.iter().zip(plain.iter().zip(&confined)) {
        // What fails unconfined, by the mode of a file, says nothing.
        if *plain && *confined != claim.succeeds && !claims.is_told(claim) {
            let came = if *confined { "works" } else { "is refused" };
            failures.push(format!("{wall:?}: {} `{}` {came}; the claim is: {}", claim.does, claim.on, claim.why));
        }
    }
    failures.extend(claims.traces().into_iter().map(|trace| format!("{wall:?}: {trace}")));
    assert!(plain.iter().filter(|worked| **worked).count() > 10, "too little works unconfined to say anything");
    failures
}

/// One thing to try, and whether the preview says that it works.
struct Claim {
    does: &'static str,
    on: String,
    succeeds: bool,
    why: String,
    /// Words of the gap that excuses it.
    unless: Option<&'static str>,
}

struct Claims {
    list: Vec<Claim>,
    held: Vec<String>,
    not_held: Vec<String>,
    /// Directories whose writes must not reach the host.
    private: Vec<String>,
}

/// Every promise that a plan makes, and what here or in another test tries to break it.
const TRIED: [(&str, &str); 27] = [
    ("which tools are visible, and which are pre-approved", "the gate: crates/policy"),
    ("which commands run unasked", "the gate: run.rs"),
    ("every command runs unasked", "the gate: run.rs"),
    ("reading and writing outside the grants is refused", "read and write, here"),
    ("what is not granted does not exist", "look, here"),
    ("writes to the", "traces, here"),
    ("hidden and protected paths inside the grants", "read and write, here"),
    ("no network", "connect, here"),
    ("variables that are not named do not reach the task", "variable, here"),
    ("open files of each process", "open-files, here"),
    ("size of each file", "file-size, here"),
    ("CPU time of each process", "limits.rs"),
    ("wall time", "limits.rs"),
    ("memory of the task", "limits.rs"),
    ("number of its processes", "limits.rs"),
    ("output", "limits.rs"),
    ("disk space", "limits.rs"),
    ("the tree of processes ends with the task", "walls.rs"),
    ("other processes cannot be signalled or traced", "signal and trace, here"),
    ("limits and priorities of other processes", "escapes: processes"),
    ("which of the host's cgroups it runs in is not shown", "escapes: processes; walls.rs"),
    ("no program runs that is not granted", "escapes: execution"),
    ("modes, owners, times", "escapes: metadata"),
    ("no file is made a set-user-id or set-group-id program", "escapes: execution"),
    ("Unix sockets", "escapes: network"),
    ("no file, directory or link gets the name", "create, here"),
    ("what has such a name already is not written", "write, here; escapes: later"),
];

impl Claims {
    fn of(preview: &Value, ground: &Ground) -> Claims {
        let texts = |list: &Value| -> Vec<String> {
            list.as_array().unwrap().iter().map(|line| line["what"].as_str().unwrap().to_owned()).collect()
        };
        let (held, not_held) = (texts(&preview["held"]), texts(&preview["not_held"]));
        let mut claims = Claims { list: Vec::new(), held, not_held, private: Vec::new() };
        claims.files(&preview["files"], ground);
        claims.network(&preview["network"], ground);
        claims.limits(&preview["limits"]);
        let variables: BTreeSet<&str> =
            preview["environment"]["variables"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for (name, _) in std::env::vars().filter(|(name, _)| !["_", "PWD", "OLDPWD", "SHLVL", "TMPDIR"].contains(&name.as_str()))
        {
            claims.add("variable", &name, variables.contains(name.as_str()), "the list of variables", None);
        }
        let names: Vec<String> = claims
            .held
            .iter()
            .filter(|held| held.starts_with("no file, directory or link"))
            .flat_map(|held| quoted(held))
            .collect();
        for name in names.iter().filter(|name| name.starts_with('/') && !name.contains('*')) {
            claims.add("create", name, false, "no file, directory or link gets the name", None);
        }
        let signals = claims.promises("cannot be signalled or traced");
        claims.add("signal", &ground.victim.id().to_string(), !signals, "processes", Some("can be signalled"));
        claims.add("trace", &ground.victim.id().to_string(), false, "processes", Some("system calls are not filtered"));
        claims
    }

    fn files(&mut self, files: &Value, ground: &Ground) {
        let grants = files["grants"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let paths = |list: &Value| -> Vec<String> { list.as_array().unwrap().iter().map(text).collect() };
        let covered = |path: &str| {
            grants
                .iter()
                .map(|grant| text(&grant["path"]))
                .chain(files["private"].as_array().unwrap().iter().map(|own| text(&own["target"])))
                .any(|above| beneath(path, &above))
        };
        let all: Vec<String> = grants.iter().map(|grant| text(&grant["path"])).collect();
        let taken: Vec<String> = paths(&files["masked"]);
        for grant in grants {
            let path = text(&grant["path"]);
            // Made anew for each task, or a terminal's: what is there unconfined says nothing.
            if path.starts_with("/proc") || path.starts_with("/dev/pt") || path == "/dev/tty" {
                continue;
            }
            let writes = grant["writes"].as_str().unwrap();
            self.add("read", &path, grant["read"] == true, "the grant", None);
            self.add("write", &path, writes != "nothing", "the grant", None);
            if writes == "private_layer" || writes == "own_directory" {
                self.private.push(path.clone());
            }
            if Path::new(&path).is_dir() {
                let executes = grants.iter().any(|above| above["execute"] == true && beneath(&path, &text(&above["path"])));
                self.add("execute", &format!("{path}/remit-test-tool"), executes, "the grant", None);
            }
            if let Some(above) = Path::new(&path).parent().map(|above| above.to_str().unwrap().to_owned())
                && !covered(&above)
            {
                self.add("read", &above, false, "it lies above a grant", None);
                self.add("write", &above, false, "it lies above a grant", None);
            }
        }
        for path in ground.ungranted() {
            if !covered(&path) {
                self.refused(&path, &all, "no grant names it");
            }
        }
        for path in taken {
            self.add("read", &path, false, "it is masked", None);
            self.add("write", &path, false, "it is masked", None);
        }
        for path in paths(&files["read_only"]) {
            self.add("write", &path, false, "it is read-only inside a grant", None);
        }
        // What is named as hidden or protected and is neither masked nor read-only has to be a gap.
        for (path, does, gap) in [("private/key", "read", "hidden from the tools"), (".git/hooks", "write", "commands can write")]
        {
            let path = ground.at(path);
            let hidden = does == "write" || paths(&files["hidden"]).contains(&"private".to_owned());
            let layered = self.private.iter().any(|above| beneath(&path, above));
            if covered(&path) && hidden && !(does == "write" && layered) {
                self.add(does, &path, false, "it is hidden or protected", Some(gap));
            }
        }
    }

    fn refused(&mut self, path: &str, grants: &[String], why: &str) {
        let above_a_grant = grants.iter().any(|grant| beneath(grant, path));
        if !above_a_grant {
            self.add("read", path, false, why, None);
        }
        self.add("write", path, false, why, None);
        if !above_a_grant && self.promises("does not exist") {
            self.add("look", path, false, "what is not granted does not exist", None);
        }
    }

    fn network(&mut self, network: &Value, ground: &Ground) {
        let everything = network["reach"] == "everything";
        for (does, on) in [("connect", ground.tcp.to_string()), ("send", ground.udp.to_string())] {
            self.add(does, &on, everything, "the network's reach", None);
        }
        self.add(
            "loopback",
            "127.0.0.1",
            everything || network["loopback"] == true,
            "the loopback",
            Some("no loopback of its own"),
        );
    }

    fn limits(&mut self, limits: &Value) {
        for limit in limits.as_array().unwrap() {
            let value = limit["value"].as_u64().unwrap();
            match limit["kind"].as_str().unwrap() {
                "open_files" if value < 1000 => self.add("open-files", &(value + 1).to_string(), false, "the limit", None),
                "file_size" if value < 1 << 20 => self.add("file-size", &(value + 1).to_string(), false, "the limit", None),
                _ => {}
            }
        }
    }

    fn add(&mut self, does: &'static str, on: &str, succeeds: bool, why: &str, unless: Option<&'static str>) {
        self.list.push(Claim { does, on: on.to_owned(), succeeds, why: why.to_owned(), unless });
    }

    fn promises(&self, words: &str) -> bool {
        self.held.iter().any(|held| held.contains(words))
    }

    fn is_told(&self, claim: &Claim) -> bool {
        claim.unless.is_some_and(|words| self.not_held.iter().any(|gap| gap.contains(words)))
    }

    /// Returns what a task has left in places of which the preview says that nothing reaches the host.
    fn traces(&self) -> Vec<String> {
        let left =
            self.private.iter().map(|directory| format!("{directory}/remit-test-left")).filter(|path| Path::new(path).exists());
        left.map(|path| format!("`{path}` is there, and the claim is: a private layer, or a directory of its own")).collect()
    }

    fn unknown(&self) -> Vec<String> {
        let unknown = self.held.iter().filter(|held| !TRIED.iter().any(|(known, _)| held.contains(known)));
        unknown.map(|held| format!("nothing tries to break `{held}`: add it to `TRIED`, with an attempt")).collect()
    }
}

/// Returns what stands between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn beneath(path: &str, above: &str) -> bool {
    Path::new(path).starts_with(above)
}

/// A world in which everything that a claim may be about is there.
struct Ground {
    world: World,
    agent: std::path::PathBuf,
    victim: Child,
    tcp: u16,
    udp: u16,
}

const COMMAND: [&str; 4] = ["/usr/bin/python3", "-I", "-S", "claims.py"];

impl Ground {
    fn furnish(sandbox: &Value) -> Ground {
        let world = World::empty();
        let home = world.home().to_owned();
        for directory in ["readable", "writable", "tools", "unnamed"].map(|name| home.join(name)) {
            fs::create_dir(&directory).unwrap();
            tool(&directory);
        }
        for name in ["target", "private", ".git/hooks"] {
            fs::create_dir_all(world.workspace().join(name)).unwrap();
        }
        for place in [world.workspace(), world.workspace().join("target"), world.outside()] {
            tool(&place);
        }
        fs::write(world.workspace().join("private/key"), "canary: hidden\n").unwrap();
        fs::copy(source().join("tests/src/claims.py"), world.workspace().join("claims.py")).unwrap();
        let victim = Command::new("sleep").arg("600").spawn().unwrap();
        let (tcp, udp) = remit_tests::ports();
        let agent = world.test_runner(&[&COMMAND.join(" ")], sandbox);
        Ground { world, agent, victim, tcp, udp }
    }

    fn at(&self, path: &str) -> String {
        self.world.workspace().join(path).to_str().unwrap().to_owned()
    }

    /// Returns what stands near the grants, and what is worth having.
    fn ungranted(&self) -> Vec<String> {
        let (home, outside) = (self.world.home(), self.world.outside());
        let near = [
            home.join(".ssh/id_ed25519"),
            home.join(".aws/credentials"),
            home.join(".bashrc"),
            home.join("unnamed"),
            home.join("readable"),
            home.join("writable"),
            outside.join("secret"),
            outside,
        ];
        let far = ["/etc/shadow", "/etc/ssh", "/root", "/home", "/var/lib/dpkg/status", "/var/log", "/boot", "/srv", "/mnt"];
        near.iter().map(|path| path.to_str().unwrap().to_owned()).chain(far.map(str::to_owned)).collect()
    }

    /// Tries every claim, and returns which of them worked.
    fn run(&self, wall: Option<Wall>, claims: &Claims) -> Vec<bool> {
        let list: Vec<Value> = claims.list.iter().map(|claim| json!([claim.does, claim.on])).collect();
        fs::write(self.at("claims.json"), serde_json::to_vec(&list).unwrap()).unwrap();
        let outcome: Outcome = match wall {
            None => {
                let mut command = self.world.command(COMMAND[0]);
                Running::start(command.args(&COMMAND[1..]).env("REMIT_TEST_UNCONFINED", "1")).outcome()
            }
            Some(wall) => wall.run(&self.world, &self.agent, &COMMAND),
        };
        outcome.assert_code(0);
        let answers: BTreeMap<String, bool> =
            serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.report()));
        (0..list.len()).map(|number| answers[&number.to_string()]).collect()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

/// Puts a program into a directory.
fn tool(directory: &Path) {
    let path = directory.join("remit-test-tool");
    fs::copy("/bin/true", &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}
