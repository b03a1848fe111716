//! Which tools a name or a rule of `tools` and `allowedTools` covers.

use globset::{GlobBuilder, GlobMatcher};
use remit_agent::NativeTool;

use crate::{ToolGrants, ToolPattern, ToolRule};

/// A tool as it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool<'a> {
    Native(NativeTool),
    Server { server: &'a str, tool: &'a str },
}

impl<'a> Tool<'a> {
    /// Returns the tool of that name: a built-in one under any of its names, or `@server/tool`.
    pub(crate) fn named(name: &'a str) -> Option<Tool<'a>> {
        let Some(rest) = name.strip_prefix('@') else { return NativeTool::named(name).map(Tool::Native) };
        match rest.split_once('/') {
            Some(("builtin", name)) => NativeTool::named(name).map(Tool::Native),
            Some((server, tool)) if !server.is_empty() && !tool.is_empty() => Some(Tool::Server { server, tool }),
            _ => None,
        }
    }
}

impl ToolGrants {
    /// Returns whether a tool of the products can be called at all.
    pub fn is_visible(&self, tool: NativeTool) -> bool {
        rule(&self.visible, Tool::Native(tool)).is_some()
    }

    /// Returns whether a tool of a server is taken out by `disabledTools`.
    pub fn takes_out(&self, server: &str, tool: &str) -> bool {
        rule(&self.denied, Tool::Server { server, tool }).is_some()
    }

    /// Returns the rule that pre-approves a tool of the products, if it is visible and pre-approved.
    pub fn pre_approval(&self, tool: NativeTool) -> Option<&ToolRule> {
        rule(&self.allowed, Tool::Native(tool)).filter(|_| self.is_visible(tool))
    }
}

/// Returns the first rule that covers the tool.
pub(crate) fn rule<'a>(rules: &'a [ToolRule], tool: Tool<'_>) -> Option<&'a ToolRule> {
    rules.iter().find(|rule| covers(&rule.pattern, tool))
}

/// Compiles a glob of `allowedTools`; `*` stays inside a server's or a tool's name.
pub(crate) fn glob(text: &str) -> Result<GlobMatcher, globset::Error> {
    GlobBuilder::new(text).literal_separator(true).build().map(|glob| glob.compile_matcher())
}

fn covers(pattern: &ToolPattern, tool: Tool<'_>) -> bool {
    match (pattern, tool) {
        (ToolPattern::Everything, _) | (ToolPattern::EveryNative, Tool::Native(_)) => true,
        (ToolPattern::Native(named), Tool::Native(tool)) => *named == tool,
        (ToolPattern::Server(named), Tool::Server { server, .. }) => named == server,
        (ToolPattern::ServerTool { server, tool }, Tool::Server { server: called, tool: name }) => {
            server == called && tool == name
        }
        // A rule is checked when it is compiled: one that does not compile here covers nothing.
        (ToolPattern::Glob(text), tool) => glob(text).is_ok_and(|glob| glob_covers(text, &glob, tool)),
        _ => false,
    }
}

pub(crate) fn glob_covers(text: &str, glob: &GlobMatcher, tool: Tool<'_>) -> bool {
    match tool {
        Tool::Native(tool) => tool.names().iter().any(|name| glob.is_match(name) || glob.is_match(format!("@builtin/{name}"))),
        // `@git*` covers whole servers, `@git*/read_*` single tools; a glob without `@` covers built-in tools only.
        Tool::Server { server, tool } => {
            text.starts_with('@')
                && if text.contains('/') {
                    glob.is_match(format!("@{server}/{tool}"))
                } else {
                    glob.is_match(format!("@{server}"))
                }
        }
    }
}
