//! How Kiro CLI and Amazon Q CLI evaluate what a file says, where that differs from Remit.

use globset::Glob;
use remit_agent::{AgentFile, NativeTool, Text};
use remit_diagnostics::{Span, Spanned};

use crate::input::Facts;

mod glob;
mod path;
mod pattern;
mod shell;
mod v3;

pub use glob::ProductGlob;
pub use path::{BadGlob, PathWorld, ProductPath};
pub use pattern::Pattern;
pub use shell::{ProductRules, ProductSettings, ProductShell};
pub(crate) use v3::{judge_v3, v3_covers, v3_glob_covers};

/// Returns the entry of `allowedTools` that pre-approves a tool which the agent sees.
pub(crate) fn allows(file: &AgentFile, tool: NativeTool) -> Option<&Text> {
    let is_seen = file.tools.iter().flat_map(|tools| &tools.value).any(|entry| covers(&entry.value, tool));
    let mut allowed = file.allowed_tools.iter().flat_map(|tools| &tools.value);
    allowed.find(|entry| is_seen && covers(&entry.value, tool))
}

/// Returns whether an entry stands for one built-in tool and nothing else.
pub(crate) fn is_one_tool(entry: &Text) -> bool {
    NativeTool::named(&entry.value).is_some()
}

/// Returns whether an entry of `tools`, `allowedTools` or a hook's matcher stands for a built-in tool: by a name of
/// either generation, `*`, `@builtin`, or a glob over one of the names.
pub fn covers(entry: &str, tool: NativeTool) -> bool {
    let pattern = match entry {
        "@builtin" | "@builtin/" => "*",
        _ => entry.strip_prefix("@builtin/").unwrap_or(entry),
    };
    if pattern.starts_with('@') {
        return false;
    }
    // Most entries are names; a glob is made only where there is something to match.
    match pattern {
        "*" => true,
        _ if !pattern.contains(['*', '?', '[', '{']) => tool.names().contains(&pattern),
        _ => match pattern.split_once('*') {
            Some((start, end)) if !pattern.contains(['?', '[', ']', '{', '}', '\\']) && !end.contains('*') => {
                let is_whole =
                    |name: &&str| name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end);
                tool.names().iter().any(is_whole)
            }
            _ => Glob::new(pattern).is_ok_and(|glob| {
                let glob = glob.compile_matcher();
                tool.names().iter().any(|name| glob.is_match(name))
            }),
        },
    }
}

/// Returns the setting, and its place, by which a pre-approved shell tool is meant to run less than everything.
///
/// `autoAllowReadonly` is one of them for Remit. In a file of the products, where the pre-approval switches it off as it
/// switches off the others, it is too often only the habit of a generator to be taken for that.
pub(crate) fn narrowing_of_shell(input: &Facts) -> Option<(&'static str, Span)> {
    let settings = &input.file.settings.shell.as_ref()?.value;
    let on = |switch: &Option<Spanned<bool>>| switch.as_ref().filter(|switch| switch.value).map(|switch| switch.span);
    let read_only = on(&settings.auto_allow_readonly).filter(|_| !input.is_of_a_product());
    let keys = [
        ("allowedCommands", settings.allowed_commands.as_ref().map(|list| list.span)),
        ("denyByDefault", on(&settings.deny_by_default)),
        ("autoAllowReadonly", read_only),
    ];
    keys.into_iter().find_map(|(key, place)| Some((key, place?)))
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
        check("ex*ash", true);
        check("shell*", true);
        check("shell*l", false);
        check("*_ba*", true);
        check("fs_*", false);
        check("@shell", false);
        check("@*", false);
        check("Shell", false);
        check("[", false);
    }
}
