use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde::{Serialize, Serializer};
use thiserror::Error;

/// An absolute, lexically normal path in UTF-8: no `.`, no `..`, no `//`, no `/` at the end.
///
/// It says nothing about symbolic links. UTF-8 is required because a policy's canonical bytes hold paths as text, and
/// two different paths must never become the same text.
// INVARIANT: the string begins with `/` and is as described above; only `new` and `join` make one.
// Shared, because a policy, a host and a plan name the same paths over and over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AbsPath(Arc<str>);

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
        static ROOT: LazyLock<AbsPath> = LazyLock::new(|| AbsPath(Arc::from("/")));
        ROOT.clone()
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
        let above = if relative.starts_with('/') || self.is_root() { "" } else { self.as_str() };
        // Some hundred paths are made at every start: each in the room of the one before.
        thread_local! {
            static JOINED: RefCell<String> = const { RefCell::new(String::new()) };
        }
        JOINED.with_borrow_mut(|joined| {
            joined.clear();
            joined.push_str(above);
            join_to(joined, relative);
            AbsPath(Arc::from(joined.as_str()))
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn as_path(&self) -> &Path {
        Path::new(self.as_str())
    }

    /// Returns the text, shared with this path.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    fn is_root(&self) -> bool {
        self.as_str() == "/"
    }

    /// Returns the last component, or the empty string for the root.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, name)| name)
    }

    pub fn parent(&self) -> Option<AbsPath> {
        match self.0.rsplit_once('/') {
            Some(_) if self.is_root() => None,
            Some(("", _)) => Some(AbsPath::root()),
            Some((parent, _)) => Some(AbsPath(Arc::from(parent))),
            None => None,
        }
    }

    /// Returns whether this path is `other` or lies below it, component by component.
    pub fn is_beneath(&self, other: &AbsPath) -> bool {
        self.relative_to(other).is_some()
    }

    /// Returns what remains of this path below `base`; the empty string for `base` itself.
    pub fn relative_to(&self, base: &AbsPath) -> Option<&str> {
        if base.is_root() {
            return self.0.strip_prefix('/');
        }
        // Most paths are told apart by one byte, without comparing the texts.
        match self.0.as_bytes().get(base.0.len()) {
            None => (self == base).then_some(""),
            Some(b'/') => self.0.strip_prefix(base.as_str())?.strip_prefix('/'),
            Some(_) => None,
        }
    }
}

/// Adds a path to one that is normal, or empty for the root.
fn join_to(joined: &mut String, relative: &str) {
    if is_normal(relative) {
        joined.push('/');
        joined.push_str(relative);
        return;
    }
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => joined.truncate(joined.rfind('/').unwrap_or(0)),
            name => {
                joined.push('/');
                joined.push_str(name);
            }
        }
    }
    if joined.is_empty() {
        joined.push('/');
    }
}

/// Returns whether a relative path has nothing that is taken out: no part is empty, `.` or `..`.
fn is_normal(relative: &str) -> bool {
    // Of the part so far: so many dots and nothing else, or 3 for every other.
    let mut dots = 0;
    for byte in relative.bytes() {
        match (byte, dots) {
            (b'/', 0..=2) => return false,
            (b'/', _) => dots = 0,
            (b'.', 0..=2) => dots += 1,
            _ => dots = 3,
        }
    }
    dots == 3
}

impl PartialOrd for AbsPath {
    fn partial_cmp(&self, other: &AbsPath) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AbsPath {
    /// Compares the texts, as those of strings are; but paths begin alike, and the comparison of musl looks at one byte at a time.
    fn cmp(&self, other: &AbsPath) -> Ordering {
        let (mine, others) = (self.0.as_bytes(), other.0.as_bytes());
        let mut compared = 0;
        for (mine, other) in mine.as_chunks::<8>().0.iter().zip(others.as_chunks::<8>().0) {
            if mine != other {
                return u64::from_be_bytes(*mine).cmp(&u64::from_be_bytes(*other));
            }
            compared += mine.len();
        }
        mine.get(compared..).cmp(&others.get(compared..))
    }
}

impl Serialize for AbsPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
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

    proptest::proptest! {
        #[test]
        fn paths_stand_in_the_order_of_their_texts(begin in "[ab/é]{0,20}", one in "[ab/é]{0,12}", other in "[ab/é]{0,12}") {
            let [one, other] = [one, other].map(|end| AbsPath::root().join(&format!("{begin}{end}")));
            assert_eq!(one.cmp(&other), one.as_str().cmp(other.as_str()), "{one} {other}");
        }
    }

    fn check(path: &str, expected: &str) {
        assert_eq!(AbsPath::new(Path::new(path)).unwrap().as_str(), expected, "{path}");
    }

    #[test]
    fn paths_are_made_normal() {
        check("/", "/");
        check("//a//b/", "/a/b");
        check("/a/./b/../c", "/a/c");
        check("/../..", "/");
        check("/a/..", "/");
        check("/a/b/../../../c/", "/c");
        check("/...", "/...");
    }

    #[test]
    fn a_path_is_joined_below_or_replaced() {
        let check = |path: &str, relative: &str, expected: &str| {
            assert_eq!(AbsPath::new(Path::new(path)).unwrap().join(relative).as_str(), expected, "{path} {relative}");
        };
        check("/", "a", "/a");
        check("/", "", "/");
        check("/a", "", "/a");
        check("/a", ".", "/a");
        check("/a", "b//c/.", "/a/b/c");
        check("/a", "b/c.d/e", "/a/b/c.d/e");
        check("/", "b/c", "/b/c");
        check("/a", "b/.c/..d", "/a/b/.c/..d");
        check("/a", "b/", "/a/b");
        check("/a/b", "../c", "/a/c");
        check("/a", "../../..", "/");
        check("/a", "../é", "/é");
        check("/a", "/b/../c", "/c");
        check("/a", "//", "/");
    }

    #[test]
    fn beneath_goes_by_component() {
        let path = |text: &str| AbsPath::new(Path::new(text)).unwrap();
        assert!(path("/a/b").is_beneath(&path("/a")));
        assert!(path("/a").is_beneath(&path("/a")));
        assert!(path("/a").is_beneath(&path("/")));
        assert!(!path("/ab").is_beneath(&path("/a")));
        assert!(!path("/b/c").is_beneath(&path("/a")));
        assert!(!path("/a").is_beneath(&path("/a/b")));
        assert!(!path("/b").is_beneath(&path("/a")));
        assert_eq!(path("/a/b/c").relative_to(&path("/a")), Some("b/c"));
        assert_eq!(path("/a/b").relative_to(&path("/")), Some("a/b"));
        assert_eq!(path("/").relative_to(&path("/")), Some(""));
        assert_eq!(path("/a").relative_to(&path("/é")), None);
        assert_eq!(path("/a").parent(), Some(path("/")));
        assert_eq!(path("/").parent(), None);
    }
}
