use std::collections::BTreeMap;
use std::fmt;

use remit_agent::AbsPath;

/// What lies at a path; a symbolic link is not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    File,
    Directory,
    Link,
}

/// The files of a host, for the rules that look whether something is there. A rule looks; it never writes.
pub trait Disk: fmt::Debug {
    fn entry(&self, path: &AbsPath) -> Option<Entry>;

    /// Returns the path with every symbolic link followed, or `None` where nothing is there.
    fn canonical(&self, path: &AbsPath) -> Option<AbsPath>;

    /// Returns the bytes of a file of at most the size of an agent file.
    fn read(&self, path: &AbsPath) -> Option<Vec<u8>>;

    /// Returns whether anything can be known here. Where nothing can, no rule says that a file is missing.
    fn is_known(&self) -> bool {
        true
    }
}

/// A disk that nobody can look at: for text that has no place.
#[derive(Clone, Copy, Debug)]
pub struct NoDisk;

impl Disk for NoDisk {
    fn entry(&self, _: &AbsPath) -> Option<Entry> {
        None
    }

    fn canonical(&self, _: &AbsPath) -> Option<AbsPath> {
        None
    }

    fn read(&self, _: &AbsPath) -> Option<Vec<u8>> {
        None
    }

    fn is_known(&self) -> bool {
        false
    }
}

/// A disk that is only described: files with their texts, and symbolic links with where they lead. A directory is there
/// when something is in it.
#[derive(Clone, Debug, Default)]
pub struct DescribedDisk {
    files: BTreeMap<AbsPath, Vec<u8>>,
    links: BTreeMap<AbsPath, String>,
}

/// Links that are followed one after the other before they are taken for a circle.
const LONGEST_CHAIN: usize = 40;

impl DescribedDisk {
    #[must_use]
    pub fn file(mut self, path: AbsPath, text: &str) -> DescribedDisk {
        self.files.insert(path, text.as_bytes().to_vec());
        self
    }

    /// Adds a symbolic link to `target`, which is relative to where the link lies, or absolute.
    #[must_use]
    pub fn link(mut self, path: AbsPath, target: &str) -> DescribedDisk {
        self.links.insert(path, target.to_owned());
        self
    }

    fn is_directory(&self, path: &AbsPath) -> bool {
        self.files.keys().chain(self.links.keys()).any(|there| there != path && there.is_beneath(path))
    }

    fn follow(&self, path: &AbsPath, left: usize) -> Option<AbsPath> {
        let mut walked = AbsPath::root();
        let mut parts = path.as_str().split('/').filter(|part| !part.is_empty());
        while let Some(part) = parts.next() {
            walked = walked.join(part);
            if let Some(target) = self.links.get(&walked) {
                let rest: Vec<&str> = parts.collect();
                let beside = walked.parent().unwrap_or_else(AbsPath::root);
                return self.follow(&beside.join(target).join(&rest.join("/")), left.checked_sub(1)?);
            }
        }
        (self.files.contains_key(&walked) || self.is_directory(&walked)).then_some(walked)
    }
}

impl Disk for DescribedDisk {
    fn entry(&self, path: &AbsPath) -> Option<Entry> {
        if self.links.contains_key(path) {
            return Some(Entry::Link);
        }
        let path = self.canonical(path)?;
        Some(if self.files.contains_key(&path) { Entry::File } else { Entry::Directory })
    }

    fn canonical(&self, path: &AbsPath) -> Option<AbsPath> {
        self.follow(path, LONGEST_CHAIN)
    }

    fn read(&self, path: &AbsPath) -> Option<Vec<u8>> {
        self.files.get(&self.canonical(path)?).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn links_are_followed() {
        let path = |text: &str| AbsPath::new(Path::new(text)).unwrap();
        let disk = DescribedDisk::default()
            .file(path("/w/a/f"), "x")
            .link(path("/w/l"), "a")
            .link(path("/w/o"), "/gone")
            .link(path("/w/c"), "c");
        let check = |text: &str, expected: Option<&str>| assert_eq!(disk.canonical(&path(text)), expected.map(path), "{text}");
        check("/w/l/f", Some("/w/a/f"));
        check("/w/l", Some("/w/a"));
        check("/w/a/g", None);
        check("/w/o", None);
        check("/w/c/f", None);
        check("/", Some("/"));
        assert_eq!(disk.entry(&path("/w/o")), Some(Entry::Link));
        assert_eq!(disk.entry(&path("/w/a")), Some(Entry::Directory));
        assert_eq!(disk.read(&path("/w/l/f")), Some(b"x".to_vec()));
    }
}
