//! Hooks and MCP servers: commands that start without being asked for.

use remit_agent::{HookTrigger, McpServer, McpTransport};

use super::Context;
use crate::digest::sha256;
use crate::{Start, StartKind};

/// Lists them in the order of the file. A server that is disabled does not start; one that is reached over HTTP is no
/// command.
pub(super) fn compile(context: &mut Context<'_>) -> Vec<Start> {
    let let_through = let_through(context);
    let context = &*context;
    let hooks = context.agent.file.hooks.iter().filter_map(|hook| {
        let command = hook.command.as_ref()?;
        let kind = StartKind::Hook {
            trigger: trigger(hook.trigger.value).to_owned(),
            matcher: hook.matcher.as_ref().map(|matcher| matcher.value.clone()),
            lets_through: hook.trigger.value == HookTrigger::PreToolUse && let_through.contains(&command.value),
        };
        let env = std::collections::BTreeMap::new();
        Some(Start { kind, command: command.value.clone(), env, origin: context.origin(command.span) })
    });
    let servers = context.agent.file.mcp_servers.iter().filter_map(|server| start(context, server));
    hooks.chain(servers).collect()
}

/// Returns the commands of the hooks that block only as in the products. One that no hook has is an error: the hook that was
/// meant would block otherwise than the file says.
fn let_through(context: &mut Context<'_>) -> Vec<String> {
    let agent = context.agent;
    let Some(sandbox) = &agent.file.settings.sandbox else { return Vec::new() };
    let guards = || agent.file.hooks.iter().filter(|hook| hook.trigger.value == HookTrigger::PreToolUse);
    for named in &sandbox.value.let_through {
        if !guards().any(|hook| hook.command.as_ref().is_some_and(|command| command.value == named.value)) {
            let error =
                context.error("unknown-hook", named.span, format!("no `preToolUse` hook has the command `{}`", named.value));
            context.report(error.help("write the `command` of the hook as it stands in `hooks`"));
        }
    }
    sandbox.value.let_through.iter().map(|named| named.value.clone()).collect()
}

fn start(context: &Context<'_>, server: &McpServer) -> Option<Start> {
    let McpTransport::Stdio { command: Some(command), args } = &server.transport else { return None };
    if server.disabled {
        return None;
    }
    let words = std::iter::once(command).chain(args).map(|word| quoted(&word.value));
    Some(Start {
        kind: StartKind::McpServer { name: server.name.value.clone() },
        command: words.collect::<Vec<_>>().join(" "),
        env: server.env.iter().map(|(name, value)| (name.value.clone(), sha256(value.value.as_bytes()))).collect(),
        origin: context.origin(server.span),
    })
}

/// Returns the word so that a shell would read it as it is.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "@%+=:,./-_".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn trigger(trigger: HookTrigger) -> &'static str {
    match trigger {
        HookTrigger::AgentSpawn => "agentSpawn",
        HookTrigger::UserPromptSubmit => "userPromptSubmit",
        HookTrigger::PreToolUse => "preToolUse",
        HookTrigger::PostToolUse => "postToolUse",
        HookTrigger::Stop => "stop",
    }
}
