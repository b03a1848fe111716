use std::fmt;

use serde::Serialize;

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
    /// Returns the canonical form: JSON with sorted keys and no origins, the same for the same meaning.
    pub fn canonical(&self) -> String {
        unimplemented!()
    }

    pub fn digest(&self) -> Digest {
        unimplemented!()
    }
}
