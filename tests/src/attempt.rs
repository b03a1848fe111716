//! The list of attempts in `tests/escapes/*.md`: each a heading with its name, prose, and a fenced script.
//!
//! The fence says in what language the script is, what is expected of it, and what it needs:
//!
//! ```text
//! ```sh blocked                                    fails on every host
//! ```python blocked without-namespaces=through     a gap of hosts without namespaces, and known
//! ```sh allowed                                    what a task may do
//! ```python through blocked-from-landlock=9        held from that version of Landlock's interface on
//! ```python blocked needs=root                     unconfined, only root can do it
//! ```
//!
//! A script says by its exit code 0 that it has got what it tried for. `@outside@`, `@home@`, `@workspace@` and the names that the
//! test adds stand for paths and numbers of the run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::Host;

/// One thing that a task may try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The file's name and the heading, as in `files/read-ssh-key`.
    pub name: String,
    pub language: Language,
    pub script: String,
    with_namespaces: Expected,
    without_namespaces: Expected,
    blocked_from_landlock: Option<u32>,
    needs: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Sh,
    Python,
}

/// What becomes of an attempt inside a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Blocked,
    /// It succeeds, and may.
    Allowed,
    /// It succeeds, and should not: a gap, which the plan has to name.
    Through,
}

impl Attempt {
    pub fn expected(&self, host: Host) -> Expected {
        match self.blocked_from_landlock {
            Some(version) if host.landlock >= version => Expected::Blocked,
            _ if host.namespaces => self.with_namespaces,
            _ => self.without_namespaces,
        }
    }

    /// Returns whether the attempt could succeed here at all, unconfined.
    pub fn applies(&self, host: Host) -> bool {
        self.needs.iter().all(|need| match need.as_str() {
            "root" => host.root,
            "user" => !host.root,
            "namespaces" => host.namespaces,
            other => panic!("{}: unknown need `{other}`", self.name),
        })
    }

    /// Returns the script with the words between `@` replaced.
    pub fn script(&self, words: &BTreeMap<&str, String>) -> String {
        let script = words.iter().fold(self.script.clone(), |text, (word, value)| text.replace(&format!("@{word}@"), value));
        assert!(!script.contains(".@") && !script.contains(" @"), "{}: a word that nothing stands for:\n{script}", self.name);
        script
    }
}

impl Language {
    pub fn file(self) -> &'static str {
        match self {
            Language::Sh => "attempt.sh",
            Language::Python => "attempt.py",
        }
    }

    /// Returns the interpreter, by its full path: a version manager's shim in the caller's `PATH` is not what is tested.
    pub fn interpreter(self) -> &'static str {
        match self {
            Language::Sh => "/bin/sh",
            Language::Python => "/usr/bin/python3",
        }
    }

    /// Returns a line that says that the script has been started.
    pub fn announcement(self) -> &'static str {
        match self {
            Language::Sh => "echo started\n",
            Language::Python => "print('started', flush=True)\n",
        }
    }
}

/// Returns every attempt of every file in a directory, in order.
pub fn attempts(directory: &Path) -> Vec<Attempt> {
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")).flat_map(|path| parse(path)).collect()
}

fn parse(path: &Path) -> Vec<Attempt> {
    let file = path.file_stem().unwrap().to_str().unwrap();
    let text = fs::read_to_string(path).unwrap();
    let mut attempts = Vec::new();
    let mut name = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            assert!(name.is_none(), "{file}: `{}` has no script", name.unwrap());
            name = Some(heading.trim().to_owned());
        } else if let Some(fence) = line.strip_prefix("```") {
            let script: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
            let heading = name.take().unwrap_or_else(|| panic!("{file}: a script without a heading: `{fence}`"));
            attempts.push(attempt(format!("{file}/{heading}"), fence, script.join("\n") + "\n"));
        }
    }
    assert!(name.is_none(), "{file}: `{}` has no script", name.unwrap());
    assert!(!attempts.is_empty(), "{file} has no attempt");
    attempts
}

fn attempt(name: String, fence: &str, script: String) -> Attempt {
    let mut words = fence.split_whitespace();
    let language = match words.next() {
        Some("sh") => Language::Sh,
        Some("python") => Language::Python,
        other => panic!("{name}: unknown language {other:?}"),
    };
    let with_namespaces = expected(&name, words.next().unwrap_or_default());
    let mut without_namespaces = with_namespaces;
    let mut blocked_from_landlock = None;
    let mut needs = Vec::new();
    for word in words {
        match word.split_once('=') {
            Some(("needs", need)) => needs.push(need.to_owned()),
            Some(("blocked-from-landlock", version)) => blocked_from_landlock = Some(version.parse().unwrap()),
            Some(("without-namespaces", word)) => without_namespaces = expected(&name, word),
            _ => panic!("{name}: unknown word `{word}`"),
        }
    }
    Attempt { name, language, script, with_namespaces, without_namespaces, blocked_from_landlock, needs }
}

fn expected(name: &str, word: &str) -> Expected {
    match word {
        "blocked" => Expected::Blocked,
        "allowed" => Expected::Allowed,
        "through" => Expected::Through,
        other => panic!("{name}: expected blocked, allowed or through, not `{other}`"),
    }
}
