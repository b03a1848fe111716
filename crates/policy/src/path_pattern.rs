//! Path patterns: what an agent file or a profile writes, compiled once.
//!
//! A pattern is split where its first wildcard stands: the literal part before it is the `base`, which the kernel can
//! hold; what follows is a glob below the base, which only the gate can hold exactly. A pattern without a wildcard, or
//! one that ends in `/**` or `/`, is the base and everything below it.
//!
//! `*` and `?` stay inside one component, `**` must be a component of its own, `[…]` and `{…,…}` work as in a shell.
//! There is no negation and no escaping backslash: a character that has a meaning is written as a class of one, as in
//! `app/[[]slug]/page.tsx`, which names the file `app/[slug]/page.tsx`.

use std::borrow::Cow;
use std::sync::Arc;

use remit_agent::AbsPath;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::PathGlob;

/// A path, or a glob below one, compiled.
///
/// `base` is the longest leading part without a wildcard. With no `glob` the pattern is `base` and all that is below it.
#[derive(Clone, Debug)]
pub struct PathPattern {
    pub text: Arc<str>,
    pub base: AbsPath,
    pub glob: Option<Arc<PathGlob>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct PathPatternError {
    pub reason: String,
    pub help: Option<String>,
}

impl PathPattern {
    /// Compiles a pattern: relative to `workspace`, below `home` when it begins with `~`, or absolute.
    ///
    /// # Errors
    ///
    /// Returns why a pattern means nothing certain: it is empty, climbs, negates, holds a variable, or is malformed.
    pub fn compile(text: &str, workspace: &AbsPath, home: &AbsPath) -> Result<PathPattern, PathPatternError> {
        if let Some(base) = plain(text, workspace, home) {
            let written = if text == base.as_str() { base.shared() } else { Arc::from(text) };
            return Ok(PathPattern { text: written, base, glob: None });
        }
        refuse_by_text(text)?;
        let (start, rest) = start(text, workspace, home)?;
        let components: Vec<&str> = rest.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let names: Vec<Cow<'_, str>> = components.iter().map_while(|part| literal(part)).collect();
        let wild = components.get(names.len()..).unwrap_or_default();
        if names.iter().any(|name| name == "..") {
            return Err(error("a path pattern climbs with `..`", "write the path that it leads to"));
        }
        let base = start.join(&names.join("/"));
        let written = if text == base.as_str() { base.shared() } else { Arc::from(text) };
        if wild.is_empty() || wild == ["**"] {
            return Ok(PathPattern { text: written, base, glob: None });
        }
        let glob = Some(Arc::new(glob(wild, text.ends_with('/'))?));
        Ok(PathPattern { text: written, base, glob })
    }

    /// Returns the pattern for a path and everything below it, whatever characters it is made of.
    pub fn literal(path: &AbsPath) -> PathPattern {
        PathPattern { text: path.shared(), base: path.clone(), glob: None }
    }

    /// Puts a pattern together again from what `text`, `base` and the text of `glob` were.
    pub fn of_parts(text: &str, base: AbsPath, glob: Option<&str>) -> Result<PathPattern, PathPatternError> {
        let failed = |_| error("a path pattern does not compile", "it was written by another version of remit");
        let glob = glob.map(PathGlob::compile).transpose().map_err(failed)?.map(Arc::new);
        Ok(PathPattern { text: text.into(), base, glob })
    }

    /// Returns whether the pattern covers the path. A glob covers what it matches, not what lies below that.
    pub fn matches(&self, path: &AbsPath) -> bool {
        match (path.relative_to(&self.base), &self.glob) {
            (None, _) => false,
            (Some(_), None) => true,
            // `*` would match the empty rest, which is the base itself.
            (Some(rest), Some(glob)) => !rest.is_empty() && glob.is_match(rest),
        }
    }

    /// Returns whether the pattern covers the path or a directory above it: how a denial is read.
    pub fn matches_or_above(&self, path: &AbsPath) -> bool {
        // Nothing above the base is covered either.
        let Some(rest) = path.relative_to(&self.base) else { return false };
        let Some(glob) = &self.glob else { return true };
        let ends = rest.char_indices().filter(|(_, character)| *character == '/').map(|(at, _)| at);
        !rest.is_empty() && ends.chain([rest.len()]).any(|end| rest.get(..end).is_some_and(|above| glob.is_match(above)))
    }

    /// Returns whether the pattern names that path itself, or something in it, without a wildcard on the way there.
    pub fn covers_by_name(&self, path: &AbsPath) -> bool {
        self.base.is_beneath(path)
    }
}

impl Serialize for PathPattern {
    /// Writes the absolute form: what the pattern means, not how it was spelt.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.glob {
            None => serializer.serialize_str(self.base.as_str()),
            Some(glob) => serializer.collect_str(&format_args!("{}//{}", self.base, glob.text())),
        }
    }
}

/// Returns what a pattern names that is seen at once to be a plain path: most are, and all are read at every start.
fn plain(text: &str, workspace: &AbsPath, home: &AbsPath) -> Option<AbsPath> {
    let (start, rest) = match (text.strip_prefix('/'), text.strip_prefix("~/")) {
        (Some(rest), _) => (None, rest),
        (None, Some(rest)) => (Some(home), rest),
        (None, None) => (Some(workspace), text),
    };
    // Of the name so far: so many dots and nothing else, or 3 for every other. `.` and `..` are no names.
    let mut dots = 0;
    for byte in rest.bytes() {
        match (byte, dots) {
            (b'/', 0..=2) => return None,
            (b'/', _) => dots = 0,
            (b'.', 0..=2) => dots += 1,
            (b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.', _) => dots = 3,
            _ => return None,
        }
    }
    if dots != 3 {
        return None;
    }
    Some(start.map_or_else(|| AbsPath::root().join(rest), |start| start.join(rest)))
}

/// Refuses what can be seen to be wrong without taking the pattern apart.
fn refuse_by_text(text: &str) -> Result<(), PathPatternError> {
    if text.trim().is_empty() {
        return Err(error("a path pattern is empty", "remove it, or write `.` for the workspace"));
    }
    if text.chars().any(char::is_control) {
        return Err(error("a path pattern has a control character", "remove it"));
    }
    if text.contains('\\') {
        return Err(error("a path pattern has a backslash", "write `/` between names, and `[*]` for a literal `*`"));
    }
    if text.starts_with('!') {
        return Err(error("path patterns have no negation", "put the path under `deniedPaths` or `sandbox.files.hide`"));
    }
    if text.contains(':') && text.contains("://") {
        return Err(error("a path pattern is not a URL", "write the path alone, without the scheme"));
    }
    let variable = |(at, _): (usize, &str)| {
        text.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c == '{' || c == '_' || c.is_ascii_alphanumeric()))
    };
    if text.match_indices('$').any(variable) {
        return Err(error(
            "variables are not read in a path pattern",
            "write the path itself, `~` for home, or `[$]` for a dollar",
        ));
    }
    Ok(())
}

/// Returns the directory from which the pattern is read, and the rest of it.
fn start<'a>(text: &'a str, workspace: &AbsPath, home: &AbsPath) -> Result<(AbsPath, &'a str), PathPatternError> {
    if let Some(rest) = text.strip_prefix('/') {
        return Ok((AbsPath::root(), rest));
    }
    if let Some(rest) = text.strip_prefix('~') {
        return match rest.strip_prefix('/') {
            Some(rest) => Ok((home.clone(), rest)),
            None if rest.is_empty() => Ok((home.clone(), "")),
            None => Err(error("another user's home is not read in a path pattern", "write the path itself")),
        };
    }
    // Only `..` at the very start is read: it goes up from the workspace, which has no symbolic link in it.
    let mut directory = workspace.clone();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches("./");
        let Some(after) = rest.strip_prefix("..").filter(|after| after.is_empty() || after.starts_with('/')) else {
            return Ok((directory, rest));
        };
        let Some(parent) = directory.parent() else {
            return Err(error("a path pattern climbs above the root", "write the path that is meant"));
        };
        directory = parent;
        rest = after.trim_start_matches('/');
    }
}

/// Returns the name that a component stands for, or `None` when it has a wildcard. A class of one character is that
/// character.
fn literal(component: &str) -> Option<Cow<'_, str>> {
    if !component.contains(['*', '?', '[', '{', '}']) {
        return Some(Cow::Borrowed(component));
    }
    let mut name = String::new();
    let mut rest = component.chars();
    while let Some(character) = rest.next() {
        match character {
            '*' | '?' | '{' | '}' => return None,
            '[' => {
                let only = rest.next()?;
                if matches!(only, '!' | '^') || rest.next() != Some(']') {
                    return None;
                }
                name.push(only);
            }
            other => name.push(other),
        }
    }
    Some(Cow::Owned(name))
}

fn glob(components: &[&str], below: bool) -> Result<PathGlob, PathPatternError> {
    if components.iter().any(|part| part.contains("**") && *part != "**") {
        return Err(error("`**` stands beside other characters", "make `**` a component of its own, as in `src/**/*.rs`"));
    }
    let (components, below) = match components.split_last() {
        Some((&"**", rest)) => (rest, true),
        _ => (components, below),
    };
    let text = classes_within_a_component(&components.join("/"))?;
    if text.split(['/', '{', '}', ',']).any(|part| part == "..") {
        return Err(error("a path pattern climbs with `..`", "write the path that it leads to"));
    }
    let text = if below { format!("{{{text},{text}/**}}") } else { text };
    PathGlob::compile(&text).map_err(|failure| {
        error(
            format!("a path pattern does not compile: {}", failure.kind()),
            "close what is open, or write `[[]`, `[{]` for the character",
        )
    })
}

/// Keeps classes from matching `/`: to a negated one `/` is added, a range over it is refused.
fn classes_within_a_component(text: &str) -> Result<String, PathPatternError> {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        out.push(character);
        if character != '[' {
            continue;
        }
        let negated = rest.next_if(|next| matches!(next, '!' | '^')).inspect(|_| out.push('!')).is_some();
        let mut members = Vec::new();
        let closed = loop {
            match rest.next() {
                Some(']') if !members.is_empty() => break true,
                Some(member) => members.push(member),
                None => break false,
            }
        };
        let over_slash =
            members.contains(&'/') || members.windows(3).any(|w| matches!(w, [low, '-', high] if (*low..=*high).contains(&'/')));
        if !closed {
            return Err(error("a class is not closed in a path pattern", "add the `]`, or write `[[]` for a literal `[`"));
        }
        if over_slash {
            return Err(error("a class of a path pattern holds `/`", "a class stays inside one component"));
        }
        out.extend(&members);
        if negated {
            out.push('/');
        }
        out.push(']');
    }
    Ok(out)
}

fn error(reason: impl Into<String>, help: &str) -> PathPatternError {
    PathPatternError { reason: reason.into(), help: Some(help.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::path;

    fn compile(text: &str) -> Result<PathPattern, PathPatternError> {
        PathPattern::compile(text, &path("/home/u/[w]"), &path("/home/u"))
    }

    fn check(text: &str, canonical: &str) {
        assert_eq!(serde_json::to_value(compile(text).unwrap()).unwrap(), canonical, "{text}");
    }

    fn check_refused(text: &str, reason: &str) {
        let refused = compile(text).unwrap_err();
        assert!(refused.reason.starts_with(reason), "{text}: {refused}");
        assert!(refused.help.is_some(), "{text}");
    }

    fn check_covers(text: &str, covered: &[&str], not: &[&str]) {
        let pattern = compile(text).unwrap();
        for file in covered {
            assert!(pattern.matches(&path(file)), "{text} covers {file}");
        }
        for file in not {
            assert!(!pattern.matches(&path(file)), "{text} does not cover {file}");
        }
    }

    #[test]
    fn a_pattern_has_a_base_and_maybe_a_glob() {
        check(".", "/home/u/[w]");
        check("./", "/home/u/[w]");
        check("**", "/home/u/[w]");
        check("docs", "/home/u/[w]/docs");
        check("docs/", "/home/u/[w]/docs");
        check("docs/**", "/home/u/[w]/docs");
        check("./docs//a/./b", "/home/u/[w]/docs/a/b");
        check("docs/*.md", "/home/u/[w]/docs//*.md");
        check("**/.env", "/home/u/[w]//**/.env");
        check("~", "/home/u");
        check("~/.config/pip", "/home/u/.config/pip");
        check("/", "/");
        check("/etc/ssl/*", "/etc/ssl//*");
        check("../x", "/home/u/x");
        check("../../x/*", "/home/x//*");
        check("a/*/b/", "/home/u/[w]/a//{*/b,*/b/**}");
        check("a/*/**", "/home/u/[w]/a//{*,*/**}");
        check("app/[[]slug]/page.tsx", "/home/u/[w]/app/[slug]/page.tsx");
        check("a[*]/[?]", "/home/u/[w]/a*/?");
        check("a[!b]", "/home/u/[w]//a[!b/]");
        check("HEAD~1", "/home/u/[w]/HEAD~1");
        check("a$", "/home/u/[w]/a$");
        check("...", "/home/u/[w]/...");
    }

    proptest::proptest! {
        /// The short way and the long one lead to the same place.
        #[test]
        fn a_plain_path_is_what_the_whole_reading_makes_of_it(text in "[~/]{0,2}[a.~/_-]{0,8}") {
            if let Some(base) = plain(&text, &path("/home/u/[w]"), &path("/home/u")) {
                // A class of one character is that character, and keeps the short way from being taken.
                let (last, rest) = (text.chars().last().unwrap(), &text[..text.len() - 1]);
                let long = compile(&format!("{rest}[{last}]")).unwrap();
                assert_eq!((long.base, long.glob.is_none()), (base, true), "{text}");
            }
        }
    }

    #[test]
    fn what_means_nothing_certain_is_refused() {
        check_refused("", "a path pattern is empty");
        check_refused("  ", "a path pattern is empty");
        check_refused("a\0b", "a path pattern has a control character");
        check_refused("a\\*b", "a path pattern has a backslash");
        check_refused("!a", "path patterns have no negation");
        check_refused("$HOME/x", "variables are not read");
        check_refused("${HOME}/x", "variables are not read");
        check_refused("~root/x", "another user's home");
        check_refused("file://src", "a path pattern is not a URL");
        check_refused("a/../b", "a path pattern climbs");
        check_refused("a/*/../b", "a path pattern climbs");
        check_refused("a/{..,b}/c", "a path pattern climbs");
        check_refused("/..", "a path pattern climbs");
        check_refused("~/../x", "a path pattern climbs");
        check_refused("[.][.]/x", "a path pattern climbs");
        check_refused("../../../../x", "a path pattern climbs above the root");
        check_refused("/w/**x", "`**` stands beside other characters");
        check_refused("/w/x**/y", "`**` stands beside other characters");
        check_refused("***", "`**` stands beside other characters");
        check_refused("a[b", "a class is not closed");
        check_refused("a[]", "a class is not closed");
        check_refused("a{b", "a path pattern does not compile");
        check_refused("a}b", "a path pattern does not compile");
        check_refused("a[z-a]", "a path pattern does not compile");
        check_refused("a[+-9]b", "a class of a path pattern holds `/`");
    }

    #[test]
    fn stars_stay_in_their_component() {
        check_covers("docs", &["/home/u/[w]/docs", "/home/u/[w]/docs/a/b"], &["/home/u/[w]/docs2", "/home/u/[w]"]);
        check_covers("*.md", &["/home/u/[w]/a.md"], &["/home/u/[w]/a/b.md", "/home/u/w/a.md", "/home/u/[w]/a.md/x"]);
        check_covers("**/*.md", &["/home/u/[w]/a.md", "/home/u/[w]/a/b/c.md"], &["/home/u/a.md"]);
        check_covers("src/*/", &["/home/u/[w]/src/a", "/home/u/[w]/src/a/b/c"], &["/home/u/[w]/src"]);
        check_covers("a[!b]c", &["/home/u/[w]/axc"], &["/home/u/[w]/abc", "/home/u/[w]/a/c"]);
        check_covers("a?c", &["/home/u/[w]/axc"], &["/home/u/[w]/a/c"]);
        check_covers("/", &["/", "/etc/shadow"], &[]);
    }

    #[test]
    fn a_denial_covers_what_lies_below() {
        let pattern = compile("**/secret*").unwrap();
        assert!(!pattern.matches(&path("/home/u/[w]/a/secrets/b")));
        assert!(pattern.matches_or_above(&path("/home/u/[w]/a/secrets/b")));
        assert!(!pattern.matches_or_above(&path("/home/u/[w]/a/b")));
    }

    #[test]
    fn only_a_literal_names_a_path() {
        let check = |text: &str, expected: bool| {
            assert_eq!(compile(text).unwrap().covers_by_name(&path("/home/u/.aws")), expected, "{text}");
        };
        check("~/.aws", true);
        check("~/.aws/**", true);
        check("~/.aws/config", true);
        check("~/.aws/con*", true);
        check("~/.a*", false);
        check("~", false);
        check("~/**/config", false);
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_an_answer(text in "\\PC*|[a-z*?\\[\\]{},!~./$\\-^]*") {
            if let Ok(pattern) = compile(&text) {
                // The workspace's own brackets are never read as a class.
                pattern.matches(&path("/home/u/w/a"));
                assert!(!pattern.base.as_str().contains("//"));
            }
        }
    }
}
