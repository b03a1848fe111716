//! The list of attempts in `tests/escapes/*.md`: each a heading with its name, prose, and a fenced script.
//!
//! The fence says in what language the script is, what is expected of it, and what it needs:
//!
//! ```text
//! ```sh blocked                                    fails on every host
//! ```python blocked without-namespaces=through     held by a root of one's own and by nothing else
//! ```python blocked without-landlock=through       held by Landlock and by nothing else
//! ```sh allowed                                    what a task may do
//! ```python blocked without-namespaces=through as-root=blocked      root gives up more than another user has
//! ```python through blocked-from-landlock=9        held from that version of Landlock's interface on
//! ```python blocked needs=root                     unconfined, only root can do it
//! ```python blocked needs=linux-6.13               an older kernel does not have it
//! ```sh blocked by-effect                          what it has changed outside decides, and not its exit code
//! ```sh blocked agent=writer                       under another agent than `runner`
//! ```sh allowed without-namespaces=blocked         what a task should be able to do everywhere
//! ```
//!
//! A script says by its exit code 0 that it has got what it tried for, and by 77, unconfined, that this kernel does not have what it
//! tries. `@outside@`, `@home@`, `@workspace@` and the names that the test adds stand for paths and numbers of the run.
//!
//! Where an attempt may get through, a line of the prose says who tells of it. `Gap:` and words of a gap: the preview has to print it on
//! that host. `Hole:` and what would close it: nobody tells, and somebody has to see to it.

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
    /// The agent that it runs under.
    pub agent: String,
    /// What it has changed says whether it got through.
    pub by_effect: bool,
    /// What is done first, outside any task: a fence of its own, `sh before`.
    pub before: Option<String>,
    /// Who tells of it when it gets through.
    pub told: Option<Told>,
    script: String,
    with_namespaces: Expected,
    without_namespaces: Expected,
    without_landlock: Option<Expected>,
    as_root: Option<Expected>,
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
    /// It succeeds, and should not.
    Through,
}

/// Who tells of an attempt that gets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The preview, by a gap with these words.
    Gap(String),
    /// This list alone.
    Hole(String),
}

/// What a script ends with when the kernel does not have what it tries.
pub const LACKING: i32 = 77;

impl Attempt {
    pub fn expected(&self, host: Host) -> Expected {
        match (self.blocked_from_landlock, self.without_landlock, self.as_root) {
            (Some(version), _, _) if host.landlock >= version => Expected::Blocked,
            (_, Some(expected), _) if host.landlock == 0 => expected,
            (_, _, Some(expected)) if host.root => expected,
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
            need => {
                let version = need.strip_prefix("linux-").and_then(version);
                host.kernel >= version.unwrap_or_else(|| panic!("{}: unknown need `{need}`", self.name))
            }
        })
    }

    pub fn mentions(&self, word: &str) -> bool {
        self.script.contains(word)
    }

    /// Returns the script with the words between `@` replaced, after a line that says that it has been started.
    pub fn script(&self, words: &BTreeMap<&str, String>, prelude: &str) -> String {
        let script = words.iter().fold(self.script.clone(), |text, (word, value)| text.replace(&format!("@{word}@"), value));
        let left = ["outside", "home", "workspace", "victim"].iter().find(|word| script.contains(&format!("@{word}@")));
        assert!(left.is_none(), "{}: nothing stands for `{left:?}`:\n{script}", self.name);
        match self.language {
            Language::Sh => format!("echo started\n{script}"),
            // Most of the time of a short script goes into imports.
            Language::Python if script.contains("call(") || script.contains("addressof(") || script.contains("socket_of(") => {
                format!("print('started', flush=True)\n{prelude}\n{script}")
            }
            Language::Python => format!("print('started', flush=True)\n{script}"),
        }
    }
}

impl Language {
    pub fn file(self) -> &'static str {
        match self {
            Language::Sh => "attempt.sh",
            Language::Python => "attempt.py",
        }
    }

    /// Returns the command, the interpreter by its full path: a version manager's shim in the caller's `PATH` is not what is tested.
    pub fn command(self) -> Vec<&'static str> {
        match self {
            Language::Sh => vec!["/bin/sh", self.file()],
            // Without the site's packages, which take as long as the rest.
            Language::Python => vec!["/usr/bin/python3", "-I", "-S", self.file()],
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
    let mut attempts: Vec<Attempt> = Vec::new();
    let (mut name, mut told, mut before) = (None, None, None);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            assert!(name.is_none(), "{file}: `{}` has no script", name.unwrap());
            name = Some(heading.trim().to_owned());
        } else if let Some(words) = line.strip_prefix("Gap: ") {
            told = Some(Told::Gap(words.trim().to_owned()));
        } else if let Some(words) = line.strip_prefix("Hole: ") {
            told = Some(Told::Hole(words.trim().to_owned()));
        } else if let Some(fence) = line.strip_prefix("```") {
            let script: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
            if fence == "sh before" {
                before = Some(script.join("\n") + "\n");
                continue;
            }
            let heading = name.take().unwrap_or_else(|| panic!("{file}: a script without a heading: `{fence}`"));
            let attempt = attempt(format!("{file}/{heading}"), fence, script.join("\n") + "\n");
            attempts.push(Attempt { before: before.take(), ..told_by(attempt, told.take()) });
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
    let mut attempt = Attempt {
        name,
        language,
        agent: "runner".to_owned(),
        by_effect: false,
        before: None,
        told: None,
        script,
        with_namespaces,
        without_namespaces: with_namespaces,
        without_landlock: None,
        as_root: None,
        blocked_from_landlock: None,
        needs: Vec::new(),
    };
    for word in words {
        match word.split_once('=') {
            Some(("needs", need)) => attempt.needs.push(need.to_owned()),
            Some(("agent", agent)) => agent.clone_into(&mut attempt.agent),
            Some(("blocked-from-landlock", version)) => attempt.blocked_from_landlock = Some(version.parse().unwrap()),
            Some(("without-namespaces", word)) => attempt.without_namespaces = expected(&attempt.name, word),
            Some(("without-landlock", word)) => attempt.without_landlock = Some(expected(&attempt.name, word)),
            Some(("as-root", word)) => attempt.as_root = Some(expected(&attempt.name, word)),
            None if word == "by-effect" => attempt.by_effect = true,
            _ => panic!("{}: unknown word `{word}`", attempt.name),
        }
    }
    attempt
}

/// Adds who tells of an attempt that gets through, or of work that is refused.
fn told_by(attempt: Attempt, told: Option<Told>) -> Attempt {
    let expected = [Some(attempt.with_namespaces), Some(attempt.without_namespaces), attempt.without_landlock];
    let differs = attempt.with_namespaces == Expected::Allowed && attempt.without_namespaces == Expected::Blocked;
    let has_to_be_told = differs || expected.contains(&Some(Expected::Through));
    assert_eq!(has_to_be_told, told.is_some(), "{}: `Gap:` or `Hole:` goes with `through`, and only so", attempt.name);
    Attempt { told, ..attempt }
}

fn expected(name: &str, word: &str) -> Expected {
    match word {
        "blocked" => Expected::Blocked,
        "allowed" => Expected::Allowed,
        "through" => Expected::Through,
        other => panic!("{name}: expected blocked, allowed or through, not `{other}`"),
    }
}

/// Returns the first two numbers of a kernel's version.
pub(crate) fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|letter: char| !letter.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}
