//! The SARIF log against the schema of its standard.
//!
//! `crates/diagnostics/fixtures/sarif-schema-2.1.0.json` is the schema that OASIS Open publishes with the standard, unchanged.

use serde_json::{Value, json};

use super::*;
use crate::Edit;

const RULES: [RuleText; 2] = [
    RuleText { name: "a-code", severity: Severity::Warning, what: "Finds a.", why: "It harms.", cure: "Write b." },
    RuleText { name: "other", severity: Severity::Error, what: "Finds o.", why: "It harms.", cure: "Write p." },
];

fn finding() -> Diagnostic {
    let source = Source::new("agents/a b.json", "{\n  \"é\": 1\n}");
    Diagnostic::warning("a-code", &source, Span::new(4, 8), "see [this](https://example.org) \u{1b}[2J")
        .also(Location { source: source.clone(), span: Span::new(0, 1) }, "there")
        .note("a note")
        .help("a cure")
        .fix(Fix::new("mend it", vec![Edit { span: Span::new(4, 8), replacement: "\"b\"".to_owned() }]))
}

fn log(findings: &[Diagnostic]) -> Value {
    serde_json::to_value(render_sarif(findings.iter(), &RULES, "1.2.3")).unwrap()
}

fn errors(log: &Value) -> Vec<String> {
    let mut schema: Value = serde_json::from_str(include_str!("../../../fixtures/sarif-schema-2.1.0.json")).unwrap();
    // A bracket in these closes nothing, which the validator refuses. Nothing here has a language.
    for object in ["run", "toolComponent"] {
        schema["definitions"][object]["properties"]["language"]["pattern"] = json!("^[a-zA-Z]{2}");
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(log).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_log_is_of_the_standard() {
    let elsewhere = Diagnostic::error("not-in-the-table", &Source::new("/tmp/é.json", ""), Span::at(0), "a message");
    for findings in [vec![], vec![finding()], vec![finding(), elsewhere]] {
        assert_eq!(errors(&log(&findings)), [""; 0]);
    }
    // And the schema does find something.
    let mut log = log(&[finding()]);
    log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = json!(0);
    assert_eq!(errors(&log).len(), 1);
}

#[test]
fn a_finding_becomes_a_result() {
    let log = log(&[finding()]);
    insta::assert_snapshot!(format!("{:#}", log["runs"][0]["results"]), @r#"
    [
      {
        "fixes": [
          {
            "artifactChanges": [
              {
                "artifactLocation": {
                  "uri": "agents/a%20b.json"
                },
                "replacements": [
                  {
                    "deletedRegion": {
                      "byteLength": 4,
                      "byteOffset": 4,
                      "endColumn": 6,
                      "endLine": 2,
                      "startColumn": 3,
                      "startLine": 2
                    },
                    "insertedContent": {
                      "text": "\"b\""
                    }
                  }
                ]
              }
            ],
            "description": {
              "text": "mend it"
            }
          }
        ],
        "level": "warning",
        "locations": [
          {
            "physicalLocation": {
              "artifactLocation": {
                "uri": "agents/a%20b.json"
              },
              "region": {
                "byteLength": 4,
                "byteOffset": 4,
                "endColumn": 6,
                "endLine": 2,
                "startColumn": 3,
                "startLine": 2
              }
            }
          }
        ],
        "message": {
          "text": "see [this] (https://example.org) \\u{1b}[2J\na note\na cure"
        },
        "relatedLocations": [
          {
            "id": 0,
            "message": {
              "text": "there"
            },
            "physicalLocation": {
              "artifactLocation": {
                "uri": "agents/a%20b.json"
              },
              "region": {
                "byteLength": 1,
                "byteOffset": 0,
                "endColumn": 2,
                "endLine": 1,
                "startColumn": 1,
                "startLine": 1
              }
            }
          }
        ],
        "ruleId": "a-code",
        "ruleIndex": 0
      }
    ]
    "#);
}

#[test]
fn a_rule_becomes_a_row_of_the_table() {
    let log = log(&[]);
    insta::assert_snapshot!(format!("{:#}", log["runs"][0]["tool"]), @r#"
    {
      "driver": {
        "name": "Remit",
        "rules": [
          {
            "defaultConfiguration": {
              "level": "warning"
            },
            "fullDescription": {
              "text": "It harms."
            },
            "help": {
              "text": "Write b."
            },
            "id": "a-code",
            "name": "ACode",
            "shortDescription": {
              "text": "Finds a."
            }
          },
          {
            "defaultConfiguration": {
              "level": "error"
            },
            "fullDescription": {
              "text": "It harms."
            },
            "help": {
              "text": "Write p."
            },
            "id": "other",
            "name": "Other",
            "shortDescription": {
              "text": "Finds o."
            }
          }
        ],
        "version": "1.2.3"
      }
    }
    "#);
}
