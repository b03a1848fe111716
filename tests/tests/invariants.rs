//! What has to stay true of the code itself: which way things flow, and what a crate never does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use remit_tests::source;
use serde_json::Value;

/// The crates that a crate may know. Data goes one way: a crate is below every one that it names.
const ARROWS: [(&str, &[&str]); 15] = [
    ("remit-diagnostics", &[]),
    ("remit-shell", &["remit-diagnostics"]),
    ("remit-agent", &["remit-diagnostics"]),
    ("remit-policy", &["remit-diagnostics", "remit-agent", "remit-shell"]),
    ("remit-lint", &["remit-diagnostics", "remit-agent", "remit-shell", "remit-policy"]),
    ("remit-sandbox", &["remit-agent", "remit-policy"]),
    ("remit-launch", &["remit-agent", "remit-sandbox"]),
    ("remit-preview", &["remit-diagnostics", "remit-agent", "remit-policy", "remit-sandbox"]),
    ("remit-explain", &["remit-diagnostics", "remit-agent", "remit-policy", "remit-sandbox"]),
    ("remit-tasks", &["remit-agent", "remit-policy"]),
    ("remit-layer", &["remit-diagnostics", "remit-agent", "remit-tasks"]),
    ("remit-proxy", &[]),
    (
        "remit-executor",
        &[
            "remit-diagnostics",
            "remit-agent",
            "remit-policy",
            "remit-sandbox",
            "remit-launch",
            "remit-tasks",
            "remit-layer",
            "remit-proxy",
        ],
    ),
    ("remit-mcp", &["remit-executor"]),
    (
        "remit",
        &[
            "remit-diagnostics",
            "remit-agent",
            "remit-policy",
            "remit-lint",
            "remit-sandbox",
            "remit-launch",
            "remit-preview",
            "remit-explain",
            "remit-executor",
            "remit-mcp",
            "remit-tasks",
            "remit-layer",
        ],
    ),
];

#[test]
fn arrows_never_run_back() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.into();
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        if name == "remit-tests" {
            continue;
        }
        let allowed = arrows.get(name).unwrap_or_else(|| panic!("`{name}` is new: say in `ARROWS` what it may know"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let other = dependency["name"].as_str().unwrap();
            // A test may look back; what ships may not.
            if dependency["kind"].is_null() && dependency["path"].is_string() {
                assert!(
                    allowed.contains(&other),
                    "`{name}` depends on `{other}`, which is downstream of it or none of its business"
                );
            }
        }
    }
    // And the table itself has no circle: each crate stands below those that it may know.
    let order: Vec<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    for (at, (name, allowed)) in ARROWS.iter().enumerate() {
        for other in *allowed {
            assert!(order[..at].contains(other), "`{name}` stands above `{other}`");
        }
    }
}

#[test]
fn the_middle_is_pure() {
    let impure = [
        "std::fs",
        "std::env",
        "std::process",
        "TcpStream",
        "UdpSocket",
        "ToSocketAddrs",
        "std::time",
        "std::thread",
        "std::os",
        "rustix",
        "libc::",
    ];
    for name in ["diagnostics", "shell", "policy", "lint", "preview", "explain"] {
        for (path, text) in shipped_sources(name) {
            for word in impure {
                let line = text.lines().find(|line| !line.trim_start().starts_with("//") && line.contains(word));
                assert!(line.is_none(), "{}: `{word}` in a crate that only computes: {}", path.display(), line.unwrap());
            }
        }
    }
}

#[test]
fn only_launch_is_unsafe() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let manifest = fs::read_to_string(package["manifest_path"].as_str().unwrap()).unwrap();
        let strict = manifest.contains("[lints]\nworkspace = true") || manifest.contains("unsafe_code = \"forbid\"");
        assert_eq!(strict, name != "remit-launch", "`{name}`: unsafe code is for launch, and for nobody else");
    }
}

#[test]
fn libraries_do_not_print() {
    for name in crates().iter().filter(|name| *name != "cli") {
        for (path, text) in shipped_sources(name) {
            for word in ["println!(", "eprintln!(", "print!(", "eprint!(", "dbg!("] {
                let line = text.lines().find(|line| !line.trim_start().starts_with("//") && line.contains(word));
                // A build script talks to cargo by printing.
                assert!(line.is_none() || path.ends_with("build.rs"), "{}: {}", path.display(), line.unwrap());
            }
        }
    }
}

#[test]
fn a_file_is_one_thing() {
    for (path, text) in sources(&source()) {
        let lines = text.lines().count();
        assert!(lines <= 600, "{} has {lines} lines: split it", path.display());
    }
}

#[test]
fn nothing_is_left_for_later() {
    // In two parts, so that this file is not one of those it finds.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["#[ig", "nore"], ["should_", "panic"], ["todo", "!("], ["unimpl", "emented!("]];
    for (path, text) in sources(&source()) {
        for mark in marks.map(|parts| parts.concat()) {
            assert!(!text.contains(&mark), "{}: `{mark}`", path.display());
        }
    }
}

#[test]
fn every_crate_says_what_it_is_for() {
    for name in crates() {
        let directory = source().join("crates").join(&name).join("src");
        let root = ["lib.rs", "main.rs"].iter().map(|file| directory.join(file)).find(|path| path.exists()).unwrap();
        let text = fs::read_to_string(&root).unwrap();
        assert!(text.starts_with("//! "), "{} has no module documentation", root.display());
        let map = fs::read_to_string(source().join("ARCHITECTURE.md")).unwrap();
        assert!(map.contains(&format!("### `crates/{name}`")), "ARCHITECTURE.md does not know `{name}`");
    }
}

/// Every dependency offers a licence of the list in `deny.toml`, which cargo-deny checks too where it is installed.
#[test]
fn licences_are_permissive() {
    let deny = fs::read_to_string(source().join("deny.toml")).unwrap();
    let list = deny.split_once("allow = [").unwrap().1.split_once(']').unwrap().0;
    let allowed: BTreeSet<&str> =
        list.split(',').map(|name| name.trim().trim_matches('"')).filter(|name| !name.is_empty()).collect();
    assert!(allowed.contains("MIT"), "the list has not been read: {list}");
    let metadata = cargo_metadata(&[]);
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or_else(|| panic!("`{name}` states no licence"));
        assert!(is_offered(licence, &allowed), "`{name}` is under `{licence}`");
    }
}

/// Returns whether an expression of `OR`, `AND` and one level of brackets can be met with the allowed licences.
fn is_offered(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let flat = expression.replace('/', " OR ");
    let (flat, bracketed) = match (flat.find('('), flat.find(')')) {
        (Some(open), Some(close)) => {
            let inner = is_offered(&flat[open + 1..close], allowed);
            (format!("{}BRACKET{}", &flat[..open], &flat[close + 1..]), inner)
        }
        _ => (flat, false),
    };
    flat.split(" OR ").any(|choice| {
        choice.split(" AND ").all(|name| match name.trim() {
            "BRACKET" => bracketed,
            name => allowed.contains(name),
        })
    })
}

fn packages() -> Vec<Value> {
    cargo_metadata(&["--no-deps"])["packages"].as_array().unwrap().clone()
}

fn cargo_metadata(arguments: &[&str]) -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output =
        Command::new(cargo).args(["metadata", "--format-version", "1"]).args(arguments).current_dir(source()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn crates() -> Vec<String> {
    let entries = fs::read_dir(source().join("crates")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Returns the sources of a crate as they ship: without files of tests, and each without its `mod tests`.
fn shipped_sources(name: &str) -> Vec<(PathBuf, String)> {
    let all = sources(&source().join("crates").join(name).join("src"));
    assert!(!all.is_empty(), "no sources in `{name}`");
    all.into_iter()
        .filter(|(path, _)| !path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs"))))
        .map(|(path, text)| (path, text.split("#[cfg(test)]").next().unwrap().to_owned()))
        .collect()
}

/// Returns every Rust file below a directory, but for what cargo builds and what the fixtures are.
fn sources(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if !matches!(name, "target" | "fixtures") && !name.starts_with('.') {
                    directories.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    files.sort();
    files
}
