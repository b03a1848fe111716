//! The one way out of a task's network: hosts are told apart by name, and every connection is told of. Nothing is decrypted.
//!
//! A task with named hosts lives in a network namespace without a route. Inside it a socket listens, which belongs to this
//! process outside; who wants to leave asks there, as any program asks a proxy. The middle is pure: bytes become a
//! request ([`head`](crate), SOCKS, TLS hello), a request a [`Target`], a target a verdict by the [`Rules`], a name
//! addresses, and an address is judged again. What is then connected to is the very address that was judged, and what is
//! forwarded is written from the parsed form: no byte is read one way and sent on to be read another.
//!
//! [`serve`] is the process: a thread for each connection, an [`Event`] before anything leaves and after it ended. When the
//! process ends, for whatever reason, the sockets close and the task has no network.

mod address;
mod answer;
mod body;
mod connect;
mod control;
mod dns;
mod event;
mod handle;
mod head;
mod hello;
mod incoming;
mod limits;
mod names;
mod plain;
mod relay;
mod resolve;
mod rules;
mod serve;
mod target;

pub use address::not_public;
pub use control::{Config, configured, send_config};
pub use event::{Event, Way};
pub use limits::Limits;
pub use rules::{Pattern, Rules};
pub use serve::serve;
pub use target::{Host, Target};
