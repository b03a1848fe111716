//! The text of a file as a tree of JSON in which every value and every key knows its place.
//!
//! Two parsers must agree. `serde_json` is the judge of what is JSON, and its limit of 128 levels keeps every later
//! recursion short. `jsonc-parser`, with every leniency off, then gives the places. Whatever the two see differently
//! is an error of the file: nothing is granted on the reading of one parser alone.

use std::collections::BTreeMap;

use jsonc_parser::ast;
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use remit_diagnostics::{Diagnostic, Edit, Fix, Location, Source, Span};

use crate::Text;
use crate::codes;

/// A value and its place. The place of a string holds its quotes, that of a list or an object its brackets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    /// As written: whether it fits anything is for its reader to say.
    Number(String),
    String(String),
    List(Vec<Value>),
    /// In the order of the file, with duplicates.
    Object(Vec<Entry>),
}

/// A key and its value in an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Text,
    pub(crate) value: Value,
}

impl Value {
    /// Returns what the value is, in words that follow "found".
    pub(crate) fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::String(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Object(_) => "an object",
        }
    }
}

/// Reads the text of `source`.
///
/// # Errors
///
/// Returns the first place where the text is not JSON.
pub(crate) fn read(source: &Source) -> Result<Value, Box<Diagnostic>> {
    let text = source.text();
    if text.starts_with('\u{feff}') {
        return Err(Box::new(byte_order_mark(source)));
    }
    if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
        let error = Diagnostic::error(codes::EMPTY_FILE, source, Span::at(0), "the file is empty");
        return Err(Box::new(error.help("write an agent, at the least `{}`")));
    }
    let judged: serde_json::Value = serde_json::from_str(text).map_err(|error| Box::new(not_json(source, &error)))?;
    let tree = match parse_to_ast(text, &CollectOptions::default(), &STRICT) {
        Ok(result) => result.value.map(convert),
        Err(error) => return Err(Box::new(disagreement(source, span(error.range())))),
    };
    match tree {
        Some(value) if agree(&value, &judged) => Ok(value),
        Some(value) => Err(Box::new(disagreement(source, value.span))),
        None => Err(Box::new(disagreement(source, Span::at(0)))),
    }
}

/// Gives an error to `found` for each key that an object holds already, compared after unescaping.
pub(crate) fn duplicate_keys(source: &Source, value: &Value, found: &mut dyn FnMut(Diagnostic)) {
    match &value.kind {
        Kind::List(values) => values.iter().for_each(|value| duplicate_keys(source, value, found)),
        Kind::Object(entries) => {
            let mut first: BTreeMap<&str, Span> = BTreeMap::new();
            for entry in entries {
                if let Some(earlier) = first.get(entry.key.value.as_str()) {
                    found(duplicate_key(source, *earlier, &entry.key));
                } else {
                    first.insert(&entry.key.value, entry.key.span);
                }
                duplicate_keys(source, &entry.value, found);
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => {}
    }
}

const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

fn byte_order_mark(source: &Source) -> Diagnostic {
    let place = Span::new(0, '\u{feff}'.len_utf8());
    let edit = Edit { span: place, replacement: String::new() };
    Diagnostic::error(codes::BYTE_ORDER_MARK, source, place, "the file begins with a byte order mark")
        .help("save the file as UTF-8 without a byte order mark")
        .fix(Fix::new("remove the byte order mark", vec![edit]))
}

fn disagreement(source: &Source, place: Span) -> Diagnostic {
    Diagnostic::error(codes::SYNTAX, source, place, "two JSON parsers read this differently")
        .help("write it in plain JSON; nothing is granted on a reading that is in doubt")
}

fn not_json(source: &Source, error: &serde_json::Error) -> Diagnostic {
    let text = source.text();
    let place = place_of(text, error.line(), error.column());
    if error.is_eof() {
        return Diagnostic::error(codes::SYNTAX, source, place, "the file ends in the middle of a value")
            .help("close what is open: a string, a list or an object");
    }
    let shown = error.to_string();
    let reason = shown.rsplit_once(" at line ").map_or(shown.as_str(), |(reason, _)| reason);
    if reason == "recursion limit exceeded" {
        return Diagnostic::error(codes::TOO_DEEP, source, place, "lists and objects are nested more than 127 deep")
            .help("write a flatter file; no key of an agent goes deeper than five levels");
    }
    let rest = text.get(place.start..).unwrap_or("");
    let (message, help) = match reason {
        _ if rest.starts_with("//") || rest.starts_with("/*") => ("comments are not JSON", Some("remove the comment")),
        _ if rest.starts_with('\'') => ("a string is in single quotes", Some("put strings in double quotes")),
        _ if rest.starts_with("NaN") || rest.starts_with("Infinity") || rest.starts_with("-Infinity") => {
            ("only finite numbers are JSON", Some("write a finite number"))
        }
        "trailing comma" => ("a comma with nothing after it", Some("remove the comma")),
        "trailing characters" => ("more text after the end of the value", Some("remove it; the file is one JSON object")),
        "key must be a string" => ("a key must be a string", Some("put the key in double quotes")),
        "number out of range" => ("a number that is too large", Some("write a smaller number")),
        "invalid escape" => ("an escape that is not of JSON", Some("write `\\\\` for a backslash")),
        "control character (\\u0000-\\u001F) found while parsing a string" => {
            ("a control character in a string", Some("write it as an escape, such as `\\n` or `\\t`"))
        }
        "invalid number" => ("not a number", Some("write it in decimal digits, without zeros before them")),
        reason => (reason, None),
    };
    let diagnostic = Diagnostic::error(codes::SYNTAX, source, place, format!("not JSON: {message}"));
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// Returns the character at a line, counted from 1, and a column in bytes, counted from 1 (0 is the line end before).
fn place_of(text: &str, line: usize, column: usize) -> Span {
    let line_start = match line.checked_sub(2) {
        None => 0,
        Some(nth) => text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').nth(nth).map_or(text.len(), |(at, _)| at + 1),
    };
    let start = text.floor_char_boundary((line_start + column).saturating_sub(1).min(text.len()));
    let width = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    Span::new(start, start + width)
}

fn convert(value: ast::Value<'_>) -> Value {
    let place = span(value.range());
    let kind = match value {
        ast::Value::NullKeyword(_) => Kind::Null,
        ast::Value::BooleanLit(literal) => Kind::Bool(literal.value),
        ast::Value::NumberLit(literal) => Kind::Number(literal.value.to_owned()),
        ast::Value::StringLit(literal) => Kind::String(literal.value.into_owned()),
        ast::Value::Array(list) => Kind::List(list.elements.into_iter().map(convert).collect()),
        ast::Value::Object(object) => Kind::Object(object.properties.into_iter().map(convert_entry).collect()),
    };
    Value { kind, span: place }
}

fn convert_entry(property: ast::ObjectProp<'_>) -> Entry {
    let place = span(property.name.range());
    Entry { key: Text::new(property.name.into_string(), place), value: convert(property.value) }
}

fn span(range: Range) -> Span {
    Span::new(range.start, range.end)
}

/// Returns whether both parsers read the same. Of a duplicate key the judge keeps the last.
fn agree(ours: &Value, judged: &serde_json::Value) -> bool {
    match (&ours.kind, judged) {
        (Kind::Null, serde_json::Value::Null) => true,
        (Kind::Bool(ours), serde_json::Value::Bool(judged)) => ours == judged,
        (Kind::Number(ours), serde_json::Value::Number(judged)) => {
            ours.parse::<serde_json::Number>().is_ok_and(|ours| ours == *judged)
        }
        (Kind::String(ours), serde_json::Value::String(judged)) => ours == judged,
        (Kind::List(ours), serde_json::Value::Array(judged)) => {
            ours.len() == judged.len() && ours.iter().zip(judged).all(|(ours, judged)| agree(ours, judged))
        }
        (Kind::Object(ours), serde_json::Value::Object(judged)) => {
            let last: BTreeMap<&str, &Value> = ours.iter().map(|entry| (entry.key.value.as_str(), &entry.value)).collect();
            last.len() == judged.len()
                && last.iter().all(|(key, ours)| judged.get(*key).is_some_and(|judged| agree(ours, judged)))
        }
        _ => false,
    }
}

fn duplicate_key(source: &Source, earlier: Span, key: &Text) -> Diagnostic {
    let earlier = Location { source: source.clone(), span: earlier };
    let message = format!("the key `{}` is there twice", codes::abridged(&key.value));
    Diagnostic::error(codes::DUPLICATE_KEY, source, key.span, message)
        .label("again here")
        .also(earlier, "first here")
        .help("keep one of the two; parsers differ on which of them holds")
}
