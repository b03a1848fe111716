//! Where a text says something, and what is to be said about it.
//!
//! A [`Source`] is a text with a name; a [`Span`] is a range of its bytes; a [`Diagnostic`] is a finding at a span, with
//! its cure. The renderers turn diagnostics into what a person or a program reads. This crate knows no rule and does no
//! input or output.

mod diagnostic;
mod fix;
mod render;
mod source;
mod span;

pub use diagnostic::{Diagnostic, Edit, Fix, Label, Severity};
pub use fix::{Fixed, apply_fixes};
pub use render::{RenderOptions, RuleText, render_github, render_json, render_sarif, render_text, visible};
pub use source::{LineColumn, Location, Source};
pub use span::{Span, Spanned};
