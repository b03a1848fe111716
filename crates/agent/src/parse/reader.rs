//! One function for each type that a key of the format takes; `what` is the key, as people are to read it.

use remit_diagnostics::{Diagnostic, Spanned};

use super::findings::Findings;
use crate::json::{Entry, Kind, Value};
use crate::{Text, codes};

pub(super) fn text(findings: &mut Findings, value: &Value, what: &str) -> Option<Text> {
    match &value.kind {
        Kind::String(text) => Some(Text::new(text.clone(), value.span)),
        _ => wrong_type(findings, value, &key(what), "a string"),
    }
}

pub(super) fn text_or_null(findings: &mut Findings, value: &Value, what: &str) -> Option<Text> {
    match &value.kind {
        Kind::Null => None,
        Kind::String(text) => Some(Text::new(text.clone(), value.span)),
        _ => wrong_type(findings, value, &key(what), "a string or null"),
    }
}

pub(super) fn flag(findings: &mut Findings, value: &Value, what: &str) -> Option<Spanned<bool>> {
    match &value.kind {
        Kind::Bool(flag) => Some(Spanned::new(*flag, value.span)),
        _ => wrong_type(findings, value, &key(what), "`true` or `false`"),
    }
}

/// Reads a whole number that is not negative.
pub(super) fn whole(findings: &mut Findings, value: &Value, what: &str) -> Option<Spanned<u64>> {
    match &value.kind {
        Kind::Number(digits) => match digits.parse() {
            Ok(number) => Some(Spanned::new(number, value.span)),
            Err(_) => wrong_type(findings, value, &key(what), "a whole number from 0 to 18446744073709551615"),
        },
        _ => wrong_type(findings, value, &key(what), "a whole number"),
    }
}

/// Reads a list of strings. Where an entry is none the whole list is lost, and the file has an error.
pub(super) fn texts(findings: &mut Findings, value: &Value, what: &str) -> Option<Spanned<Vec<Text>>> {
    let Kind::List(values) = &value.kind else { return wrong_type(findings, value, &key(what), "a list of strings") };
    let mut entry = |value: &Value| match &value.kind {
        Kind::String(text) => Some(Text::new(text.clone(), value.span)),
        _ => wrong_type(findings, value, &format!("an entry of {}", key(what)), "a string"),
    };
    // Every entry is looked at, so that each that is wrong is said.
    let read: Vec<Option<Text>> = values.iter().map(&mut entry).collect();
    let texts: Option<Vec<Text>> = read.into_iter().collect();
    texts.map(|texts| Spanned::new(texts, value.span))
}

/// Reads an object whose values are strings.
pub(super) fn pairs(findings: &mut Findings, value: &Value, what: &str) -> Vec<(Text, Text)> {
    let mut pairs = Vec::new();
    for Entry { key, value } in entries(findings, value, what) {
        let entry = format!("{what}.{}", codes::abridged(&key.value));
        pairs.extend(text(findings, value, &entry).map(|value| (key.clone(), value)));
    }
    pairs
}

/// Returns the entries of an object, and none, with a finding, for anything else.
pub(super) fn entries<'v>(findings: &mut Findings, value: &'v Value, what: &str) -> &'v [Entry] {
    match &value.kind {
        Kind::Object(entries) => entries,
        _ => wrong_type(findings, value, &key(what), "an object").unwrap_or(&[]),
    }
}

/// Says that `what`, a phrase, takes `expected`; returns nothing, as whatever was to be read.
pub(super) fn wrong_type<T>(findings: &mut Findings, value: &Value, what: &str, expected: &str) -> Option<T> {
    let found = match &value.kind {
        Kind::Number(digits) => format!("the number `{}`", codes::abridged(digits)),
        Kind::Null | Kind::Bool(_) | Kind::String(_) | Kind::List(_) | Kind::Object(_) => value.describe().to_owned(),
    };
    let message = format!("{what} must be {expected}, not {found}");
    findings
        .add(Diagnostic::error(codes::WRONG_TYPE, findings.source(), value.span, message).label(format!("expected {expected}")));
    None
}

/// Returns a key as a phrase.
pub(super) fn key(key: &str) -> String {
    format!("`{key}`")
}
