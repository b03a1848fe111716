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
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(word.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
