//! The worker: a confined process that does what the session's verdicts allow, for as long as the session lasts.
//!
//! It is this very binary, started under the agent's plan exactly as a task is, with one end of a socket pair as its
//! standard input and output. Whatever it opens or starts, the kernel holds to the plan: a name that changes its meaning
//! between the gate and the act meets the second wall.

mod client;
pub(crate) mod protocol;
pub(crate) mod resolve;
mod serve;
pub(crate) mod servers;
mod start;

pub(crate) use client::{Client, Lost};
pub use serve::serve;
pub(crate) use start::{Recipe, end_worker};
pub use start::{WORKER, Worker, start_worker};
