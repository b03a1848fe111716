//! `resources`: strings with a scheme, and objects that name a knowledge base.

use remit_diagnostics::{Severity, Spanned};

use super::findings::Findings;
use super::reader;
use crate::json::{Entry, Kind, Value};
use crate::{Resource, codes};

pub(super) const KEYS: &[&str] = &["type", "source", "name", "description", "indexType", "include", "exclude", "autoUpdate"];

pub(super) fn resources(findings: &mut Findings, value: &Value) -> Vec<Spanned<Resource>> {
    let Kind::List(values) = &value.kind else {
        return reader::wrong_type(findings, value, "`resources`", "a list").unwrap_or_default();
    };
    values.iter().filter_map(|value| resource(findings, value)).collect()
}

fn resource(findings: &mut Findings, value: &Value) -> Option<Spanned<Resource>> {
    let resource = match &value.kind {
        Kind::String(text) => match text.split_once("://") {
            Some(("file", pattern)) => Resource::File(pattern.to_owned()),
            Some(("skill", pattern)) => Resource::Skill(pattern.to_owned()),
            _ => {
                let message = format!("no product reads the resource `{}`", codes::abridged(text));
                findings.warning(codes::UNREAD_RESOURCE, value.span, message, "write it as `file://PATH` or `skill://PATH`");
                Resource::Other(text.clone())
            }
        },
        Kind::Object(entries) => knowledge_base(findings, value, entries)?,
        _ => return reader::wrong_type(findings, value, "an entry of `resources`", "a string or an object"),
    };
    Some(Spanned::new(resource, value.span))
}

fn knowledge_base(findings: &mut Findings, object: &Value, entries: &[Entry]) -> Option<Resource> {
    let (mut kind, mut source, mut name) = (None, None, None);
    for Entry { key, value } in entries {
        let what = key.value.as_str();
        match what {
            "type" => kind = reader::text(findings, value, what),
            "source" => source = reader::text(findings, value, what),
            "name" => name = reader::text(findings, value, what),
            "description" | "indexType" => drop(reader::text(findings, value, what)),
            "include" | "exclude" => drop(reader::texts(findings, value, what)),
            "autoUpdate" => drop(reader::flag(findings, value, what)),
            _ => findings.unknown_key(Severity::Warning, key, "a resource", KEYS, "remove the key: nothing reads it"),
        }
    }
    match &kind {
        Some(kind) if kind.value != "knowledgeBase" => {
            let message = format!("unknown type of resource `{}`", codes::abridged(&kind.value));
            findings.error(codes::INVALID_VALUE, kind.span, message, "write `\"knowledgeBase\"`, the only type there is");
            return None;
        }
        Some(_) => {}
        None if entries.iter().any(|entry| entry.key.value == "type") => return None,
        None => {
            findings.error(codes::MISSING_KEY, object.span, "a resource without `type`", "add `\"type\": \"knowledgeBase\"`");
            return None;
        }
    }
    if source.is_none() && entries.iter().all(|entry| entry.key.value != "source") {
        findings.error(codes::MISSING_KEY, object.span, "a knowledge base without `source`", "add `\"source\": \"file://PATH\"`");
    }
    Some(Resource::KnowledgeBase { source: source?, name })
}

#[cfg(test)]
mod tests {
    use super::super::testing::told;

    #[test]
    fn a_resource_has_a_scheme_or_is_a_knowledge_base() {
        assert_eq!(
            told(
                r#"{ "resources": ["file://README.md", "skill://x/**", { "type": "knowledgeBase", "source": "file://docs",
                     "name": "n", "description": "d", "indexType": "best", "include": ["*"], "exclude": [], "autoUpdate": true }] }"#
            ),
            ""
        );
        insta::assert_snapshot!(told(r#"{ "resources": ["README.md", "https://x", 1, {}, { "type": "other", "source": "x" },
            { "type": "knowledgeBase" }, { "type": "knowledgeBase", "source": 1 }, { "type": 1, "source": "x" },
            { "type": "knowledgeBase", "source": "x", "other": 1 }] }"#), @r#"
        warning[unread-resource] 1:17: no product reads the resource `README.md`; write it as `file://PATH` or `skill://PATH`
        warning[unread-resource] 1:30: no product reads the resource `https://x`; write it as `file://PATH` or `skill://PATH`
        error[wrong-type] 1:43: an entry of `resources` must be a string or an object, not the number `1`
        error[missing-key] 1:46: a resource without `type`; add `"type": "knowledgeBase"`
        error[invalid-value] 1:60: unknown type of resource `other`; write `"knowledgeBase"`, the only type there is
        error[missing-key] 2:13: a knowledge base without `source`; add `"source": "file://PATH"`
        error[wrong-type] 2:79: `source` must be a string, not the number `1`
        error[wrong-type] 2:94: `type` must be a string, not the number `1`
        warning[unknown-key] 3:55: unknown key `other` in a resource; remove the key: nothing reads it
        "#);
    }
}
