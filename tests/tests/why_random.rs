//! What `why` says was refused is what the kernel refused: policies and calls at random, behind every combination of walls.
//!
//! Every call would succeed without Remit, so one that fails was refused by the wall, and has to be among what the observer found; and
//! what the observer found has to have failed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use remit_tests::{Host, Wall, World};
use serde_json::{Value, json};

/// Enough that every kind of rule meets every kind of call; each takes a third of a second.
const POLICIES: u64 = 24;

const SCRIPT: &str = r#"
import errno, json, os, sys
def attempt(act, path):
    if act == "read":
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    elif act == "write":
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND))
    elif act == "look":
        os.stat(path)
    elif act == "execute":
        os.waitpid(os.posix_spawn(path, [path], {}), 0)
    elif act == "create":
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    elif act == "make":
        os.mkdir(path)
    elif act == "remove":
        os.unlink(path)
for act, path in json.load(open("calls.json")):
    try:
        attempt(act, path); result = "0"
    except OSError as error:
        result = errno.errorcode[error.errno]
    print(act, path, result)
"#;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // Knuth's constants.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn some<'a>(&mut self, all: &[&'a str], most: usize) -> Vec<&'a str> {
        (0..self.below(most + 1)).map(|_| all[self.below(all.len())]).collect()
    }
}

#[test]
fn behind_all_walls() {
    compare(Wall::All, 1);
}

#[test]
fn behind_a_root_alone() {
    if Host::look().namespaces {
        compare(Wall::RootAlone, 2);
    }
}

#[test]
fn behind_landlock_alone() {
    compare(Wall::LandlockAlone(Host::look().landlock), 3);
}

#[track_caller]
fn compare(wall: Wall, seed: u64) {
    let mut random = Random(seed);
    let (mut refused, mut allowed) = (0, 0);
    for number in 0..POLICIES {
        let world = World::empty();
        let agent = agent(&world, &mut random);
        let calls = calls(&world, &mut random);
        fs::write(world.workspace().join("calls.json"), serde_json::to_string(&calls).unwrap()).unwrap();
        fs::write(world.workspace().join("script.py"), SCRIPT).unwrap();
        // Where each call leads, while everything is still there.
        let places: Vec<BTreeSet<String>> = calls.iter().map(|(_, path)| names(&world, path)).collect();
        let path = world.agent("random", &agent);
        let (outcome, observed) = wall.observed(&world, &path, &["/usr/bin/python3", "-I", "-S", "script.py"]);
        outcome.assert_code(0);
        let found: BTreeSet<(String, String)> = observed.into_iter().collect();
        let results: Vec<&str> = outcome.stdout.lines().collect();
        assert_eq!(results.len(), calls.len(), "{}", outcome.report());
        for (((act, path), places), result) in calls.iter().zip(&places).zip(results) {
            let act = if act == "make" { "create" } else { act };
            let told = places.iter().any(|place| found.contains(&(act.to_owned(), place.clone())));
            let failed = !result.ends_with(" 0");
            assert_eq!(told, failed, "policy {number}: {act} {path}: {result}, told: {told}\n{agent:#}\n{found:#?}");
            if failed { refused += 1 } else { allowed += 1 }
        }
    }
    assert!(refused > 100 && allowed > 100, "{refused} refused and {allowed} allowed tell little");
}

/// Returns the names under which an observer may tell of a path: as it was written, and where it leads.
fn names(world: &World, path: &str) -> BTreeSet<String> {
    let whole = world.workspace().join(path);
    let real = fs::canonicalize(&whole).unwrap_or_else(|_| {
        let parent = fs::canonicalize(whole.parent().unwrap()).unwrap();
        parent.join(whole.file_name().unwrap())
    });
    [whole, real].map(|path| path.to_str().unwrap().to_owned()).into()
}

fn agent(world: &World, random: &mut Random) -> Value {
    fill(&world.workspace());
    fill(&world.outside());
    fill(&world.home().join(".config/tool"));
    symlink(world.outside().join("a"), world.workspace().join("away")).unwrap();
    symlink("c/f", world.workspace().join("near")).unwrap();
    symlink(world.outside().join("c/f"), world.workspace().join("far")).unwrap();
    let outside = |name: &str| world.outside().join(name).to_str().unwrap().to_owned();
    let (a, af, c, all) = (outside("a"), outside("a/f"), outside("c"), outside(""));
    let read = random.some(&[&a, &af, &c, "~/.config/tool", "~/.config/tool/a", &all], 3);
    let write = random.some(&["a/**", "c", "a/b/f", ".", &a, &c, "~/.config/tool/c", "new/**"], 3);
    let execute = random.some(&["a", ".", "c/x", &c, &a], 2);
    let hide = random.some(&["a/b", "**/*.pem", "c/f", "~/.config/tool/a"], 1);
    let mut sandbox = json!({
        "profile": (["base", "dev"][random.below(2)]),
        "files": { "read": read, "write": write, "execute": execute, "hide": hide }
    });
    if let Some(mode) = [None, Some("layer"), Some("direct")][random.below(3)] {
        sandbox["workspace"] = json!(mode);
    }
    json!({ "name": "random", "tools": ["execute_bash"], "allowedTools": ["execute_bash"], "toolsSettings": { "sandbox": sandbox } })
}

fn fill(at: &Path) {
    for directory in ["a/b", "c"] {
        fs::create_dir_all(at.join(directory)).unwrap();
    }
    for directory in ["a", "a/b", "c"] {
        for file in ["f", "x", "v", "k.pem"] {
            let path = at.join(directory).join(file);
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

fn calls(world: &World, random: &mut Random) -> Vec<(String, String)> {
    let outside = world.outside();
    let home = world.home().join(".config/tool");
    let directories: Vec<PathBuf> = [Path::new(""), &outside, &home]
        .iter()
        .flat_map(|root| ["a", "a/b", "c"].map(|directory| root.join(directory)))
        .chain([PathBuf::from("away"), PathBuf::from("a/../c")])
        .collect();
    let mut calls = Vec::new();
    let mut victims = BTreeSet::new();
    for number in 0..60 {
        let directory = &directories[random.below(directories.len())];
        let file = ["f", "x", "k.pem"][random.below(3)];
        let (act, path) = match random.below(9) {
            0 => ("read", directory.join(file)),
            1 => ("write", directory.join(file)),
            2 => ("look", directory.join(file)),
            3 => ("execute", directory.join("x")),
            4 => ("create", directory.join(format!("new{number}"))),
            5 => ("make", directory.join(format!("new{number}"))),
            6 => ("read", directory.clone()),
            7 => ("read", PathBuf::from(["near", "far"][random.below(2)])),
            _ => ("remove", directory.join("v")),
        };
        // What is removed once is not there a second time.
        let place = fs::canonicalize(world.workspace().join(&path)).unwrap_or_default();
        if act != "remove" || victims.insert(place) {
            calls.push((act.to_owned(), path.to_str().unwrap().to_owned()));
        }
    }
    calls
}
