//! `hooks`: for each trigger a list of commands. Their keys are in snake case, unlike the rest of the file.

use remit_diagnostics::{Severity, Spanned};

use super::findings::Findings;
use super::reader;
use crate::json::{Entry, Kind, Value};
use crate::{Hook, HookTrigger, codes, nearest};

const TRIGGERS: &[(&str, HookTrigger)] = &[
    ("agentSpawn", HookTrigger::AgentSpawn),
    ("userPromptSubmit", HookTrigger::UserPromptSubmit),
    ("preToolUse", HookTrigger::PreToolUse),
    ("postToolUse", HookTrigger::PostToolUse),
    ("stop", HookTrigger::Stop),
];

const KEYS: &[&str] = &["command", "matcher", "timeout_ms", "max_output_size", "cache_ttl_seconds"];

pub(super) fn hooks(findings: &mut Findings, value: &Value) -> Vec<Hook> {
    let mut hooks = Vec::new();
    for Entry { key, value } in reader::entries(findings, value, "hooks") {
        let Some((name, trigger)) = TRIGGERS.iter().find(|(name, _)| *name == key.value) else {
            let help = match nearest(&key.value, TRIGGERS.iter().map(|(name, _)| *name)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "use `agentSpawn`, `userPromptSubmit`, `preToolUse`, `postToolUse` or `stop`".to_owned(),
            };
            findings.error(codes::UNKNOWN_TRIGGER, key.span, format!("unknown trigger `{}`", codes::abridged(&key.value)), help);
            continue;
        };
        let trigger = Spanned::new(*trigger, key.span);
        match &value.kind {
            Kind::List(values) => hooks.extend(values.iter().filter_map(|value| hook(findings, trigger.clone(), value))),
            _ => reader::wrong_type(findings, value, &format!("hooks.{name}"), "a list of objects").unwrap_or_default(),
        }
    }
    hooks
}

fn hook(findings: &mut Findings, trigger: Spanned<HookTrigger>, value: &Value) -> Option<Hook> {
    let Kind::Object(entries) = &value.kind else { return reader::wrong_type(findings, value, "a hook", "an object") };
    let mut hook = Hook {
        trigger,
        span: value.span,
        command: None,
        matcher: None,
        timeout_ms: None,
        max_output_size: None,
        cache_ttl_seconds: None,
    };
    for Entry { key, value } in entries {
        let what = key.value.as_str();
        match what {
            "command" => hook.command = reader::text(findings, value, what),
            "matcher" => hook.matcher = reader::text_or_null(findings, value, what),
            "timeout_ms" => hook.timeout_ms = reader::whole(findings, value, what),
            "max_output_size" => hook.max_output_size = reader::whole(findings, value, what),
            "cache_ttl_seconds" => hook.cache_ttl_seconds = reader::whole(findings, value, what),
            _ => findings.unknown_key(Severity::Warning, key, "a hook", KEYS, "remove the key: nothing reads it"),
        }
    }
    if entries.iter().all(|entry| entry.key.value != "command") {
        findings.error(codes::MISSING_KEY, value.span, "a hook without `command`", "add the command that the hook runs");
    }
    Some(hook)
}
