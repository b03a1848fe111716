//! Which tools a host is told of: those that the agent may see, under the names that its file uses.

use remit_agent::NativeTool;

use super::Session;
use crate::tools::{Described, described};

/// A tool of this session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    pub name: String,
    pub described: Described,
}

impl Session {
    /// Returns the tools that the agent may see, and that Remit has.
    pub fn offered(&self) -> Vec<Offered> {
        let visible = NativeTool::ALL.into_iter().filter(|tool| self.policy.tools.is_visible(*tool));
        let visible = visible.filter(|tool| self.desk.is_some() || *tool != NativeTool::Delegate);
        visible.filter_map(|tool| Some(Offered { name: self.name(tool), described: described(tool)? })).collect()
    }

    /// Returns the name by which the agent file calls a tool: its prompt does so too.
    fn name(&self, tool: NativeTool) -> String {
        let entries = self.agent.file.tools.iter().flat_map(|tools| &tools.value);
        let mut names = entries.map(|entry| entry.value.strip_prefix("@builtin/").unwrap_or(&entry.value));
        names.find(|name| NativeTool::named(name) == Some(tool)).unwrap_or(tool.name()).to_owned()
    }
}
