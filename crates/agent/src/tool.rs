use serde::Serialize;

/// A tool that the products have built in, whatever its name in either generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NativeTool {
    Read,
    Write,
    Shell,
    Aws,
    Glob,
    Grep,
    WebFetch,
    WebSearch,
    Code,
    Knowledge,
    Thinking,
    TodoList,
    Introspect,
    Report,
    Session,
    ToolSearch,
    Subagent,
    Delegate,
}

impl NativeTool {
    pub const ALL: [NativeTool; 18] = [
        NativeTool::Read,
        NativeTool::Write,
        NativeTool::Shell,
        NativeTool::Aws,
        NativeTool::Glob,
        NativeTool::Grep,
        NativeTool::WebFetch,
        NativeTool::WebSearch,
        NativeTool::Code,
        NativeTool::Knowledge,
        NativeTool::Thinking,
        NativeTool::TodoList,
        NativeTool::Introspect,
        NativeTool::Report,
        NativeTool::Session,
        NativeTool::ToolSearch,
        NativeTool::Subagent,
        NativeTool::Delegate,
    ];

    /// Returns every name of the tool, the one that Remit prints first.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            NativeTool::Read => &["fs_read", "read", "fsRead"],
            NativeTool::Write => &["fs_write", "write", "fsWrite"],
            NativeTool::Shell => &["execute_bash", "shell", "execute_cmd"],
            NativeTool::Aws => &["use_aws", "aws"],
            NativeTool::Glob => &["glob"],
            NativeTool::Grep => &["grep"],
            NativeTool::WebFetch => &["web_fetch"],
            NativeTool::WebSearch => &["web_search"],
            NativeTool::Code => &["code"],
            NativeTool::Knowledge => &["knowledge"],
            NativeTool::Thinking => &["thinking"],
            NativeTool::TodoList => &["todo_list", "todo"],
            NativeTool::Introspect => &["introspect"],
            NativeTool::Report => &["report_issue", "report", "gh_issue"],
            NativeTool::Session => &["session"],
            NativeTool::ToolSearch => &["tool_search"],
            NativeTool::Subagent => &["subagent", "use_subagent"],
            NativeTool::Delegate => &["delegate"],
        }
    }

    /// Returns the name that Remit prints.
    pub fn name(self) -> &'static str {
        self.names().first().copied().unwrap_or("")
    }

    pub fn named(name: &str) -> Option<NativeTool> {
        NativeTool::ALL.into_iter().find(|tool| tool.names().contains(&name))
    }

    /// Returns whether the tool only reads files, and so may read the workspace unasked when it is visible.
    pub fn reads_files(self) -> bool {
        matches!(self, NativeTool::Read | NativeTool::Glob | NativeTool::Grep | NativeTool::Code)
    }
}

/// Returns the candidate that is nearest to `word`, when it is near enough to be what was meant.
///
/// Case does not count. A word of more than 64 characters has none: comparing takes time and memory in the product of
/// the lengths, and a file may hold a word of megabytes.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    let length = word.chars().count();
    if length > LONGEST {
        return None;
    }
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count() <= LONGEST)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance < length && *distance <= (candidate.chars().count().max(length) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_of_one_tool() {
        for tool in NativeTool::ALL {
            for name in tool.names() {
                assert_eq!(NativeTool::named(name), Some(tool), "{name}");
            }
        }
        assert_eq!(NativeTool::named("Shell"), None);
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["allowedTools", "tools", "name", "allowedCommands", "deniedCommands", "a"];
        let check = |word: &str, expected: Option<&str>| assert_eq!(nearest(word, known), expected, "{word}");
        check("allowedtools", Some("allowedTools"));
        check("allowedTool", Some("allowedTools"));
        check("denied_commands", Some("deniedCommands"));
        check("tolos", Some("tools"));
        check("tools", Some("tools"));
        check("notes", None);
        check("deniedTools", None);
        check("", None);
        check("b", None);
        check("日本", None);
        check(&"allowedTools".repeat(100_000), None);
    }
}
