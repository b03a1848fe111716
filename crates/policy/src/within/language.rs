//! How the texts under two regular expressions lie to each other: the two automata are walked side by side.

use std::collections::HashSet;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

/// Bytes of an automaton that is being built; one that needs more proves nothing.
const CACHE: usize = 4 << 20;
/// Bytes of what it is built from.
const NFA: usize = 1 << 20;
/// Pairs of states that are looked at.
const PAIRS: usize = 1 << 15;

/// How a regular expression is read where its text does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dot {
    /// `.` stands for no line's end.
    WithinLine,
    Any,
}

/// Returns whether `wide` matches in every text in which `narrow` does. `false` where that cannot be found out.
pub(super) fn is_within((narrow, narrow_dot): (&str, Dot), (wide, wide_dot): (&str, Dot)) -> bool {
    if narrow == wide && narrow_dot == wide_dot {
        return true;
    }
    match (Automaton::new(narrow, narrow_dot), Automaton::new(wide, wide_dot)) {
        (Some(narrow), Some(wide)) => !any(narrow, wide, |narrow, wide| narrow && !wide).unwrap_or(true),
        _ => false,
    }
}

/// Returns whether no text is matched by both. `false` where that cannot be found out.
pub(super) fn are_apart((one, dot): (&str, Dot), (other, other_dot): (&str, Dot)) -> bool {
    match (Automaton::new(one, dot), Automaton::new(other, other_dot)) {
        (Some(one), Some(other)) => !any(one, other, |one, other| one && other).unwrap_or(true),
        _ => false,
    }
}

struct Automaton {
    dfa: DFA,
    cache: Cache,
}

impl Automaton {
    fn new(regex: &str, dot: Dot) -> Option<Automaton> {
        // A search finds its match anywhere, unless the pattern has anchors.
        let searched = format!(r"(?s-u:.*)(?:{regex})(?s-u:.*)\z");
        let dfa = DFA::builder()
            .syntax(syntax::Config::new().utf8(false).dot_matches_new_line(dot == Dot::Any))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(NFA)))
            .configure(
                DFA::config()
                    .match_kind(MatchKind::All)
                    .cache_capacity(CACHE)
                    // States are compared by their numbers, which a cleared cache would give to others.
                    .minimum_cache_clear_count(Some(0)),
            )
            .build(&searched)
            .ok()?;
        let cache = dfa.create_cache();
        Some(Automaton { dfa, cache })
    }

    fn start(&mut self) -> Option<LazyStateID> {
        self.dfa.start_state_forward(&mut self.cache, &Input::new("").anchored(Anchored::Yes)).ok()
    }

    fn next(&mut self, state: LazyStateID, byte: u8) -> Option<LazyStateID> {
        self.dfa.next_state(&mut self.cache, state, byte).ok().filter(|next| !next.is_quit())
    }

    /// Returns whether a text that ends here is matched.
    fn ends(&mut self, state: LazyStateID) -> Option<bool> {
        self.dfa.next_eoi_state(&mut self.cache, state).ok().map(|end| end.is_match())
    }
}

/// Returns whether there is a text of which `found` holds, by what the first and the second say of it; none is looked for
/// that the first cannot match. `None` where one of them gives up.
fn any(mut narrow: Automaton, mut wide: Automaton, found: impl Fn(bool, bool) -> bool) -> Option<bool> {
    let bytes = representatives(&narrow.dfa, &wide.dfa);
    let mut open = vec![(narrow.start()?, wide.start()?)];
    let mut seen: HashSet<_> = open.iter().copied().collect();
    while let Some((one, other)) = open.pop() {
        if found(narrow.ends(one)?, wide.ends(other)?) {
            return Some(true);
        }
        for byte in &bytes {
            let one = narrow.next(one, *byte)?;
            if one.is_dead() {
                continue;
            }
            let pair = (one, wide.next(other, *byte)?);
            if seen.insert(pair) {
                if seen.len() > PAIRS {
                    return None;
                }
                open.push(pair);
            }
        }
    }
    Some(false)
}

/// Returns one byte of each kind that either of the two tells apart.
fn representatives(one: &DFA, other: &DFA) -> Vec<u8> {
    let mut kinds = HashSet::new();
    (0..=u8::MAX).filter(|byte| kinds.insert((one.byte_classes().get(*byte), other.byte_classes().get(*byte)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_compared() {
        let check = |narrow: &str, wide: &str, expected: bool| {
            let (narrow, wide) = (format!(r"\A(?:{narrow})\z"), format!(r"\A(?:{wide})\z"));
            assert_eq!(is_within((&narrow, Dot::WithinLine), (&wide, Dot::WithinLine)), expected, "{narrow} {wide}");
        };
        check("git status", "git .*", true);
        check("git .*", "git status", false);
        check("git (status|log)( .*)?", "git .*", true);
        check("git( .*)?", "git .*", false);
        check("a|b", "[a-c]", true);
        check("é.*", ".*", true);
        check(".*", "[^a]*", false);
        check("[^a]*", "(?s).*", true);
        check("x{3}", "x+", true);
        check("(?s:.)", ".", false);
        check("a", "(?!a)", false);
        check(r"rm\b.*", "rm.*", false);
    }

    #[test]
    fn a_search_without_anchors_finds_its_match_anywhere() {
        let check = |narrow: &str, wide: &str, expected: bool| {
            assert_eq!(is_within((narrow, Dot::Any), (wide, Dot::Any)), expected, "{narrow} {wide}");
        };
        check(r"\A(?:a|b.*)\z", r"\Aa|b.*\z", true);
        check(r"\Aa|b.*\z", r"\A(?:a|b.*)\z", false);
        check("b", "a|b", true);
        check(r"\A(?:\s*git push.*)\z", r"\A(?:git push.*)\z", false);
        check(r"\A(?:git push.*)\z", r"\A(?:\s*git push.*)\z", true);
    }

    #[test]
    fn languages_that_have_nothing_in_common() {
        let check = |one: &str, other: &str, expected: bool| {
            assert_eq!(are_apart((one, Dot::Any), (other, Dot::Any)), expected, "{one} {other}");
        };
        check(r"\A(?:git (status|log))\z", r"\A(?:.* )?(?:\(status|lo).*\z", false);
        check(r"\A(?:git (status|log))\z", r"\A(?:.* )?(?:\(status|-c).*\z", true);
        check(r"\A(?:git .*)\z", r"\A(?:.* )?-c.*\z", false);
    }

    #[test]
    fn a_dot_is_read_as_it_is_compiled() {
        assert!(is_within((r"\A.\z", Dot::WithinLine), (r"\A.\z", Dot::Any)));
        assert!(!is_within((r"\A.\z", Dot::Any), (r"\A.\z", Dot::WithinLine)));
    }
}
