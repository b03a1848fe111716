//! What a model gets to see of what a tool returned: of things found in files, only those that it may see.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use remit_agent::AbsPath;
use remit_policy::{Decision, Request};
use serde_json::json;

use super::{Refusal, Session};
use crate::tools::{Form, Line, Output, Part, cut_middle};

/// How much text of things found is returned.
const MOST: usize = 400_000;

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
            Part::Found { lines, form } => Content::Text(self.found(lines, &form, asked)),
        };
        Answer { content: output.parts.into_iter().map(shown).collect(), is_error: output.failed }
    }

    fn found(&self, lines: Vec<Line>, form: &Form, asked: bool) -> String {
        let (lines, hidden) = self.may_be_seen(lines, form, asked);
        let mut text = match form {
            Form::Entries { offset, most } => {
                let shown: Vec<&str> = lines.iter().skip(*offset).take(*most).map(|line| line.text.as_str()).collect();
                let head = if shown.len() == lines.len() {
                    String::new()
                } else {
                    format!("showing {} of {} entries\n", shown.len(), lines.len())
                };
                if lines.is_empty() { "The directory is empty.".to_owned() } else { head + &shown.join("\n") }
            }
            Form::Paths { most } => {
                let paths: Vec<&str> = lines.iter().take(*most).map(|line| line.path.as_str()).collect();
                json!({ "totalFiles": lines.len(), "truncated": paths.len() < lines.len(), "filePaths": paths }).to_string()
            }
            Form::Matches { most, cut } => {
                let shown: Vec<&str> = lines.iter().take(*most).map(|line| line.text.as_str()).collect();
                let more = *cut || shown.len() < lines.len();
                match (shown.is_empty(), more) {
                    (true, _) => "Nothing matches.".to_owned(),
                    (false, false) => shown.join("\n"),
                    (false, true) => shown.join("\n") + "\n[there are more matches: narrow the search, or raise the limits]",
                }
            }
        };
        if hidden > 0 && !matches!(form, Form::Paths { .. }) {
            // Writing to a string does not fail.
            let _ = write!(text, "\n[{hidden} left out: the policy does not let this agent see them]");
        }
        cut_middle(&text, MOST)
    }

    /// Leaves out what the agent may not see, and returns how many lines that were.
    fn may_be_seen(&self, lines: Vec<Line>, form: &Form, asked: bool) -> (Vec<Line>, usize) {
        let mut known: BTreeMap<String, bool> = BTreeMap::new();
        let total = lines.len();
        // A name is less than a content: only what is denied has none.
        let content = matches!(form, Form::Matches { .. });
        let seen: Vec<Line> = lines
            .into_iter()
            .filter(|line| {
                *known.entry(line.path.clone()).or_insert_with(|| {
                    let Ok(path) = AbsPath::new(std::path::Path::new(&line.path)) else { return false };
                    match self.policy.judge(&Request::ReadFile(path)).0 {
                        Decision::Allow => true,
                        Decision::Ask => asked || !content,
                        Decision::Deny => false,
                    }
                })
            })
            .collect();
        let hidden = total - seen.len();
        (seen, hidden)
    }
}
