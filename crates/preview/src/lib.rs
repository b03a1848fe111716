//! What a policy permits on this host, in words: the page that a person approves.
//!
//! [`preview`] takes the [`Policy`](remit_policy::Policy) and the [`Plan`](remit_sandbox::Plan) that are enforced to a
//! [`Preview`]: plain data, in whole, for programs. [`render`] makes one screen of it for people, [`summary`] one line,
//! and [`render_changes`] says what an edit would newly permit.
//!
//! Nothing is decided here: where a question is open, the policy's own gate is asked. Words of the agent file stay as
//! they are in the data, and are made visible where they become text: `page` is the only way to the text.

mod body;
mod commands;
mod content;
mod files;
mod held;
mod html;
mod lookalike;
mod markdown;
mod names;
mod preview;
mod project;
mod render;
mod risks;
mod sheet;
mod summary;
mod surroundings;
#[cfg(test)]
mod tests;
mod text;
mod tools;

pub use commands::Commands;
pub use files::{FileGrant, Files, Place, Writes};
pub use held::Held;
pub use preview::{PREVIEW_VERSION, Preview, preview};
pub use project::{Project, ProjectFiles, Runs};
pub use render::{Form, render, render_changes, render_difference};
pub use risks::Risk;
pub use summary::summary;
pub use surroundings::{Environment, LimitLine, Network, NetworkReach, StartLine};
pub use text::RenderStyle;
pub use tools::{CallTool, Tools};
