//! Where the names of a policy lead on this host, when there are symbolic links in them.
//!
//! A directory is granted under one name, and what is hidden in it may be hidden under another: `/home` for `/var/home`, a `~/.ssh`
//! that is a link into a directory of dotfiles. The kernel knows one place. So each rule whose name leads somewhere else counts
//! there as well.

use std::borrow::Cow;
use std::collections::BTreeMap;

use remit_agent::AbsPath;
use remit_policy::{PathPattern, PathRule, Policy};
use rustix::fs::{CWD, readlinkat};
use rustix::io::Errno;

use crate::PathFact;

/// As the kernel counts symbolic links on the way to one file.
const MOST_LINKS: usize = 40;

/// Follows links, and remembers the directories.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    directories: BTreeMap<AbsPath, Directory>,
}

#[derive(Clone, Debug)]
struct Directory {
    real: AbsPath,
    /// Nothing stands there, and so nothing below it.
    missing: bool,
}

impl Resolver {
    /// Returns a path without a symbolic link in it. What does not exist leads to itself.
    pub(crate) fn real(&mut self, path: &AbsPath) -> AbsPath {
        self.look(path).real
    }

    /// As [`Resolver::real`], but for the last name, which may be a link.
    pub(crate) fn entry(&mut self, path: &AbsPath) -> AbsPath {
        match path.parent() {
            None => path.clone(),
            Some(parent) => self.directory(&parent).real.join(path.file_name()),
        }
    }

    fn look(&mut self, path: &AbsPath) -> Directory {
        let Some(parent) = path.parent() else { return Directory { real: path.clone(), missing: false } };
        let parent = self.directory(&parent);
        if parent.missing {
            return Directory { real: parent.real.join(path.file_name()), missing: true };
        }
        follow(&parent.real, path.file_name(), &mut MOST_LINKS.clone())
    }

    fn directory(&mut self, path: &AbsPath) -> Directory {
        if let Some(known) = self.directories.get(path) {
            return known.clone();
        }
        let found = self.look(path);
        self.directories.insert(path.clone(), found.clone());
        found
    }
}

fn follow(at: &AbsPath, name: &str, left: &mut usize) -> Directory {
    let here = at.join(name);
    let stays = |missing: bool| Directory { real: here.clone(), missing };
    // What the links of a process mean depends on who asks.
    if here.as_str().starts_with("/proc/") {
        return stays(false);
    }
    let target = match readlinkat(CWD, here.as_str(), Vec::new()) {
        Ok(target) => target.into_string(),
        Err(errno) => return stays(errno == Errno::NOENT),
    };
    let (Ok(target), Some(fewer)) = (target, left.checked_sub(1)) else { return stays(false) };
    *left = fewer;
    let start = if target.starts_with('/') { AbsPath::root() } else { at.clone() };
    let start = Directory { real: start, missing: false };
    target.split('/').fold(start, |at, name| match name {
        "" | "." => at,
        ".." => Directory { real: at.real.parent().unwrap_or_else(AbsPath::root), missing: at.missing },
        name if at.missing => Directory { real: at.real.join(name), missing: true },
        name => follow(&at.real, name, left),
    })
}

/// Finds the rules of a policy whose names lead somewhere else that matters, and where. `facts` is what was found of its grants.
pub(crate) fn names(policy: &Policy, facts: &BTreeMap<AbsPath, PathFact>, resolver: &mut Resolver) -> BTreeMap<AbsPath, AbsPath> {
    let files = &policy.files;
    let mut real = BTreeMap::new();
    let bases =
        |lists: [&'_ Vec<PathRule>; 4]| lists.into_iter().flatten().map(|rule| rule.pattern.base.clone()).collect::<Vec<_>>();
    let granted = bases([&files.read, &files.write, &files.execute, &files.caches]);
    let mut tops: Vec<AbsPath> = granted.clone();
    tops.sort_unstable();
    tops.dedup_by(|below, above| below.is_beneath(above));
    for base in granted {
        // In the workspace anybody could have planted a link, and none grants anything.
        if base.is_beneath(&policy.workspace) {
            continue;
        }
        let place = match facts.get(&base) {
            Some(PathFact::Found { canonical, .. }) => canonical.clone(),
            _ => resolver.entry(&base),
        };
        if place != base && !tops.iter().any(|top| place.is_beneath(top)) {
            tops.push(place.clone());
            real.insert(base, place);
        }
    }
    for base in bases([&files.hidden, &files.write_denied, &files.protected, &files.protected_read]) {
        let place = match facts.get(&base) {
            Some(PathFact::Found { canonical, .. }) if !base.is_beneath(&policy.workspace) => canonical.clone(),
            Some(PathFact::Found { .. }) => continue,
            _ => resolver.real(&base),
        };
        if place != base && tops.iter().any(|top| place.is_beneath(top) || top.is_beneath(&place)) {
            real.insert(base, place);
        }
    }
    real
}

/// Returns the policy with each rule at the place where its name leads, too.
pub(crate) fn at_real_names<'p>(policy: &'p Policy, real: &BTreeMap<AbsPath, AbsPath>) -> Cow<'p, Policy> {
    if real.is_empty() {
        return Cow::Borrowed(policy);
    }
    let mut policy = policy.clone();
    let files = &mut policy.files;
    for rules in [
        &mut files.read,
        &mut files.write,
        &mut files.execute,
        &mut files.caches,
        &mut files.hidden,
        &mut files.write_denied,
        &mut files.protected,
        &mut files.protected_read,
    ] {
        let there: Vec<PathRule> = rules.iter().filter_map(|rule| Some(at(rule, real.get(&rule.pattern.base)?))).collect();
        rules.extend(there);
    }
    Cow::Owned(policy)
}

fn at(rule: &PathRule, place: &AbsPath) -> PathRule {
    let glob = rule.pattern.glob.clone();
    let text = match &glob {
        None => place.as_str().into(),
        Some(glob) => format!("{place}/{}", glob.text()).into(),
    };
    PathRule { pattern: PathPattern { text, base: place.clone(), glob }, if_present: true, ..rule.clone() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_link_on_the_way_is_followed() {
        let directory = tempfile::tempdir().unwrap();
        let root = AbsPath::new(&directory.path().canonicalize().unwrap()).unwrap();
        std::fs::create_dir_all(root.join("a/b").as_path()).unwrap();
        for (link, target) in
            [("l", "a"), ("a/up", "../l/b"), ("abs", root.join("l").as_str()), ("loop", "loop"), ("dead", "none/x")]
        {
            symlink(target, root.join(link).as_path()).unwrap();
        }
        let mut resolver = Resolver::default();
        for (path, expected) in [
            ("a/b", "a/b"),
            ("l", "a"),
            ("l/b/new", "a/b/new"),
            ("abs/up/new", "a/b/new"),
            ("a/up", "a/b"),
            ("loop", "loop"),
            ("dead", "none/x"),
            ("missing/l", "missing/l"),
        ] {
            assert_eq!(resolver.real(&root.join(path)), root.join(expected), "{path}");
        }
        assert_eq!(resolver.entry(&root.join("abs/up")), root.join("a/up"));
        let own = AbsPath::new(Path::new("/proc/self/cwd")).unwrap();
        assert_eq!(resolver.real(&own), own);
    }
}
