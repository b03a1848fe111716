use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What the proxy tells: one line of JSON each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A connection is about to be made.
    Connected { connection: u64, by: Way, host: String, port: u16, address: IpAddr, rule: String, place: String },
    /// A connection is not made, or goes no further.
    Refused {
        connection: u64,
        by: Way,
        /// As far as it could be read.
        host: String,
        port: u16,
        /// What the host's name stood for.
        address: Option<IpAddr>,
        /// A lower-case fragment.
        why: String,
    },
    /// A connection that was made has ended.
    Disconnected {
        connection: u64,
        /// Bytes from the task.
        sent: u64,
        /// Bytes to the task.
        received: u64,
        micros: u64,
        /// What ended it, when neither side did.
        why: Option<String>,
    },
}

/// How somebody asks for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The proxy was not asked for anything that can be read.
    Proxy,
    Connect,
    Http,
    Socks,
    /// A program that knows of no proxy: it looked a name up.
    Name,
    /// A program that knows neither of a proxy nor of the name: it connected to an address.
    Address,
}

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Way::Proxy => "proxy",
            Way::Connect => "connect",
            Way::Http => "http",
            Way::Socks => "socks",
            Way::Name => "name",
            Way::Address => "address",
        }
    }
}
