//! Hooks and MCP servers: commands that start without being asked for.

use std::collections::BTreeMap;

use remit_agent::{Hook, HookTrigger, McpServer, McpTransport};

use super::Context;
use crate::digest::sha256;
use crate::{Origin, Start, StartKind};

/// Lists them in the order of the file. A server that is disabled does not start; one that is reached over HTTP is no
/// command.
pub(super) fn compile(context: &Context<'_>) -> Vec<Start> {
    let hooks = context.agent.file.hooks.iter().filter_map(|hook| {
        let origin = context.origin(hook.command.as_ref()?.span);
        Some(Start { origin, ..Start::of_hook(hook)? })
    });
    let servers = context.agent.file.mcp_servers.iter().filter_map(|server| {
        let start = Start::of_server(server)?;
        Some(Start { origin: context.origin(server.span), ..start })
    });
    hooks.chain(servers).collect()
}

impl Start {
    /// Returns what a hook of an agent file is as a start; `None` without a command.
    pub fn of_hook(hook: &Hook) -> Option<Start> {
        let kind = StartKind::Hook {
            trigger: trigger(hook.trigger.value).to_owned(),
            matcher: hook.matcher.as_ref().map(|matcher| matcher.value.clone()),
        };
        let command = hook.command.as_ref()?.value.clone();
        Some(Start { kind, command, env: BTreeMap::new(), handed_on: Vec::new(), origin: Origin::Silent })
    }

    /// Returns what a server of an agent file is as a start; `None` when it does not start, or is no command.
    pub fn of_server(server: &McpServer) -> Option<Start> {
        start(server)
    }
}

/// Returns the names that a value of a server's `env` takes from the caller's environment, in their order.
pub fn handed_on(value: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = value;
    while let Some((_, after)) = rest.split_once("${env:") {
        let Some((name, after)) = after.split_once('}') else { break };
        names.push(name);
        rest = after;
    }
    names
}

fn start(server: &McpServer) -> Option<Start> {
    let McpTransport::Stdio { command: Some(command), args } = &server.transport else { return None };
    if server.disabled {
        return None;
    }
    let words = std::iter::once(command).chain(args).map(|word| quoted(&word.value));
    let mut names: Vec<String> = server.env.iter().flat_map(|(_, value)| handed_on(&value.value)).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    Some(Start {
        kind: StartKind::McpServer { name: server.name.value.clone() },
        command: words.collect::<Vec<_>>().join(" "),
        env: server.env.iter().map(|(name, value)| (name.value.clone(), sha256(value.value.as_bytes()))).collect(),
        handed_on: names,
        origin: Origin::Silent,
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
