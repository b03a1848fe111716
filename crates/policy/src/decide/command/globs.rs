//! Which hidden files a word that the shell expands could name.
//!
//! Both sides are widened where they are more than stars: what might match counts as matching.

use remit_agent::AbsPath;

use crate::{PathPattern, Policy};

/// A piece of the name of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Char(char),
    /// One character.
    One,
    /// Any characters, or none.
    Any,
}

/// Returns whether a word, as it is written, could become a file that is hidden or granted by name only, or one below it.
/// What cannot be read could.
pub(super) fn could_be_hidden(policy: &Policy, directory: &AbsPath, raw: &str) -> bool {
    let Some(word) = word(raw) else { return true };
    let mut names = if raw.starts_with('/') { Vec::new() } else { components(directory.as_str()) };
    names.extend(word);
    let climbs = |name: &Vec<Piece>| meet(name, &text(".."));
    if names.iter().any(climbs) {
        return true;
    }
    policy.files.hidden.iter().chain(&policy.files.protected_read).any(|rule| covers(&rule.pattern, &names))
}

fn text(text: &str) -> Vec<Piece> {
    text.chars().map(Piece::Char).collect()
}

fn components(path: &str) -> Vec<Vec<Piece>> {
    path.split('/').filter(|name| !name.is_empty()).map(text).collect()
}

/// Reads a word as the shell does: quotes and backslashes gone, one list for each name in the path.
fn word(raw: &str) -> Option<Vec<Vec<Piece>>> {
    let mut names = vec![Vec::new()];
    let mut rest = raw.chars();
    let mut quote = None::<char>;
    while let Some(c) = rest.next() {
        let piece = match (quote, c) {
            (Some(open), _) if c == open => {
                quote = None;
                continue;
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                continue;
            }
            (None, '$' | '`' | '{' | '(') | (Some('"'), '$' | '`' | '\\') => return None,
            (None, '\\') => Piece::Char(rest.next()?),
            (None, '?') => Piece::One,
            // Where a set ends is not looked for.
            (None, '*' | '[') => Piece::Any,
            _ => Piece::Char(c),
        };
        let set = quote.is_none() && c == '[';
        if piece == Piece::Char('/') {
            names.push(Vec::new());
            continue;
        }
        names.last_mut()?.push(piece);
        if set {
            // Whatever stands in it and after it, up to the next name.
            let after = rest.as_str();
            let end = after.find('/').unwrap_or(after.len());
            if after.get(..end)?.contains(['\'', '"', '\\', '$', '`', '{', '(']) {
                return None;
            }
            rest = after.get(end..)?.chars();
        }
    }
    names.retain(|name| !name.is_empty() && name.as_slice() != [Piece::Char('.')]);
    quote.is_none().then_some(names)
}

/// Returns whether the pattern could cover the path or a directory above it.
fn covers(pattern: &PathPattern, names: &[Vec<Piece>]) -> bool {
    let base = components(pattern.base.as_str());
    let glob = pattern.glob.as_ref().map_or("", |glob| glob.text());
    let wild: Vec<&str> =
        if glob.contains(['{', '}']) { vec!["*", "**"] } else { glob.split('/').filter(|part| !part.is_empty()).collect() };
    // Which parts of the pattern may come next, after each name.
    let count = base.len() + wild.len();
    let spans = |at: usize| at.checked_sub(base.len()).and_then(|at| wild.get(at)) == Some(&"**");
    let part = |at: usize| {
        base.get(at)
            .cloned()
            .unwrap_or_else(|| at.checked_sub(base.len()).and_then(|at| wild.get(at)).map_or_else(Vec::new, |part| pieces(part)))
    };
    let mut states = closed(vec![0], spans);
    for name in names {
        let mut next = Vec::new();
        for at in states {
            if at >= count || spans(at) {
                next.push(at);
            } else if meet(name, &part(at)) {
                next.push(at + 1);
            }
        }
        states = closed(next, spans);
    }
    states.contains(&count)
}

/// Adds the states that are reached without a name: `**` may stand for none.
fn closed(mut states: Vec<usize>, spans: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut at = 0;
    while let Some(state) = states.get(at).copied() {
        if spans(state) && !states.contains(&(state + 1)) {
            states.push(state + 1);
        }
        at += 1;
    }
    states.sort_unstable();
    states.dedup();
    states
}

fn pieces(part: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for c in part.chars() {
        match c {
            '*' => pieces.push(Piece::Any),
            '?' => pieces.push(Piece::One),
            '[' => {
                pieces.push(Piece::Any);
                break;
            }
            c => pieces.push(Piece::Char(c)),
        }
    }
    pieces
}

/// Returns whether some name is both. No wildcard of a shell stands for the dot that a name begins with.
fn meet(word: &[Piece], rule: &[Piece]) -> bool {
    let wild = !matches!(word.first(), Some(Piece::Char(_)));
    if wild && rule.first() == Some(&Piece::Char('.')) {
        return false;
    }
    // Which pieces of the rule may come next, after each piece of the word.
    let mut reached = vec![false; rule.len() + 1];
    let fill = |reached: &mut Vec<bool>| {
        for at in 0..rule.len() {
            if reached.get(at) == Some(&true) && rule.get(at) == Some(&Piece::Any) {
                mark(reached, at + 1);
            }
        }
    };
    mark(&mut reached, 0);
    fill(&mut reached);
    for piece in word {
        let mut next = vec![false; rule.len() + 1];
        if *piece == Piece::Any {
            // Whatever the rule goes on with.
            if let Some(first) = reached.iter().position(|is| *is) {
                (first..=rule.len()).for_each(|at| mark(&mut next, at));
            }
        } else {
            for at in (0..rule.len()).filter(|at| reached.get(*at) == Some(&true)) {
                match (piece, rule.get(at)) {
                    (_, Some(Piece::Any)) => mark(&mut next, at),
                    (Piece::Char(a), Some(Piece::Char(b))) if a != b => {}
                    _ => mark(&mut next, at + 1),
                }
            }
            fill(&mut next);
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

fn mark(states: &mut [bool], at: usize) {
    if let Some(state) = states.get_mut(at) {
        *state = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::policy;

    #[test]
    fn a_word_that_could_name_a_hidden_file() {
        let text = r#"{"name":"a","toolsSettings":{"sandbox":{"files":{"hide":[".env","sub/.env","k/**/*.pem","keys/*/x","b/{c,d}"]}}}}"#;
        let policy = policy(text);
        let here = policy.workspace.clone();
        for word in [
            ".e*",
            ".en[v]",
            ".?nv",
            "./.e*",
            "s*/.env",
            "'sub'/.e*",
            "sub/\\.e*",
            "su[b]/.env",
            "k/*.p*",
            "k/a/b/*",
            "*/a/x",
            "*/c",
            "k/*",
            "k?ys/*/x*",
            ".env*",
            "s*/.env/*",
            "\"su\"*/.env",
            ".*",
            ".?",
            "x/..*/y",
            "*$x",
            "{a,b}*",
            "/*/*/*/.env",
        ] {
            assert!(could_be_hidden(&policy, &here, word), "{word}");
        }
        for word in
            ["*.rs", "src*/*.rs", "?env", "*env", "[.]env", ".g*", ".en?x*", "'*'.env", "\\*.env", "k/*.pe", "sub/?env", "*"]
        {
            assert!(!could_be_hidden(&policy, &here, word), "{word}");
        }
        assert!(could_be_hidden(&policy, &here.join("sub"), ".e*"));
        assert!(!could_be_hidden(&policy, &here.join("src"), ".e*"));
    }
}
