use super::MOST_OWN;
use crate::Preview;
use crate::body::{Body, Tone};
use crate::sheet::Section;

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
    row("asks", &tools.asks, Tone::Care, "every time");
    row("unknown", &tools.unknown, Tone::Care, "no product has it; grants nothing");
    let seen = [&tools.pre_approved, &tools.by_command, &tools.by_path, &tools.asks];
    let none = seen.iter().all(|names| names.is_empty());
    section.row("absent", Body::of(if none { "every tool: denied" } else { "every other tool: denied" }, Tone::Plain));
    section
}
