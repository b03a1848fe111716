//! The words for an explanation.

use std::fmt::Write as _;

use remit_diagnostics::visible;
use remit_sandbox::{Act, Because};

use crate::{Explanation, Refusal, Setting};

/// Returns the text for a person, a few lines for each reason; the task failed or not.
pub fn render(explanation: &Explanation, failed: bool) -> String {
    let mut text = String::new();
    let telling = explanation.refusals.iter().filter(|refusal| refusal.telling).count();
    let head = match (explanation.refusals.len(), telling, failed) {
        (0, _, true) => "the wall refused nothing that is observed: the task failed by itself, or by a\ncall that the filter refuses at once, as some of sockets and ptrace(2) are".to_owned(),
        (0, _, false) => "the wall refused nothing".to_owned(),
        (_, 0, true) => "the wall refused this, to processes that did not fail themselves:".to_owned(),
        (_, _, true) => "the wall refused this, the most telling first:".to_owned(),
        (_, _, false) => "the wall refused this, and the task came through all the same:".to_owned(),
    };
    // Writing to a string does not fail.
    let _ = writeln!(text, "{head}");
    for refusal in &explanation.refusals {
        let _ = writeln!(text, "\n  {}\n    {}", line(refusal), why(refusal.because));
        let _ = match &refusal.setting {
            Setting::Add { key, value } => writeln!(text, "    to permit it: {key}: {}", visible(value)),
            Setting::Remove { pattern, origin } => {
                writeln!(text, "    to permit it: remove `{}` ({})", visible(pattern), visible(origin))
            }
            Setting::None { why } => writeln!(text, "    no setting alone permits it: {}", visible(why)),
        };
    }
    if explanation.more > 0 {
        let _ = writeln!(text, "\n  and {} more, which tell less", explanation.more);
    }
    if explanation.unread > 0 {
        let _ = writeln!(text, "\n  {} calls could not be read by the observer", explanation.unread);
    }
    text
}

fn line(refusal: &Refusal) -> String {
    let mut line = format!("{} {}", verb(refusal.act), visible(&refusal.what));
    if refusal.names > 1 {
        let _ = write!(line, " ({} names in it)", refusal.names);
    }
    if !refusal.process.is_empty() {
        let _ = write!(line, ", by {}", visible(&refusal.process));
    }
    if refusal.count > 1 {
        let _ = write!(line, ", {} times", refusal.count);
    }
    line
}

fn verb(act: Act) -> &'static str {
    match act {
        Act::Read => "read",
        Act::Write => "write",
        Act::Execute => "execute",
        Act::Look => "look at",
        Act::Create => "create",
        Act::Remove => "remove",
        Act::Change => "change mode, owner or times of",
        Act::Limit => "change limits or priority of",
        Act::Connect => "connect to",
        Act::Listen => "listen on",
    }
}

fn why(because: Because) -> &'static str {
    match because {
        Because::NotGranted => "nothing grants it",
        Because::NotForThis => "it is granted, but not for this",
        Because::Hidden => "it is hidden, or may hold secrets: only its own name grants it",
        Because::Protected => "it is protected: only its own name grants it",
        Because::Decided => "it was decided outside: nothing under that name may be made, written or changed",
        Because::SetGroupId => "its mode has the set-group-id bit, which only a directory gets",
        Because::OtherProcess => "it is no process of the task",
        Because::NoNetwork => "the task has no network beyond its own loopback",
    }
}
