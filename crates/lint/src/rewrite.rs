//! Entries of lists, written in another way.

use remit_agent::Text;
use remit_diagnostics::{Edit, Fix};

use crate::input::Facts;
use crate::several::Several;

/// Returns the fix that rewrites each of the entries for which there is another way to write it, as a regular expression:
/// `None` in a file that Remit reads, where it would be a glob.
pub(crate) fn each<W>(facts: &Facts, title: &str, found: &Several<W>, rewritten: impl Fn(&str) -> Option<String>) -> Option<Fix> {
    if !facts.is_of_a_product() {
        return None;
    }
    let edits: Vec<Edit> = found.entries.iter().filter_map(|entry| instead(facts, entry, &rewritten(&entry.value)?)).collect();
    (!edits.is_empty()).then(|| Fix::new(title, edits))
}

/// Returns the fix that takes an entry out of its list.
pub(crate) fn without(facts: &Facts, entry: &Text) -> Fix {
    Fix::new(format!("remove `{}`", entry.value), vec![Edit::remove_entry(facts.source, entry.span)])
}

/// Returns the edit that writes another text in the place of an entry, if the entry is a JSON string.
pub(crate) fn instead(facts: &Facts, entry: &Text, text: &str) -> Option<Edit> {
    let written: String = serde_json::from_str(facts.source.slice(entry.span)).ok()?;
    (written == entry.value && text != written).then_some(())?;
    Some(Edit { span: entry.span, replacement: serde_json::to_string(text).ok()? })
}
