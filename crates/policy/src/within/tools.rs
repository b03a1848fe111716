use remit_agent::NativeTool;

use super::{Beyond, Grant, rule_text};
use crate::tools::{Tool, glob, glob_covers, rule};
use crate::{AwsGrants, Decision, Policy, Request, ToolPattern, ToolRule, WebGrants};

/// Built-in tools are compared one by one, as they are judged; tools of servers, of which nobody knows all, by the rules.
pub(super) fn compare(policy: &Policy, of: &Policy, all: &mut Beyond) {
    for tool in NativeTool::ALL {
        let judge = |policy: &Policy| policy.judge(&Request::Tool(tool.name().to_owned())).0;
        let (own, other) = (judge(policy), judge(of));
        if own >= other {
            continue;
        }
        let (text, rules) = match other {
            Decision::Deny => ("has the tool", &policy.tools.visible),
            _ => ("uses without asking", &policy.tools.allowed),
        };
        let origin = rule(rules, Tool::Native(tool)).map(|rule| &rule.origin);
        all.say(Grant::Tools, format!("{text} `{}`", tool.name()), origin);
    }
    // Rules over calls are not compared in part: other rules may permit more.
    let differs = [
        (NativeTool::Aws, policy.tools.aws.as_ref().map(AwsGrants::form) != of.tools.aws.as_ref().map(AwsGrants::form)),
        (NativeTool::WebFetch, policy.tools.web.as_ref().map(WebGrants::form) != of.tools.web.as_ref().map(WebGrants::form)),
    ];
    for (tool, _) in differs.iter().filter(|(tool, differs)| *differs && policy.tools.is_visible(*tool)) {
        all.say(Grant::Tools, format!("has other rules for the calls of `{}`", tool.name()), None);
    }
    // A tool that is decided call by call may still be pre-approved as a whole.
    for tool in [NativeTool::Aws, NativeTool::WebFetch] {
        if let Some(allowed) = policy.tools.pre_approval(tool).filter(|_| of.tools.pre_approval(tool).is_none()) {
            all.say(Grant::Tools, format!("uses without asking `{}`", tool.name()), Some(&allowed.origin));
        }
    }
    let beyond = |rules: &[ToolRule], wide: &[ToolRule]| -> Vec<ToolRule> {
        rules.iter().filter(|rule| !wide.iter().any(|wide| covers(&wide.pattern, &rule.pattern))).cloned().collect()
    };
    for rule in beyond(&policy.tools.visible, &of.tools.visible) {
        all.say(Grant::Tools, format!("has the tool {}", rule_text(&rule)), Some(&rule.origin));
    }
    let taken_out = |denied: &ToolRule| policy.tools.denied.iter().any(|own| own.pattern == denied.pattern);
    let has = |denied: &ToolRule| policy.tools.visible.iter().any(|visible| covers(&visible.pattern, &denied.pattern));
    for denied in of.tools.denied.iter().filter(|denied| !taken_out(denied) && has(denied)) {
        all.say(Grant::Tools, format!("has the tool {}", rule_text(denied)), None);
    }
    // No glob reaches further than the tools that there are.
    if beyond(&policy.tools.visible, &of.tools.allowed).is_empty() {
        return;
    }
    for rule in beyond(&policy.tools.allowed, &of.tools.allowed) {
        all.say(Grant::Tools, format!("uses without asking {}", rule_text(&rule)), Some(&rule.origin));
    }
}

/// Returns whether every server's tool under `narrow` is under `wide`.
fn covers(wide: &ToolPattern, narrow: &ToolPattern) -> bool {
    let covered_by_glob = |text: &str, server: &str, tool: Option<&str>| {
        // A glob with a `/` takes tools one by one, so that it covers no server as a whole.
        glob(text).is_ok_and(|glob| match tool {
            Some(tool) => glob_covers(text, &glob, Tool::Server { server, tool }),
            None => !text.contains('/') && glob_covers(text, &glob, Tool::Server { server, tool: "" }),
        })
    };
    match (wide, narrow) {
        (_, ToolPattern::Native(_) | ToolPattern::EveryNative | ToolPattern::Unknown(_)) | (ToolPattern::Everything, _) => true,
        (_, ToolPattern::Glob(text)) if !text.starts_with('@') => true,
        (ToolPattern::Server(wide), ToolPattern::Server(server) | ToolPattern::ServerTool { server, .. }) => wide == server,
        (ToolPattern::Glob(text), ToolPattern::Server(server)) => covered_by_glob(text, server, None),
        (ToolPattern::Glob(text), ToolPattern::ServerTool { server, tool }) => covered_by_glob(text, server, Some(tool)),
        (wide, narrow) => wide == narrow,
    }
}
