//! What the page says, section by section, before it has a form.

mod around;
mod changes;
mod commands;
mod files;
mod held;
mod tools;

use remit_policy::Confinement;

pub(crate) use changes::{Since, changes};

use crate::Preview;
use crate::body::{Body, Tone};
use crate::names::from_home;
use crate::risks::SHOWN;
use crate::sheet::{Section, Sheet};

/// How many entries of a list are shown to people before it is cut; the data is never cut.
const MOST: usize = 6;
/// The same of lists that are the same for every agent.
const FEW: usize = 3;
/// Of what the agent's own file asks for, far more is shown: it is what is being approved.
const MOST_OWN: usize = 24;
/// Characters of a description: it explains, it does not decide.
const MOST_WORDS: usize = 300;

pub(crate) fn page(preview: &Preview) -> Sheet {
    let mut sections = vec![head(preview)];
    let nobody = preview.confinement == Confinement::Unrestricted;
    if nobody {
        sections.push(unrestricted());
    } else {
        sections.extend(riskiest(preview));
    }
    // Without an agent there is no gate's side to show: everything runs.
    if !(nobody && preview.agent.is_none()) {
        sections.push(tools::tools(preview));
        sections.push(commands::commands(preview));
    }
    if !nobody {
        sections.push(files::files(preview));
        sections.push(around::surroundings(preview));
    }
    sections.extend(around::starts(preview));
    sections.extend(held::held(preview));
    Sheet { sections }
}

fn head(preview: &Preview) -> Section {
    let mut section = Section::new("", Tone::Heading);
    section.title = match &preview.agent {
        Some(name) => Body::default().name(name, Tone::Heading),
        None => Body::of("no agent: trust-all", Tone::Heading),
    };
    if let Some(description) = &preview.description {
        let cut: String = description.chars().take(MOST_WORDS).collect();
        let more = description.chars().count() - cut.chars().count();
        let end = if more == 0 { "\"".to_owned() } else { format!("…\" ({more} more characters)") };
        section.row("in its words", Body::of(&format!("\"{cut}{end}"), Tone::Plain));
    }
    section.row("workspace", Body::default().name(&from_home(&preview.workspace, &preview.home), Tone::Plain));
    section.row("profile", Body::of(&preview.profile, Tone::Plain));
    if preview.agent.is_some() {
        section.row("patterns", Body::of(reading(&preview.reading), Tone::Plain));
    }
    let digest: String = preview.digest.chars().take(12).collect();
    section.row("policy", Body::of(&digest, Tone::Plain));
    section
}

fn reading(name: &str) -> &'static str {
    match name {
        "kiro" => "regular expressions, as Kiro CLI reads them, over one simple command at a time",
        "q" => "regular expressions, as Amazon Q CLI reads them, over one simple command at a time",
        _ => "Remit's globs: a pattern without `*` is exactly that command",
    }
}

fn unrestricted() -> Section {
    let mut section = Section::new("WARNING: nothing holds this task", Tone::Gap);
    let body =
        Body::of("It may read, change and delete everything that your user can, use the network, and read every", Tone::Gap)
            .words("secret in your home and environment; nothing holds it.", Tone::Gap);
    section.text(body);
    section.text(Body::of("Approve it only for work that you would do in this shell yourself.", Tone::Plain));
    section
}

fn riskiest(preview: &Preview) -> Option<Section> {
    let mut section = Section::new("Look at this first", Tone::Care);
    for (number, risk) in preview.risks.iter().take(SHOWN).enumerate() {
        section.item((number + 1).to_string(), Body::of(&risk.text, Tone::Plain));
    }
    (!section.lines.is_empty()).then_some(section)
}
