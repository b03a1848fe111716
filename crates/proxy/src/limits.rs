use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long the proxy waits for others. Nobody's slowness holds a connection longer, as long as it carries nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Until somebody has said what is wanted.
    pub asking: Duration,
    /// Until a TLS hello is whole, once there is a connection.
    pub greeting: Duration,
    /// For all attempts to connect to a host.
    pub connecting: Duration,
    /// For one attempt of several.
    pub each: Duration,
    /// Until a host answers a request of plain HTTP, from the last that was sent to it.
    pub answering: Duration,
    /// For a client to read why it goes no further.
    pub leaving: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            asking: Duration::from_secs(15),
            greeting: Duration::from_secs(15),
            connecting: Duration::from_secs(15),
            each: Duration::from_secs(5),
            answering: Duration::from_mins(5),
            leaving: Duration::from_secs(2),
        }
    }
}

/// A limit in words: `15 s`.
pub(crate) struct Shown(pub(crate) Duration);

impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_millis() == 0 { write!(out, "{} s", self.0.as_secs()) } else { write!(out, "{} ms", self.0.as_millis()) }
    }
}
