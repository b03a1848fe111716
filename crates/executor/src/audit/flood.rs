//! A flood of refused connections, in a record of bounded length: the first of a kind stand there one by one, the rest are
//! counted, and the counts stand there too. Nothing is left out.

use std::collections::BTreeMap;

use remit_proxy::{Event, Way};

use super::AuditEvent;

/// So many of one kind are recorded one by one.
const EACH: u64 = 100;
/// So many kinds are told apart; what is of none of them is one more.
const KINDS: usize = 256;

/// What was refused so far.
#[derive(Debug, Default)]
pub(crate) struct Flood {
    kinds: BTreeMap<Kind, Count>,
    others: Count,
}

/// What makes refusals alike: somebody asked for the same, and was told the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    by: &'static str,
    host: String,
    port: u16,
    why: String,
}

#[derive(Debug, Default)]
struct Count {
    all: u64,
    /// Not recorded yet.
    held: u64,
}

impl Flood {
    /// Returns what is to be recorded now: the event, a count in which it is the last, or nothing yet.
    pub(crate) fn pass(&mut self, event: Event) -> Option<AuditEvent<'static>> {
        let Event::Refused { by, host, port, why, .. } = &event else { return Some(AuditEvent::of_network(event)) };
        let kind = Kind { by: by.name(), host: host.clone(), port: *port, why: why.clone() };
        let is_full = self.kinds.len() >= KINDS;
        let (kind, count) = match self.kinds.get_mut(&kind) {
            Some(count) => (kind, count),
            None if is_full => (Kind::other(), &mut self.others),
            None => (kind.clone(), self.kinds.entry(kind).or_default()),
        };
        count.all += 1;
        if count.all <= EACH {
            return Some(AuditEvent::of_network(event));
        }
        count.held += 1;
        is_power_of_ten(count.all).then(|| count.tell(&kind))
    }

    /// Returns the counts of what was not recorded yet.
    pub(crate) fn rest(&mut self) -> Vec<AuditEvent<'static>> {
        let other = Kind::other();
        let all = self.kinds.iter_mut().chain([(&other, &mut self.others)]);
        all.filter(|(_, count)| count.held > 0).map(|(kind, count)| count.tell(kind)).collect()
    }
}

impl Kind {
    fn other() -> Kind {
        let why = format!("for other reasons, or to other hosts, than the first {KINDS}");
        Kind { by: Way::Proxy.name(), host: String::new(), port: 0, why }
    }
}

impl Count {
    fn tell(&mut self, kind: &Kind) -> AuditEvent<'static> {
        let Kind { by, host, port, why } = kind.clone();
        let more = std::mem::take(&mut self.held);
        AuditEvent::RefusedAlike { by: by.into(), host: host.into(), port, why: why.into(), more, all: self.all }
    }
}

fn is_power_of_ten(number: u64) -> bool {
    number.checked_ilog10().is_some_and(|power| 10_u64.pow(power) == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: &str) -> Event {
        let why = format!("`{host}:80` is not granted");
        Event::Refused { connection: 1, by: Way::Http, host: host.to_owned(), port: 80, address: None, why }
    }

    /// Returns how many lines there are of how many refusals.
    fn count(events: &[AuditEvent<'_>]) -> (usize, u64) {
        let refusals = |event: &AuditEvent<'_>| match event {
            AuditEvent::Refused { .. } => 1,
            AuditEvent::RefusedAlike { more, .. } => *more,
            _ => 0,
        };
        (events.len(), events.iter().map(refusals).sum())
    }

    #[test]
    fn a_flood_is_a_few_lines_and_every_refusal_is_in_one() {
        let check = |number: u64, expected: usize| {
            let mut flood = Flood::default();
            let mut told: Vec<AuditEvent<'_>> = (0..number).filter_map(|_| flood.pass(refused("a.test"))).collect();
            told.extend(flood.rest());
            assert_eq!(count(&told), (expected, number));
            assert!(flood.rest().is_empty());
            told.pop()
        };
        check(1, 1);
        check(100, 100);
        check(101, 101);
        check(1000, 101);
        check(1001, 102);
        let last = check(123_456, 104);
        let Some(AuditEvent::RefusedAlike { host, port, more, all, .. }) = last else { panic!("{last:?}") };
        assert_eq!((host.as_ref(), port, more, all), ("a.test", 80, 23_456, 123_456));
    }

    #[test]
    fn many_hosts_make_no_more_than_so_many_lines() {
        let mut flood = Flood::default();
        let mut told = Vec::new();
        for number in 0..300_000 {
            told.extend(flood.pass(refused(&format!("{}.test", number % 1000))));
        }
        told.extend(flood.rest());
        let (lines, refusals) = count(&told);
        assert_eq!(refusals, 300_000);
        assert!(lines < (KINDS + 1) * 110, "{lines}");
        assert!(flood.kinds.len() <= KINDS);
    }

    #[test]
    fn what_is_no_refusal_is_told_each_time() {
        let mut flood = Flood::default();
        let ended = || Event::Disconnected { connection: 1, sent: 1, received: 1, micros: 1, why: None };
        assert_eq!((0..300).filter_map(|_| flood.pass(ended())).count(), 300);
        assert!(flood.rest().is_empty());
    }
}
