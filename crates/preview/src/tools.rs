use remit_agent::NativeTool;
use remit_policy::{Policy, Request, ToolPattern, Verdict};
use serde::Serialize;

/// The tools that the agent sees. Every other is absent: a call to it is denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tools {
    pub pre_approved: Vec<ToolLine>,
    pub asks: Vec<ToolLine>,
    /// Names that no product has. They grant nothing.
    pub unknown: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolLine {
    /// A tool's name, or a pattern over the tools of MCP servers as written.
    pub name: String,
    pub bound: ToolBound,
}

/// What a tool's approval depends on, besides the tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolBound {
    /// Nothing: any use of it.
    AnyUse,
    /// The command line: see the commands.
    Commands,
    /// The path: unasked where the policy's read grants reach, asked elsewhere.
    ReadPaths,
    /// The path: unasked where the policy's write grants reach, asked elsewhere.
    WritePaths,
}

/// Sorts the tools by the gate's own answers; patterns over MCP tools, whose names only the servers know, by the lists.
pub(crate) fn tools(policy: &Policy) -> Tools {
    let mut tools = Tools { pre_approved: Vec::new(), asks: Vec::new(), unknown: Vec::new() };
    for tool in NativeTool::ALL {
        let line = ToolLine { name: tool.name().to_owned(), bound: bound(tool) };
        match policy.decide(Request::Tool(tool.name().to_owned())) {
            Verdict::Allow(_) => tools.pre_approved.push(line),
            Verdict::Ask(_) => tools.asks.push(line),
            Verdict::Deny(_) => {}
        }
    }
    let servers = |rules: &[remit_policy::ToolRule]| -> Vec<String> {
        rules.iter().filter_map(|rule| server_pattern(&rule.pattern)).collect()
    };
    let allowed = servers(&policy.tools.allowed);
    let asks = servers(&policy.tools.visible).into_iter().filter(|name| !allowed.contains(name));
    let line = |name| ToolLine { name, bound: ToolBound::AnyUse };
    tools.asks.extend(asks.map(line));
    tools.pre_approved.extend(allowed.into_iter().map(line));
    tools.unknown = policy.tools.unknown.iter().map(|rule| pattern_text(&rule.pattern)).collect();
    tools
}

fn bound(tool: NativeTool) -> ToolBound {
    match tool {
        NativeTool::Shell => ToolBound::Commands,
        NativeTool::Write => ToolBound::WritePaths,
        _ if tool.reads_files() => ToolBound::ReadPaths,
        _ => ToolBound::AnyUse,
    }
}

/// Returns the text of a pattern that can name tools of MCP servers.
fn server_pattern(pattern: &ToolPattern) -> Option<String> {
    match pattern {
        ToolPattern::Everything | ToolPattern::Server(_) | ToolPattern::ServerTool { .. } => Some(pattern_text(pattern)),
        ToolPattern::Glob(text) if text.starts_with('@') => Some(text.clone()),
        ToolPattern::Glob(_) | ToolPattern::EveryNative | ToolPattern::Native(_) | ToolPattern::Unknown(_) => None,
    }
}

fn pattern_text(pattern: &ToolPattern) -> String {
    match pattern {
        ToolPattern::Everything => "*".to_owned(),
        ToolPattern::EveryNative => "@builtin".to_owned(),
        ToolPattern::Native(tool) => tool.name().to_owned(),
        ToolPattern::Server(server) => format!("@{server}"),
        ToolPattern::ServerTool { server, tool } => format!("@{server}/{tool}"),
        ToolPattern::Glob(text) | ToolPattern::Unknown(text) => text.clone(),
    }
}
