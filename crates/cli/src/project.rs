//! The files of a workspace that say what commands really run.

use std::io;

use remit_agent::{AbsPath, ReadError, read_agent_file};
use remit_preview::ProjectFiles;

/// Reads them as carefully as an agent file: no pipe is waited for, and nothing huge is read.
pub(crate) fn files(workspace: &AbsPath) -> ProjectFiles {
    let mut files = ProjectFiles::default();
    for name in ProjectFiles::NAMES {
        let text = match read_agent_file(&workspace.join(name)) {
            Ok((bytes, _)) => String::from_utf8(bytes).ok(),
            Err(ReadError::Io { source, .. }) if is_absent(&source) => continue,
            Err(_) => None,
        };
        files.0.insert(name.to_owned(), text);
    }
    files
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
