use remit_policy::{Change, ChangeKind};

use crate::RenderStyle;
use crate::page::{Body, Page, Tone};

/// Returns what changed since an approval, what is newly permitted first.
pub fn render_changes(changes: &[Change], style: RenderStyle) -> String {
    let mut page = Page::new(style);
    if changes.is_empty() {
        page.heading("Nothing changed since you approved it", Tone::Heading);
    }
    let sections = [
        (ChangeKind::Widened, "+", "Newly permitted since you approved it", Tone::Care),
        (ChangeKind::Changed, "~", "Changed since you approved it", Tone::Heading),
        (ChangeKind::Narrowed, "-", "No longer permitted", Tone::Held),
    ];
    for (kind, sign, heading, tone) in sections {
        let mut changes = changes.iter().filter(|change| change.kind == kind).peekable();
        if changes.peek().is_some() {
            page.heading(heading, tone);
        }
        for change in changes {
            page.bullet(sign, &Body::of(&change.text, Tone::Plain));
        }
    }
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: ChangeKind, text: &str) -> Change {
        Change { kind, text: text.to_owned() }
    }

    #[test]
    fn what_is_newly_permitted_comes_first() {
        let changes = [
            change(ChangeKind::Narrowed, "can no longer run `make`"),
            change(ChangeKind::Changed, "the profile is `dev`, was `base`"),
            change(ChangeKind::Widened, "can now write `~/.config`"),
            change(
                ChangeKind::Widened,
                "can now reach `crates.io:443`, `static.crates.io:443` and \u{1b}[2Jevery host below `*.example.org`",
            ),
        ];
        insta::assert_snapshot!(render_changes(&changes, RenderStyle { color: false, width: 60 }), @r#"
Newly permitted since you approved it
  + can now write `~/.config`
  + can now reach `crates.io:443`, `static.crates.io:443`
    and \u{1b}[2Jevery host below `*.example.org`

Changed since you approved it
  ~ the profile is `dev`, was `base`

No longer permitted
  - can no longer run `make`
"#);
        insta::assert_snapshot!(render_changes(&[], RenderStyle { color: false, width: 60 }), @"
Nothing changed since you approved it
");
    }
}
