//! What a denied pattern matches on this host: a mount covers paths, not patterns, so somebody has to look.
//!
//! Only patterns with a wildcard that lie in or over a grant are looked for, so an agent without any pays nothing.

use std::collections::BTreeMap;
use std::fs;

use remit_agent::AbsPath;
use remit_policy::{PathPattern, Policy};
use serde::Serialize;

use crate::PathKind;

/// What one pattern matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Matches {
    /// What is inside something that matches is not listed.
    pub found: Vec<(AbsPath, PathKind)>,
    /// Everything was looked at: there were not more entries than are looked through, and no directory was closed.
    pub complete: bool,
    /// Symbolic links that match: what they point to has a name of its own.
    pub links: Vec<AbsPath>,
}

/// How many entries of directories are looked through, for all patterns together; about 50 ms.
const MOST_ENTRIES: usize = 30_000;
/// How many paths are covered one by one; each is a mount.
const MOST_FOUND: usize = 256;

/// Looks for what the denied patterns of a policy match, by the text of each.
pub(crate) fn look(policy: &Policy) -> BTreeMap<String, Matches> {
    let files = &policy.files;
    let granted = [&files.read, &files.write, &files.execute];
    let written = [&files.write];
    let over = |rules: &[&Vec<remit_policy::PathRule>], base: &AbsPath| {
        rules.iter().copied().flatten().any(|rule| rule.pattern.base.is_beneath(base) || base.is_beneath(&rule.pattern.base))
    };
    let hidden = files.hidden.iter().chain(&files.protected_read).filter(|rule| over(&granted, &rule.pattern.base));
    let protected = files.write_denied.iter().chain(&files.protected).filter(|rule| over(&written, &rule.pattern.base));
    let patterns = hidden.chain(protected).map(|rule| &rule.pattern).filter(|pattern| pattern.glob.is_some());
    let mut left = MOST_ENTRIES;
    let mut all = BTreeMap::new();
    for pattern in patterns {
        // Each base is walked for itself: there is one, the workspace, in nearly every file.
        all.entry(pattern.text.to_string()).or_insert_with(|| matches(pattern, &mut left));
    }
    all
}

fn matches(pattern: &PathPattern, left: &mut usize) -> Matches {
    let mut matches = Matches { found: Vec::new(), complete: true, links: Vec::new() };
    let mut open = vec![pattern.base.clone()];
    while let Some(directory) = open.pop() {
        let entries = match fs::read_dir(directory.as_path()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(_) => {
                matches.complete = false;
                continue;
            }
        };
        for entry in entries {
            *left = left.saturating_sub(1);
            let found = entry.ok().and_then(|entry| {
                let kind = entry.file_type().ok()?;
                // A pattern is text: it cannot name what is not UTF-8, and nothing below it either.
                Some((directory.join(entry.file_name().to_str()?), kind))
            });
            let Some((path, kind)) = found.filter(|_| *left > 0 && matches.found.len() < MOST_FOUND) else {
                matches.complete = false;
                if *left == 0 {
                    return matches;
                }
                continue;
            };
            if kind.is_symlink() {
                // What it points to has a name of its own, and is covered by that or granted by it.
                if pattern.matches(&path) {
                    matches.links.push(path);
                }
                continue;
            }
            if pattern.matches(&path) {
                let kind = if kind.is_dir() { PathKind::Directory } else { PathKind::File };
                matches.found.push((path, kind));
            } else if kind.is_dir() {
                open.push(path);
            }
        }
    }
    matches.found.sort_by(|one, other| one.0.cmp(&other.0));
    matches
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_pattern_is_looked_for_without_following_links() {
        let directory = tempfile::tempdir().unwrap();
        let root = AbsPath::new(directory.path()).unwrap();
        for at in ["a/b", "dir.pem/inside", "closed"] {
            fs::create_dir_all(root.join(at).as_path()).unwrap();
        }
        for file in ["a/b/key.pem", "key.pem", "plain", "dir.pem/inside/other.pem"] {
            fs::write(root.join(file).as_path(), "").unwrap();
        }
        std::os::unix::fs::symlink("plain", root.join("link.pem").as_path()).unwrap();
        std::os::unix::fs::symlink("..", root.join("a/up").as_path()).unwrap();
        let look = |mut left: usize| {
            let pattern = PathPattern::compile("**/*.pem", &root, &AbsPath::new(Path::new("/h")).unwrap()).unwrap();
            let Matches { found, complete, links } = matches(&pattern, &mut left);
            let name = |path: &AbsPath| path.relative_to(&root).unwrap().to_owned();
            let names: Vec<String> = found.iter().map(|(path, _)| name(path)).collect();
            (names.join(" "), complete, links.iter().map(name).collect::<Vec<_>>())
        };
        assert_eq!(look(100), ("a/b/key.pem dir.pem key.pem".to_owned(), true, vec!["link.pem".to_owned()]));
        assert!(!look(3).1, "what was not looked at is not covered");
    }
}
