use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Everything below a directory that a task could have changed: names, kinds, modes, owners, times, attributes and contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    entries: BTreeMap<PathBuf, String>,
}

impl Tree {
    pub fn of(root: &Path) -> Tree {
        let mut entries = BTreeMap::new();
        visit(root, root, &mut entries);
        Tree { entries }
    }

    /// Returns what differs, a line each: `+` only here, `-` only in `before`, `~` changed.
    pub fn since(&self, before: &Tree) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, entry) in &self.entries {
            match before.entries.get(path) {
                None => lines.push(format!("+ {}: {entry}", path.display())),
                Some(old) if old != entry => lines.push(format!("~ {}: {old} became {entry}", path.display())),
                Some(_) => {}
            }
        }
        let gone = before.entries.keys().filter(|path| !self.entries.contains_key(*path));
        lines.extend(gone.map(|path| format!("- {}", path.display())));
        lines
    }

    #[track_caller]
    pub fn assert_same(&self, before: &Tree) {
        let lines = self.since(before);
        assert!(lines.is_empty(), "the tree has changed:\n{}", lines.join("\n"));
    }
}

fn visit(root: &Path, path: &Path, entries: &mut BTreeMap<PathBuf, String>) {
    let Ok(facts) = fs::symlink_metadata(path) else { return };
    let content = if facts.is_symlink() {
        format!("-> {}", fs::read_link(path).unwrap().display())
    } else if facts.is_file() {
        let mut hasher = DefaultHasher::new();
        fs::read(path).unwrap().hash(&mut hasher);
        format!("{:x}", hasher.finish())
    } else {
        String::new()
    };
    let mode = facts.permissions().mode();
    let (user, group, time, nanoseconds) = (facts.uid(), facts.gid(), facts.mtime(), facts.mtime_nsec());
    let entry = format!("{mode:o} {user}:{group} {time}.{nanoseconds} {} {content}", attributes(path));
    entries.insert(path.strip_prefix(root).unwrap().to_owned(), entry);
    if facts.is_dir() {
        for child in fs::read_dir(path).unwrap() {
            visit(root, &child.unwrap().path(), entries);
        }
    }
}

/// Returns the extended attributes that a user can set, and their values.
fn attributes(path: &Path) -> String {
    let (mut names, mut value) = ([0; 1024], [0; 256]);
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let names = names[..length].split(|byte| *byte == 0).filter(|name| name.starts_with(b"user."));
    let shown = names.map(|name| {
        let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap_or(0);
        format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(&value[..length]))
    });
    shown.collect()
}
