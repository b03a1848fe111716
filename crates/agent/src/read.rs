//! Reading an agent file from disk, without waiting on what is not a file.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

use remit_diagnostics::visible;
use thiserror::Error;

use crate::parse::MAX_FILE_BYTES;
use crate::{AbsPath, PathError};

#[derive(Debug, Error)]
pub enum ReadError {
    #[error("cannot read the agent file `{}`", visible(path.as_str()))]
    Io { path: AbsPath, source: io::Error },
    #[error("`{}` is not a file", visible(path.as_str()))]
    NotAFile { path: AbsPath },
    #[error("the agent file `{}` is larger than 4 MiB", visible(path.as_str()))]
    TooLarge { path: AbsPath },
    #[error("the agent file `{}` leads to a path that cannot be used", visible(path.as_str()))]
    Path { path: AbsPath, source: PathError },
}

impl ReadError {
    /// Returns the cure.
    pub fn help(&self) -> &'static str {
        match self {
            ReadError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "check the path; nothing is taken instead"
            }
            ReadError::Io { .. } => "make the file readable, or remove it",
            ReadError::NotAFile { .. } => "give the path of a regular file",
            ReadError::TooLarge { .. } => "an agent file is a few kilobytes; check that it is the right file",
            ReadError::Path { .. } => "rename the file or the directory",
        }
    }
}

/// Returns the bytes of the agent file at `path`, and the path with every symbolic link followed.
///
/// # Errors
///
/// Returns an error for anything but a regular file of at most [`MAX_FILE_BYTES`] bytes. A pipe or a device is never
/// waited for.
pub fn read_agent_file(path: &AbsPath) -> Result<(Vec<u8>, AbsPath), ReadError> {
    let failed = |source| ReadError::Io { path: path.clone(), source };
    let canonical = fs::canonicalize(path.as_path()).map_err(failed)?;
    let canonical = AbsPath::new(&canonical).map_err(|source| ReadError::Path { path: path.clone(), source })?;
    Ok((read_file_at(&canonical, path)?, canonical))
}

/// Returns the bytes of such a file, for whoever knows that no symbolic link is in its path, or need not know.
///
/// # Errors
///
/// As [`read_agent_file`].
pub fn read_file(path: &AbsPath) -> Result<Vec<u8>, ReadError> {
    read_file_at(path, path)
}

/// Reads a file, which is called `path` in errors.
fn read_file_at(canonical: &AbsPath, path: &AbsPath) -> Result<Vec<u8>, ReadError> {
    let failed = |source| ReadError::Io { path: path.clone(), source };
    // To open a pipe would wait for its other end, and to open a device may do something.
    if !fs::metadata(canonical.as_path()).map_err(failed)?.is_file() {
        return Err(ReadError::NotAFile { path: path.clone() });
    }
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(canonical.as_path()).map_err(failed)?;
    // It may have been replaced in between.
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(ReadError::NotAFile { path: path.clone() });
    }
    // One byte more than there is, so that the end is met without asking for more room.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0).min(MAX_FILE_BYTES) + 1);
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(ReadError::TooLarge { path: path.clone() });
    }
    Ok(bytes)
}
