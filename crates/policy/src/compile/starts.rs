//! Hooks and MCP servers: commands that start without being asked for.

use std::collections::BTreeMap;

use remit_agent::{Hook, HookTrigger, McpServer, McpTransport, Text};

use super::Context;
use crate::digest::sha256;
use crate::{Origin, Start, StartKind};

/// Lists them in the order of the file. A server that is disabled does not start; one that is reached over HTTP is no
/// command.
pub(super) fn compile(context: &mut Context<'_>) -> Vec<Start> {
    check_let_through(context);
    let context = &*context;
    let let_through = context.agent.file.settings.sandbox.as_ref().map_or(&[][..], |sandbox| &sandbox.value.let_through);
    let hooks = context.agent.file.hooks.iter().filter_map(|hook| {
        let origin = context.origin(hook.command.as_ref()?.span);
        Some(Start { origin, ..Start::of_hook(hook, let_through)? })
    });
    let servers = context.agent.file.mcp_servers.iter().filter_map(|server| {
        let start = Start::of_server(server)?;
        Some(Start { origin: context.origin(server.span), ..start })
    });
    hooks.chain(servers).collect()
}

impl Start {
    /// Returns what a hook of an agent file is as a start; `None` without a command. `let_through` are the commands that
    /// `sandbox.hooks.letThrough` names.
    pub fn of_hook(hook: &Hook, let_through: &[Text]) -> Option<Start> {
        let command = hook.command.as_ref()?.value.clone();
        let goes_on = hook.trigger.value == HookTrigger::PreToolUse && let_through.iter().any(|named| named.value == command);
        let kind = StartKind::Hook {
            trigger: trigger(hook.trigger.value).to_owned(),
            matcher: hook.matcher.as_ref().map(|matcher| matcher.value.clone()),
            lets_through_after: goes_on.then(|| Start::time_limit(hook)),
        };
        Some(Start { kind, command, env: BTreeMap::new(), handed_on: Vec::new(), origin: Origin::Silent })
    }

    /// Returns how long a hook may take, in milliseconds; as in the products when it does not say.
    pub fn time_limit(hook: &Hook) -> u64 {
        hook.timeout_ms.as_ref().map_or(30_000, |time| time.value)
    }

    /// Returns what a server of an agent file is as a start; `None` when it does not start, or is no command.
    pub fn of_server(server: &McpServer) -> Option<Start> {
        start(server)
    }
}

/// Looks whether each hook that is to block only as in the products is there: otherwise the one that was meant would block
/// otherwise than the file says.
fn check_let_through(context: &mut Context<'_>) {
    let agent = context.agent;
    let Some(sandbox) = &agent.file.settings.sandbox else { return };
    let guards = || agent.file.hooks.iter().filter(|hook| hook.trigger.value == HookTrigger::PreToolUse);
    for named in &sandbox.value.let_through {
        if !guards().any(|hook| hook.command.as_ref().is_some_and(|command| command.value == named.value)) {
            let error =
                context.error("unknown-hook", named.span, format!("no `preToolUse` hook has the command `{}`", named.value));
            context.report(error.help("write the `command` of the hook as it stands in `hooks`"));
        }
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
