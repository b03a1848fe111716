//! `permissions`: the rules of Kiro CLI 3.

use remit_diagnostics::{Severity, Spanned};

use super::findings::Findings;
use super::reader;
use crate::json::{Entry, Kind, Value};
use crate::{PermissionRule, Permissions, Text, codes, nearest};

pub(super) const CAPABILITIES: [&str; 10] =
    ["shell", "fs_read", "fs_write", "filesystem", "mcp", "web_fetch", "web_search", "subagent", "builtin", "all"];
pub(super) const EFFECTS: [&str; 3] = ["allow", "ask", "deny"];
pub(super) const KEYS: &[&str] = &["capability", "match", "exclude", "effect"];

pub(super) fn permissions(findings: &mut Findings, value: &Value) -> Option<Spanned<Permissions>> {
    let mut permissions = Permissions::default();
    match &value.kind {
        Kind::Object(entries) => {
            for Entry { key, value } in entries {
                match key.value.as_str() {
                    "rules" => permissions.rules = rules(findings, value),
                    _ => findings.unknown_key(
                        Severity::Error,
                        key,
                        "`permissions`",
                        &["rules"],
                        "the only key is `rules`; a restriction under another key would not hold",
                    ),
                }
            }
        }
        // Its documentation shows the list bare, and its reader wants it wrapped.
        Kind::List(_) => {
            let message = "`permissions` must be an object, not a list";
            findings.error(codes::WRONG_TYPE, value.span, message, "wrap the list: `{ \"rules\": [ … ] }`");
            permissions.rules = rules(findings, value);
        }
        _ => reader::wrong_type(findings, value, "`permissions`", "an object")?,
    }
    Some(Spanned::new(permissions, value.span))
}

fn rules(findings: &mut Findings, value: &Value) -> Vec<PermissionRule> {
    match &value.kind {
        Kind::List(values) => values.iter().filter_map(|value| rule(findings, value)).collect(),
        _ => reader::wrong_type(findings, value, "`permissions.rules`", "a list of objects").unwrap_or_default(),
    }
}

fn rule(findings: &mut Findings, value: &Value) -> Option<PermissionRule> {
    let Kind::Object(entries) = &value.kind else { return reader::wrong_type(findings, value, "a rule", "an object") };
    let mut rule = PermissionRule { span: value.span, capability: None, patterns: Vec::new(), exclude: Vec::new(), effect: None };
    for Entry { key, value } in entries {
        let what = key.value.as_str();
        match what {
            "capability" => rule.capability = one_of(findings, value, what, &CAPABILITIES),
            "match" => rule.patterns = reader::texts(findings, value, what).map(|list| list.value).unwrap_or_default(),
            "exclude" => rule.exclude = reader::texts(findings, value, what).map(|list| list.value).unwrap_or_default(),
            "effect" => rule.effect = one_of(findings, value, what, &EFFECTS),
            _ => findings.unknown_key(
                Severity::Error,
                key,
                "a rule",
                KEYS,
                "the keys are `capability`, `match`, `exclude`, `effect`",
            ),
        }
    }
    for key in ["capability", "effect"] {
        if entries.iter().all(|entry| entry.key.value != key) {
            findings.error(codes::MISSING_KEY, value.span, format!("a rule without `{key}`"), format!("add `\"{key}\"`"));
        }
    }
    Some(rule)
}

fn one_of(findings: &mut Findings, value: &Value, what: &str, known: &[&str]) -> Option<Text> {
    let text = reader::text(findings, value, what)?;
    if known.contains(&text.value.as_str()) {
        return Some(text);
    }
    let help = match nearest(&text.value, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("use one of `{}`", known.join("`, `")),
    };
    findings.error(codes::INVALID_VALUE, text.span, format!("`{what}` cannot be `{}`", codes::abridged(&text.value)), help);
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::told;

    #[test]
    fn rules_are_read_where_they_stand() {
        assert_eq!(
            told(
                r#"{ "permissions": { "rules": [{ "capability": "shell", "match": ["git *"], "exclude": ["git push *"],
                     "effect": "allow" }, { "capability": "all", "effect": "ask" }] } }"#
            ),
            ""
        );
        insta::assert_snapshot!(told(r#"{ "permissions": [{ "capability": "bash", "effect": "alow" }, 1, {}] }"#), @r#"
        error[wrong-type] 1:18: `permissions` must be an object, not a list; wrap the list: `{ "rules": [ … ] }`
        error[invalid-value] 1:35: `capability` cannot be `bash`; use one of `shell`, `fs_read`, `fs_write`, `filesystem`, `mcp`, `web_fetch`, `web_search`, `subagent`, `builtin`, `all`
        error[invalid-value] 1:53: `effect` cannot be `alow`; did you mean `allow`?
        error[wrong-type] 1:63: a rule must be an object, not the number `1`
        error[missing-key] 1:66: a rule without `capability`; add `"capability"`
        error[missing-key] 1:66: a rule without `effect`; add `"effect"`
        "#);
        insta::assert_snapshot!(told(r#"{ "permissions": { "rule": [], "rules": [{ "capability": "shell", "effect": "deny", "matches": [], "match": "x" }] } }"#), @"
        error[unknown-key] 1:20: unknown key `rule` in `permissions`; did you mean `rules`?
        error[unknown-key] 1:85: unknown key `matches` in a rule; did you mean `match`?
        error[wrong-type] 1:109: `match` must be a list of strings, not a string
        ");
    }
}
