use remit_agent::NativeTool;
use remit_policy::{Decision, Policy, Request, ToolPattern, ToolRule};
use serde::Serialize;

/// The tools that the agent sees. Every other is absent: a call to it is denied.
///
/// Each is a tool's name, or a pattern over the tools of MCP servers as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tools {
    /// Any use of them runs unasked.
    pub pre_approved: Vec<String>,
    /// The command line decides: see the commands.
    pub by_command: Vec<String>,
    /// The path decides: unasked where the policy's read or write grants reach, asked elsewhere.
    pub by_path: Vec<String>,
    pub asks: Vec<String>,
    /// Names that no product has. They grant nothing.
    pub unknown: Vec<String>,
}

/// Sorts the tools by the gate's own answers; patterns over MCP tools, whose names only the servers know, by the lists.
pub(crate) fn tools(policy: &Policy) -> Tools {
    let unknown = policy.tools.unknown.iter().map(|rule| pattern_text(&rule.pattern)).collect();
    let mut tools = Tools { pre_approved: Vec::new(), by_command: Vec::new(), by_path: Vec::new(), asks: Vec::new(), unknown };
    for tool in NativeTool::ALL {
        let name = tool.name().to_owned();
        let (decision, _) = policy.judge(&Request::Tool(name.clone()));
        let list = match (decision, tool) {
            (Decision::Deny, _) => continue,
            (_, NativeTool::Write) => &mut tools.by_path,
            _ if tool.reads_files() => &mut tools.by_path,
            (_, NativeTool::Shell) if policy.commands.everything.is_none() => &mut tools.by_command,
            (Decision::Allow, _) => &mut tools.pre_approved,
            (Decision::Ask, _) => &mut tools.asks,
        };
        list.push(name);
    }
    let allowed = server_patterns(&policy.tools.allowed);
    tools.asks.extend(server_patterns(&policy.tools.visible).into_iter().filter(|name| !allowed.contains(name)));
    tools.pre_approved.extend(allowed);
    tools
}

/// Returns the texts of the patterns that can name tools of MCP servers.
fn server_patterns(rules: &[ToolRule]) -> Vec<String> {
    let can_name = |pattern: &ToolPattern| match pattern {
        ToolPattern::Everything | ToolPattern::Server(_) | ToolPattern::ServerTool { .. } => true,
        ToolPattern::Glob(text) => text.starts_with('@'),
        ToolPattern::EveryNative | ToolPattern::Native(_) | ToolPattern::Unknown(_) => false,
    };
    rules.iter().filter(|rule| can_name(&rule.pattern)).map(|rule| pattern_text(&rule.pattern)).collect()
}

fn pattern_text(pattern: &ToolPattern) -> String {
    match pattern {
        ToolPattern::Everything => "@* (every tool of every MCP server)".to_owned(),
        ToolPattern::EveryNative => "@builtin".to_owned(),
        ToolPattern::Native(tool) => tool.name().to_owned(),
        ToolPattern::Server(server) => format!("@{server}"),
        ToolPattern::ServerTool { server, tool } => format!("@{server}/{tool}"),
        ToolPattern::Glob(text) | ToolPattern::Unknown(text) => text.clone(),
    }
}
