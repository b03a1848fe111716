//! Names for programs that ask no proxy: each name that is granted stands for an address inside the task's network, and a
//! connection to that address is one to the name.

use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::{Mutex, PoisonError};

use crate::dns::{self, Reply};
use crate::event::Way;
use crate::serve::Proxy;
use crate::target::Host;

/// The addresses that stand for names: of the task's own loopback, which is nowhere else.
const NETWORK: [u8; 2] = [127, 18];

/// Which name an address stands for.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<Vec<String>>);

impl Names {
    /// Returns the address that stands for a name; `None` when there is none left.
    fn address(&self, name: &str) -> Option<Ipv4Addr> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = names.iter().position(|other| other == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        let Ok(number) = u16::try_from(at + 1) else {
            names.pop();
            return None;
        };
        let ([a, b], [c, d]) = (NETWORK, number.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    }

    /// Returns the name that an address stands for.
    pub(crate) fn name(&self, address: IpAddr) -> Option<String> {
        let IpAddr::V4(address) = address else { return None };
        let [a, b, c, d] = address.octets();
        let at = usize::from(u16::from_be_bytes([c, d])).checked_sub(1).filter(|_| [a, b] == NETWORK)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(at).cloned()
    }
}

impl Proxy {
    /// Answers for the names that are granted. No question leaves this machine.
    pub(crate) fn answer_names(&self, socket: &UdpSocket) -> io::Result<()> {
        let mut bytes = [0; 1500];
        loop {
            let (length, from) = socket.recv_from(&mut bytes)?;
            let Some(question) = dns::read_question(bytes.get(..length).unwrap_or_default()) else { continue };
            let reply = match Host::parse(&question.name) {
                Ok(Host::Name(name)) => self.look_up(&name, question.kind)?,
                Ok(Host::Address(_)) | Err(_) => Reply::NoName,
            };
            // Who does not wait for it asks again.
            let _ = socket.send_to(&question.reply(reply), from);
        }
    }

    fn look_up(&self, name: &str, kind: u16) -> io::Result<Reply> {
        let why = match self.config.rules.for_the_web(name) {
            Ok(()) if kind != dns::Kind::V4 as u16 => return Ok(Reply::Nothing),
            Ok(()) => match self.names.address(name) {
                Some(address) => return Ok(Reply::Address(address)),
                None => "too many names were looked up".to_owned(),
            },
            Err(why) => why,
        };
        // Both kinds of address are asked for at once: it is one refusal.
        if kind == dns::Kind::V4 as u16 {
            self.refuse_name(name, &why)?;
        }
        Ok(Reply::NoName)
    }

    fn refuse_name(&self, name: &str, why: &str) -> io::Result<()> {
        let (connection, host) = (self.number(), name.to_owned());
        let (by, port, address, why) = (Way::Name, 0, None, why.to_owned());
        self.told.tell(&crate::Event::Refused { connection, by, host, port, address, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_for_one_name() {
        let names = Names::default();
        assert_eq!(names.address("a.test"), Some(Ipv4Addr::new(127, 18, 0, 1)));
        assert_eq!(names.address("b.test"), Some(Ipv4Addr::new(127, 18, 0, 2)));
        assert_eq!(names.address("a.test"), Some(Ipv4Addr::new(127, 18, 0, 1)));
        assert_eq!(names.name("127.18.0.2".parse().unwrap()).as_deref(), Some("b.test"));
        for other in ["127.18.0.0", "127.18.0.3", "127.19.0.1", "127.0.0.1", "::1"] {
            assert_eq!(names.name(other.parse().unwrap()), None, "{other}");
        }
    }

    #[test]
    fn the_addresses_come_to_an_end() {
        let names = Names(Mutex::new((0..65_534).map(|number| format!("{number}.test")).collect()));
        assert_eq!(names.address("last.test"), Some(Ipv4Addr::new(127, 18, 255, 255)));
        assert_eq!(names.address("one-more.test"), None);
        assert_eq!(names.address("0.test"), Some(Ipv4Addr::new(127, 18, 0, 1)));
    }
}
