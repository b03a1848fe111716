//! What an observer saw of a task, in words for the person who started it.
//!
//! [`explain`] takes what was refused to the reasons that matter, most telling first, each with the setting that would permit it
//! ([`Setting`]). [`propose`] takes what was used to the smallest agent file for it. All come from the policy that was enforced. Pure.

mod explain;
mod propose;
mod render;
mod setting;
#[cfg(test)]
mod tests;

pub use explain::{Explanation, Refusal, explain};
pub use propose::{Lesson, Proposal, propose, uncovered};
pub use render::render;
pub use setting::{Setting, setting};
