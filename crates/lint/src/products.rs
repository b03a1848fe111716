//! How Kiro CLI and Amazon Q CLI evaluate what a file says, where that differs from Remit.

use globset::Glob;
use regex::Regex;
use remit_agent::{AgentFile, NativeTool, Text};

/// Returns the entry of `allowedTools` that pre-approves a tool which the agent sees.
pub(crate) fn allows(file: &AgentFile, tool: NativeTool) -> Option<&Text> {
    let is_seen = file.tools.iter().flat_map(|tools| &tools.value).any(|entry| covers(&entry.value, tool));
    let mut allowed = file.allowed_tools.iter().flat_map(|tools| &tools.value);
    allowed.find(|entry| is_seen && covers(&entry.value, tool))
}

/// Returns whether an entry of `tools`, `allowedTools` or a hook's matcher stands for a built-in tool: by a name of
/// either generation, `*`, `@builtin`, or a glob over one of the names.
pub(crate) fn covers(entry: &str, tool: NativeTool) -> bool {
    let pattern = match entry {
        "@builtin" | "@builtin/" => "*",
        _ => entry.strip_prefix("@builtin/").unwrap_or(entry),
    };
    if pattern.starts_with('@') {
        return false;
    }
    let Ok(glob) = Glob::new(pattern) else { return tool.names().contains(&pattern) };
    let glob = glob.compile_matcher();
    tool.names().iter().any(|name| glob.is_match(name))
}

/// Returns a pattern of `allowedCommands` or `deniedCommands` as the products compile it. The anchors are not around a
/// group: an alternation splits them, there as here.
pub(crate) fn command_regex(pattern: &str) -> Option<Regex> {
    Regex::new(&format!(r"\A{pattern}\z")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_cover_tools_of_either_generation() {
        let check = |entry: &str, expected: bool| assert_eq!(covers(entry, NativeTool::Shell), expected, "{entry}");
        check("execute_bash", true);
        check("shell", true);
        check("*", true);
        check("@builtin", true);
        check("@builtin/exec*", true);
        check("execute_*", true);
        check("fs_*", false);
        check("@shell", false);
        check("@*", false);
        check("Shell", false);
        check("[", false);
    }
}
