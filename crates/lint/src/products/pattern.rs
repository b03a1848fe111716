use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use regex::Regex;

/// A pattern of `allowedCommands` or `deniedCommands` as the products compile it, when it is first needed.
///
/// The anchors are not around a group: an alternation splits them, there as here.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: OnceCell<Option<Regex>>,
}

thread_local! {
    /// What was compiled before; `None` for what does not compile. Agents of one workspace have most patterns in common,
    /// and to compile one takes longer than all that is asked of it.
    static COMPILED: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
}

/// How many are kept; then they are all let go.
const KEPT: usize = 512;

impl Pattern {
    pub fn new(text: impl Into<String>) -> Pattern {
        Pattern { text: text.into(), regex: OnceCell::new() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether the whole line is a match, or `None` where the pattern does not compile.
    pub fn matches(&self, line: &str) -> Option<bool> {
        self.regex.get_or_init(|| compiled(&self.text)).as_ref().map(|regex| regex.is_match(line))
    }

    pub fn compiles(&self) -> bool {
        self.matches("").is_some()
    }
}

fn compiled(text: &str) -> Option<Regex> {
    if let Some(known) = COMPILED.with_borrow(|known| known.get(text).cloned()) {
        return known;
    }
    let regex = Regex::new(&format!(r"\A{text}\z")).ok();
    COMPILED.with_borrow_mut(|known| {
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(text.to_owned(), regex.clone());
    });
    regex
}
