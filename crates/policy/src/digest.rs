use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::Policy;

/// The SHA-256 of a policy's canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Digest(String);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Policy {
    /// Returns the SHA-256 of [`Policy::canonical`], in hexadecimal.
    pub fn digest(&self) -> Digest {
        Digest(sha256(self.canonical().as_bytes()))
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        for nibble in [byte >> 4, byte & 15] {
            hex.extend(char::from_digit(u32::from(nibble), 16));
        }
        hex
    })
}
