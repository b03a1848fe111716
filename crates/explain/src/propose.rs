//! The smallest agent file under which what was seen would work.
//!
//! Its vocabulary is what ships: the profile `base`, and of the profile `dev` those directories that were used. What is in
//! neither is named by itself. Writes in the workspace become the directories that hold them; where a file is made beside the
//! sources themselves, no directory of its own holds it, and the private layer takes all of them.

use std::collections::{BTreeMap, BTreeSet};

use remit_agent::AbsPath;
use remit_policy::{BUILT_IN_PROFILES, Origin, PathRule, Policy, ProfileFile, Toolchain};
use remit_sandbox::{Act, Observed, Target, Used, Wall};
use serde_json::{Value, json};

use crate::setting::spelt;

/// A proposed agent file, and what it leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub agent: Value,
    /// Lower-case fragments.
    pub notes: Vec<String>,
}

/// What was learnt, and under what.
#[derive(Clone, Copy, Debug)]
pub struct Lesson<'a> {
    /// The policy that the command ran under: the profile `dev`, and more.
    pub policy: &'a Policy,
    /// That of an agent with nothing but the profile `base`.
    pub base: &'a Policy,
    pub observed: &'a Observed,
    pub command: &'a [String],
    /// The file that was started, by its name and by every symbolic link followed.
    pub program: &'a [AbsPath],
    /// The caller's.
    pub environment: &'a BTreeMap<String, String>,
}

/// How many files are named one by one, before it is their directories.
const MOST_FILES: usize = 8;
/// How many directories are written to directly; more are better reviewed.
const MOST_WRITTEN: usize = 6;

#[derive(Default)]
struct Needs {
    read: BTreeSet<String>,
    execute: BTreeSet<String>,
    write: BTreeSet<String>,
    /// Outside of every profile.
    others: BTreeMap<AbsPath, bool>,
    written: BTreeMap<AbsPath, bool>,
    caches: BTreeSet<String>,
}

/// Proposes an agent file for a command and for nothing else.
pub fn propose(lesson: Lesson<'_>) -> Proposal {
    let mut needs = Needs::default();
    for used in lesson.observed.used() {
        let Target::Path(path) = &used.target else { continue };
        needs.add(lesson, path, &used.acts);
    }
    for program in lesson.program {
        needs.add(lesson, program, &[Act::Execute]);
    }
    needs.add_others(lesson.policy);
    let layered = needs.add_written(lesson.policy);
    let mut notes = Vec::new();
    if layered {
        notes.push(
            "it makes files beside the sources, so its writes go to a private layer: `remit diff`, `remit apply`".to_owned(),
        );
    }
    if !needs.caches.is_empty() {
        let caches: Vec<&str> = needs.caches.iter().map(String::as_str).collect();
        notes.push(format!("caches that it wrote are read-only under this file: {}", caches.join(", ")));
    }
    Proposal { agent: needs.agent(lesson), notes }
}

/// Returns what was used and a wall refuses: nothing, when the file covers what was seen.
pub fn uncovered(wall: &Wall, proposed: &Policy, policy: &Policy, observed: &Observed) -> Vec<String> {
    let files = &proposed.files;
    // The wall knows what a symbolic link leads to, and a rule names the link.
    let linked = |act: Act, path: &AbsPath| {
        let read = act == Act::Read && files.read.iter().any(|rule| rule.pattern.matches(path));
        read || matches!(act, Act::Read | Act::Execute) && files.execute.iter().any(|rule| rule.pattern.matches(path))
    };
    let cached = |path: &AbsPath| policy.files.caches.iter().any(|rule| path.is_beneath(&rule.pattern.base));
    let refused = |used: &Used| match &used.target {
        Target::Address { .. } | Target::Process(_) => false,
        // What was named otherwise in the end was made to be that.
        Target::Path(path) if observed.last_name(path) != *path => false,
        Target::Path(path) => used.acts.iter().any(|act| {
            // A directory that is granted is made beforehand, when it is not there.
            let made = matches!(act, Act::Create | Act::Remove) && wall.refuses(Act::Write, path).is_none();
            let of_no_weight = *act == Act::Look || made || writes(*act) && cached(path);
            !of_no_weight && !linked(*act, path) && (wall.refuses(*act, path).is_some() || !wall.is_in_sight(path))
        }),
    };
    let name = |used: Used| match used.target {
        Target::Path(path) => spelt(policy, &path),
        Target::Address { address, .. } => address.to_string(),
        Target::Process(number) => number.map_or_else(String::new, |number| number.to_string()),
    };
    observed.used().into_iter().filter(refused).map(name).collect()
}

impl Needs {
    fn add(&mut self, lesson: Lesson<'_>, path: &AbsPath, acts: &[Act]) {
        let policy = lesson.policy;
        // A library is mapped as a program, and a mount has its say in that.
        let executes = acts.contains(&Act::Execute) || acts.contains(&Act::Read) && is_library(path);
        let reads = executes || acts.contains(&Act::Read);
        if path.is_beneath(&policy.workspace) {
            if executes {
                self.execute.insert(".".to_owned());
            }
            if acts.iter().any(|act| writes(*act)) {
                let named = acts.iter().any(|act| matches!(act, Act::Create | Act::Remove | Act::Listen));
                *self.written.entry(lesson.observed.last_name(path)).or_default() |= named;
            }
            return;
        }
        if let Some(own) = ["/tmp", "/var/tmp", "/dev/shm"].into_iter().find(|own| path.is_beneath(&AbsPath::root().join(own))) {
            if executes {
                self.execute.insert(own.to_owned());
            }
            return;
        }
        if acts.iter().any(|act| writes(*act)) {
            let cache = policy.files.caches.iter().find(|rule| path.is_beneath(&rule.pattern.base));
            self.caches.extend(cache.map(|rule| rule.pattern.text.to_string()));
        }
        let base = &lesson.base.files;
        let covers = |rules: &[PathRule]| rules.iter().any(|rule| rule.pattern.matches(path));
        let granted = covers(&base.execute) || !executes && (covers(&base.read) || covers(&base.write));
        if !reads || granted {
            return;
        }
        let of_profile = |rules: &'_ [PathRule]| {
            let rules = rules.iter().filter(|rule| matches!(rule.origin, Origin::Profile(_)) && rule.pattern.matches(path));
            rules.max_by_key(|rule| rule.pattern.base.as_str().len()).map(|rule| rule.pattern.text.to_string())
        };
        match (of_profile(&policy.files.execute), of_profile(&policy.files.read)) {
            (Some(text), _) => drop(self.execute.insert(text)),
            (None, Some(text)) if !executes => drop(self.read.insert(text)),
            _ => *self.others.entry(path.clone()).or_default() |= executes,
        }
    }

    fn add_others(&mut self, policy: &Policy) {
        let mut others = std::mem::take(&mut self.others);
        // Their directories, then those above, but never all of the home.
        while others.len() > MOST_FILES {
            let before = others.len();
            let mut above: BTreeMap<AbsPath, bool> = BTreeMap::new();
            for (path, executes) in &others {
                let up = path.parent().filter(|up| *up != policy.home && *up != AbsPath::root() && !policy.home.is_beneath(up));
                *above.entry(up.unwrap_or_else(|| path.clone())).or_default() |= executes;
            }
            others = above;
            if others.len() == before {
                break;
            }
        }
        for (path, executes) in others {
            let list = if executes { &mut self.execute } else { &mut self.read };
            list.insert(spelt(policy, &path));
        }
    }

    /// Returns whether only a private layer holds all that is written.
    fn add_written(&mut self, policy: &Policy) -> bool {
        let written = std::mem::take(&mut self.written);
        let holds_another = |path: &AbsPath| written.keys().any(|other| other != path && other.is_beneath(path));
        let mut directories: BTreeMap<String, AbsPath> = BTreeMap::new();
        for (path, named) in written.iter().filter(|(path, _)| !holds_another(path)) {
            let relative = path.relative_to(&policy.workspace).unwrap_or_default();
            match relative.split_once('/') {
                // Made in the workspace itself: nothing but all of it holds that.
                None if *named => {
                    self.write.clear();
                    return true;
                }
                None => {
                    self.write.insert(spelt(policy, path));
                }
                Some((first, _)) => {
                    let directory = path.parent().unwrap_or_else(AbsPath::root);
                    let shared = directories.get(first).map_or(directory.clone(), |known| common(known, &directory));
                    directories.insert(first.to_owned(), shared);
                }
            }
        }
        if directories.len() > MOST_WRITTEN {
            self.write.clear();
            return true;
        }
        self.write.extend(directories.values().map(|directory| format!("{}/**", spelt(policy, directory))));
        false
    }

    fn agent(&self, lesson: Lesson<'_>) -> Value {
        let mut sandbox = json!({ "profile": "base" });
        let mut files = serde_json::Map::new();
        for (list, paths) in [("read", &self.read), ("write", &self.write), ("execute", &self.execute)] {
            let paths: Vec<&String> = outermost(paths);
            if !paths.is_empty() {
                files.insert(list.to_owned(), json!(paths));
            }
        }
        // The variables of those toolchains whose directories were used.
        let used = |texts: &[String]| texts.iter().any(|text| self.execute.contains(text) || self.read.contains(text));
        let toolchains =
            toolchains().into_iter().filter(|toolchain| used(&toolchain.files.execute) || used(&toolchain.files.read));
        let variables: BTreeSet<String> = toolchains.flat_map(|toolchain| toolchain.env.pass).collect();
        let known = |name: &str| lesson.base.environment.pass.iter().any(|variable| covers_name(&variable.name, name));
        let passed = lesson.policy.environment.pass.iter().map(|variable| &variable.name);
        let pass: Vec<&String> =
            passed.filter(|name| variables.contains(*name) && !known(name) && lesson.environment.contains_key(*name)).collect();
        if let Some(sandbox) = sandbox.as_object_mut() {
            if !files.is_empty() {
                sandbox.insert("files".to_owned(), Value::Object(files));
            }
            if !pass.is_empty() {
                sandbox.insert("env".to_owned(), json!({ "pass": pass }));
            }
        }
        let line = lesson.command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        json!({
            "name": name(lesson.command),
            "description": format!("Runs `{line}`, and nothing else"),
            "tools": ["execute_bash"],
            "allowedTools": ["execute_bash"],
            "toolsSettings": { "execute_bash": { "allowedCommands": [line] }, "sandbox": sandbox }
        })
    }
}

/// Returns the toolchains of the profile `dev`, as it ships.
fn toolchains() -> Vec<Toolchain> {
    let text = BUILT_IN_PROFILES.iter().find(|(name, _)| *name == "dev").map_or("", |(_, text)| *text);
    serde_json::from_str::<ProfileFile>(text).map(|file| file.toolchains).unwrap_or_default()
}

fn writes(act: Act) -> bool {
    matches!(act, Act::Write | Act::Create | Act::Remove | Act::Change | Act::Listen)
}

fn covers_name(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |prefix| name.starts_with(prefix))
}

/// `libx.so`, `libx.so.1`, `binding.node`.
fn is_library(path: &AbsPath) -> bool {
    let name = path.file_name();
    let ends = |end: &str| name.strip_suffix(end).is_some_and(|stem| !stem.is_empty());
    let version = |text: &str| text.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    ends(".so") || ends(".node") || name.rsplit_once(".so.").is_some_and(|(_, rest)| version(rest))
}

/// Returns those that do not lie in another.
fn outermost(texts: &BTreeSet<String>) -> Vec<&String> {
    let inside = |text: &str, other: &str| text.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
    texts.iter().filter(|text| !texts.iter().any(|other| inside(text, other))).collect()
}

fn common(one: &AbsPath, other: &AbsPath) -> AbsPath {
    let mut shared = one.clone();
    while !other.is_beneath(&shared) {
        shared = shared.parent().unwrap_or_else(AbsPath::root);
    }
    shared
}

fn name(command: &[String]) -> String {
    let plain = |word: &String| {
        let word = word.rsplit('/').next().unwrap_or(word);
        word.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
    };
    let words: Vec<String> = command.iter().map(plain).filter(|word| !word.is_empty()).take(3).collect();
    if words.is_empty() { "learned".to_owned() } else { words.join("-") }
}

/// Returns a word as a pattern that is exactly it.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./=:@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted() {
        for (word, expected) in [
            ("test", "test"),
            ("--a=b", "--a=b"),
            ("a b", "'a b'"),
            ("*", "'*'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("~", "'~'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn a_library_is_known_by_its_name() {
        let check = |name: &str, expected: bool| assert_eq!(is_library(&AbsPath::root().join(name)), expected, "{name}");
        check("a/libx.so", true);
        check("a/libx.so.1.2", true);
        check("a/binding.node", true);
        check("a/x.json", false);
        check("etc/ld.so.cache", false);
        check("a/.so", false);
    }
}
