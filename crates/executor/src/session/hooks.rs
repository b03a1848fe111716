//! The agent's hooks: commands that were approved with the policy, run where the tools run.
//!
//! A `preToolUse` hook is a guard: the call happens only if it ends with 0. In the products one that times out, crashes,
//! or ends with another code than 2 lets the call through.

use remit_agent::{Hook, HookTrigger, NativeTool};
use remit_policy::{Request, Start, StartKind, Verdict};
use serde_json::{Value, json};

use super::{Answer, Content, Refusal, Session};
use crate::audit::AuditEvent;
use crate::tools::cut_middle;
use crate::worker::protocol::{Reply, What};

/// Bytes, when a hook does not say: as in the products.
const LONGEST: u64 = 10_240;
/// What a hook is given at most of a tool's arguments or answer: what fits into a pipe.
const OCCASION: usize = 48_000;

impl Session {
    /// Runs the guards of a call.
    pub(super) async fn before(&self, name: &str, input: &Value) -> Result<(), Refusal> {
        for hook in self.of(HookTrigger::PreToolUse, Some(name)) {
            let occasion = json!({ "tool_name": name, "tool_input": cut(input) });
            let kind = self.start(hook).map(|start| start.kind);
            let lets_through = matches!(kind, Some(StartKind::Hook { lets_through_after: Some(_), .. }));
            let blocked = match self.run(hook, occasion).await? {
                Reply::Hooked { code: Some(0), .. } => continue,
                Reply::Hooked { code, .. } if lets_through && code != Some(2) => continue,
                Reply::Failed { .. } if lets_through => continue,
                Reply::Hooked { timed_out: true, .. } => "it took too long".to_owned(),
                Reply::Hooked { code: Some(code), stderr, .. } => format!("exit status {code}: {}", stderr.trim()),
                Reply::Hooked { code: None, .. } => "it was killed".to_owned(),
                Reply::Failed { why, .. } => why,
                Reply::Resolved(_) | Reply::Progress(_) | Reply::Done(_) | Reply::Tools(_) => {
                    "the worker did not run it".to_owned()
                }
            };
            let command = hook.command.as_ref().map_or("", |command| command.value.as_str());
            return Err(Refusal {
                why: format!("blocked by the `preToolUse` hook `{command}`: {blocked}"),
                help: Some("a hook that does not end with 0 blocks the call".to_owned()),
            });
        }
        Ok(())
    }

    /// Runs what comes after a call; it cannot undo anything, and what it prints is told.
    pub(super) async fn after(&self, name: &str, input: &Value, mut answer: Answer) -> Answer {
        for hook in self.of(HookTrigger::PostToolUse, Some(name)) {
            let text: Vec<&str> = answer
                .content
                .iter()
                .filter_map(|content| match content {
                    Content::Text(text) => Some(text.as_str()),
                    Content::Image { .. } => None,
                })
                .collect();
            let response = json!({ "success": !answer.is_error, "result": [cut_middle(&text.join("\n"), OCCASION / 2)] });
            let occasion = json!({ "tool_name": name, "tool_input": cut(input), "tool_response": response });
            if let Ok(Reply::Hooked { code, stderr, .. }) = self.run(hook, occasion).await
                && code != Some(0)
                && !stderr.trim().is_empty()
            {
                answer.content.push(Content::Text(format!("[postToolUse hook] {}", stderr.trim())));
            }
        }
        answer
    }

    /// Runs the hooks of a session's start, and returns what they print, which is for the model.
    pub async fn spawned(&self) -> String {
        let mut texts = Vec::new();
        for hook in self.of(HookTrigger::AgentSpawn, None) {
            if let Ok(Reply::Hooked { code: Some(0), stdout, .. }) = self.run(hook, json!({})).await
                && !stdout.trim().is_empty()
            {
                texts.push(stdout.trim().to_owned());
            }
        }
        texts.join("\n\n")
    }

    fn of(&self, trigger: HookTrigger, tool: Option<&str>) -> Vec<&Hook> {
        let hooks = self.agent.file.hooks.iter().filter(|hook| hook.trigger.value == trigger);
        hooks.filter(|hook| tool.is_none_or(|tool| matches(hook, tool))).collect()
    }

    /// Returns a hook as the policy knows it.
    fn start(&self, hook: &Hook) -> Option<Start> {
        let sandbox = self.agent.file.settings.sandbox.as_ref();
        Start::of_hook(hook, sandbox.map_or(&[], |sandbox| &sandbox.value.let_through))
    }

    async fn run(&self, hook: &Hook, mut occasion: Value) -> Result<Reply, Refusal> {
        let (trigger, command) =
            (trigger(hook.trigger.value), hook.command.as_ref().map_or("", |command| command.value.as_str()));
        if let Some(occasion) = occasion.as_object_mut() {
            occasion.insert("hook_event_name".to_owned(), trigger.into());
            occasion.insert("cwd".to_owned(), self.policy.workspace.as_str().into());
        }
        let start = self.start(hook).ok_or_else(|| Refusal::new("a hook has no command"))?;
        // The same gate as for every other act: what is not a hook of the approved policy does not run.
        let permit = match self.gate.decide(Request::Start(start)) {
            Verdict::Allow(permit) => permit,
            Verdict::Ask(_) => return Err(Refusal::new("a hook cannot be asked about")),
            Verdict::Deny(reason) => {
                let outcome = format!("denied: {}", reason.why);
                let event = AuditEvent::Hooked { trigger: trigger.into(), command: command.into(), outcome: outcome.into() };
                self.audit.append(&event).map_err(|error| super::unrecorded(&error))?;
                return Err(Refusal::of(&reason));
            }
        };
        let what = What::Hook {
            command: command.to_owned(),
            input: occasion.to_string(),
            timeout_ms: Start::time_limit(hook),
            longest: usize::try_from(hook.max_output_size.as_ref().map_or(LONGEST, |size| size.value))
                .unwrap_or(usize::MAX)
                .min(1 << 20),
        };
        let reply = self.order(what, &|_| ()).await.map_err(|lost| Refusal::new(lost.why()))?;
        drop(permit);
        let outcome = match &reply {
            Reply::Hooked { timed_out: true, .. } => "took too long".to_owned(),
            Reply::Hooked { code: Some(code), .. } => format!("exit status {code}"),
            Reply::Failed { why, .. } => why.clone(),
            _ => "killed".to_owned(),
        };
        let event = AuditEvent::Hooked { trigger: trigger.into(), command: command.into(), outcome: outcome.into() };
        self.audit.append(&event).map_err(|error| super::unrecorded(&error))?;
        Ok(reply)
    }
}

fn cut(input: &Value) -> Value {
    let text = input.to_string();
    if text.len() <= OCCASION / 2 { input.clone() } else { json!({ "cut": cut_middle(&text, OCCASION / 2) }) }
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

/// Returns whether a hook is for a tool. A matcher that cannot be read is for every tool: a guard must not be lost.
fn matches(hook: &Hook, tool: &str) -> bool {
    let Some(matcher) = hook.matcher.as_ref().map(|matcher| matcher.value.as_str()) else { return true };
    let names = NativeTool::named(tool.strip_prefix("@builtin/").unwrap_or(tool)).map_or(&[][..], NativeTool::names);
    let pattern = match matcher {
        "*" => return true,
        "@builtin" | "@builtin/" | "@builtin/*" => return !names.is_empty(),
        matcher => matcher.strip_prefix("@builtin/").unwrap_or(matcher),
    };
    // `@server` is every tool of that server.
    let server = tool.split_once('/').map_or(tool, |(server, _)| server);
    match globset::Glob::new(pattern) {
        Ok(glob) => {
            let glob = glob.compile_matcher();
            glob.is_match(tool)
                || (tool.starts_with('@') && glob.is_match(server))
                || names.iter().any(|name| glob.is_match(name))
        }
        Err(_) => true,
    }
}
