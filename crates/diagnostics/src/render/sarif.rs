use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use crate::render::each::Each;
use crate::render::visible::shown;
use crate::{Diagnostic, Fix, Location, Severity, Source, Span};

#[cfg(test)]
mod tests;

/// What a rule is, for the table of a SARIF log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleText<'a> {
    /// The code of its findings.
    pub name: &'a str,
    pub severity: Severity,
    /// What the rule looks for: a sentence.
    pub what: &'a str,
    /// What happens to somebody who leaves it so.
    pub why: &'a str,
    /// What to write in its place.
    pub cure: &'a str,
}

/// Returns the diagnostics as a SARIF 2.1.0 log of one run, which is made while it is written: each result when its turn comes.
///
/// `rules` is the table that results point into; a finding whose code is not in it has no entry there, and is a result
/// all the same. Columns count characters.
pub fn render_sarif<'a>(
    diagnostics: impl Iterator<Item = &'a Diagnostic> + Clone,
    rules: &[RuleText],
    version: &str,
) -> impl Serialize {
    let table: Vec<Value> = rules.iter().map(rule).collect();
    Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        runs: [Run {
            column_kind: "unicodeCodePoints",
            results: Each(diagnostics.map(move |finding| result(finding, rules))),
            tool: json!({ "driver": { "name": "Remit", "version": version, "rules": table } }),
        }],
        version: "2.1.0",
    }
}

#[derive(Serialize)]
struct Log<R: Serialize> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    runs: [Run<R>; 1],
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<R: Serialize> {
    column_kind: &'static str,
    results: R,
    tool: Value,
}

fn rule(rule: &RuleText) -> Value {
    json!({
        "id": rule.name,
        "name": pascal(rule.name),
        "shortDescription": message(rule.what),
        "fullDescription": message(rule.why),
        "help": message(rule.cure),
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn result(finding: &Diagnostic, rules: &[RuleText]) -> Value {
    // A viewer shows nothing else of a finding, so what follows from it and the cure are said here too.
    let said = std::iter::once(&finding.message).chain(&finding.notes).chain(&finding.help);
    let mut result = json!({
        "ruleId": finding.code,
        "level": level(finding.severity),
        "message": sentences(said.map(String::as_str)),
        "locations": [location(&finding.location)],
    });
    if let Some(index) = rules.iter().position(|rule| rule.name == finding.code) {
        insert(&mut result, "ruleIndex", json!(index));
    }
    if !finding.labels.is_empty() {
        let labels = finding.labels.iter().enumerate().map(|(id, label)| {
            let mut value = location(&label.location);
            insert(&mut value, "id", json!(id));
            insert(&mut value, "message", message(&label.text));
            value
        });
        insert(&mut result, "relatedLocations", labels.collect());
    }
    if let Some(fix) = &finding.fix {
        insert(&mut result, "fixes", json!([fix_value(&finding.location.source, fix)]));
    }
    result
}

fn fix_value(source: &Source, fix: &Fix) -> Value {
    let replacements = fix
        .edits
        .iter()
        .map(|edit| json!({ "deletedRegion": region(source, edit.span), "insertedContent": { "text": edit.replacement } }));
    json!({
        "description": message(&fix.title),
        "artifactChanges": [{
            "artifactLocation": artifact(source),
            "replacements": replacements.collect::<Vec<Value>>(),
        }],
    })
}

fn location(location: &Location) -> Value {
    json!({ "physicalLocation": {
        "artifactLocation": artifact(&location.source),
        "region": region(&location.source, location.span),
    }})
}

fn artifact(source: &Source) -> Value {
    json!({ "uri": uri(source.name()) })
}

fn region(source: &Source, span: Span) -> Value {
    let (start, end) = (source.line_column(span.start), source.line_column(span.end));
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
        "byteOffset": span.start,
        "byteLength": span.len(),
    })
}

/// Returns a text as a message.
fn message(text: &str) -> Value {
    sentences(std::iter::once(text))
}

/// Returns a message of one line for each text, in plain text. A viewer makes a link of `[words](target)`, and a file
/// is not to set any.
fn sentences<'t>(texts: impl Iterator<Item = &'t str>) -> Value {
    let lines: Vec<String> = texts.map(|text| shown(text).replace("](", "] (")).collect();
    json!({ "text": lines.join("\n") })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// Returns a path as a URI reference, relative where the path is.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// Returns `a-name` as `AName`, which viewers show as a title.
fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    name.split('-').map(word).collect()
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(entries) = object {
        entries.insert(key.to_owned(), value);
    }
}
