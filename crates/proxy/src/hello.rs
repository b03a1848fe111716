//! The server's name in a TLS `ClientHello`: read, never changed, and nothing after it is looked at.

use crate::target::Host;

/// The longest hello that is read, in bytes, with the heads of its records.
pub(crate) const LONGEST: usize = 32 * 1024;

/// What the bytes at the start of a connection are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hello {
    /// More are needed.
    Unfinished,
    /// The name that it asks for.
    Named(Host),
    Unnamed,
}

/// The first byte of a TLS record that holds a hello.
pub(crate) const HANDSHAKE: u8 = 22;

/// Reads the name out of the first bytes of a connection. What is wrong is a lower-case fragment.
///
/// An encrypted hello inside (ECH) is refused, also an empty pretence of one: the name that counts could be another.
pub(crate) fn read(bytes: &[u8]) -> Result<Hello, &'static str> {
    let mut rest = bytes;
    let mut message = Vec::new();
    loop {
        match rest.first() {
            None => break,
            Some(&HANDSHAKE) => {}
            Some(_) => return Err("the connection does not begin with TLS"),
        }
        let Some((&[_, major, _, high, low], after)) = rest.split_first_chunk::<5>() else { break };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if major != 3 || length == 0 || length > 16 * 1024 {
            return Err("the connection does not begin with TLS");
        }
        let part = after.get(..length.min(after.len())).unwrap_or_default();
        message.extend_from_slice(part);
        if let Some(wanted) = wanted(&message)? {
            return message.get(4..wanted).map_or(Ok(Hello::Unfinished), name);
        }
        let Some(next) = after.get(length..) else { break };
        rest = next;
    }
    if bytes.len() >= LONGEST { Err("the TLS hello is longer than 32 KiB") } else { Ok(Hello::Unfinished) }
}

/// Returns how long the message is with its head, once all of it is there.
fn wanted(message: &[u8]) -> Result<Option<usize>, &'static str> {
    let Some(&[kind, a, b, c]) = message.first_chunk::<4>() else {
        return match message.first() {
            None | Some(1) => Ok(None),
            Some(_) => Err("the connection begins with TLS, and not with a hello"),
        };
    };
    if kind != 1 {
        return Err("the connection begins with TLS, and not with a hello");
    }
    let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX).saturating_add(4);
    if length > LONGEST {
        return Err("the TLS hello is longer than 32 KiB");
    }
    Ok((message.len() >= length).then_some(length))
}

fn name(hello: &[u8]) -> Result<Hello, &'static str> {
    const CUT: &str = "the TLS hello is not well formed";
    let mut hello = Bytes(hello);
    // The version and the random bytes, then the session, the ciphers and the compressions.
    hello.take(34).ok_or(CUT)?;
    hello.counted(1).ok_or(CUT)?;
    hello.counted(2).ok_or(CUT)?;
    hello.counted(1).ok_or(CUT)?;
    if hello.0.is_empty() {
        return Ok(Hello::Unnamed);
    }
    let mut extensions = Bytes(hello.counted(2).ok_or(CUT)?);
    if !hello.0.is_empty() {
        return Err(CUT);
    }
    let mut found = None;
    while !extensions.0.is_empty() {
        let kind = extensions.number(2).ok_or(CUT)?;
        let content = extensions.counted(2).ok_or(CUT)?;
        match kind {
            0 if found.is_some() => return Err("the TLS hello names two servers"),
            0 => found = Some(server(content)?),
            // Its draft numbers too.
            0xFE0D | 0xFE0A | 0xFE0B | 0xFE0C | 0xFE08 | 0xFE09 | 0xFFCE => {
                return Err("the TLS hello has an encrypted one inside (ECH), in which the name could be another");
            }
            _ => {}
        }
    }
    Ok(found.map_or(Hello::Unnamed, Hello::Named))
}

fn server(content: &[u8]) -> Result<Host, &'static str> {
    const CUT: &str = "the name in the TLS hello is not well formed";
    let mut content = Bytes(content);
    let mut list = Bytes(content.counted(2).ok_or(CUT)?);
    let kind = list.number(1).ok_or(CUT)?;
    let name = list.counted(2).ok_or(CUT)?;
    if kind != 0 || !list.0.is_empty() || !content.0.is_empty() {
        return Err(CUT);
    }
    let name = std::str::from_utf8(name).map_err(|_| CUT)?;
    Host::parse(name).map_err(|_| "the name in the TLS hello is no host")
}

/// What is left to be read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, width: usize) -> Option<usize> {
        Some(self.take(width)?.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte)))
    }

    /// Takes what stands behind its length.
    fn counted(&mut self, width: usize) -> Option<&'a [u8]> {
        let length = self.number(width)?;
        self.take(length)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns a hello with these extensions, in records of so many bytes.
    pub(crate) fn hello(extensions: &[(u16, Vec<u8>)], record: usize) -> Vec<u8> {
        let counted = |width: usize, bytes: &[u8]| [&bytes.len().to_be_bytes()[8 - width..], bytes].concat();
        let list: Vec<u8> =
            extensions.iter().flat_map(|(kind, content)| [kind.to_be_bytes().to_vec(), counted(2, content)].concat()).collect();
        let body = [&[3, 3][..], &[7; 32], &[0], &counted(2, &[0x13, 1]), &counted(1, &[0]), &counted(2, &list)].concat();
        let message = [&[1][..], &counted(3, &body)].concat();
        message.chunks(record).flat_map(|part| [&[22, 3, 1][..], &counted(2, part)].concat()).collect()
    }

    pub(crate) fn names(name: &str) -> (u16, Vec<u8>) {
        let length = |extra: usize| u16::try_from(name.len() + extra).unwrap().to_be_bytes();
        (0, [&length(3)[..], &[0], &length(0), name.as_bytes()].concat())
    }

    fn check(bytes: &[u8], expected: &str) {
        let shown = match read(bytes) {
            Ok(Hello::Named(host)) => host.to_string(),
            Ok(other) => format!("{other:?}"),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_name_is_found() {
        check(&hello(&[names("Crates.IO")], 9999), "crates.io");
        check(&hello(&[(43, vec![2, 3, 4]), names("crates.io"), (10, vec![0])], 9999), "crates.io");
        check(&hello(&[names("crates.io")], 7), "crates.io");
        check(&hello(&[(43, vec![2, 3, 4])], 9999), "Unnamed");
        check(&[hello(&[names("crates.io")], 9999), b"more".to_vec()].concat(), "crates.io");
    }

    #[test]
    fn what_is_no_hello() {
        check(b"", "Unfinished");
        check(&[22], "Unfinished");
        check(b"GET / HTTP/1.1", "error: the connection does not begin with TLS");
        check(&[22, 2, 0, 0, 5], "error: the connection does not begin with TLS");
        check(&[22, 3, 1, 0, 0], "error: the connection does not begin with TLS");
        check(&[22, 3, 1, 0, 4, 2, 0, 0, 0], "error: the connection begins with TLS, and not with a hello");
        check(&[22, 3, 1, 0, 4, 1, 0xFF, 0, 0], "error: the TLS hello is longer than 32 KiB");
        check(&hello(&[names("a.b"), names("c.d")], 9999), "error: the TLS hello names two servers");
        check(&hello(&[names("a\0b")], 9999), "error: the name in the TLS hello is no host");
        check(&hello(&[names("")], 9999), "error: the name in the TLS hello is no host");
        check(
            &hello(&[names("a.b"), (0xFE0D, vec![0])], 9999),
            "error: the TLS hello has an encrypted one inside (ECH), in which the name could be another",
        );
        let mut two = names("a.b");
        two.1.extend_from_slice(&[0, 0, 1, b'c']);
        check(&hello(&[two], 9999), "error: the name in the TLS hello is not well formed");
    }

    proptest! {
        /// However it is cut, it is unfinished until it is whole: no part of it is taken for another name.
        #[test]
        fn a_part_is_never_read_as_a_whole(record in 1_usize..200, cut in 0_usize..400) {
            let whole = hello(&[(43, vec![2, 3, 4]), names("static.crates.io")], record);
            match whole.get(..cut) {
                Some(part) if cut < whole.len() => prop_assert_eq!(read(part), Ok(Hello::Unfinished)),
                _ => prop_assert_eq!(read(&whole), Ok(Hello::Named(Host::Name("static.crates.io".to_owned())))),
            }
        }

        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
            let _ = read(&[&[22, 3, 1, 1, 0, 1, 0, 0, 200][..], &bytes].concat());
        }
    }
}
