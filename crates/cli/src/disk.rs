//! The host's files, as the rules of lint look at them.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use remit_agent::{AbsPath, read_agent_file};
use remit_lint::{Disk, Entry};

#[derive(Clone, Copy, Debug)]
pub(crate) struct HostDisk;

impl Disk for HostDisk {
    fn entry(&self, path: &AbsPath) -> Option<Entry> {
        let kind = fs::symlink_metadata(path.as_path()).ok()?.file_type();
        Some(if kind.is_symlink() {
            Entry::Link
        } else if kind.is_dir() {
            Entry::Directory
        } else {
            Entry::File
        })
    }

    fn canonical(&self, path: &AbsPath) -> Option<AbsPath> {
        AbsPath::new(&fs::canonicalize(path.as_path()).ok()?).ok()
    }

    fn read(&self, path: &AbsPath) -> Option<Vec<u8>> {
        // The same care as for the agent file itself: no pipe is waited for.
        read_agent_file(path).ok().map(|(bytes, _)| bytes)
    }
}

/// The host's files for one run over many agents, which all ask for the same few places: where symbolic links lead is
/// looked up once.
#[derive(Debug, Default)]
pub(crate) struct KnownDisk {
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    known: HashMap<Arc<str>, Place>,
    /// What was found to be absent last: the paths of one list are mostly below one directory.
    absent: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
enum Place {
    /// It cannot be reached, and nothing below it can.
    Absent,
    /// No path of ours says where it is.
    Unnamed,
    At(AbsPath),
}

/// How many places are kept; then they are all let go.
const KEPT: usize = 4096;

impl KnownDisk {
    fn place(&self, path: &AbsPath) -> Place {
        if let Some(known) = self.known(path.as_str()) {
            return known;
        }
        if let Some(above) = path.parent()
            && let Place::Absent = self.place(&above)
        {
            return Place::Absent;
        }
        let place = match fs::canonicalize(path.as_path()) {
            Ok(found) => AbsPath::new(&found).map_or(Place::Unnamed, Place::At),
            Err(_) => Place::Absent,
        };
        let mut places = self.places();
        if places.known.len() >= KEPT {
            places.known.clear();
        }
        if let Place::Absent = place {
            places.absent = Some(path.shared());
        }
        places.known.insert(path.shared(), place.clone());
        place
    }

    /// Returns what is known without a look: of the path, or that there is nothing where a path above it is absent.
    fn known(&self, path: &str) -> Option<Place> {
        let places = self.places();
        let is_below = |absent: &Arc<str>| path.strip_prefix(&**absent).is_some_and(|rest| rest.starts_with('/'));
        if places.absent.as_ref().is_some_and(is_below) {
            return Some(Place::Absent);
        }
        if let Some(known) = places.known.get(path) {
            return Some(known.clone());
        }
        let mut above = path.rmatch_indices('/').filter_map(|(end, _)| places.known.get(path.get(..end)?));
        above.next().filter(|nearest| matches!(nearest, Place::Absent)).cloned()
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for KnownDisk {
    fn entry(&self, path: &AbsPath) -> Option<Entry> {
        HostDisk.entry(path)
    }

    fn canonical(&self, path: &AbsPath) -> Option<AbsPath> {
        match self.place(path) {
            Place::At(found) => Some(found),
            Place::Absent | Place::Unnamed => None,
        }
    }

    fn read(&self, path: &AbsPath) -> Option<Vec<u8>> {
        HostDisk.read(path)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_known_is_what_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let there = directory.path();
        fs::create_dir_all(there.join("a/b")).unwrap();
        fs::write(there.join("a/f"), "").unwrap();
        symlink("a", there.join("l")).unwrap();
        symlink("gone", there.join("d")).unwrap();
        symlink("c", there.join("c")).unwrap();
        let unnamed = there.join(std::ffi::OsStr::from_bytes(b"\xff"));
        fs::create_dir(&unnamed).unwrap();
        symlink("../a", unnamed.join("up")).unwrap();
        symlink(&unnamed, there.join("u")).unwrap();
        let known = KnownDisk::default();
        for _ in 0..2 {
            for path in
                ["", "a", "a/b", "a/x/y", "a/f", "a/f/x", "l", "l/b", "l/x/y", "d", "d/x", "c", "c/x", "u", "u/up", "u/up/b"]
            {
                let path = AbsPath::new(&there.join(path)).unwrap();
                assert_eq!(known.canonical(&path), HostDisk.canonical(&path), "{path}");
            }
        }
    }
}
