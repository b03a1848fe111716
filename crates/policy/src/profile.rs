//! Profiles: what a host offers to every agent that names them. Data, in `policies/profiles/`.

mod limits;

use std::collections::BTreeMap;

use remit_agent::{AbsPath, nearest};
use serde::Deserialize;
use thiserror::Error;

use crate::variables::{is_loader, is_name, never_passed};
use crate::{LimitKind, PathPattern};

/// A profile as its file has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ProfileFile {
    pub name: String,
    pub description: String,
    /// Profiles whose grants are added to this one's.
    #[serde(default)]
    pub extends: Vec<String>,
    #[serde(default)]
    pub unrestricted: bool,
    /// The processes of a task may trace each other, unless the agent file says otherwise.
    #[serde(default)]
    pub debug: bool,
    #[serde(default)]
    pub files: ProfileFiles,
    /// Grants that come in groups, one for each toolchain.
    #[serde(default)]
    pub toolchains: Vec<Toolchain>,
    #[serde(default)]
    pub env: ProfileEnv,
    /// In the units of an agent file's `sandbox.limits`: `"4G"`, `"1h"`, `512`.
    #[serde(default)]
    pub limits: BTreeMap<String, serde_json::Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileFiles {
    #[serde(default)]
    pub read: Vec<String>,
    #[serde(default)]
    pub write: Vec<String>,
    #[serde(default)]
    pub execute: Vec<String>,
    #[serde(default)]
    pub hide: Vec<String>,
    #[serde(default)]
    pub cache: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Toolchain {
    pub name: String,
    pub description: String,
    #[serde(default)]
    pub files: ProfileFiles,
    #[serde(default)]
    pub env: ProfileEnv,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileEnv {
    #[serde(default)]
    pub pass: Vec<String>,
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    #[serde(default)]
    pub path: Vec<String>,
}

/// A profile with everything that it extends folded in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    pub description: String,
    pub unrestricted: bool,
    pub debug: bool,
    pub files: ProfileFiles,
    pub env: ProfileEnv,
    /// Bytes, seconds or counts.
    pub limits: BTreeMap<LimitKind, u64>,
    /// The toolchains that were folded in, by name, for people.
    pub toolchains: Vec<String>,
}

#[derive(Debug, Error)]
pub enum ProfileError {
    #[error("no profile is named `{name}`")]
    Unknown { name: String, nearest: Option<String> },
    #[error("profile `{name}` is not valid: {reason}")]
    Invalid { name: String, reason: String },
    #[error("profile `{name}` extends itself")]
    Cycle { name: String },
}

/// The profiles that ship in the binary: name and text.
pub const BUILT_IN_PROFILES: [(&str, &str); 3] = [
    ("base", include_str!("../../../policies/profiles/base.json")),
    ("dev", include_str!("../../../policies/profiles/dev.json")),
    ("unrestricted", include_str!("../../../policies/profiles/unrestricted.json")),
];

/// How many profiles may extend one another in a row.
const DEPTH: usize = 8;

impl Profile {
    /// Returns the profile of that name out of texts: a user's file takes the place of a built-in one of the same name.
    ///
    /// # Errors
    ///
    /// Returns why there is no such profile: nobody has it, its file or one that it extends is not valid, or it extends
    /// itself.
    pub fn load(name: &str, user_files: &BTreeMap<String, String>) -> Result<Profile, ProfileError> {
        load(name, user_files, &mut Vec::new())
    }
}

/// Loads a profile and folds in what it extends. `above` are the names on the way here.
fn load(name: &str, user_files: &BTreeMap<String, String>, above: &mut Vec<String>) -> Result<Profile, ProfileError> {
    if above.iter().any(|above| above == name) {
        return Err(ProfileError::Cycle { name: name.to_owned() });
    }
    let file = read(name, user_files)?;
    let mut profile = Profile {
        name: file.name,
        description: file.description,
        unrestricted: file.unrestricted,
        debug: file.debug,
        files: file.files,
        env: file.env,
        limits: limits::read(&file.limits).map_err(|reason| invalid(name, reason))?,
        toolchains: Vec::new(),
    };
    for toolchain in file.toolchains {
        add(&mut profile.toolchains, vec![toolchain.name]);
        add_files(&mut profile.files, toolchain.files);
        add_env(&mut profile.env, toolchain.env);
    }
    // What ships is checked by the tests, and not again at each start.
    if user_files.contains_key(name) {
        check(&profile).map_err(|reason| invalid(name, reason))?;
    }
    if above.len() >= DEPTH {
        return Err(invalid(name, format!("more than {DEPTH} profiles extend one another")));
    }
    above.push(name.to_owned());
    for base in &file.extends {
        let base = load(base, user_files, above)?;
        profile.unrestricted |= base.unrestricted;
        profile.debug |= base.debug;
        add(&mut profile.toolchains, base.toolchains);
        add_files(&mut profile.files, base.files);
        add_env(&mut profile.env, base.env);
        for (kind, value) in base.limits {
            profile.limits.entry(kind).or_insert(value);
        }
    }
    above.pop();
    Ok(profile)
}

fn read(name: &str, user_files: &BTreeMap<String, String>) -> Result<ProfileFile, ProfileError> {
    let built_in = || BUILT_IN_PROFILES.iter().find(|(built_in, _)| *built_in == name).map(|(_, text)| *text);
    let Some(text) = user_files.get(name).map(String::as_str).or_else(built_in) else {
        let names = user_files.keys().map(String::as_str).chain(BUILT_IN_PROFILES.iter().map(|(name, _)| *name));
        return Err(ProfileError::Unknown { name: name.to_owned(), nearest: nearest(name, names).map(str::to_owned) });
    };
    let file: ProfileFile = serde_json::from_str(text).map_err(|error| invalid(name, error.to_string()))?;
    if file.name == name { Ok(file) } else { Err(invalid(name, format!("its `name` is `{}`", file.name))) }
}

fn invalid(name: &str, reason: String) -> ProfileError {
    ProfileError::Invalid { name: name.to_owned(), reason }
}

fn add_files(files: &mut ProfileFiles, more: ProfileFiles) {
    let ProfileFiles { read, write, execute, hide, cache } = more;
    add(&mut files.read, read);
    add(&mut files.write, write);
    add(&mut files.execute, execute);
    add(&mut files.hide, hide);
    add(&mut files.cache, cache);
}

/// Adds variables and directories; a value that is set already stays, and directories already there come first.
fn add_env(env: &mut ProfileEnv, more: ProfileEnv) {
    let ProfileEnv { pass, set, path } = more;
    add(&mut env.pass, pass);
    add(&mut env.path, path);
    for (name, value) in set {
        env.set.entry(name).or_insert(value);
    }
}

fn add(list: &mut Vec<String>, more: Vec<String>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

/// Checks what does not depend on where the profile is used.
fn check(profile: &Profile) -> Result<(), String> {
    let ProfileFiles { read, write, execute, hide, cache } = &profile.files;
    let somewhere = AbsPath::root().join("somewhere");
    for text in [read, write, execute, hide, cache].into_iter().flatten() {
        PathPattern::compile(text, &somewhere, &somewhere).map_err(|failure| format!("`{text}`: {failure}"))?;
    }
    for name in &profile.env.pass {
        let exact = name.strip_suffix('*').unwrap_or(name);
        if !is_name(exact) {
            return Err(format!("`{name}` is not the name of a variable"));
        }
        if let Some(reason) = never_passed(exact) {
            return Err(format!("`{name}` is never passed: {reason}"));
        }
    }
    for (name, value) in &profile.env.set {
        if !is_name(name) || value.contains('\0') {
            return Err(format!("`{name}` is not the name of a variable, or its value has a NUL character"));
        }
        if name == "PATH" || is_loader(name) {
            return Err(format!("`{name}` is never set: it decides what programs run or load"));
        }
    }
    match profile.env.path.iter().find(|path| !path.starts_with('/') && !path.starts_with("~/")) {
        // A directory of the workspace on `PATH` would let the work replace the programs that are approved by name.
        Some(path) => Err(format!("`{path}` in `env.path` is neither absolute nor below `~`")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
