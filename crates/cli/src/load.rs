//! From what was typed to a policy: find the agent, read it, resolve it, find its profile, compile.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Args, ValueEnum};
use remit_agent::{AbsPath, Agent, AgentRef, Parsed, Reading, discover, parse, read_agent_file, read_file};
use remit_diagnostics::{Diagnostic, Source};
use remit_policy::{Policy, Profile, ProfileError, Workspace};

use crate::failure::Failure;
use crate::places;

/// Which agent, and how its patterns are read.
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// The agent: a file, or a name
    #[arg(value_name = "AGENT")]
    pub(crate) agent: String,

    /// Read the agent's patterns as this product does
    #[arg(long = "as", value_name = "PRODUCT", value_enum)]
    pub(crate) read_as: Option<ReadAs>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReadAs {
    /// Globs over the words of a command
    Remit,
    /// Regular expressions, as in Kiro CLI
    Kiro,
    /// Regular expressions, as in Amazon Q CLI
    Q,
}

impl ReadAs {
    /// Returns the word by which it is typed.
    pub(crate) fn word(self) -> &'static str {
        match self {
            ReadAs::Remit => "remit",
            ReadAs::Kiro => "kiro",
            ReadAs::Q => "q",
        }
    }
}

impl From<ReadAs> for Reading {
    fn from(read_as: ReadAs) -> Reading {
        match read_as {
            ReadAs::Remit => Reading::Remit,
            ReadAs::Kiro => Reading::Kiro,
            ReadAs::Q => Reading::Q,
        }
    }
}

/// An agent and its policy.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) agent: Agent,
    pub(crate) policy: Policy,
    /// Findings that are no errors.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// The texts of the user's own profiles, by name, and each profile that was asked for, read once.
#[derive(Debug, Default)]
pub(crate) struct UserProfiles {
    texts: BTreeMap<String, String>,
    /// Many agents name the same few.
    read: Mutex<BTreeMap<String, Arc<Profile>>>,
}

impl UserProfiles {
    pub(crate) fn new(texts: BTreeMap<String, String>) -> UserProfiles {
        UserProfiles { texts, read: Mutex::default() }
    }

    /// Returns a profile out of the user's texts and those that ship.
    pub(crate) fn profile(&self, name: &str) -> Result<Arc<Profile>, ProfileError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(profile) = read.get(name) {
            return Ok(Arc::clone(profile));
        }
        let profile = Arc::new(Profile::load(name, &self.texts)?);
        read.insert(name.to_owned(), Arc::clone(&profile));
        Ok(profile)
    }
}

/// The profile of an agent that names none: an agent's commands are a developer's, and need the toolchains.
const DEFAULT_PROFILE: &str = "dev";

/// Loads the agent that was typed: the path of a file, or a name.
pub(crate) fn load(typed: &str, read_as: Option<ReadAs>, workspace: &Workspace) -> Result<Loaded, Failure> {
    load_by(remit_policy::compile, typed, read_as, workspace)
}

/// Loads an agent whose examples may fail: for whoever shows how they turn out.
pub(crate) fn load_untried(typed: &str, read_as: Option<ReadAs>, workspace: &Workspace) -> Result<Loaded, Failure> {
    load_by(remit_policy::compile_untried, typed, read_as, workspace)
}

type Compiler = fn(&Agent, &Profile, &Workspace) -> Result<(Policy, Vec<Diagnostic>), Vec<Diagnostic>>;

fn load_by(compiler: Compiler, typed: &str, read_as: Option<ReadAs>, workspace: &Workspace) -> Result<Loaded, Failure> {
    let (shown, path, reading) = match AgentRef::of(typed) {
        AgentRef::Path(shown) => {
            let path = places::typed(&shown)?;
            let reading = Reading::for_path(&path);
            (shown, path, reading)
        }
        AgentRef::Name(name) => {
            let found = discover(&name, &places::agent_dirs(workspace))?;
            (shown(&found.path, workspace), found.path, found.reading)
        }
    };
    let (bytes, canonical) = if places::has_no_link(&path) { (read_file(&path)?, path.clone()) } else { read_agent_file(&path)? };
    let place = Place { path, canonical, reading: read_as.map_or(reading, Reading::from) };
    compile_by(compiler, parse(&shown, &bytes), place, &user_profiles(workspace)?, workspace)
}

/// What is known of an agent file besides its text.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// As it was named: it gives the name to an agent without one.
    pub(crate) path: AbsPath,
    /// The file itself, every symbolic link followed.
    pub(crate) canonical: AbsPath,
    pub(crate) reading: Reading,
}

/// Compiles an agent file. Where the file has errors, the failure has them as diagnostics.
pub(crate) fn compile(parsed: Parsed, place: Place, profiles: &UserProfiles, workspace: &Workspace) -> Result<Loaded, Failure> {
    compile_by(remit_policy::compile, parsed, place, profiles, workspace)
}

fn compile_by(
    compiler: Compiler,
    parsed: Parsed,
    place: Place,
    profiles: &UserProfiles,
    workspace: &Workspace,
) -> Result<Loaded, Failure> {
    let source = parsed.source.clone();
    let in_file = |diagnostics| Failure::in_file(source.name(), diagnostics);
    let (mut agent, mut warnings) = Agent::resolve(parsed, place.path, place.reading).map_err(in_file)?;
    agent.path = place.canonical;
    let profile = match load_profile(&agent, profiles) {
        Ok(profile) => profile,
        Err(Refused::InFile(diagnostic)) => {
            warnings.push(*diagnostic);
            return Err(in_file(warnings));
        }
        Err(Refused::Elsewhere(failure)) => return Err(*failure),
    };
    match compiler(&agent, &profile, workspace) {
        Ok((policy, more)) => {
            warnings.extend(more);
            Ok(Loaded { agent, policy, warnings })
        }
        Err(more) => {
            warnings.extend(more);
            Err(in_file(warnings))
        }
    }
}

/// Reads the user's own profiles, `profiles/*.json` in the configuration directory.
pub(crate) fn user_profiles(workspace: &Workspace) -> Result<UserProfiles, Failure> {
    let directory = workspace.config.join("profiles");
    let failed = |error: &io::Error| Failure::io(format!("cannot read profiles in `{directory}`"), error);
    let entries = match fs::read_dir(directory.as_path()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(UserProfiles::default()),
        Err(error) => return Err(failed(&error)),
    };
    let mut profiles = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(&error))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json")) else {
            continue;
        };
        let path = AbsPath::new(&path).map_err(|error| Failure::of(&error))?;
        // The same care as for an agent file: no pipe is waited for, and nothing huge is read.
        let bytes = read_file(&path)?;
        let text = String::from_utf8(bytes).map_err(|_| Failure::new(format!("profile `{path}` is not UTF-8")))?;
        profiles.insert(name.to_owned(), text);
    }
    Ok(UserProfiles::new(profiles))
}

enum Refused {
    /// The agent file names a profile that does not exist.
    InFile(Box<Diagnostic>),
    Elsewhere(Box<Failure>),
}

fn load_profile(agent: &Agent, profiles: &UserProfiles) -> Result<Arc<Profile>, Refused> {
    let named = agent.file.settings.sandbox.as_ref().and_then(|sandbox| sandbox.value.profile.as_ref());
    let name = named.map_or(DEFAULT_PROFILE, |name| name.value.as_str());
    profiles.profile(name).map_err(|error| match (error, named) {
        (ProfileError::Unknown { name: unknown, nearest }, Some(named)) if unknown == named.value => {
            Refused::InFile(Box::new(unknown_profile(&agent.source, named, nearest.as_deref())))
        }
        (error, _) => Refused::Elsewhere(Box::new(error.into())),
    })
}

fn unknown_profile(source: &Source, named: &remit_agent::Text, nearest: Option<&str>) -> Diagnostic {
    let message = format!("no profile is named `{}`", named.value);
    let help = nearest.map_or_else(
        || "use `base`, `dev` or `unrestricted`, or a file in `remit/profiles` of your configuration directory".to_owned(),
        |nearest| format!("did you mean `{nearest}`?"),
    );
    Diagnostic::error("unknown-profile", source, named.span, message).help(help)
}

/// Returns a path as people call it: relative to the workspace, or to the home.
pub(crate) fn shown(path: &AbsPath, workspace: &Workspace) -> String {
    if let Some(relative) = path.relative_to(&workspace.root) {
        return relative.to_owned();
    }
    match path.relative_to(&workspace.home) {
        Some(relative) => format!("~/{relative}"),
        None => path.to_string(),
    }
}
