//! What a command really runs, where a file of the workspace says it: a script of `package.json`, a recipe of a makefile,
//! an alias of cargo.
//!
//! The files are read here, and the gate is asked: only what runs unasked is told.

mod cargo;
mod make;
mod npm;

use std::collections::BTreeMap;

use remit_policy::{CommandLine, Decision, Policy, Request};
use serde::Serialize;

/// The files of a workspace that say what commands run, by the name relative to the workspace, with their text; `None`
/// for one that is there and cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectFiles(pub BTreeMap<String, Option<String>>);

impl ProjectFiles {
    /// The names to look for.
    pub const NAMES: [&'static str; 6] =
        ["package.json", "GNUmakefile", "makefile", "Makefile", ".cargo/config.toml", ".cargo/config"];
}

/// A command that runs unasked and what it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Runs {
    pub command: String,
    /// The commands that it starts, in order, as the file has them.
    pub runs: Vec<String>,
    /// The file that says so, relative to the workspace.
    pub file: String,
    /// From 1; `None` where the place is not known.
    pub line: Option<usize>,
}

/// What the project's files say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Project {
    pub runs: Vec<Runs>,
    /// Files that say what commands run, and that cannot be read: what they say is not known.
    pub unread: Vec<String>,
}

pub(crate) fn project(policy: &Policy, files: &ProjectFiles) -> Project {
    let mut project = Project::default();
    // Where every line runs, no list of scripts says more.
    if policy.commands.everything.is_some() {
        return project;
    }
    let mut found = Vec::new();
    let mut make_is_read = false;
    for name in ProjectFiles::NAMES {
        let Some(text) = files.0.get(name) else { continue };
        // make reads the first of its three that it finds.
        let of_make = name.to_lowercase().ends_with("makefile");
        if of_make && make_is_read {
            continue;
        }
        make_is_read |= of_make;
        let candidates = text.as_deref().and_then(|text| match name {
            "package.json" => npm::candidates(name, text),
            _ if of_make => Some(make::candidates(name, text)),
            _ => cargo::candidates(name, text),
        });
        match candidates {
            Some(candidates) => found.extend(candidates),
            None => project.unread.push(name.to_owned()),
        }
    }
    for candidate in found {
        let known = project.runs.iter().any(|runs| runs.command == candidate.command && runs.file == candidate.file);
        if !known && runs_unasked(policy, &candidate.command) {
            project.runs.push(candidate);
        }
    }
    project
}

/// Returns whether the gate lets the command through. Its words have neither blanks nor quotes in them.
fn runs_unasked(policy: &Policy, command: &str) -> bool {
    let words = command.split(' ').map(str::to_owned).collect();
    policy.judge(&Request::Command(CommandLine::Argv(words))).0 == Decision::Allow
}

/// Returns whether a name can stand as a word of a command as it is: one that cannot is never made a candidate.
fn is_word(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('-') && name.chars().all(|c| c.is_alphanumeric() || "-_.:/@+".contains(c))
}

/// Returns the number of the line at a byte.
fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
