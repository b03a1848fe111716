//! What is in files: compared and hashed in pieces, read whole only where its lines are to be shown.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use crate::beneath::{self, View};
use crate::changes::Change;
use crate::node::{Kind, Node};
use crate::path::RelPath;

/// A file that is larger is not shown line by line.
const LARGEST_TEXT: u64 = 8 << 20;
/// Where a NUL byte makes a file binary: git looks as far.
const HEAD: usize = 8000;

/// One side of a change, as it is shown.
#[derive(Debug)]
pub(crate) enum Side {
    Absent,
    /// The whole content; for a symbolic link, what it points to.
    Text(Vec<u8>),
    /// Binary, or too large for its lines.
    Bytes(u64),
}

/// Returns both sides of a change.
pub(crate) fn sides(view: &View, change: &Change) -> io::Result<(Side, Side)> {
    let old = change.renamed_from().unwrap_or(&change.path);
    Ok((side(&view.lower, old, change.before.as_ref())?, side(&view.upper, &change.path, change.after.as_ref())?))
}

fn side(root: &impl std::os::fd::AsFd, path: &RelPath, node: Option<&Node>) -> io::Result<Side> {
    match node {
        None => Ok(Side::Absent),
        Some(node) if node.kind == Kind::Symlink => Ok(Side::Text(beneath::link(root.as_fd(), path)?)),
        // A directory, a pipe: there is no content to show.
        Some(node) if node.kind != Kind::File => Ok(Side::Absent),
        Some(node) if node.size > LARGEST_TEXT => Ok(Side::Bytes(node.size)),
        Some(node) => {
            let mut bytes = Vec::with_capacity(usize::try_from(node.size).unwrap_or(0) + 1);
            open(root.as_fd(), path)?.take(LARGEST_TEXT).read_to_end(&mut bytes)?;
            let binary = bytes.get(..HEAD.min(bytes.len())).unwrap_or_default().contains(&0);
            Ok(if binary { Side::Bytes(node.size) } else { Side::Text(bytes) })
        }
    }
}

/// Returns whether the file has the same content in both directories. Their sizes are known to be the same.
pub(crate) fn is_same(one: BorrowedFd<'_>, other: BorrowedFd<'_>, path: &RelPath) -> Result<bool, Errno> {
    let same = || -> io::Result<bool> { equal(open(one, path)?, open(other, path)?) };
    same().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

pub(crate) fn equal(one: File, other: File) -> io::Result<bool> {
    let (mut one, mut other) = (one, other);
    let (mut left, mut right) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let (count, other_count) = (fill(&mut one, &mut left)?, fill(&mut other, &mut right)?);
        if left.get(..count) != right.get(..other_count) {
            return Ok(false);
        }
        if count == 0 {
            return Ok(true);
        }
    }
}

pub(crate) fn digest(root: BorrowedFd<'_>, path: &RelPath) -> io::Result<[u8; 32]> {
    let mut file = open(root, path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match fill(&mut file, &mut buffer)? {
            0 => return Ok(hash.finalize().into()),
            count => hash.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}

pub(crate) fn open(root: BorrowedFd<'_>, path: &RelPath) -> io::Result<File> {
    Ok(File::from(beneath::file(root, path)?))
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
