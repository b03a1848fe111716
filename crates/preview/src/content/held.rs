//! What on this host the kernel holds, what only Remit itself holds, and what nothing holds.

use remit_policy::Confinement;
use remit_sandbox::{Grant, Mechanism};

use crate::body::{Body, Tone};
use crate::sheet::Section;
use crate::{Held, Preview};

pub(super) fn held(preview: &Preview) -> Vec<Section> {
    let by_kernel = carried(preview, "The kernel holds, whatever runs", Tone::Held, |held| held.kernel);
    let by_gate =
        carried(preview, "Only the gate or the supervisor holds", Tone::Care, |held| !held.kernel && !held.by.is_empty());
    [by_kernel, by_gate, not_held(preview)].into_iter().flatten().collect()
}

fn carried(preview: &Preview, title: &str, tone: Tone, is_meant: impl Fn(&Held) -> bool) -> Option<Section> {
    let mut section = Section::new(title, tone);
    let held: Vec<&Held> = preview.held.iter().filter(|held| is_meant(held)).collect();
    for together in held.chunk_by(|a, b| a.grant == b.grant && a.by == b.by) {
        let Some(first) = together.first() else { continue };
        let what: Vec<&str> = together.iter().map(|held| held.what.as_str()).collect();
        let names: Vec<&str> = first.by.iter().copied().map(Mechanism::name).collect();
        let body = Body::of(&what.join("; "), Tone::Plain).mark(":").words(&names.join(", "), tone);
        section.row(grant_name(first.grant), body);
    }
    (!section.lines.is_empty()).then_some(section)
}

fn not_held(preview: &Preview) -> Option<Section> {
    let uncarried: Vec<&Held> = preview.held.iter().filter(|held| held.by.is_empty()).collect();
    if preview.not_held.is_empty() && uncarried.is_empty() {
        let confined = preview.confinement == Confinement::Confined;
        return confined.then(|| Section::new("Nothing of the policy is left that nothing holds", Tone::Held));
    }
    let mut section = Section::new("NOTHING HOLDS, or not as the policy says", Tone::Gap);
    for held in uncarried {
        section.row(grant_name(held.grant), Body::of(&held.what, Tone::Gap));
    }
    for gap in &preview.not_held {
        section.row(grant_name(gap.grant), Body::of(&gap.what, Tone::Gap).mark(":").words(&gap.why, Tone::Plain));
        if let Some(remedy) = &gap.remedy {
            section.row("", Body::of("cure:", Tone::Heading).words(remedy, Tone::Plain));
        }
    }
    Some(section)
}

fn grant_name(grant: Grant) -> &'static str {
    match grant {
        Grant::Tools => "tools",
        Grant::Commands => "commands",
        Grant::Files => "files",
        Grant::Network => "network",
        Grant::Environment => "environment",
        Grant::Limits => "limits",
        Grant::Processes => "processes",
    }
}
