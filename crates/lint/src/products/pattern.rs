use std::cell::OnceCell;

use regex::Regex;

/// A pattern of `allowedCommands` or `deniedCommands` as the products compile it, when it is first needed.
///
/// The anchors are not around a group: an alternation splits them, there as here.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: OnceCell<Option<Regex>>,
}

impl Pattern {
    pub fn new(text: impl Into<String>) -> Pattern {
        Pattern { text: text.into(), regex: OnceCell::new() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether the whole line is a match, or `None` where the pattern does not compile.
    pub fn matches(&self, line: &str) -> Option<bool> {
        let regex = self.regex.get_or_init(|| Regex::new(&format!(r"\A{}\z", self.text)).ok());
        regex.as_ref().map(|regex| regex.is_match(line))
    }

    pub fn compiles(&self) -> bool {
        self.matches("").is_some()
    }
}
