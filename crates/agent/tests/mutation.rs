//! Files that are broken in every way: no panic, no hang, and whatever is refused is refused at a place.
//!
//! The mutations come from a generator with a fixed seed, so that each run makes the same files. A failure prints the
//! file.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail, and then says where"
)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use remit_agent::{AbsPath, Agent, AgentFile, Parsed, Reading, parse};
use remit_diagnostics::{RenderOptions, render_json, render_text};

const SAMPLES: [&str; 3] =
    [include_str!("samples/every-field.json"), include_str!("samples/newer-names.json"), include_str!("samples/example.json")];

/// Returns the samples here and the agents that ship in `policies/agents`.
fn samples() -> Vec<String> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/agents");
    let mut files: Vec<_> = fs::read_dir(shipped).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let shipped = files.iter().map(|file| fs::read_to_string(file).unwrap());
    SAMPLES.into_iter().map(str::to_owned).chain(shipped).collect()
}

#[test]
fn samples_are_clean() {
    for sample in samples() {
        let parsed = parse("sample.json", sample.as_bytes());
        assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        assert_ne!(parsed.file, AgentFile::default());
        assert!(resolve(parsed).is_ok());
    }
}

#[test]
fn mutated_files_are_read_or_refused_at_a_place() {
    let samples = samples();
    let mut random = Random(0x5EED);
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..2000 {
        let mut bytes = samples[round % samples.len()].as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            mutate(&mut bytes, &mut random);
        }
        match catch_unwind(AssertUnwindSafe(|| examine(&bytes))) {
            Ok(true) => accepted += 1,
            Ok(false) => refused += 1,
            Err(failure) => {
                eprintln!("round {round}: {}", bytes.escape_ascii());
                resume_unwind(failure);
            }
        }
    }
    // Both must be common, or the mutations are too wild or too tame to show anything.
    assert!(accepted > 100, "{accepted} accepted, {refused} refused");
    assert!(refused > 1000, "{accepted} accepted, {refused} refused");
}

#[test]
fn every_truncation_is_refused() {
    for sample in SAMPLES {
        let whole = sample.trim_end();
        for end in 0..whole.len() {
            assert!(!examine(&whole.as_bytes()[..end]), "{end}");
        }
    }
}

#[test]
fn every_value_of_another_type_is_read_or_refused() {
    let others =
        ["null", "true", "-1", "1e400", "0.5", "\"\"", "\"x\"", "[]", "[[]]", "{}", r#"{"x":1}"#, "99999999999999999999999"];
    for sample in SAMPLES {
        for (start, end) in values(sample) {
            for other in others {
                examine(format!("{}{other}{}", &sample[..start], &sample[end..]).as_bytes());
            }
        }
    }
}

#[test]
fn every_key_twice_is_refused() {
    for sample in SAMPLES {
        let keys: Vec<(usize, usize)> = strings(sample).into_iter().filter(|(_, end)| is_key(sample, *end)).collect();
        assert!(keys.len() > 5);
        for (start, end) in keys {
            let key = &sample[start..end];
            assert!(!examine(format!("{}{key}: null, {}", &sample[..start], &sample[start..]).as_bytes()), "{key}");
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    for open in ["[", "{\"a\":", "[{\"a\":[", "{\"toolsSettings\":"] {
        assert!(!examine(open.repeat(100_000).as_bytes()));
    }
    let balanced = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(!examine(balanced.as_bytes()));
    assert!(!examine(format!("{{\"hooks\": {balanced}}}").as_bytes()));
}

#[test]
fn large_files_are_read_or_refused() {
    const LARGE: usize = 4_000_000;
    const MANY: usize = 400_000;
    let check = |text: &str| examine(text.as_bytes());
    assert!(check(&format!(r#"{{ "prompt": "{}" }}"#, "é".repeat(LARGE / 2))));
    assert!(!check(&format!(r#"{{ "{}": 1 }}"#, "tools".repeat(LARGE / 5 - 10))));
    assert!(!check(&"\"".repeat(LARGE)));
    assert!(!check(&"[".repeat(5_000_000)));
    assert!(!examine(&vec![0xFF; LARGE]));
    assert!(check(&format!(r#"{{ "tools": ["x"{}] }}"#, r#","x""#.repeat(MANY / 4))));
    assert!(!check(&format!(r#"{{ "tools": [0{}] }}"#, ",0".repeat(MANY / 2))));
    assert!(!check(&format!(r#"{{ "a":0{} }}"#, r#","a":0"#.repeat(MANY / 6))));
    assert!(!check(&format!(r#"{{ "hooks": {{ "stop": [{{}}{}] }} }}"#, ",{}".repeat(MANY / 3))));
    let mut random = Random(7);
    let garbage: Vec<u8> = (0..10_000_000).map(|_| random.byte()).collect();
    assert!(!examine(&garbage));
    assert!(!examine(garbage.get(..LARGE).unwrap()));
}

/// Reads a file and looks at everything that is said of it; returns whether it is accepted.
fn examine(bytes: &[u8]) -> bool {
    let parsed = parse("agent.json", bytes);
    for finding in &parsed.diagnostics {
        let places = std::iter::once(&finding.location).chain(finding.labels.iter().map(|label| &label.location));
        for place in places {
            assert_eq!(place.source, parsed.source);
            let text = place.source.text();
            assert!(place.span.start <= place.span.end && place.span.end <= text.len(), "{:?}", place.span);
            assert!(text.is_char_boundary(place.span.start) && text.is_char_boundary(place.span.end), "{:?}", place.span);
        }
        assert!(finding.help.is_some() || !finding.message.is_empty());
    }
    // All are drawn alike; some are enough, where a file has hundreds.
    for finding in parsed.diagnostics.iter().take(3).chain(parsed.diagnostics.last()) {
        let text = render_text(finding, RenderOptions { color: false, width: 80 });
        assert!(text.contains(finding.code) && text.len() < 20_000, "{text}");
        assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text:?}");
        assert!(serde_json::to_string(&render_json(std::iter::once(finding))).unwrap().contains(finding.code));
    }
    let refused = parsed.diagnostics.iter().any(remit_diagnostics::Diagnostic::is_error);
    // What a strict parser refuses is never accepted.
    assert!(refused || serde_json::from_slice::<serde_json::Value>(bytes).is_ok_and(|value| value.is_object()));
    assert_eq!(resolve(parsed).is_err(), refused);
    !refused
}

fn resolve(parsed: Parsed) -> Result<Agent, usize> {
    let path = AbsPath::root().join("work/.kiro/agents/agent.json");
    match Agent::resolve(parsed, path, Reading::Kiro) {
        Ok((agent, _)) => Ok(agent),
        Err(findings) => {
            assert!(!findings.is_empty());
            Err(findings.len())
        }
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    const PIECES: [&[u8]; 33] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b",",
        b":",
        b"\\",
        b"\0",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"//",
        b"/*",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"999999999999999999999999999",
        b"-0",
        b"0x1F",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"\"\"",
        b"\n",
        b"\x1b[2J",
        b"\xe2\x80\xae",
        b"'",
        b"\"tools\": [], ",
        b"\"x\": {}, ",
        b"\\ud800",
    ];
    let at = random.below(bytes.len() + 1);
    match random.below(9) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 if random.below(4) == 0 => bytes.truncate(at),
        2 | 3 => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied())),
        4 => {
            let end = (at + random.below(8)).min(bytes.len());
            bytes.drain(at..end);
        }
        5 => {
            // A piece of the file once more, at another place.
            let end = (at + random.below(40)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            let to = random.below(bytes.len() + 1);
            drop(bytes.splice(to..to, piece));
        }
        6 | 7 => swap_value(bytes, random),
        _ => rename(bytes, random),
    }
}

/// Puts another value in the place of one.
fn swap_value(bytes: &mut Vec<u8>, random: &mut Random) {
    const VALUES: [&str; 12] = [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1.5",
        "18446744073709551616",
        "\"\"",
        "\"x\"",
        "[1]",
        "{\"x\":[]}",
        "[\"a\",[\"b\"]]",
    ];
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let places = values(text);
    if places.is_empty() {
        return;
    }
    let (start, end) = places[random.below(places.len())];
    drop(bytes.splice(start..end, VALUES[random.below(VALUES.len())].bytes()));
}

/// Changes one letter of a string, which may be a key.
fn rename(bytes: &mut [u8], random: &mut Random) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let places = strings(text);
    if places.is_empty() {
        return;
    }
    let (start, end) = places[random.below(places.len())];
    let at = start + random.below(end - start);
    if bytes[at].is_ascii_alphanumeric() {
        bytes[at] = b'a' + u8::try_from(random.below(26)).unwrap();
    }
}

/// Returns the places of everything after a colon that is a string, a word or a number, and of each bracketed value.
fn values(text: &str) -> Vec<(usize, usize)> {
    let mut places: Vec<(usize, usize)> = strings(text).into_iter().filter(|(_, end)| !is_key(text, *end)).collect();
    let mut open = Vec::new();
    let quoted = strings(text);
    for (at, byte) in text.bytes().enumerate() {
        if quoted.iter().any(|(start, end)| (*start..*end).contains(&at)) {
            continue;
        }
        match byte {
            b'{' | b'[' => open.push(at),
            b'}' | b']' => places.extend(open.pop().map(|start| (start, at + 1))),
            _ => {}
        }
    }
    places
}

/// Returns the places of the strings, with their quotes.
fn strings(text: &str) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut start = None;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match (start, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(from), b'"') => {
                places.push((from, at + 1));
                start = None;
            }
            (None, b'"') => start = Some(at),
            _ => {}
        }
    }
    places
}

fn is_key(text: &str, end: usize) -> bool {
    text[end..].trim_start().starts_with(':')
}

/// The generator xorshift64*: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[7]
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from((self.next() >> 16) % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
