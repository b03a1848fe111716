use thiserror::Error;

use crate::{AbsPath, Reading};

/// An agent file that discovery found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub name: String,
    pub path: AbsPath,
    pub reading: Reading,
}

#[derive(Debug, Error)]
pub enum DiscoverError {
    #[error("no agent is named `{name}`")]
    NotFound { name: String, nearest: Vec<String> },
}

/// Finds the agent that `name` names: nearest directory first, never another one instead.
pub fn discover(name: &str, workspace: &AbsPath, home: &AbsPath) -> Result<Found, DiscoverError> {
    let _ = (workspace, home);
    Err(DiscoverError::NotFound { name: name.to_owned(), nearest: Vec::new() })
}

/// Lists every agent that could be found by name from `workspace`, nearest first.
pub fn listing(workspace: &AbsPath, home: &AbsPath) -> Vec<Found> {
    let _ = (workspace, home);
    Vec::new()
}
