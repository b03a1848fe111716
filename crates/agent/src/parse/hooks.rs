//! `hooks`: for each trigger a list of commands. Their keys are in snake case, unlike the rest of the file.

use remit_diagnostics::{Severity, Spanned};

use super::findings::Findings;
use super::reader;
use crate::json::{Entry, Kind, Value};
use crate::{Hook, HookTrigger, codes, nearest};

pub(super) const TRIGGERS: &[(&str, HookTrigger)] = &[
    ("agentSpawn", HookTrigger::AgentSpawn),
    ("userPromptSubmit", HookTrigger::UserPromptSubmit),
    ("preToolUse", HookTrigger::PreToolUse),
    ("postToolUse", HookTrigger::PostToolUse),
    ("stop", HookTrigger::Stop),
];

pub(super) const KEYS: &[&str] = &["command", "matcher", "timeout_ms", "max_output_size", "cache_ttl_seconds"];

pub(super) fn hooks(findings: &mut Findings, value: &Value) -> Vec<Hook> {
    let mut hooks = Vec::new();
    for Entry { key, value } in reader::entries(findings, value, "hooks") {
        let Some((name, trigger)) = TRIGGERS.iter().find(|(name, _)| *name == key.value) else {
            let message = format!("unknown trigger `{}`", codes::abridged(&key.value));
            if let Some(meant) = nearest(&key.value, TRIGGERS.iter().map(|(name, _)| *name)) {
                findings.misnamed(codes::UNKNOWN_TRIGGER, key, message, meant);
            } else {
                let help = "use `agentSpawn`, `userPromptSubmit`, `preToolUse`, `postToolUse` or `stop`";
                findings.error(codes::UNKNOWN_TRIGGER, key.span, message, help);
            }
            continue;
        };
        let trigger = Spanned::new(*trigger, key.span);
        match &value.kind {
            Kind::List(values) => hooks.extend(values.iter().filter_map(|value| hook(findings, trigger.clone(), value))),
            _ => reader::wrong_type(findings, value, &reader::key(&format!("hooks.{name}")), "a list of objects")
                .unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use super::super::testing::told;

    #[test]
    fn a_hook_has_a_known_trigger_and_a_command() {
        assert_eq!(
            told(
                r#"{ "hooks": { "agentSpawn": [{ "command": "a" }], "stop": [], "preToolUse":
                     [{ "command": "b", "matcher": "execute_bash", "timeout_ms": 1, "max_output_size": 2, "cache_ttl_seconds": 3 }] } }"#
            ),
            ""
        );
        insta::assert_snapshot!(told(r#"{ "hooks": { "preToolCall": [], "onStart": [], "stop": {}, "agentSpawn": [1,
            { "command": "a", "description": "b", "timeoutMs": 1 }, { "matcher": "x" }, { "command": 1, "timeout_ms": -1 },
            { "command": "c", "timeout_ms": 1.5, "max_output_size": "1" }] } }"#), @"
        error[unknown-trigger] 1:14: unknown trigger `preToolCall`; use `agentSpawn`, `userPromptSubmit`, `preToolUse`, `postToolUse` or `stop`
        error[unknown-trigger] 1:33: unknown trigger `onStart`; use `agentSpawn`, `userPromptSubmit`, `preToolUse`, `postToolUse` or `stop`
        error[wrong-type] 1:56: `hooks.stop` must be a list of objects, not an object
        error[wrong-type] 1:75: a hook must be an object, not the number `1`
        warning[unknown-key] 2:31: unknown key `description` in a hook; remove the key: nothing reads it
        warning[unknown-key] 2:51: unknown key `timeoutMs` in a hook; did you mean `timeout_ms`?
        error[missing-key] 2:69: a hook without `command`; add the command that the hook runs
        error[wrong-type] 2:102: `command` must be a string, not the number `1`
        error[wrong-type] 2:119: `timeout_ms` must be a whole number from 0 to 18446744073709551615, not the number `-1`
        error[wrong-type] 3:45: `timeout_ms` must be a whole number from 0 to 18446744073709551615, not the number `1.5`
        error[wrong-type] 3:69: `max_output_size` must be a whole number, not a string
        ");
    }
}
