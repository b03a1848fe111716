use remit_policy::Decision;

use super::MOST_OWN;
use crate::body::{Body, Tone};
use crate::sheet::Section;
use crate::{CallTool, Preview};

pub(super) fn tools(preview: &Preview) -> Section {
    let tools = &preview.tools;
    let mut section = Section::new("Tools", Tone::Heading);
    let mut row = |label: &str, names: &[String], tone: Tone, words: &str| {
        if !names.is_empty() {
            section.row(label, Body::default().names(names, MOST_OWN, tone).mark(":").words(words, Tone::Plain));
        }
    };
    row("pre-approved", &tools.pre_approved, Tone::Care, "any use");
    row("by command", &tools.by_command, Tone::Plain, "the commands below");
    row("by path", &tools.by_path, Tone::Plain, "unasked for the files below, asks for others");
    for call in &tools.by_call {
        section.row("by call", by_call(call));
    }
    let mut row = |label: &str, names: &[String], tone: Tone, words: &str| {
        if !names.is_empty() {
            section.row(label, Body::default().names(names, MOST_OWN, tone).mark(":").words(words, Tone::Plain));
        }
    };
    row("asks", &tools.asks, Tone::Care, "every time");
    row("never", &tools.denied, Tone::Plain, "`disabledTools` of its server takes it out");
    row("unknown", &tools.unknown, Tone::Care, "no product has it; grants nothing");
    let seen = [&tools.pre_approved, &tools.by_command, &tools.by_path, &tools.asks];
    let none = seen.iter().all(|names| names.is_empty()) && tools.by_call.is_empty();
    section.row("absent", Body::of(if none { "every tool: denied" } else { "every other tool: denied" }, Tone::Plain));
    section
}

fn by_call(call: &CallTool) -> Body {
    let mut body = Body::default().name(&call.name, Tone::Plain).mark(":");
    if !call.unasked.is_empty() {
        body = body.words("unasked", Tone::Care).codes(&call.unasked, MOST_OWN, Tone::Care).mark(";");
    }
    if call.reads_unasked {
        body = body.words("what only reads runs unasked", Tone::Care).mark(";");
    }
    if !call.never.is_empty() {
        body = body.words("never", Tone::Plain).codes(&call.never, MOST_OWN, Tone::Plain).mark(";");
    }
    let other = if call.unasked.is_empty() && call.never.is_empty() { "" } else { "other " };
    match call.others {
        Decision::Allow if call.name == "web_fetch" => {
            body.words(&format!("every {other}address that the network grants, unasked"), Tone::Care)
        }
        Decision::Allow => body.words(&format!("every {other}call unasked"), Tone::Care),
        Decision::Ask => body.words(&format!("asks for every {other}call"), Tone::Plain),
        Decision::Deny => body.words("nothing, because no network is granted", Tone::Plain),
    }
}
