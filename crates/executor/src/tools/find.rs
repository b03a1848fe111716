//! Walking directories: never through a symbolic link, and never into the same place twice.

use std::path::PathBuf;

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::{DirEntry, WalkBuilder};
use rustix::fs::OFlags;

use super::{Control, Failure};
use crate::worker::resolve;

/// How many files a pattern of resources names at most.
const RESOURCES: usize = 1000;
/// How many entries are looked at before a walk gives up.
const MOST: usize = 500_000;

pub(super) struct Walk {
    pub(super) root: PathBuf,
    /// `None`: to the bottom.
    pub(super) depth: Option<usize>,
    /// Whether `.gitignore` and hidden names count.
    pub(super) ignore: bool,
}

impl Walk {
    /// Calls `each` for everything below the root. What cannot be read is as if it were not there.
    pub(super) fn each(&self, control: &Control<'_>, each: &mut dyn FnMut(&DirEntry)) -> Result<(), Failure> {
        // A link at the root itself was put there since it was resolved.
        resolve::open(&self.root, OFlags::PATH)?;
        let walk = WalkBuilder::new(&self.root)
            .max_depth(self.depth)
            .follow_links(false)
            .git_ignore(self.ignore)
            .git_exclude(self.ignore)
            .ignore(self.ignore)
            .require_git(false)
            .git_global(false)
            .parents(false)
            .hidden(false)
            .filter_entry(|entry| entry.depth() == 0 || entry.file_name() != ".git")
            .build();
        for (seen, entry) in walk.flatten().enumerate() {
            if seen > MOST {
                return Err(Failure::new(format!("there are more than {MOST} entries: name a directory further down")));
            }
            control.check()?;
            if entry.depth() > 0 {
                each(&entry);
            }
        }
        Ok(())
    }
}

/// Compiles the patterns of what is left out of a listing.
pub(super) fn excluded(patterns: &[String]) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|error| format!("`{pattern}` does not compile: {}", error.kind()))?);
    }
    set.build().map_err(|error| error.to_string())
}

/// Compiles a pattern over paths, in which `*` stays in its directory.
pub(super) fn pattern(text: &str) -> Result<globset::GlobMatcher, String> {
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| format!("`{text}` does not compile: {}", error.kind()))
}

/// Returns the files that a pattern of absolute paths matches, hidden and ignored ones too, in order.
pub(crate) fn expand(text: &str, control: &Control<'_>) -> Result<Vec<String>, Failure> {
    let matcher = pattern(text).map_err(Failure::new)?;
    let is_plain = |part: &&str| !part.contains(['*', '?', '[', '{']);
    let plain: Vec<&str> = text.split('/').take_while(is_plain).collect();
    if plain.len() == text.split('/').count() {
        return Ok(if PathBuf::from(text).is_file() { vec![text.to_owned()] } else { Vec::new() });
    }
    let mut found = Vec::new();
    let root = PathBuf::from(format!("{}/", plain.join("/")));
    let walk = Walk { root, depth: Some(20), ignore: false };
    walk.each(control, &mut |entry| {
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        if is_file && found.len() < RESOURCES && matcher.is_match(entry.path()) {
            found.push(entry.path().to_string_lossy().into_owned());
        }
    })?;
    found.sort();
    Ok(found)
}
