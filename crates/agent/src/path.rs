use std::fmt;
use std::path::{Component, Path};

use serde::Serialize;
use thiserror::Error;

/// An absolute, lexically normal path in UTF-8: no `.`, no `..`, no `//`, no `/` at the end.
///
/// It says nothing about symbolic links. UTF-8 is required because a policy's canonical bytes hold paths as text, and
/// two different paths must never become the same text.
// INVARIANT: the string begins with `/` and is as described above; only `new` and `join` make one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AbsPath(String);

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    #[error("path `{0}` is not absolute")]
    NotAbsolute(String),
    #[error("path `{0}` is not UTF-8")]
    NotUtf8(String),
    #[error("path `{0}` has a NUL byte")]
    Nul(String),
}

impl AbsPath {
    pub fn root() -> AbsPath {
        AbsPath("/".to_owned())
    }

    pub fn new(path: &Path) -> Result<AbsPath, PathError> {
        let shown = || path.display().to_string();
        let Some(text) = path.to_str() else { return Err(PathError::NotUtf8(shown())) };
        if text.contains('\0') {
            return Err(PathError::Nul(shown()));
        }
        if !path.is_absolute() {
            return Err(PathError::NotAbsolute(shown()));
        }
        Ok(AbsPath::root().join(text.trim_start_matches('/')))
    }

    /// Returns `relative` below this path, with `.` and `..` taken out lexically; an absolute `relative` replaces it.
    #[must_use]
    pub fn join(&self, relative: &str) -> AbsPath {
        let joined = Path::new(&self.0).join(relative);
        let mut parts: Vec<&str> = Vec::new();
        for component in joined.components() {
            match component {
                Component::Normal(part) => parts.extend(part.to_str()),
                Component::ParentDir => {
                    parts.pop();
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        AbsPath(format!("/{}", parts.join("/")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// Returns the last component, or the empty string for the root.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, name)| name)
    }

    pub fn parent(&self) -> Option<AbsPath> {
        match self.0.rsplit_once('/') {
            Some(_) if self.0 == "/" => None,
            Some(("", _)) => Some(AbsPath::root()),
            Some((parent, _)) => Some(AbsPath(parent.to_owned())),
            None => None,
        }
    }

    /// Returns whether this path is `other` or lies below it, component by component.
    pub fn is_beneath(&self, other: &AbsPath) -> bool {
        self.relative_to(other).is_some()
    }

    /// Returns what remains of this path below `base`; the empty string for `base` itself.
    pub fn relative_to(&self, base: &AbsPath) -> Option<&str> {
        if base.0 == "/" {
            return self.0.strip_prefix('/');
        }
        match self.0.strip_prefix(base.0.as_str()) {
            Some("") => Some(""),
            Some(rest) => rest.strip_prefix('/'),
            None => None,
        }
    }
}

impl fmt::Display for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &str) {
        assert_eq!(AbsPath::new(Path::new(path)).unwrap().as_str(), expected, "{path}");
    }

    #[test]
    fn paths_are_made_normal() {
        check("/", "/");
        check("//a//b/", "/a/b");
        check("/a/./b/../c", "/a/c");
        check("/../..", "/");
    }

    #[test]
    fn beneath_goes_by_component() {
        let path = |text: &str| AbsPath::new(Path::new(text)).unwrap();
        assert!(path("/a/b").is_beneath(&path("/a")));
        assert!(path("/a").is_beneath(&path("/a")));
        assert!(path("/a").is_beneath(&path("/")));
        assert!(!path("/ab").is_beneath(&path("/a")));
        assert_eq!(path("/a").parent(), Some(path("/")));
        assert_eq!(path("/").parent(), None);
    }
}
