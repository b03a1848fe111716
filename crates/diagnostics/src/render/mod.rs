//! The renderers: one file a format.

mod each;
mod excerpt;
mod github;
mod json;
mod sarif;
mod text;
mod visible;

pub use github::render_github;
pub use json::render_json;
pub use sarif::{RuleText, render_sarif};
pub use text::{RenderOptions, render_text};
pub use visible::visible;
