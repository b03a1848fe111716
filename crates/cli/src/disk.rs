//! The host's files, as the rules of lint look at them.

use std::fs;

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
