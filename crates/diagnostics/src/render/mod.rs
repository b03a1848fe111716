//! The renderers: one file a format.

mod excerpt;
mod json;
mod text;
mod visible;

pub use json::render_json;
pub use text::{RenderOptions, render_text};
pub use visible::visible;
