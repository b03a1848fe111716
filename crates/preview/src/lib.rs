//! What a policy permits on this host, in words: the page that a person approves.
//!
//! [`preview`] takes the [`Policy`](remit_policy::Policy) and the [`Plan`](remit_sandbox::Plan) that are enforced to a
//! [`Preview`]: plain data, in whole, for programs. [`render`] makes one screen of it for people, [`summary`] one line,
//! and [`render_changes`] says what an edit would newly permit.
//!
//! Nothing is decided here: where a question is open, the policy's own gate is asked. Words of the agent file stay as
//! they are in the data, and are made visible where they become text: `page` is the only way to the text.

mod changes;
mod commands;
mod files;
mod held;
mod names;
mod page;
mod preview;
mod render;
mod summary;
mod surroundings;
#[cfg(test)]
mod tests;
mod tools;

pub use changes::render_changes;
pub use commands::Commands;
pub use files::{FileGrant, Files, Place, Writes};
pub use held::Held;
pub use page::RenderStyle;
pub use preview::{PREVIEW_VERSION, Preview, preview};
pub use render::render;
pub use summary::summary;
pub use surroundings::{Environment, LimitLine, Network, NetworkReach, StartLine};
pub use tools::Tools;
