//! The chain of hashes, as a pure function of bytes.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// What the first line holds in the place of the hash of the line before.
pub(super) const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const HASH: &str = ",\"hash\":\"";
const END: &str = "\"}";
const PREVIOUS: &str = "\"previous\":\"";

/// A record whose lines follow from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub lines: usize,
    /// The last event is there. Otherwise the session runs still, was killed, or the end was cut off.
    pub closed: bool,
}

/// Where a record is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Counted from 1.
    pub line: usize,
    /// A lower-case fragment.
    pub why: &'static str,
}

/// Closes a line, which lacks its last brace, with its hash; and returns the hash.
pub(super) fn close(line: &mut String) -> String {
    let hash = hash_of(line);
    line.push_str(HASH);
    line.push_str(&hash);
    line.push_str(END);
    hash
}

/// Checks that every line is as it was written, and stands where it was written.
pub fn verify(text: &str) -> Result<Verified, Broken> {
    let mut previous = NOTHING.to_owned();
    let (mut lines, mut closed) = (0, false);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let broken = |why| Err(Broken { line: index + 1, why });
        let Some(whole) = line.strip_suffix('\n') else { return broken("it is not whole") };
        let Some((body, hash)) = parted(whole) else { return broken("it has no hash") };
        if hash_of(body) != hash {
            return broken("it is not what was written");
        }
        if before(body) != Some(previous.as_str()) {
            return broken("it does not follow the line before it");
        }
        if closed {
            return broken("it comes after the end");
        }
        hash.clone_into(&mut previous);
        closed = body.contains("\"event\":{\"kind\":\"closed\"");
        lines += 1;
    }
    Ok(Verified { lines, closed })
}

fn parted(line: &str) -> Option<(&str, &str)> {
    let (body, hash) = line.rsplit_once(HASH)?;
    Some((body, hash.strip_suffix(END)?))
}

fn before(body: &str) -> Option<&str> {
    // The last: what an event holds comes before it, and its quotes are escaped.
    body.rsplit_once(PREVIOUS)?.1.strip_suffix('"')
}

fn hash_of(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(count: usize) -> String {
        let (mut text, mut previous) = (String::new(), NOTHING.to_owned());
        for number in 0..count {
            let kind = if number + 1 == count { "closed" } else { "ended" };
            let mut line = format!("{{\"event\":{{\"kind\":\"{kind}\",\"n\":{number}}},\"previous\":\"{previous}\"");
            previous = close(&mut line);
            text += &(line + "\n");
        }
        text
    }

    fn check(text: &str, expected: Result<(usize, bool), (usize, &str)>) {
        let verified = verify(text).map(|verified| (verified.lines, verified.closed));
        assert_eq!(verified.map_err(|broken| (broken.line, broken.why)), expected);
    }

    #[test]
    fn a_record_that_was_touched_is_found() {
        let whole = record(4);
        check(&whole, Ok((4, true)));
        check("", Ok((0, false)));
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        check(&lines[..3].concat(), Ok((3, false)));
        check(&whole.replace("\"n\":1", "\"n\":7"), Err((2, "it is not what was written")));
        check(&[lines[0], lines[2], lines[3]].concat(), Err((2, "it does not follow the line before it")));
        check(&[lines[1], lines[0]].concat(), Err((1, "it does not follow the line before it")));
        check(&(whole.clone() + "x"), Err((5, "it is not whole")));
        check(&(whole.clone() + "{}\n"), Err((5, "it has no hash")));
    }

    #[test]
    fn any_single_change_is_found() {
        let whole = record(3);
        for (at, _) in whole.char_indices() {
            let mut bytes = whole.clone().into_bytes();
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            let text = String::from_utf8(bytes).unwrap();
            assert!(text == whole || verify(&text).is_err(), "at {at}");
        }
    }
}
