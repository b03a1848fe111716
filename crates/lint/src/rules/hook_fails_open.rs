use remit_agent::{Hook, HookTrigger, NativeTool, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, products};

/// The tools that a hook before a tool's use is put there to guard.
const GUARDED: [NativeTool; 3] = [NativeTool::Shell, NativeTool::Write, NativeTool::Aws];

pub(crate) static RULE: Rule = Rule {
    name: "hook-fails-open",
    severity: Severity::Warning,
    what: "Finds `preToolUse` hooks on the shell, the writing tool or `use_aws`, which do not hold when they fail.",
    why: "Only the exit code 2 stops the tool. A hook that ends with another code, cannot be started or takes longer than \
          `timeout_ms` lets it through. With `cache_ttl_seconds` one answer holds for every call until it expires, whatever the \
          later calls are.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "hooks": { "preToolUse": [{ "matcher": "execute_bash", "command": "./guard.sh" }] }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["cargo test"], "denyByDefault": true } }
}"#,
    },
    cure: "Say what may run in `allowedCommands` and what may be written in `allowedPaths`; let a hook that stays end with code 2 \
           whatever goes wrong in it, and give it no `cache_ttl_seconds`.",
    check,
};

fn check(rule: &Rule, input: &Facts) -> Vec<Diagnostic> {
    let guards = input.file.hooks.iter().filter(|hook| hook.trigger.value == HookTrigger::PreToolUse && guards(hook));
    guards.map(|hook| finding(rule, input, hook)).collect()
}

fn guards(hook: &Hook) -> bool {
    let Some(matcher) = &hook.matcher else { return true };
    GUARDED.iter().any(|tool| products::covers(&matcher.value, *tool))
}

fn finding(rule: &Rule, input: &Facts, hook: &Hook) -> Diagnostic {
    let place = hook.command.as_ref().map_or(hook.span, |command| command.span);
    let cached = hook.cache_ttl_seconds.as_ref().filter(|seconds| seconds.value > 0);
    let finding = match cached {
        None => rule.finding(input, place, "this hook guards nothing when it fails").label("only exit code 2 stops the tool"),
        Some(seconds) => rule
            .finding(input, place, "this hook guards only the first call, and nothing when it fails")
            .label("only exit code 2 stops the tool")
            .also(input.at(seconds.span), format!("its answer holds for every call for {} seconds", seconds.value)),
    };
    finding
        .note("in Kiro CLI and Amazon Q CLI another exit code, a failed start and a time-out let the tool through")
        .help("say what may run in `allowedCommands` or `allowedPaths`, and end the hook with code 2 on every failure")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check as found;

    #[test]
    fn only_hooks_before_a_guarded_tool_count() {
        let hook =
            |trigger: &str, rest: &str| format!(r#"{{"name":"example","hooks":{{"{trigger}":[{{"command":"x"{rest}}}]}}}}"#);
        found(&RULE, &hook("preToolUse", ""), &["\"x\""]);
        found(&RULE, &hook("preToolUse", r#","matcher":"*""#), &["\"x\""]);
        found(&RULE, &hook("preToolUse", r#","matcher":"fs_write""#), &["\"x\""]);
        found(&RULE, &hook("preToolUse", r#","matcher":"shell","cache_ttl_seconds":60"#), &["\"x\""]);
        found(&RULE, &hook("preToolUse", r#","matcher":"fs_read""#), &[]);
        found(&RULE, &hook("preToolUse", r#","matcher":"@git/push""#), &[]);
        found(&RULE, &hook("postToolUse", ""), &[]);
    }
}
