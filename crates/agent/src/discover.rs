//! Finding an agent by name. The nearest directory that has the name decides; nothing else is ever taken instead.

use std::fs;
use std::io;

use remit_diagnostics::visible;
use thiserror::Error;

use crate::read::{ReadError, read_agent_file};
use crate::{AbsPath, Reading, nearest, parse};

/// What the user wrote to say which agent is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentRef {
    /// A path to a file; it need not be absolute.
    Path(String),
    /// A name, for [`discover`].
    Name(String),
}

impl AgentRef {
    /// Returns a path for what has a slash or ends in `.json`, and a name for everything else.
    pub fn of(argument: &str) -> AgentRef {
        if argument.contains('/') || stem(argument) != argument {
            AgentRef::Path(argument.to_owned())
        } else {
            AgentRef::Name(argument.to_owned())
        }
    }
}

/// Where agents are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentDirs {
    /// The workspace: this directory only, not those above it.
    pub workspace: AbsPath,
    pub home: Option<AbsPath>,
    /// The user's configuration directory: `XDG_CONFIG_HOME`, or `~/.config`.
    pub config: Option<AbsPath>,
}

impl AgentDirs {
    /// Returns the directories, nearest first, with the way in which files there are read.
    pub fn in_order(&self) -> Vec<(AbsPath, Reading)> {
        let mut order = vec![
            (self.workspace.join(".remit/agents"), Reading::Remit),
            (self.workspace.join(".kiro/agents"), Reading::Kiro),
            (self.workspace.join(".amazonq/cli-agents"), Reading::Q),
        ];
        let config = self.config.clone().or_else(|| self.home.as_ref().map(|home| home.join(".config")));
        order.extend(config.map(|config| (config.join("remit/agents"), Reading::Remit)));
        if let Some(home) = &self.home {
            order.push((home.join(".kiro/agents"), Reading::Kiro));
            order.push((home.join(".aws/amazonq/cli-agents"), Reading::Q));
        }
        let mut seen = Vec::new();
        order.retain(|(directory, _)| {
            let new = !seen.contains(directory);
            seen.push(directory.clone());
            new
        });
        order
    }
}

/// An agent file that discovery found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file's own name, or the file name without `.json`.
    pub name: String,
    /// The path in the directory that was searched; it may be a symbolic link.
    pub path: AbsPath,
    pub reading: Reading,
}

#[derive(Debug, Error)]
pub enum DiscoverError {
    #[error("no agent is named `{}`", visible(name))]
    NotFound {
        name: String,
        /// The names that are nearest, the best first; at most three.
        nearest: Vec<String>,
        /// The directories that were searched, whether they exist or not.
        searched: Vec<AbsPath>,
    },
    #[error("more than one file in `{}` is the agent `{}`: {}", visible(directory.as_str()), visible(name), file_names(files))]
    Ambiguous { name: String, directory: AbsPath, files: Vec<AbsPath> },
    #[error("cannot search `{}` for agents", visible(directory.as_str()))]
    Directory { directory: AbsPath, source: io::Error },
    #[error("`{}` has a name that is not UTF-8", visible(shown))]
    NotUtf8 { shown: String },
    #[error(transparent)]
    File(#[from] ReadError),
}

impl DiscoverError {
    /// Returns the cure.
    pub fn help(&self) -> String {
        match self {
            DiscoverError::NotFound { nearest, searched, .. } => {
                let searched: Vec<String> =
                    searched.iter().map(|directory| format!("`{}`", visible(directory.as_str()))).collect();
                let searched = format!("searched {}", searched.join(", "));
                if nearest.is_empty() {
                    return searched;
                }
                let names: Vec<String> = nearest.iter().map(|name| format!("`{}`", visible(name))).collect();
                format!("did you mean {}? {searched}", names.join(" or "))
            }
            DiscoverError::Ambiguous { .. } => "give the path of the one that is meant, or change a `name`".to_owned(),
            DiscoverError::Directory { .. } => {
                "give the path of the agent file instead, or make the directory readable".to_owned()
            }
            DiscoverError::NotUtf8 { .. } => "rename the file".to_owned(),
            DiscoverError::File(error) => error.help().to_owned(),
        }
    }
}

/// Finds the agent that `name` names: by the file name `NAME.json`, or by the `name` in a file.
///
/// # Errors
///
/// Returns an error where no file has the name, where two in the deciding directory have it, and where a directory or
/// a file on the way there cannot be read: it might have been the one.
pub fn discover(name: &str, dirs: &AgentDirs) -> Result<Found, DiscoverError> {
    let mut others: Vec<String> = Vec::new();
    for (directory, reading) in dirs.in_order() {
        let candidates = candidates(&directory)?.into_iter().collect::<Result<Vec<Candidate>, DiscoverError>>()?;
        if let Some(found) = pick(name, &directory, reading, &candidates)? {
            return Ok(found);
        }
        others.extend(candidates.into_iter().map(Candidate::into_name));
    }
    let searched = dirs.in_order().into_iter().map(|(directory, _)| directory).collect();
    Err(DiscoverError::NotFound { name: name.to_owned(), nearest: nearest_names(name, others), searched })
}

/// Every agent that can be found by name, nearest first, and what stood in the way of finding more.
#[derive(Debug, Default)]
pub struct Listing {
    pub found: Vec<Found>,
    pub errors: Vec<DiscoverError>,
}

/// Lists every agent that [`discover`] finds; one behind a nearer one of the same name is not listed.
pub fn listing(dirs: &AgentDirs) -> Listing {
    let mut listing = Listing::default();
    for (directory, reading) in dirs.in_order() {
        let read = match candidates(&directory) {
            Ok(read) => read,
            Err(error) => {
                listing.errors.push(error);
                continue;
            }
        };
        let mut candidates = Vec::new();
        for candidate in read {
            match candidate {
                Ok(candidate) => candidates.push(candidate),
                Err(error) => listing.errors.push(error),
            }
        }
        let mut names: Vec<&str> = candidates.iter().map(Candidate::name).collect();
        names.sort_unstable();
        names.dedup();
        let nearer = listing.found.len();
        for name in names {
            if listing.found.iter().take(nearer).any(|found| found.name == name) {
                continue;
            }
            match pick(name, &directory, reading, &candidates) {
                Ok(found) => listing.found.extend(found),
                Err(error) => listing.errors.push(error),
            }
        }
    }
    listing
}

/// Returns the file name without `.json`: the name of an agent whose file has none.
pub(crate) fn stem(file_name: &str) -> &str {
    file_name.strip_suffix(".json").unwrap_or(file_name)
}

/// A file that may be the agent that is looked for.
#[derive(Debug)]
struct Candidate {
    path: AbsPath,
    /// The `name` in the file; a file that has none, or is not JSON, goes by its file name alone.
    own_name: Option<String>,
}

impl Candidate {
    fn name(&self) -> &str {
        self.own_name.as_deref().unwrap_or_else(|| stem(self.path.file_name()))
    }

    fn into_name(self) -> String {
        self.name().to_owned()
    }

    fn is_named(&self, name: &str) -> bool {
        self.name() == name || stem(self.path.file_name()) == name
    }
}

/// Returns the agent files of a directory, in order of their names; none where there is no directory.
fn candidates(directory: &AbsPath) -> Result<Vec<Result<Candidate, DiscoverError>>, DiscoverError> {
    let unreadable = |source| DiscoverError::Directory { directory: directory.clone(), source };
    let entries = match fs::read_dir(directory.as_path()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut candidates = Vec::new();
    let mut names = Vec::new();
    for entry in entries {
        match entry.map_err(unreadable)?.file_name().into_string() {
            Ok(name) => names.push(name),
            Err(name) if name.as_encoded_bytes().ends_with(b".json") => {
                let shown = directory.as_path().join(&name).to_string_lossy().into_owned();
                candidates.push(Err(DiscoverError::NotUtf8 { shown }));
            }
            Err(_) => {}
        }
    }
    names.retain(|name| stem(name) != name);
    names.sort_unstable();
    candidates.extend(names.iter().map(|name| candidate(directory.join(name))));
    Ok(candidates)
}

fn candidate(path: AbsPath) -> Result<Candidate, DiscoverError> {
    let (bytes, _) = read_agent_file(&path)?;
    let own_name = parse(path.as_str(), &bytes).file.name.map(|name| name.value);
    Ok(Candidate { path, own_name })
}

fn pick(name: &str, directory: &AbsPath, reading: Reading, candidates: &[Candidate]) -> Result<Option<Found>, DiscoverError> {
    let mut named = candidates.iter().filter(|candidate| candidate.is_named(name));
    let Some(first) = named.next() else { return Ok(None) };
    let rest: Vec<AbsPath> = named.map(|candidate| candidate.path.clone()).collect();
    if rest.is_empty() {
        return Ok(Some(Found { name: first.name().to_owned(), path: first.path.clone(), reading }));
    }
    let files = std::iter::once(first.path.clone()).chain(rest).collect();
    Err(DiscoverError::Ambiguous { name: name.to_owned(), directory: directory.clone(), files })
}

fn nearest_names(name: &str, mut others: Vec<String>) -> Vec<String> {
    others.sort_unstable();
    others.dedup();
    let mut names = Vec::new();
    while let Some(found) = nearest(name, others.iter().map(String::as_str)).map(str::to_owned)
        && names.len() < 3
    {
        others.retain(|other| *other != found);
        names.push(found);
    }
    names
}

fn file_names(files: &[AbsPath]) -> String {
    let names: Vec<String> = files.iter().map(|file| format!("`{}`", visible(file.file_name()))).collect();
    names.join(", ")
}
