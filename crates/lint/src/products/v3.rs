//! What Kiro CLI 3 says to a deed, by the rules under `permissions`: deny beats ask beats allow, and what no rule covers
//! asks. Its patterns are globs over the whole text. It is restated from its documentation; its source is closed.

use globset::Glob;
use remit_agent::{PermissionRule, Permissions};
use remit_policy::Decision;

/// Returns what is done with `deed`, which is a command, a path or an address, under a capability.
pub(crate) fn judge_v3(permissions: &Permissions, capability: &str, deed: &str) -> Decision {
    let effects = permissions.rules.iter().filter(|rule| v3_covers(rule, capability, deed)).map(|rule| {
        match rule.effect.as_ref().map(|effect| effect.value.as_str()) {
            Some("allow") => Decision::Allow,
            Some("deny") => Decision::Deny,
            _ => Decision::Ask,
        }
    });
    effects.max().unwrap_or(Decision::Ask)
}

/// Returns whether a rule is about the deed, whatever it says of it.
pub(crate) fn v3_covers(rule: &PermissionRule, capability: &str, deed: &str) -> bool {
    let is_about = rule.capability.as_ref().is_some_and(|covering| match covering.value.as_str() {
        "all" => true,
        "builtin" => capability != "mcp",
        "filesystem" => matches!(capability, "fs_read" | "fs_write"),
        other => other == capability,
    });
    let matches = |pattern: &remit_agent::Text| v3_glob_covers(&pattern.value, deed);
    is_about && (rule.patterns.is_empty() || rule.patterns.iter().any(matches)) && !rule.exclude.iter().any(matches)
}

/// Returns whether a glob covers the text. One that does not compile covers nothing.
pub(crate) fn v3_glob_covers(pattern: &str, deed: &str) -> bool {
    pattern == "*" || Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(deed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_rule_decides() {
        let file = r#"{"permissions": {"rules": [
            {"capability": "shell", "match": ["git *"], "exclude": ["git push *"], "effect": "allow"},
            {"capability": "all", "match": ["git reset *"], "effect": "deny"},
            {"capability": "filesystem", "effect": "allow"},
            {"capability": "fs_write", "match": ["**/.env"], "effect": "ask"}]}}"#;
        let permissions = remit_agent::parse("a.json", file.as_bytes()).file.permissions.unwrap().value;
        let check = |capability: &str, deed: &str, expected: Decision| {
            assert_eq!(judge_v3(&permissions, capability, deed), expected, "{capability} {deed}");
        };
        check("shell", "git status", Decision::Allow);
        check("shell", "git push x", Decision::Ask);
        check("shell", "git reset x", Decision::Deny);
        check("shell", "ls", Decision::Ask);
        check("fs_read", "a/.env", Decision::Allow);
        check("fs_write", "a/.env", Decision::Ask);
        check("mcp", "x", Decision::Ask);
    }
}
