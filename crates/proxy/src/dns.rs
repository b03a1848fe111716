//! Questions to a name server, and its answers: bytes in and out, and nothing else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    V4 = 1,
    V6 = 28,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// None, when the name has no address of that kind.
    Addresses(Vec<IpAddr>),
    /// There is no such name.
    NoName,
    /// It did not fit into a datagram.
    Cut,
}

/// As many names may stand for another, one after the other.
const ALIASES: usize = 16;

/// Writes a question for a canonical name.
pub(crate) fn question(id: u16, name: &str, kind: Kind) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    // Recursion is wished for; one question.
    bytes.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or(0));
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(&[0, 0, kind as u8, 0, 1]);
    bytes
}

/// Reads the answer to a question; `None` when it is the answer to another, or none at all.
pub(crate) fn answer(bytes: &[u8], id: u16, name: &str, kind: Kind) -> Option<Result<Answer, &'static str>> {
    let header = bytes.first_chunk::<12>()?;
    let [id_high, id_low, flags, code, _, questions, answers_high, answers_low, ..] = *header;
    let same_question = bytes.get(12..).is_some_and(|rest| {
        let asked = question(id, name, kind);
        let asked = asked.get(12..).unwrap_or_default();
        rest.get(..asked.len()).is_some_and(|rest| rest.eq_ignore_ascii_case(asked))
    });
    if u16::from_be_bytes([id_high, id_low]) != id || flags & 0x80 == 0 || questions != 1 || !same_question {
        return None;
    }
    if flags & 2 != 0 {
        return Some(Ok(Answer::Cut));
    }
    Some(match code & 15 {
        0 => records(bytes, u16::from_be_bytes([answers_high, answers_low]), name, kind).map(Answer::Addresses),
        3 => Ok(Answer::NoName),
        5 => Err("the name server refuses to answer"),
        _ => Err("the name server cannot answer"),
    })
}

fn records(bytes: &[u8], count: u16, name: &str, kind: Kind) -> Result<Vec<IpAddr>, &'static str> {
    const BAD: &str = "the answer of the name server is not well formed";
    let mut at = 12 + name.len() + 2 + 4;
    let mut records = Vec::new();
    for _ in 0..count {
        let (owner, after) = name_at(bytes, at).ok_or(BAD)?;
        let head = bytes.get(after..).and_then(|rest| rest.first_chunk::<10>()).ok_or(BAD)?;
        let [type_high, type_low, _, class, _, _, _, _, length_high, length_low] = *head;
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        let data = bytes.get(after + 10..after + 10 + length).ok_or(BAD)?;
        if class == 1 {
            records.push((owner, u16::from_be_bytes([type_high, type_low]), data, after + 10));
        }
        at = after + 10 + length;
    }
    let mut wanted = name.to_owned();
    for _ in 0..ALIASES {
        let alias = records.iter().find(|(owner, kind, ..)| *owner == wanted && *kind == 5);
        let Some((.., at)) = alias else { break };
        wanted = name_at(bytes, *at).ok_or(BAD)?.0;
    }
    let addresses = records.iter().filter(|(owner, of, ..)| *owner == wanted && *of == kind as u16);
    let address = |data: &[u8]| match kind {
        Kind::V4 => <[u8; 4]>::try_from(data).ok().map(|octets| IpAddr::V4(Ipv4Addr::from(octets))),
        Kind::V6 => <[u8; 16]>::try_from(data).ok().map(|octets| IpAddr::V6(Ipv6Addr::from(octets))),
    };
    addresses.map(|(.., data, _)| address(data).ok_or(BAD)).collect()
}

/// Reads a name, which may go on elsewhere, further ahead each time; returns it lower-case, and where it ends.
fn name_at(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut name, mut at, mut end, mut limit) = (String::new(), start, None, start);
    loop {
        let length = *bytes.get(at)?;
        match length {
            0 => return Some((name, end.unwrap_or(at + 1))),
            1..=63 => {
                let label = bytes.get(at + 1..at + 1 + usize::from(length))?;
                if !name.is_empty() {
                    name.push('.');
                }
                // A byte that is in no name of ours makes it a name that is not ours.
                name.extend(label.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
                at += 1 + usize::from(length);
                if name.len() > 512 {
                    return None;
                }
            }
            192.. => {
                end = end.or(Some(at + 2));
                at = usize::from(u16::from_be_bytes([length & 63, *bytes.get(at + 1)?]));
                if at >= limit {
                    return None;
                }
                limit = at;
            }
            _ => return None,
        }
    }
}

/// What somebody asks for, in a datagram that is answered here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) kind: u16,
    /// The datagram, up to the end of its one question.
    bytes: Vec<u8>,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Address(Ipv4Addr),
    /// The name is there, and has nothing of that kind.
    Nothing,
    NoName,
}

/// Reads a question; `None` when it is none that can be answered.
pub(crate) fn read_question(bytes: &[u8]) -> Option<Question> {
    let [_, _, flags, _, questions_high, questions_low, ..] = *bytes.first_chunk::<12>()?;
    if flags & 0xF8 != 0 || [questions_high, questions_low] != [0, 1] {
        return None;
    }
    let (name, end) = name_at(bytes, 12)?;
    let [kind_high, kind_low, class_high, class_low] = *bytes.get(end..)?.first_chunk::<4>()?;
    // A name in a question does not go on elsewhere.
    if [class_high, class_low] != [0, 1] || end != 12 + name.len() + if name.is_empty() { 1 } else { 2 } {
        return None;
    }
    let kind = u16::from_be_bytes([kind_high, kind_low]);
    Some(Question { name, kind, bytes: bytes.get(..end + 4)?.to_vec() })
}

impl Question {
    pub(crate) fn reply(&self, reply: Reply) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let code = if reply == Reply::NoName { 3 } else { 0 };
        let answers = u8::from(matches!(reply, Reply::Address(_)));
        let counts = [0, answers, 0, 0, 0, 0];
        for (at, value) in [(2, 0x85), (3, 0x80 | code)].into_iter().chain((6..).zip(counts)) {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        if let Reply::Address(address) = reply {
            // It belongs to the question's name, and is asked for again each time.
            bytes.extend_from_slice(&[192, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
            bytes.extend_from_slice(&address.octets());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns an answer with these records: owner (`None`: the question's), type, data.
    fn reply(flags: [u8; 2], records: &[(Option<&str>, u8, &[u8])]) -> Vec<u8> {
        let mut bytes = question(7, "a.test", Kind::V4);
        bytes[2] = flags[0];
        bytes[3] = flags[1];
        bytes[7] = u8::try_from(records.len()).unwrap();
        for (owner, kind, data) in records {
            match owner {
                None => bytes.extend_from_slice(&[192, 12]),
                Some(name) => bytes.extend_from_slice(&wire(name)),
            }
            bytes.extend_from_slice(&[0, *kind, 0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).unwrap()]);
            bytes.extend_from_slice(data);
        }
        bytes
    }

    fn wire(name: &str) -> Vec<u8> {
        let question = question(0, name, Kind::V4);
        question[12..question.len() - 4].to_vec()
    }

    fn check(bytes: &[u8], expected: &str) {
        let shown = match answer(bytes, 7, "a.test", Kind::V4) {
            None => "not an answer".to_owned(),
            Some(Ok(Answer::Addresses(addresses))) => format!("{addresses:?}"),
            Some(Ok(other)) => format!("{other:?}"),
            Some(Err(error)) => format!("error: {error}"),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn answers() {
        let ok = [0x81, 0x80];
        check(&reply(ok, &[(None, 1, &[1, 2, 3, 4]), (Some("A.test"), 1, &[5, 6, 7, 8])]), "[1.2.3.4, 5.6.7.8]");
        check(&reply(ok, &[(Some("other.test"), 1, &[1, 2, 3, 4])]), "[]");
        let alias = wire("b.test");
        check(&reply(ok, &[(None, 5, &alias), (Some("b.test"), 1, &[1, 2, 3, 4]), (None, 1, &[9, 9, 9, 9])]), "[1.2.3.4]");
        check(&reply([0x81, 0x83], &[]), "NoName");
        check(&reply([0x83, 0x80], &[]), "Cut");
        check(&reply([0x81, 0x82], &[]), "error: the name server cannot answer");
        check(&reply(ok, &[(None, 1, &[1, 2, 3])]), "error: the answer of the name server is not well formed");
        check(&question(7, "a.test", Kind::V4), "not an answer");
        check(&question(8, "a.test", Kind::V4), "not an answer");
        let mut other = reply(ok, &[]);
        other[13] = b'b';
        check(&other, "not an answer");
    }

    #[test]
    fn a_name_that_goes_in_circles_has_an_end() {
        let mut bytes = reply([0x81, 0x80], &[(None, 1, &[1, 2, 3, 4])]);
        let at = question(7, "a.test", Kind::V4).len();
        bytes[at + 1] = u8::try_from(at).unwrap();
        check(&bytes, "error: the answer of the name server is not well formed");
    }

    #[test]
    fn a_question_is_answered_so_that_it_can_be_read() {
        let asked = question(7, "a.test", Kind::V4);
        let read = read_question(&[&asked[..], &[0, 0, 41]].concat()).unwrap();
        assert_eq!((read.name.as_str(), read.kind), ("a.test", 1));
        check(&read.reply(Reply::Address(Ipv4Addr::new(127, 18, 0, 1))), "[127.18.0.1]");
        check(&read.reply(Reply::Nothing), "[]");
        check(&read.reply(Reply::NoName), "NoName");
        assert_eq!(read_question(&read.reply(Reply::Nothing)), None);
        assert_eq!(read_question(&asked[..asked.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = answer(&bytes, 7, "a.test", Kind::V4);
            let _ = read_question(&[&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &bytes].concat()).map(|read| read.reply(Reply::NoName));
            let mut whole = reply([0x81, 0x80], &[]);
            whole[7] = 3;
            whole.extend_from_slice(&bytes);
            let _ = answer(&whole, 7, "a.test", Kind::V4);
        }
    }
}
