use remit_agent::{HookTrigger, Reading};
use remit_diagnostics::{Diagnostic, Edit, Fix, Severity, Span};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "hook-verdict-cached",
    severity: Severity::Warning,
    what: "Finds `preToolUse` hooks with `cache_ttl_seconds`.",
    why: "The answer to one call is kept for the hook, not for the call: once it said yes, every later call goes through unexamined until the time is over.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "hooks": { "preToolUse": [{ "matcher": "fs_read", "command": "./guard.sh", "cache_ttl_seconds": 60 }] }
}"#,
        mended: r#"{
  "name": "example",
  "hooks": { "preToolUse": [{ "matcher": "fs_read", "command": "./guard.sh" }] }
}"#,
    },
    cure: "Remove `cache_ttl_seconds` from hooks that guard.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let guards = facts.file().hooks.iter().filter(|hook| hook.trigger.value == HookTrigger::PreToolUse);
    let cached = guards.filter_map(|hook| hook.cache_ttl_seconds.as_ref()).filter(|seconds| seconds.value > 0);
    cached
        .map(|seconds| {
            rule.finding(facts, seconds.span, format!("one answer of the hook holds for {} seconds", seconds.value))
                .label("for every call, whatever it is")
                .note("once it said yes, every later call goes through unexamined until the time is over")
                .help("remove `cache_ttl_seconds` from a hook that guards")
                .maybe_fix(always_asked(facts, seconds.span))
        })
        .collect()
}

/// Narrows: the hook is asked each time.
fn always_asked(facts: &Facts, value: Span) -> Option<Fix> {
    let before = facts.source.text().get(..value.start)?;
    let key = before.rfind("\"cache_ttl_seconds\"")?;
    let between = before.get(key..)?.strip_prefix("\"cache_ttl_seconds\"")?;
    let entry = Span::new(key, value.end);
    (between.trim() == ":").then(|| Fix::new("remove `cache_ttl_seconds`", vec![Edit::remove_entry(facts.source, entry)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn the_fix_removes_the_key() {
        let hook = |keys: &str| format!(r#"{{"hooks": {{"preToolUse": [{{"command": "x"{keys}}}]}}}}"#);
        assert_eq!(crate::tests::fixes(&RULE, Reading::Kiro, &hook(r#", "cache_ttl_seconds" : 5"#)), [hook("")]);
    }

    #[test]
    fn only_guards_count() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Remit, file, expected);
        check(
            r#"{"hooks": {"preToolUse": [{"command": "x", "cache_ttl_seconds": 0}], "agentSpawn": [{"command": "x", "cache_ttl_seconds": 9}]}}"#,
            &[],
        );
        check(r#"{"hooks": {"preToolUse": [{"command": "x", "cache_ttl_seconds": 9}]}}"#, &["9"]);
    }
}
