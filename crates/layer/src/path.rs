use std::fmt::{self, Write as _};

use remit_diagnostics::visible;

/// A path below a layer's target, byte for byte: components with single slashes between them, none of them `.` or `..`;
/// empty for the target itself.
///
/// In the order of paths a directory comes before everything below it.
// INVARIANT: as described above; only `root`, `join` and `parse` make one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Vec<u8>);

impl RelPath {
    pub fn root() -> RelPath {
        RelPath(Vec::new())
    }

    /// Returns the path that `bytes` spell; `None` when they climb above the target, or hold a NUL.
    pub fn parse(bytes: &[u8]) -> Option<RelPath> {
        if bytes.contains(&0) {
            return None;
        }
        let mut path = RelPath::root();
        for component in bytes.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => path = path.parent()?,
                name => path = path.join(name),
            }
        }
        Some(path)
    }

    /// Returns the entry `name` of this directory. A name of a directory entry holds no slash.
    #[must_use]
    pub fn join(&self, name: &[u8]) -> RelPath {
        let mut bytes = self.0.clone();
        if !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        RelPath(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the directory that holds this path; `None` for the target itself.
    pub fn parent(&self) -> Option<RelPath> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Some(RelPath(self.0.get(..end).unwrap_or_default().to_vec()))
    }

    /// Returns the last component; empty for the target itself.
    pub fn name(&self) -> &[u8] {
        self.0.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }

    /// Returns whether this path is `other` or lies below it.
    pub fn is_beneath(&self, other: &RelPath) -> bool {
        match self.0.strip_prefix(other.0.as_slice()) {
            Some(rest) => other.is_root() || rest.is_empty() || rest.starts_with(b"/"),
            None => false,
        }
    }

    /// Returns the path for people and for patches: as it is, or in quotes with escapes, as git quotes, when it holds anything
    /// that cannot be seen or is not text.
    pub fn quoted(&self) -> String {
        if self.is_root() { ".".to_owned() } else { quoted(b"", &self.0) }
    }

    /// Returns the path behind a prefix, as `a/` in a patch.
    pub(crate) fn quoted_behind(&self, prefix: &str) -> String {
        quoted(prefix.as_bytes(), &self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.quoted())
    }
}

fn quoted(prefix: &[u8], bytes: &[u8]) -> String {
    let whole = [prefix, bytes].concat();
    let mut out = String::with_capacity(whole.len() + 2);
    let mut plain = true;
    for chunk in whole.utf8_chunks() {
        for character in chunk.valid().chars() {
            let escape = match character {
                '\u{7}' => "\\a",
                '\u{8}' => "\\b",
                '\t' => "\\t",
                '\n' => "\\n",
                '\u{b}' => "\\v",
                '\u{c}' => "\\f",
                '\r' => "\\r",
                '"' => "\\\"",
                '\\' => "\\\\",
                _ if is_unseen(character) => {
                    octal(&mut out, character.encode_utf8(&mut [0; 4]).as_bytes());
                    plain = false;
                    continue;
                }
                _ => {
                    out.push(character);
                    continue;
                }
            };
            out.push_str(escape);
            plain = false;
        }
        octal(&mut out, chunk.invalid());
        plain &= chunk.invalid().is_empty();
    }
    if plain { out } else { format!("\"{out}\"") }
}

fn octal(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(out, "\\{byte:03o}");
    }
}

/// Returns whether a character moves the cursor, turns text round, or is not drawn.
fn is_unseen(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    let mut buffer = [0; 4];
    let text: &str = character.encode_utf8(&mut buffer);
    visible(text) != text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_as_git_quotes_them() {
        let check = |bytes: &[u8], expected: &str| assert_eq!(RelPath::parse(bytes).unwrap().quoted(), expected);
        check(b"src/lib.rs", "src/lib.rs");
        check(b"", ".");
        check("grün 日本.txt".as_bytes(), "grün 日本.txt");
        check(b"a\tb\nc", r#""a\tb\nc""#);
        check(b"\x1b[2J", r#""\033[2J""#);
        check(b"caf\xe9", r#""caf\351""#);
        check(br#"say "hi"\"#, r#""say \"hi\"\\""#);
        check("txt\u{202e}exe".as_bytes(), r#""txt\342\200\256exe""#);
    }

    #[test]
    fn what_is_typed_is_made_normal_and_does_not_climb() {
        let check = |bytes: &[u8], expected: Option<&[u8]>| {
            assert_eq!(RelPath::parse(bytes).as_ref().map(RelPath::as_bytes), expected);
        };
        check(b"./a//b/../c/", Some(b"a/c"));
        check(b".", Some(b""));
        check(b"..", None);
        check(b"a/../../b", None);
        check(b"a\0b", None);
    }

    #[test]
    fn beneath_goes_by_component() {
        let path = |text: &str| RelPath::parse(text.as_bytes()).unwrap();
        assert!(path("a/b").is_beneath(&path("a")) && path("a").is_beneath(&path("a")) && path("a").is_beneath(&path("")));
        assert!(!path("ab").is_beneath(&path("a")) && !path("a").is_beneath(&path("a/b")));
        assert_eq!((path("a/b").parent(), path("a").parent(), path("").parent()), (Some(path("a")), Some(path("")), None));
        assert_eq!((path("a/b").name(), path("").name()), (&b"b"[..], &b""[..]));
    }
}
