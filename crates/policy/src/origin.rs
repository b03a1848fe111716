use std::fmt;
use std::sync::Arc;

use remit_diagnostics::Location;
use serde::{Serialize, Serializer};

/// Where a rule comes from. It is carried from the file to the verdict, and is no part of a policy's digest: moving a
/// line of an agent file asks nobody to approve it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Written in the agent file, here.
    Agent(Location),
    /// From the profile of this name.
    Profile(Arc<str>),
    /// The file is silent, and this is what silence means.
    Silent,
    /// Built into Remit, whatever the file says.
    BuiltIn,
    /// Taken out, for the canonical form.
    Erased,
}

impl Origin {
    pub(crate) fn is_erased(&self) -> bool {
        *self == Origin::Erased
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Agent(location) => write!(f, "{location}"),
            Origin::Profile(name) => write!(f, "profile {name}"),
            Origin::Silent => f.write_str("default"),
            Origin::BuiltIn => f.write_str("built in"),
            Origin::Erased => Ok(()),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
