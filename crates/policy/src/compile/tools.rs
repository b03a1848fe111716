//! `tools` and `allowedTools`.

use remit_agent::{NativeTool, Text, nearest};

use remit_diagnostics::{Edit, Fix};

use super::Context;
use crate::tools::{Tool, glob, rule};
use crate::{ToolGrants, ToolPattern, ToolRule};

/// Compiles which tools there are and which run unasked. Without `tools` there are none.
pub(super) fn compile(context: &mut Context<'_>) -> ToolGrants {
    let mut grants = ToolGrants {
        visible: Vec::new(),
        allowed: Vec::new(),
        narrowed: Vec::new(),
        denied: denied(context),
        unknown: Vec::new(),
        aws: None,
        web: None,
    };
    let agent = context.agent;
    let tools = agent.file.tools.as_ref().map_or(&[][..], |tools| &tools.value);
    for entry in tools {
        visible(context, &mut grants, entry, tools.len() == 1);
    }
    for entry in agent.file.allowed_tools.iter().flat_map(|allowed| &allowed.value) {
        allowed(context, &mut grants, entry);
    }
    narrow(context, &mut grants);
    super::calls::compile(context, &mut grants);
    grants
}

/// Returns the tools that `disabledTools` of a server names: exact names, as in the products.
fn denied(context: &Context<'_>) -> Vec<ToolRule> {
    let servers = context.agent.file.mcp_servers.iter();
    let named = servers.flat_map(|server| server.disabled_tools.iter().map(|tool| (server.name.value.clone(), tool)));
    named
        .map(|(server, tool)| ToolRule {
            pattern: ToolPattern::ServerTool { server, tool: tool.value.clone() },
            origin: context.origin(tool.span),
        })
        .collect()
}

fn visible(context: &mut Context<'_>, grants: &mut ToolGrants, entry: &Text, alone: bool) {
    let origin = context.origin(entry.span);
    match name(&entry.value) {
        _ if entry.value == "*" && alone => grants.visible.push(ToolRule { pattern: ToolPattern::Everything, origin }),
        _ if entry.value == "*" => {
            let warning = context.warning("star-beside-tools", entry.span, "`*` beside other tools stands for nothing");
            let fix = Fix::new("remove `*`", vec![Edit::remove_entry(&context.agent.source, entry.span)]);
            context.report(
                warning
                    .fix(fix)
                    .note("the products read `*` only where it is the single entry, so that the others would name all tools")
                    .help("keep `*` alone, or remove it"),
            );
        }
        Some(pattern) => grants.visible.push(ToolRule { pattern, origin }),
        None => {
            unknown(context, entry, "no product has a tool");
            grants.unknown.push(ToolRule { pattern: ToolPattern::Unknown(entry.value.clone()), origin });
        }
    }
}

fn allowed(context: &mut Context<'_>, grants: &mut ToolGrants, entry: &Text) {
    let origin = context.origin(entry.span);
    let text = entry.value.as_str();
    let pattern = match name(text) {
        Some(pattern) => pattern,
        // Here a bare `*` has never covered the tools of servers.
        None if text == "*" => ToolPattern::EveryNative,
        None if text.contains(['*', '?', '[', '{']) => match glob(text) {
            Ok(_) => ToolPattern::Glob(text.to_owned()),
            Err(failure) => {
                let error = context.error("bad-tool-glob", entry.span, format!("`{text}` does not compile: {}", failure.kind()));
                return context.report(error.help("close what is open, or name the tools one by one"));
            }
        },
        None => {
            unknown(context, entry, "no product has a tool");
            return grants.unknown.push(ToolRule { pattern: ToolPattern::Unknown(entry.value.clone()), origin });
        }
    };
    let rule = ToolRule { pattern, origin };
    if touches_visible(&rule, grants) {
        grants.allowed.push(rule);
    } else {
        let warning = context.warning(
            "allowed-not-visible",
            entry.span,
            format!("`{text}` is no tool of this agent, so this allows nothing"),
        );
        let fix = Fix::new(format!("remove `{text}`"), vec![Edit::remove_entry(&context.agent.source, entry.span)]);
        context.report(warning.help(format!("add `{text}` to `tools`, or remove it here")).fix(fix));
    }
}

/// Returns what an entry names exactly: a built-in tool, all of them, a server, a server's tool.
fn name(text: &str) -> Option<ToolPattern> {
    let Some(rest) = text.strip_prefix('@') else { return NativeTool::named(text).map(ToolPattern::Native) };
    let (server, tool) = rest.split_once('/').unwrap_or((rest, "*"));
    let plain = |name: &str| !name.is_empty() && !name.contains(['*', '?', '[', ']', '{', '}', '!', '/']);
    match (server, tool) {
        ("builtin", "" | "*") => Some(ToolPattern::EveryNative),
        ("builtin", name) => NativeTool::named(name).map(ToolPattern::Native),
        (server, "*") if plain(server) => Some(ToolPattern::Server(server.to_owned())),
        (server, tool) if plain(server) && plain(tool) => {
            Some(ToolPattern::ServerTool { server: server.to_owned(), tool: tool.to_owned() })
        }
        _ => None,
    }
}

fn unknown(context: &mut Context<'_>, entry: &Text, what: &str) {
    let names = NativeTool::ALL.into_iter().flat_map(NativeTool::names).copied();
    let warning = context.warning("unknown-tool", entry.span, format!("{what} `{}`: it grants nothing", entry.value));
    context.report(match nearest(&entry.value, names) {
        Some(near) => {
            let fix = Fix::instead(&context.agent.source, entry.span, near);
            warning.help(format!("did you mean `{near}`?")).maybe_fix(fix)
        }
        None => warning.help("name a built-in tool, `@server` or `@server/tool`"),
    });
}

/// Returns whether a rule of `allowedTools` covers anything that is visible.
fn touches_visible(allowed: &ToolRule, grants: &ToolGrants) -> bool {
    let one = std::slice::from_ref(allowed);
    if NativeTool::ALL.into_iter().any(|tool| grants.is_visible(tool) && rule(one, Tool::Native(tool)).is_some()) {
        return true;
    }
    grants.visible.iter().any(|visible| match (&visible.pattern, &allowed.pattern) {
        (ToolPattern::Everything, ToolPattern::Server(_) | ToolPattern::ServerTool { .. }) => true,
        (ToolPattern::Server(one), ToolPattern::Server(other) | ToolPattern::ServerTool { server: other, .. })
        | (ToolPattern::ServerTool { server: one, .. }, ToolPattern::Server(other)) => one == other,
        (ToolPattern::ServerTool { server, tool }, _) => rule(one, Tool::Server { server, tool }).is_some(),
        // A server's tools are not known here, so a glob may cover some.
        (ToolPattern::Everything | ToolPattern::Server(_), ToolPattern::Glob(text)) => text.starts_with('@'),
        _ => false,
    })
}

/// Settings narrow: a pre-approved tool whose settings the gate cannot apply yet asks for every call.
fn narrow(context: &mut Context<'_>, grants: &mut ToolGrants) {
    let settings = &context.agent.file.settings;
    let mut narrowed = Vec::new();
    if let Some(subagent) = &settings.subagent {
        let said = subagent.value.available_agents.is_some() || subagent.value.trusted_agents.is_some();
        narrowed.extend(said.then_some((NativeTool::Subagent, subagent.span)));
        narrowed.extend(said.then_some((NativeTool::Delegate, subagent.span)));
    }
    for (tool, span) in narrowed {
        if !grants.is_visible(tool) {
            continue;
        }
        let origin = context.origin(span);
        let warning = context.warning(
            "settings-not-read",
            span,
            format!("these settings are not read yet: every call of `{}` asks", tool.name()),
        );
        context.report(warning.note("a setting that cannot be applied is not taken for an approval"));
        grants.narrowed.push(ToolRule { pattern: ToolPattern::Native(tool), origin });
    }
}
