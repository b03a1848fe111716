//! What differs between two policies.

use remit_policy::{Change, ChangeKind};

use crate::body::{Body, Tone};
use crate::names::quoted;
use crate::sheet::{Section, Sheet};

/// What a policy is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since<'a> {
    /// The one that was approved last.
    Approval,
    /// That of another agent file, by the name that people know.
    File(&'a str),
}

/// Returns the changes, what is newly permitted first. `shorten` writes a path as people do.
pub(crate) fn changes(changes: &[Change], since: Since, shorten: impl Fn(&str) -> String) -> Sheet {
    let title = |words: &str, tone: Tone| match since {
        Since::Approval => Section::new(&format!("{words} since you approved it"), tone),
        Since::File(name) => {
            let title = Body::of(&format!("{words} since"), tone).name(name, tone);
            Section { title, lines: Vec::new() }
        }
    };
    if changes.is_empty() {
        return Sheet { sections: vec![title("Nothing changed", Tone::Heading)] };
    }
    let kinds = [
        (ChangeKind::Widened, "+", title("Newly permitted", Tone::Care)),
        (ChangeKind::Changed, "~", title("Changed", Tone::Heading)),
        (ChangeKind::Narrowed, "-", Section::new("No longer permitted", Tone::Held)),
    ];
    let mut sections = Vec::new();
    for (kind, sign, mut section) in kinds {
        let texts = changes.iter().filter(|change| change.kind == kind).map(|change| change.text.as_str());
        for line in together(texts, &shorten) {
            section.item(sign, Body::of(&line, Tone::Plain));
        }
        if !section.lines.is_empty() {
            sections.push(section);
        }
    }
    Sheet { sections }
}

/// Returns the texts with those put together that say the same of one thing each: one line for all paths that are now
/// read. `shorten` is made to what stands in backticks.
fn together<'c>(texts: impl Iterator<Item = &'c str>, shorten: impl Fn(&str) -> String) -> Vec<String> {
    let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
    let mut whole = Vec::new();
    for text in texts {
        let parts: Vec<&str> = text.split('`').collect();
        if let [said, thing, ""] = parts.as_slice() {
            match lines.iter_mut().find(|(other, _)| other == said) {
                Some((_, things)) => things.push(shorten(thing)),
                None => lines.push((said, vec![shorten(thing)])),
            }
        } else {
            let part = |(at, part): (usize, &&str)| if at % 2 == 1 { shorten(part) } else { (*part).to_owned() };
            whole.push(parts.iter().enumerate().map(part).collect::<Vec<String>>().join("`"));
        }
    }
    let joined = lines.iter().map(|(said, things)| format!("{said}{}", quoted(things).join(", ")));
    joined.chain(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RenderStyle;
    use crate::text::text;

    fn change(kind: ChangeKind, text: &str) -> Change {
        Change { kind, text: text.to_owned() }
    }

    #[test]
    fn what_is_newly_permitted_comes_first() {
        let differences = [
            change(ChangeKind::Narrowed, "can no longer run `make`"),
            change(ChangeKind::Changed, "the profile is `dev`, not `base`"),
            change(ChangeKind::Widened, "can now write `/home/ann/.config`"),
            change(ChangeKind::Widened, "now runs every command line without asking"),
            change(ChangeKind::Widened, "can now write `/home/ann/src`"),
            change(
                ChangeKind::Widened,
                "can now reach `crates.io:443`, `static.crates.io:443` and \u{1b}[2Jevery host below `*.example.org`",
            ),
        ];
        let check = |differences: &[Change], since| {
            let sheet = changes(differences, since, |text| text.replace("/home/ann", "~"));
            text(&sheet, RenderStyle { color: false, width: 60 })
        };
        insta::assert_snapshot!(check(&differences, Since::Approval), @r"
        Newly permitted since you approved it
          + can now write `~/.config`, `~/src`
          + now runs every command line without asking
          + can now reach `crates.io:443`, `static.crates.io:443`
            and \u{1b}[2Jevery host below `*.example.org`

        Changed since you approved it
          ~ the profile is `dev`, not `base`

        No longer permitted
          - can no longer run `make`
        ");
        insta::assert_snapshot!(check(&[], Since::File("old\u{1b}.json")), @r"Nothing changed since old\u{1b}.json");
    }
}
