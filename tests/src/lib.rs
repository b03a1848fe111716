//! What whole-binary tests share.
//!
//! A test makes a [`World`]: a directory with a workspace, a home and a place outside both, each with something in it
//! that a task may or may not have. It starts `remit`, or the same command without it, with [`World::remit`] and
//! [`World::plain`], and looks at the [`Outcome`]. A probe that is to fail confined has to succeed unconfined first, or
//! it says nothing; [`World::probe`] does both. What the machine can do is in [`Host`]: where it lacks a thing, a test says what
//! happens there instead.

mod attempt;
mod binary;
mod chat;
mod host;
mod network;
mod process;
mod scene;
mod servers;
pub mod tasks;
mod terminal;
mod tree;
mod wall;
mod world;

pub use attempt::{Attempt, Expected, LACKING, Language, Told, attempts};
pub use binary::{remit, source};
pub use chat::{Called, Chat, called};
pub use host::Host;
pub use network::{Names, site};
pub use process::{Outcome, Running, TIME_OUT, kill_children, processes_with, reads_sigterm, seen};
pub use scene::Scene;
pub use servers::ports;
pub use terminal::Terminal;
pub use tree::Tree;
pub use wall::Wall;
pub use world::{Probed, World};
