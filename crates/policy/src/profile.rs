//! Profiles: what a host offers to every agent that names them. Data, in `policies/profiles/`.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

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
    pub files: ProfileFiles,
    pub env: ProfileEnv,
    pub limits: BTreeMap<String, serde_json::Value>,
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

impl Profile {
    /// Returns the profile of that name out of texts: a user's file takes the place of a built-in one of the same name.
    pub fn load(name: &str, user_files: &BTreeMap<String, String>) -> Result<Profile, ProfileError> {
        let _ = user_files;
        Err(ProfileError::Unknown { name: name.to_owned(), nearest: None })
    }
}
