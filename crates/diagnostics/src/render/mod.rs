//! The renderers: one file a format.

mod json;
mod text;

pub use json::render_json;
pub use text::{RenderOptions, render_text, visible};
