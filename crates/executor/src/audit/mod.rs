//! The audit record: what was asked for, what the gate said and why, who approved, what came of it. One line of JSON each.
//!
//! A line ends in a hash over itself, and it holds the hash of the line before: what was written can be cut off at the
//! end, and not changed in between. [`verify`] says whether that is so; a record without its last event was cut, or its
//! session still runs.

mod chain;
mod event;
mod flood;
mod redact;
mod writer;

pub use chain::{Broken, Verified, verify};
pub use event::{AuditEvent, Effect};
pub(crate) use event::{verdict, words};
pub(crate) use flood::Flood;
pub use redact::Redactor;
pub use writer::{AUDIT_FILE, Audit, AuditError};
