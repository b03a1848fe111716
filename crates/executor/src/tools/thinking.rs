//! `thinking`: a thought, written down and answered with nothing.

use serde::{Deserialize, Serialize};

use super::Output;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Thought {
    thought: String,
}

impl Thought {
    pub(crate) fn answer(&self) -> Output {
        Output::text(if self.thought.is_empty() { "No thought was given." } else { "Noted." })
    }
}
