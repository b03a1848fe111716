//! What a filter cannot decide, because it sees numbers and no paths: the calls that a plan has decided outside the task.
//!
//! `launch` resolves what such a call means, asks here, and does the call itself: the task's own is never let go on, since
//! the memory that it points to could change in between.

use remit_agent::AbsPath;
use remit_policy::PathPattern;
use serde::Serialize;

use crate::{PathRights, Rights};

/// The bounds of the calls that are decided and done outside the task (`SECCOMP_RET_USER_NOTIF`, Linux 5.14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outside {
    /// What may be changed: the rules that Landlock has, which does not know these calls.
    pub rules: Vec<PathRights>,
    /// Names that must not appear.
    pub denied: Vec<DeniedName>,
    /// The task's own temporary directory, where it has a place on the host: below a name that is denied, it is not.
    #[serde(skip)]
    pub temporary: Option<AbsPath>,
}

/// A pattern of paths that nothing may be given as a name.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct DeniedName(pub PathPattern);

impl PartialEq for DeniedName {
    fn eq(&self, other: &DeniedName) -> bool {
        (&self.0.text, &self.0.base) == (&other.0.text, &other.0.base)
    }
}

impl Eq for DeniedName {}

/// What is given a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A file, or an empty directory.
    New,
    /// A directory with what is in it, or a link to one: with it, names appear below.
    Tree,
}

impl Outside {
    /// Returns whether a socket at this path may be connected to, or a device be used. The path has no symbolic link in it.
    pub fn may_change(&self, path: &AbsPath) -> bool {
        self.rules.iter().any(|rule| rule.rights.contains(Rights::WRITE) && path.is_beneath(&rule.path))
    }

    /// Returns whether a file there may be read.
    pub fn may_read(&self, path: &AbsPath) -> bool {
        self.rules.iter().any(|rule| rule.rights.contains(Rights::READ) && path.is_beneath(&rule.path))
    }

    /// Returns whether a file there may be executed.
    pub fn may_execute(&self, path: &AbsPath) -> bool {
        self.rules.iter().any(|rule| rule.rights.contains(Rights::EXECUTE) && path.is_beneath(&rule.path))
    }

    /// Returns whether something may get this name. The path has no symbolic link in it but the last, which is not followed.
    pub fn may_appear(&self, path: &AbsPath, what: Named) -> bool {
        path.parent().is_some_and(|directory| self.may_change(&directory)) && !self.is_denied(path, what)
    }

    /// Returns whether a file that has this name already may be written, and its mode, owner, times and attributes changed.
    pub fn may_write(&self, path: &AbsPath) -> bool {
        self.may_change(path) && !self.is_denied(path, Named::New)
    }

    /// Returns whether a file, or a directory with nothing in it, may be removed.
    pub fn may_be_removed(&self, path: &AbsPath) -> bool {
        path.parent().is_some_and(|directory| self.may_change(&directory)) && self.may_write(path)
    }

    /// Returns whether a name in a directory could be denied below only one of two places.
    pub fn place_matters(&self, from: &AbsPath, to: &AbsPath) -> bool {
        self.denied.iter().any(|DeniedName(pattern)| {
            let Some(glob) = &pattern.glob else { return false };
            // `**/*.pem` is the same at every place below its base.
            let everywhere = glob.text().strip_prefix("**/").is_some_and(|name| !name.contains('/'));
            let near = |place: &AbsPath| place.is_beneath(&pattern.base) || pattern.base.is_beneath(place);
            let both = from.is_beneath(&pattern.base) && to.is_beneath(&pattern.base);
            (near(from) || near(to)) && !(everywhere && both)
        })
    }

    fn is_denied(&self, path: &AbsPath, what: Named) -> bool {
        let own = self.temporary.as_ref().filter(|own| path.is_beneath(own));
        let above_own = |pattern: &PathPattern| pattern.glob.is_none() && own.is_some_and(|own| own.is_beneath(&pattern.base));
        self.denied.iter().any(|DeniedName(pattern)| covers(pattern, path, what) && !above_own(pattern))
    }

    /// Returns whether what has this name may lose it: nothing that a denied name lies below may be moved out of its way.
    pub fn may_vanish(&self, path: &AbsPath) -> bool {
        let above = |DeniedName(pattern): &DeniedName| pattern.glob.is_none() && pattern.base.is_beneath(path);
        path.parent().is_some_and(|directory| self.may_change(&directory)) && !self.denied.iter().any(above)
    }
}

fn covers(pattern: &PathPattern, path: &AbsPath, what: Named) -> bool {
    if pattern.matches_or_above(path) {
        return true;
    }
    what == Named::Tree && (pattern.base.is_beneath(path) || names_a_directory(pattern, path))
}

/// Returns whether the pattern has the path's last name as one of its own before the last: `.git` of `**/.git/hooks`.
fn names_a_directory(pattern: &PathPattern, path: &AbsPath) -> bool {
    pattern.glob.is_some() && {
        let mut names = pattern.text.split('/').filter(|name| !name.is_empty());
        let _file = names.next_back();
        names.any(|name| name == path.file_name())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn path(text: &str) -> AbsPath {
        AbsPath::new(Path::new(text)).unwrap()
    }

    fn outside() -> Outside {
        let denied = [".git/hooks", "**/*.pem", "**/.hg/hgrc"];
        let rule = |at: &str, rights| PathRights { path: path(at), rights, patterns: Vec::new(), wider: false };
        Outside {
            rules: vec![rule("/w", Rights::READ | Rights::WRITE), rule("/usr", Rights::READ | Rights::EXECUTE)],
            denied: denied.map(|text| DeniedName(PathPattern::compile(text, &path("/w"), &path("/h")).unwrap())).into(),
            temporary: None,
        }
    }

    #[test]
    fn a_name_appears_where_it_may() {
        let outside = outside();
        for (at, what, expected) in [
            ("/w/a", Named::New, true),
            ("/w/a", Named::Tree, true),
            ("/usr/a", Named::New, false),
            ("/wider", Named::New, false),
            ("/w/.git", Named::New, true),
            ("/w/.git", Named::Tree, false),
            ("/w/.git/hooks", Named::New, false),
            ("/w/.git/hooks/pre-commit", Named::New, false),
            ("/w/a/key.pem", Named::New, false),
            ("/w/key.pem/x", Named::New, false),
            ("/w/sub/.hg", Named::New, true),
            ("/w/sub/.hg", Named::Tree, false),
            ("/w/sub/.hg/hgrc", Named::New, false),
        ] {
            assert_eq!(outside.may_appear(&path(at), what), expected, "{at} {what:?}");
        }
        for (from, to, expected) in [
            ("/w/a", "/w/b", true), // because of **/.hg/hgrc
            ("/x/a", "/w/b", true),
            ("/w/a", "/x/b", true),
            ("/x/a", "/y/b", false),
        ] {
            assert_eq!(outside.place_matters(&path(from), &path(to)), expected, "{from} {to}");
        }
        let pem = Outside {
            denied: outside.denied.iter().filter(|name| &*name.0.text == "**/*.pem").cloned().collect(),
            ..outside.clone()
        };
        assert!(!pem.place_matters(&path("/w/a"), &path("/w/b")));
        assert!(pem.place_matters(&path("/x/a"), &path("/w/b")) && pem.place_matters(&path("/w/a"), &path("/x/b")));
        let own = Outside { temporary: Some(path("/w/.git/hooks/own")), ..outside.clone() };
        for (at, expected) in [
            ("/w/.git/hooks/own/a", true),
            ("/w/.git/hooks/a", false),
            ("/w/.git/hooks/owned", false),
            ("/w/.git/hooks/own/a.pem", false),
        ] {
            assert_eq!(own.may_appear(&path(at), Named::New), expected, "{at}");
        }
        assert!(!outside.may_vanish(&path("/w/.git")) && outside.may_vanish(&path("/w/a")));
        assert!(!outside.may_change(&path("/usr/bin/true")) && outside.may_execute(&path("/usr/bin/true")));
    }
}
