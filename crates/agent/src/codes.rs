//! The names of what can be wrong with an agent file before any rule has looked at it.

pub(crate) const NOT_UTF8: &str = "not-utf8";
pub(crate) const BYTE_ORDER_MARK: &str = "byte-order-mark";
pub(crate) const EMPTY_FILE: &str = "empty-file";
pub(crate) const TOO_LARGE: &str = "too-large";
pub(crate) const TOO_DEEP: &str = "too-deep";
pub(crate) const SYNTAX: &str = "syntax";
pub(crate) const DUPLICATE_KEY: &str = "duplicate-key";
pub(crate) const WRONG_TYPE: &str = "wrong-type";
pub(crate) const MISSING_KEY: &str = "missing-key";
pub(crate) const UNKNOWN_KEY: &str = "unknown-key";
pub(crate) const UNKNOWN_TRIGGER: &str = "unknown-trigger";
pub(crate) const UNREAD_SETTINGS: &str = "unread-settings";
pub(crate) const UNREAD_RESOURCE: &str = "unread-resource";
pub(crate) const SAME_TOOL_TWICE: &str = "same-tool-twice";
pub(crate) const INVALID_NAME: &str = "invalid-name";
pub(crate) const INVALID_VALUE: &str = "invalid-value";
pub(crate) const INVALID_LIMIT: &str = "invalid-limit";
pub(crate) const TOO_MANY_FINDINGS: &str = "too-many-findings";

/// Every code that [`parse`](crate::parse) can give, with what it means.
pub const PARSE_CODES: &[(&str, &str)] = &[
    (NOT_UTF8, "the file is not UTF-8"),
    (BYTE_ORDER_MARK, "the file begins with a byte order mark, which is not JSON"),
    (EMPTY_FILE, "the file is empty, or only white space"),
    (TOO_LARGE, "the file is larger than 4 MiB"),
    (TOO_DEEP, "lists and objects are nested more than 127 deep"),
    (SYNTAX, "the file is not JSON"),
    (DUPLICATE_KEY, "an object has the same key twice, and parsers differ on which of them holds"),
    (WRONG_TYPE, "a value is of another type than its key takes"),
    (MISSING_KEY, "an object lacks a key that it cannot do without"),
    (UNKNOWN_KEY, "a key that is not of the format: what it was to say would not hold"),
    (UNKNOWN_TRIGGER, "a hook under a trigger that does not exist would never run"),
    (UNREAD_SETTINGS, "settings in `toolsSettings` for something that has none"),
    (UNREAD_RESOURCE, "a resource of a kind that no product reads"),
    (SAME_TOOL_TWICE, "settings for one tool under two of its names"),
    (INVALID_NAME, "an agent's name that is empty, or has a slash or a control character"),
    (INVALID_VALUE, "a value of the right type that is none of those allowed"),
    (INVALID_LIMIT, "a limit that is zero, too large, or in a unit that it does not take"),
    (TOO_MANY_FINDINGS, "the file has more findings than are shown"),
];

/// Returns the text, or its beginning with an ellipsis: a message is to stay short whatever the file says.
pub(crate) fn abridged(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
    }
}
