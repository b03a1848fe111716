use serde::Serialize;
use serde_json::{Value, json};

use crate::render::each::Each;
use crate::render::visible::shown;
use crate::{Diagnostic, Location};

/// Returns the diagnostics as a list of JSON, which is made while it is written; the caller puts the `version` beside it.
///
/// What is meant for people is [visible](crate::visible). `file` and the replacements of a `fix` are exact.
pub fn render_json<'a>(diagnostics: impl Iterator<Item = &'a Diagnostic> + Clone) -> impl Serialize {
    Each(diagnostics.map(diagnostic))
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    let labels = diagnostic.labels.iter().map(|label| {
        let mut value = location(&label.location);
        insert(&mut value, "text", json!(shown(&label.text)));
        value
    });
    let mut value = location(&diagnostic.location);
    insert(&mut value, "code", json!(diagnostic.code));
    insert(&mut value, "severity", json!(diagnostic.severity));
    insert(&mut value, "message", json!(shown(&diagnostic.message)));
    insert(&mut value, "label", json!(shown(&diagnostic.label)));
    insert(&mut value, "labels", labels.collect());
    insert(&mut value, "notes", diagnostic.notes.iter().map(|note| shown(note)).collect());
    insert(&mut value, "help", json!(diagnostic.help.as_deref().map(shown)));
    insert(&mut value, "fix", json!(diagnostic.fix));
    value
}

fn location(location: &Location) -> Value {
    let start = location.source.line_column(location.span.start);
    let end = location.source.line_column(location.span.end);
    json!({
        "file": location.source.name(),
        "span": location.span,
        "line": start.line,
        "column": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(entries) = object {
        entries.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Edit, Fix, Source, Span};

    #[test]
    fn a_finding_becomes_an_object_with_every_place() {
        let source = Source::new("a.json", "{\n  \"é\": 1\n}");
        let finding = Diagnostic::warning("a-code", &source, Span::new(4, 8), "a\u{1b}message")
            .label("here")
            .also(Location { source: source.clone(), span: Span::new(0, 1) }, "there")
            .note("a note")
            .help("a cure")
            .fix(Fix::new("mend it", vec![Edit { span: Span::new(4, 8), replacement: "\t".to_owned() }]));
        insta::assert_snapshot!(serde_json::to_string_pretty(&render_json([finding].iter())).unwrap(), @r#"
        [
          {
            "code": "a-code",
            "column": 3,
            "endColumn": 6,
            "endLine": 2,
            "file": "a.json",
            "fix": {
              "edits": [
                {
                  "replacement": "\t",
                  "span": {
                    "end": 8,
                    "start": 4
                  }
                }
              ],
              "title": "mend it"
            },
            "help": "a cure",
            "label": "here",
            "labels": [
              {
                "column": 1,
                "endColumn": 2,
                "endLine": 1,
                "file": "a.json",
                "line": 1,
                "span": {
                  "end": 1,
                  "start": 0
                },
                "text": "there"
              }
            ],
            "line": 2,
            "message": "a\\u{1b}message",
            "notes": [
              "a note"
            ],
            "severity": "warning",
            "span": {
              "end": 8,
              "start": 4
            }
          }
        ]
        "#);
    }

    #[test]
    fn nothing_is_an_empty_list() {
        assert_eq!(serde_json::to_value(render_json([].iter())).unwrap(), json!([]));
    }
}
