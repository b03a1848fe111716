use remit_policy::{Confinement, Otherwise};

use super::{MOST, MOST_OWN};
use crate::body::{Body, Tone};
use crate::project::Runs;
use crate::sheet::Section;
use crate::{Commands, Preview};

pub(super) fn commands(preview: &Preview) -> Section {
    let commands = &preview.commands;
    let mut section = Section::new("Commands", Tone::Heading);
    let nothing = !commands.everything && commands.allow.is_empty() && !commands.read_only;
    if nothing && commands.otherwise == Otherwise::Deny {
        section.row("every one", Body::of("denied", Tone::Plain));
        return section;
    }
    unasked(&mut section, commands);
    really(&mut section, preview);
    if !commands.deny.is_empty() {
        section.row("never", Body::default().codes(&commands.deny, MOST_OWN, Tone::Plain));
        section.row("", Body::of("by the gate only: what runs can do the same in another way", Tone::Care));
    }
    if !commands.everything {
        let (text, tone) = match commands.otherwise {
            Otherwise::Ask => ("ask you first", Tone::Care),
            Otherwise::Deny => ("denied", Tone::Plain),
        };
        section.row("all others", Body::of(text, tone));
    }
    if preview.confinement == Confinement::Confined {
        section.text(Body::of("A command that runs can do what the kernel wall permits (below), and no more.", Tone::Plain));
    }
    section
}

fn unasked(section: &mut Section, commands: &Commands) {
    if commands.everything {
        section.row("run unasked", Body::of("every command line", Tone::Care));
    } else if !commands.allow.is_empty() {
        section.row("run unasked", Body::default().codes(&commands.allow, MOST_OWN, Tone::Plain));
    } else if !commands.read_only {
        section.row("run unasked", Body::of("none", Tone::Plain));
    }
    if !commands.unexamined.is_empty() {
        let programs = Body::of("the options of", Tone::Care).codes(&commands.unexamined, MOST_OWN, Tone::Care);
        section.row("", programs.words("are not examined: no table describes them", Tone::Care));
    }
    if commands.read_only {
        let label = if commands.everything || !commands.allow.is_empty() { "and" } else { "run unasked" };
        section.row(label, Body::of("those that Remit's table knows to only read, such as `ls`", Tone::Plain));
    }
}

/// Says what the commands run, as the files of the workspace have it.
fn really(section: &mut Section, preview: &Preview) {
    let project = &preview.project;
    let mut label = "which run";
    let shown = if project.runs.len() <= MOST + 1 { project.runs.len() } else { MOST };
    for runs in project.runs.iter().take(shown) {
        section.row(label, run(runs));
        label = "";
    }
    if shown < project.runs.len() {
        section.row("", Body::of(&format!("and {} more commands of these files", project.runs.len() - shown), Tone::Plain));
    }
    if !project.unread.is_empty() {
        let files = Body::default().names(&project.unread, MOST, Tone::Care);
        section.row(label, files.words("cannot be read: what they run is not known", Tone::Care));
    }
}

fn run(runs: &Runs) -> Body {
    let body = Body::default().code(&runs.command, Tone::Plain).mark(":");
    let body = if runs.runs.is_empty() { body.words("nothing of its own", Tone::Plain) } else { body };
    let last = runs.runs.len().saturating_sub(1).min(MOST);
    let body = runs.runs.iter().take(MOST + 1).enumerate().fold(body, |body, (at, step)| {
        let body = body.line(step, Tone::Plain);
        if at < last { body.words("then", Tone::Plain) } else { body }
    });
    let more = runs.runs.len().saturating_sub(MOST + 1);
    let body = if more > 0 { body.words(&format!("and {more} more"), Tone::Plain) } else { body };
    let place = runs.line.map_or_else(|| runs.file.clone(), |line| format!("{}:{line}", runs.file));
    body.words(&format!("({place})"), Tone::Plain)
}
