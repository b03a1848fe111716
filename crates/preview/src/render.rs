use remit_policy::Change;

use crate::content::{Since, changes, page};
use crate::html::html;
use crate::markdown::markdown;
use crate::names::pattern;
use crate::sheet::Sheet;
use crate::text::text;
use crate::{Preview, RenderStyle};

/// What a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A terminal.
    Text(RenderStyle),
    /// A comment of a pull request.
    Markdown,
    /// A file for a browser, whole in itself.
    Html,
}

/// Returns the preview as one page.
pub fn render(preview: &Preview, form: Form) -> String {
    drawn(&page(preview), form, &format!("{}: what it may do", named(preview)))
}

/// Returns what changed since an approval, what is newly permitted first.
pub fn render_changes(differences: &[Change], style: RenderStyle) -> String {
    text(&changes(differences, Since::Approval, str::to_owned), style)
}

/// Returns what an edit changes: how the policy of the preview differs from that of another file, with paths as people
/// write them.
pub fn render_difference(preview: &Preview, old: &str, differences: &[Change], form: Form) -> String {
    let sheet = changes(differences, Since::File(old), |text| pattern(text, preview));
    drawn(&sheet, form, &format!("{}: what an edit changes", named(preview)))
}

fn drawn(sheet: &Sheet, form: Form, title: &str) -> String {
    match form {
        Form::Text(style) => text(sheet, style),
        Form::Markdown => markdown(sheet),
        Form::Html => html(sheet, title),
    }
}

fn named(preview: &Preview) -> String {
    remit_diagnostics::visible(preview.agent.as_deref().unwrap_or("trust-all"))
}
