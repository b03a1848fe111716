//! What a model gets to see of what a tool returned: of things found in files, only those that it may see.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use remit_agent::AbsPath;
use remit_policy::{Decision, Request};
use serde_json::json;

use super::{Refusal, Session};
use crate::tools::{Form, Line, Output, Part, cut_middle};

/// How much text of things found is returned.
const MOST: usize = 400_000;
/// How many of the files of which something is said are named.
const NAMED: usize = 5;

/// What comes back from a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub content: Vec<Content>,
    pub is_error: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Text(String),
    Image {
        /// In base64.
        data: String,
        mime: String,
    },
}

impl Answer {
    pub(crate) fn failed(why: &str, help: Option<String>) -> Answer {
        let help = help.map_or_else(String::new, |help| format!("\nhelp: {help}"));
        Answer { content: vec![Content::Text(format!("error: {why}{help}"))], is_error: true }
    }

    /// Returns the answer to a call that does not happen.
    pub fn refused(refusal: &Refusal) -> Answer {
        Answer::failed(&refusal.why, refusal.help.clone())
    }
}

impl Session {
    pub(super) fn answer(&self, output: Output, asked: bool) -> Answer {
        let shown = |part| match part {
            Part::Text(text) => Content::Text(text),
            Part::Moved(to) => Content::Text(format!("[it is at {to}]")),
            Part::Image { data, mime } => Content::Image { data, mime },
            Part::Found { lines, form } => Content::Text(self.found(lines, form, asked)),
        };
        Answer { content: output.parts.into_iter().map(shown).collect(), is_error: output.failed }
    }

    fn found(&self, lines: Vec<Line>, form: Form, asked: bool) -> String {
        // A name is less than a content: only what is denied has none.
        let content = matches!(form, Form::Matches { .. });
        let mut known: BTreeMap<String, bool> = BTreeMap::new();
        let mut may = |path: &str| {
            if let Some(may) = known.get(path) {
                return *may;
            }
            let may = self.may_be_seen(path, content, asked);
            known.insert(path.to_owned(), may);
            may
        };
        let lines: Vec<Line> = lines.into_iter().filter(|line| may(&line.path)).collect();
        let form = match form {
            Form::Entries { offset, most, mut excluded } => {
                excluded.retain(|path| may(path));
                Form::Entries { offset, most, excluded }
            }
            Form::Matches { most, cut, mut binary } => {
                binary.retain(|path| may(path));
                Form::Matches { most, cut, binary }
            }
            Form::Paths { most } => Form::Paths { most },
        };
        cut_middle(&text(&lines, &form), MOST)
    }

    /// Returns those of the files that a search may open.
    pub(super) async fn may_be_searched(&self, found: Vec<Result<String, String>>, asked: bool) -> Vec<String> {
        let mut files = Vec::new();
        for (at, path) in found.into_iter().flatten().enumerate() {
            if self.may_be_seen(&path, true, asked) {
                files.push(path);
            }
            // There may be very many, and others wait.
            if at % 1000 == 999 {
                tokio::task::yield_now().await;
            }
        }
        files
    }

    /// `content`: what stands in it, and not only its name.
    fn may_be_seen(&self, path: &str, content: bool, asked: bool) -> bool {
        let Ok(path) = AbsPath::new(Path::new(path)) else { return false };
        match self.policy.judge(&Request::ReadFile(path)).0 {
            Decision::Allow => true,
            Decision::Ask => asked || !content,
            Decision::Deny => false,
        }
    }
}

/// Puts what may be seen into text. How much there was that may not be is not told: who may choose the pattern would learn
/// from the number what it matches.
fn text(lines: &[Line], form: &Form) -> String {
    match form {
        Form::Entries { offset, most, excluded } => {
            let shown: Vec<&str> = lines.iter().skip(*offset).take(*most).map(|line| line.text.as_str()).collect();
            let mut text = if lines.is_empty() {
                "There is nothing here that this agent may see.".to_owned()
            } else if shown.len() == lines.len() {
                shown.join("\n")
            } else {
                format!("showing {} of {} entries\n{}", shown.len(), lines.len(), shown.join("\n"))
            };
            if !excluded.is_empty() {
                let names = some(excluded);
                // Writing to a string does not fail.
                let _ = write!(text, "\n[left out by the patterns to exclude: {names}; `exclude_patterns` chooses others]");
            }
            text
        }
        Form::Paths { most } => {
            let paths: Vec<&str> = lines.iter().take(*most).map(|line| line.path.as_str()).collect();
            json!({ "totalFiles": lines.len(), "truncated": paths.len() < lines.len(), "filePaths": paths }).to_string()
        }
        Form::Matches { most, cut, binary } => {
            let shown: Vec<&str> = lines.iter().take(*most).map(|line| line.text.as_str()).collect();
            let more = *cut || shown.len() < lines.len();
            let mut text =
                if lines.is_empty() { "Nothing matches in what this agent may see.".to_owned() } else { shown.join("\n") };
            if more {
                text.push_str("\n[there are more matches: narrow the search, or raise the limits]");
            }
            if !binary.is_empty() {
                let _ = write!(text, "\n[binary, and not searched to the end: {}]", some(binary));
            }
            text
        }
    }
}

/// Names the first of the paths, and the number of the others.
fn some(paths: &[String]) -> String {
    let named: Vec<&str> = paths.iter().take(NAMED).map(String::as_str).collect();
    let more = paths.len() - named.len();
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    named.join(", ") + &rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<Line> {
        texts.iter().map(|text| Line { path: format!("/w/{text}"), text: (*text).to_owned() }).collect()
    }

    fn paths(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_is_not_shown_is_said() {
        let entries = |most, excluded: &[&str]| Form::Entries { offset: 0, most, excluded: paths(excluded) };
        let matches = |most, cut, binary: &[&str]| Form::Matches { most, cut, binary: paths(binary) };
        let check = |texts: &[&str], form: &Form, expected: &str| assert_eq!(text(&lines(texts), form), expected, "{form:?}");
        check(&["a", "b"], &entries(9, &[]), "a\nb");
        check(&["a", "b"], &entries(1, &[]), "showing 1 of 2 entries\na");
        check(&[], &entries(9, &[]), "There is nothing here that this agent may see.");
        let excluded = "[left out by the patterns to exclude: /w/build; `exclude_patterns` chooses others]";
        check(&[], &entries(9, &["/w/build"]), &format!("There is nothing here that this agent may see.\n{excluded}"));
        check(&["a"], &entries(9, &["/w/build"]), &format!("a\n{excluded}"));
        let more = "[there are more matches: narrow the search, or raise the limits]";
        check(&["a", "b"], &matches(9, false, &[]), "a\nb");
        check(&["a", "b"], &matches(1, false, &[]), &format!("a\n{more}"));
        check(&["a"], &matches(9, true, &[]), &format!("a\n{more}"));
        check(&[], &matches(9, false, &[]), "Nothing matches in what this agent may see.");
        check(
            &[],
            &matches(9, false, &["a", "b", "c", "d", "e", "f", "g"]),
            "Nothing matches in what this agent may see.\n[binary, and not searched to the end: a, b, c, d, e and 2 more]",
        );
    }
}
