use remit_agent::NativeTool;
use remit_policy::{CallRule, Decision, NetworkMode, Policy, Request, ToolPattern, ToolRule};
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
    /// What is called decides: a service, an address.
    pub by_call: Vec<CallTool>,
    pub asks: Vec<String>,
    /// Tools of servers that `disabledTools` takes out.
    pub denied: Vec<String>,
    /// Names that no product has. They grant nothing.
    pub unknown: Vec<String>,
}

/// A tool whose settings judge each call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallTool {
    pub name: String,
    /// Services, or regular expressions over whole addresses.
    pub unasked: Vec<String>,
    pub never: Vec<String>,
    /// What only reads runs unasked, whatever the service.
    pub reads_unasked: bool,
    /// What becomes of the others.
    pub others: Decision,
}

/// Sorts the tools by the gate's own answers; patterns over MCP tools, whose names only the servers know, by the lists.
pub(crate) fn tools(policy: &Policy) -> Tools {
    let unknown = policy.tools.unknown.iter().map(|rule| pattern_text(&rule.pattern)).collect();
    let mut tools = Tools {
        pre_approved: Vec::new(),
        by_command: Vec::new(),
        by_path: Vec::new(),
        by_call: Vec::new(),
        asks: Vec::new(),
        denied: server_patterns(&policy.tools.denied),
        unknown,
    };
    for tool in NativeTool::ALL {
        if let Some(call) = by_call(policy, tool) {
            tools.by_call.push(call);
            continue;
        }
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

/// Returns what decides the calls of a tool; `None` where all of them are one.
fn by_call(policy: &Policy, tool: NativeTool) -> Option<CallTool> {
    let texts = |rules: &[CallRule]| rules.iter().map(|rule| rule.text.clone()).collect::<Vec<_>>();
    let approved = policy.tools.pre_approval(tool).is_some();
    let others = |narrowed: bool| if approved && !narrowed { Decision::Allow } else { Decision::Ask };
    let name = tool.name().to_owned();
    match tool {
        _ if !policy.tools.is_visible(tool) => None,
        NativeTool::Aws => policy.tools.aws.as_ref().map(|aws| CallTool {
            name,
            unasked: texts(aws.allowed.as_deref().unwrap_or_default()),
            never: texts(&aws.denied),
            reads_unasked: aws.read_only.is_some(),
            others: others(aws.allowed.is_some() || aws.read_only.is_some()),
        }),
        NativeTool::WebFetch => {
            let web = policy.tools.web.clone().unwrap_or_default();
            let closed = policy.network.mode == NetworkMode::None;
            let unasked = if closed { Vec::new() } else { texts(web.trusted.as_deref().unwrap_or_default()) };
            let others = if closed { Decision::Deny } else { others(web.trusted.is_some()) };
            Some(CallTool { name, unasked, never: texts(&web.blocked), reads_unasked: false, others })
        }
        _ => None,
    }
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
