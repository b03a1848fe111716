//! Reading a file that a task wrote, by its name: for what it leaves to be read by programs, such as a report.

use std::io::Read;
use std::os::fd::AsFd;

use remit_agent::AbsPath;
use rustix::fs::{CWD, Mode, ResolveFlags, openat2};

use crate::beneath::{DIRECTORY, directory, look, names};
use crate::content::open;
use crate::node::Kind;
use crate::path::RelPath;

/// More than any report has.
const LARGEST: u64 = 16 << 20;
const MOST: usize = 200;

/// Returns the regular file at `path` below `root`, or those of a directory there whose names end in `suffix`: as far as they
/// are not older than `since`, in seconds since 1970, and no larger than 16 MiB. What cannot be read is left out; no symbolic
/// link is followed.
pub fn written(root: &AbsPath, path: &RelPath, suffix: &[u8], since: i64) -> Vec<(RelPath, Vec<u8>)> {
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let Ok(root) = openat2(CWD, root.as_path(), DIRECTORY, Mode::empty(), resolve) else { return Vec::new() };
    let read = |path: &RelPath| -> Option<Vec<u8>> {
        let node = look(root.as_fd(), path).ok()??;
        if node.kind != Kind::File || node.size > LARGEST || node.modified.0 < since {
            return None;
        }
        let mut bytes = Vec::new();
        open(root.as_fd(), path).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    };
    let inside = directory(root.as_fd(), path).and_then(|directory| names(directory.as_fd()));
    let paths = match inside {
        Ok(names) => names.iter().filter(|name| name.ends_with(suffix)).take(MOST).map(|name| path.join(name)).collect(),
        Err(_) => vec![path.clone()],
    };
    paths.into_iter().filter_map(|path| read(&path).map(|bytes| (path, bytes))).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_was_written_there_since_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join("root").join(name);
        fs::create_dir_all(at("reports")).unwrap();
        for (name, text) in [("a.xml", "a"), ("reports/b.xml", "b"), ("reports/c.txt", "c"), ("../outside.xml", "no")] {
            fs::write(at(name), text).unwrap();
        }
        symlink("../outside.xml", at("link.xml")).unwrap();
        symlink("../../outside.xml", at("reports/link.xml")).unwrap();
        symlink("reports", at("way")).unwrap();
        rustix::fs::mknodat(CWD, at("pipe.xml"), rustix::fs::FileType::Fifo, Mode::RWXU, 0).unwrap();
        let root = AbsPath::new(&at("")).unwrap();
        let check = |path: &str, since: i64, expected: &[&str]| {
            let found = written(&root, &RelPath::parse(path.as_bytes()).unwrap(), b".xml", since);
            let found: Vec<String> = found.iter().map(|(path, _)| path.quoted()).collect();
            assert_eq!(found, expected, "{path}");
        };
        check("a.xml", 0, &["a.xml"]);
        check("a.xml", i64::MAX, &[]);
        check("reports", 0, &["reports/b.xml"]);
        for path in ["link.xml", "way", "pipe.xml", "none"] {
            check(path, 0, &[]);
        }
    }
}
