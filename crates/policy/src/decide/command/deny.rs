//! What forbids a simple command: every reading of it is tried.
//!
//! As it was written; with the program named without its directory; without the options before a subcommand; with its
//! options in another order; and whatever it would run in its turn. Where nobody can know, a denial might match.

use std::cell::OnceCell;

use remit_shell::{PatternPart, parse};

use super::places::Here;
use super::{DEPTH, Gatekeeper};
use crate::commands::matches_word;
use crate::programs::{Arg, Effect, Inner, Value, examine, inner, subcommand};
use crate::{CommandPattern, CommandRule};

/// Whether a denial stands against a command.
#[derive(Clone, Copy, Debug)]
pub(super) enum Denial<'p> {
    Yes(&'p CommandRule),
    /// It depends on what nobody knows.
    Maybe,
    No,
}

impl<'p> Denial<'p> {
    fn or(self, other: impl FnOnce() -> Denial<'p>) -> Denial<'p> {
        match self {
            Denial::Yes(_) => self,
            Denial::Maybe => match other() {
                Denial::No => Denial::Maybe,
                other => other,
            },
            Denial::No => other(),
        }
    }
}

/// Words after which `find` and `fd` have a command.
const ACTIONS: [&str; 10] = ["-exec", "-execdir", "-ok", "-okdir", "-x", "-X", "--exec", "--exec-batch", "foreach", "run"];

/// How many words are looked at where the tables do not say where a command begins.
const WORDS: usize = 64;

/// How long a word of shell code is, so that reading it is counted too.
const BYTES: usize = 4;

impl<'p> Gatekeeper<'p> {
    /// Returns whether a denial stands against a command, or against anything that it runs.
    pub(super) fn denial(&self, args: &[Arg<'_>], here: &Here<'p, '_>, depth: usize) -> Denial<'p> {
        let deny = &self.policy.commands.deny;
        if deny.is_empty() || args.is_empty() {
            return Denial::No;
        }
        let Some(program) = args.first().and_then(|arg| arg.text) else { return Denial::Maybe };
        // The commands of the line itself are looked at once each, and so always.
        if depth < DEPTH && !self.spend(args.len()) {
            return Denial::Maybe;
        }
        self.readings(program, args).or(|| self.denial_of_inner(args, here, depth))
    }

    /// Returns the denial that matches a whole line, as the products match it.
    pub(super) fn denial_of_line(&self, line: &str) -> Option<&'p CommandRule> {
        self.policy.commands.deny.of_any().find(|rule| match &rule.pattern {
            CommandPattern::Regex { regex, .. } => regex.is_match(line.trim()),
            CommandPattern::Words { .. } => false,
        })
    }

    /// Returns the denial of what nobody knows.
    pub(super) fn denial_of_unknown(&self) -> Denial<'p> {
        if self.policy.commands.deny.is_empty() { Denial::No } else { Denial::Maybe }
    }

    /// Tries one command under each of its spellings.
    fn readings(&self, program: &str, args: &[Arg<'_>]) -> Denial<'p> {
        let name = program.rsplit_once('/').map_or(program, |(_, name)| name);
        let mut answer = self.spelling(program, args);
        if name != program {
            answer = answer.or(|| self.spelling(name, &renamed(args, name)));
        }
        if program.contains('/') {
            let straight = straight(program);
            for other in [format!("./{straight}"), straight] {
                if other != program {
                    answer = answer.or(|| self.spelling(&other, &renamed(args, &other)));
                }
            }
        }
        // Without an option there is nothing before the subcommand.
        if !args.iter().any(|arg| arg.prefix.starts_with(['-', '+']) || arg.text.is_none()) {
            return answer;
        }
        let Some(at) = subcommand(self.tables, args).filter(|at| *at > 1) else { return answer };
        answer.or(|| {
            let mut plain = vec![Arg::fixed(name)];
            plain.extend_from_slice(args.get(at..).unwrap_or_default());
            self.spelling(name, &plain)
        })
    }

    fn spelling(&self, program: &str, args: &[Arg<'_>]) -> Denial<'p> {
        let fixed = args.iter().all(|arg| arg.text.is_some());
        let written = OnceCell::new();
        let mut maybe = false;
        for rule in self.policy.commands.deny.of(program) {
            let answer = match &rule.pattern {
                CommandPattern::Words { words, rest, .. } => {
                    let covered = covers(words, *rest, args);
                    if covered == Some(false) && permuted(words, *rest, args) { Some(true) } else { covered }
                }
                CommandPattern::Regex { regex, .. } => {
                    if written.get_or_init(|| written_ways(args)).iter().any(|text| regex.is_match(text)) {
                        Some(true)
                    } else if fixed {
                        Some(false)
                    } else {
                        None
                    }
                }
            };
            match answer {
                Some(true) => return Denial::Yes(rule),
                Some(false) => {}
                None => maybe = true,
            }
        }
        if maybe { Denial::Maybe } else { Denial::No }
    }

    /// Looks through a command at what it runs.
    fn denial_of_inner(&self, args: &[Arg<'_>], here: &Here<'p, '_>, depth: usize) -> Denial<'p> {
        if depth == 0 {
            return Denial::Maybe;
        }
        let inside = match inner(self.tables, args) {
            Inner::None | Inner::Query => Denial::No,
            Inner::Argv { from, more_from_input, .. } => {
                let inside = self.denial(args.get(from..).unwrap_or_default(), here, depth - 1);
                if more_from_input { inside.or(|| self.denial_with_input(args, from)) } else { inside }
            }
            Inner::Code { code, .. } => self.denial_of_code(code, here, depth),
            Inner::Joined { from } => {
                let words: Option<Vec<&str>> = args.iter().skip(from).map(|arg| arg.text).collect();
                match words {
                    Some(words) => self.denial_of_code(&words.join(" "), here, depth),
                    None => Denial::Maybe,
                }
            }
            Inner::Unknown => {
                let mut answer = Denial::Maybe;
                for from in 1..args.len().min(WORDS) {
                    let rest = args.get(from..).unwrap_or_default();
                    let Some(program) = rest.first().and_then(|arg| arg.text) else { continue };
                    if !self.spend(rest.len()) {
                        break;
                    }
                    answer = answer.or(|| self.readings(program, rest));
                }
                answer
            }
        };
        inside.or(|| self.denial_of_options(args, here, depth))
    }

    /// Looks at a command whose last words come from its input: a denial that is longer than what is known might match.
    fn denial_with_input(&self, args: &[Arg<'_>], from: usize) -> Denial<'p> {
        let Some(program) = args.get(from).and_then(|arg| arg.text) else { return Denial::Maybe };
        let name = program.rsplit_once('/').map_or(program, |(_, name)| name);
        if self.policy.commands.deny.of(name).next().is_some() { Denial::Maybe } else { Denial::No }
    }

    /// Looks at the options of a command that run another.
    fn denial_of_options(&self, args: &[Arg<'_>], here: &Here<'p, '_>, depth: usize) -> Denial<'p> {
        let row = args.first().and_then(|program| self.tables.row(program.text?));
        if row.is_none_or(|row| row.inert) {
            return Denial::No;
        }
        let Some(escapes) = examine(self.tables, args) else { return Denial::No };
        let mut answer = Denial::No;
        let running = || escapes.iter().filter(|escape| escape.effect == Effect::Run);
        if running().nth(WORDS).is_some() {
            answer = Denial::Maybe;
        }
        for escape in running().take(WORDS) {
            let word = args.get(escape.word).and_then(|arg| arg.text).unwrap_or_default();
            if ACTIONS.contains(&word) {
                answer = answer.or(|| self.denial_of_action(args.get(escape.word + 1..).unwrap_or_default(), here, depth));
            }
            if let Value::Text(code) = escape.value {
                answer = answer.or(|| match self.denial_of_code(code, here, depth) {
                    // It need not be shell code at all.
                    Denial::Maybe => Denial::No,
                    other => other,
                });
            }
        }
        answer
    }

    /// Looks at the command after an action. Actions after this one are looked at where this one was found.
    fn denial_of_action(&self, args: &[Arg<'_>], here: &Here<'p, '_>, depth: usize) -> Denial<'p> {
        let Some(program) = args.first().and_then(|arg| arg.text) else { return Denial::Maybe };
        if !self.spend(args.len()) {
            return Denial::Maybe;
        }
        self.readings(program, args).or(|| match inner(self.tables, args) {
            Inner::Argv { from, .. } => self.denial(args.get(from..).unwrap_or_default(), here, depth / 2),
            Inner::Code { code, .. } => self.denial_of_code(code, here, depth / 2),
            Inner::None | Inner::Query => Denial::No,
            Inner::Joined { .. } | Inner::Unknown => Denial::Maybe,
        })
    }

    fn denial_of_code(&self, code: &str, here: &Here<'p, '_>, depth: usize) -> Denial<'p> {
        if depth == 0 || !self.spend(code.len() / BYTES) {
            return Denial::Maybe;
        }
        let script = parse(code);
        let mut answer = if script.opaque.is_empty() { Denial::No } else { Denial::Maybe };
        for command in &script.commands {
            let args = super::words::args(command, code);
            answer = answer.or(|| self.denial(&args, here, depth - 1));
        }
        answer
    }
}

/// Returns the words with the program named in another way.
fn renamed<'a>(args: &[Arg<'a>], program: &'a str) -> Vec<Arg<'a>> {
    let mut renamed = args.to_vec();
    if let Some(first) = renamed.first_mut() {
        *first = Arg::fixed(program);
    }
    renamed
}

/// Returns whether a word is the path of a pattern's word, written with `.`, `..` or `//` on its way.
fn same_path(word: &[PatternPart], text: &str) -> bool {
    let [PatternPart::Text(path)] = word else { return false };
    (text.contains('/') || path.contains('/')) && straight(path) == straight(text)
}

/// Returns a path without `.`, `//` and the names that `..` takes back.
fn straight(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match (part, parts.last()) {
            ("..", Some(last)) if *last != ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    root.to_owned() + &parts.join("/")
}

/// Returns the texts that a command can be written as.
fn written_ways(args: &[Arg<'_>]) -> Vec<String> {
    let join = |text: fn(&Arg<'_>) -> String| args.iter().map(text).collect::<Vec<_>>().join(" ");
    let joined = join(|arg| arg.text.unwrap_or(arg.raw).to_owned());
    let raw = join(|arg| arg.raw.to_owned());
    if raw == joined { vec![joined] } else { vec![joined, raw] }
}

/// Returns whether the words of a denial cover a command; `None` where that depends on what nobody knows. A word that is
/// nothing but `*` stands for one word or any number of them.
fn covers(words: &[Vec<PatternPart>], rest: bool, args: &[Arg<'_>]) -> Option<bool> {
    if words.is_empty() {
        return Some(rest);
    }
    // Which of the pattern's words may come next, after each word of the command.
    let mut certain = vec![false; words.len() + 1];
    let mut possible = certain.clone();
    let lone = |at: usize| words.get(at).is_some_and(|word| word.as_slice() == [PatternPart::Star]);
    let skip = |states: &mut Vec<bool>| {
        for at in 0..words.len() {
            if lone(at) && states.get(at) == Some(&true) {
                set(states, at + 1);
            }
        }
    };
    set(&mut certain, 0);
    set(&mut possible, 0);
    for arg in args {
        // What splits may become no word at all.
        let (mut next_certain, mut next_possible) =
            (vec![false; words.len() + 1], if arg.one { vec![false; words.len() + 1] } else { possible.clone() });
        for (at, word) in words.iter().enumerate() {
            let fits = match arg.text {
                Some(text) => Some(matches_word(word, text) || same_path(word, text)),
                None if lone(at) => Some(true),
                None => None,
            };
            let (is_certain, is_possible) = (certain.get(at) == Some(&true), possible.get(at) == Some(&true));
            let to = if lone(at) { [at, at + 1] } else { [at + 1, at + 1] };
            for to in to {
                if is_certain && fits == Some(true) {
                    set(&mut next_certain, to);
                }
                if is_possible && fits != Some(false) {
                    set(&mut next_possible, to);
                }
            }
            if is_possible && !arg.one {
                // … or several.
                for to in at..=words.len() {
                    set(&mut next_possible, to);
                }
            }
        }
        let end = words.len();
        if rest {
            if certain.get(end) == Some(&true) {
                set(&mut next_certain, end);
            }
            if possible.get(end) == Some(&true) {
                set(&mut next_possible, end);
            }
        }
        skip(&mut next_certain);
        skip(&mut next_possible);
        certain = next_certain;
        possible = next_possible;
    }
    match (certain.last(), possible.last()) {
        (Some(true), _) => Some(true),
        (_, Some(true)) => None,
        _ => Some(false),
    }
}

fn set(states: &mut [bool], at: usize) {
    if let Some(state) = states.get_mut(at) {
        *state = true;
    }
}

/// Returns whether a command has the program, the options and the operands of a denial, in whatever order the options
/// stand and however they are clustered.
fn permuted(words: &[Vec<PatternPart>], rest: bool, args: &[Arg<'_>]) -> bool {
    let plain: Option<Vec<&str>> = words
        .iter()
        .map(|word| match word.as_slice() {
            [PatternPart::Text(text)] => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let given: Option<Vec<&str>> = args.iter().map(|arg| arg.text).collect();
    let (Some(plain), Some(given)) = (plain, given) else { return false };
    let (Some((program, wanted)), Some((name, given))) = (plain.split_first(), given.split_first()) else { return false };
    if program != name || !wanted.iter().any(|word| word.starts_with('-')) && !given.iter().any(|word| word.starts_with('-')) {
        return false;
    }
    let (wanted, given) = (Options::of(wanted), Options::of(given));
    let operands = if rest { given.operands.starts_with(&wanted.operands) } else { given.operands == wanted.operands };
    let more = given.letters.iter().any(|letter| !wanted.letters.contains(letter)) || given.long.len() > wanted.long.len();
    operands
        && (rest || !more)
        && wanted.letters.iter().all(|letter| given.has_letter(*letter))
        && wanted.long.iter().all(|long| given.has_long(long))
}

/// The options and operands of a command, the order of the options forgotten.
struct Options<'a> {
    letters: Vec<char>,
    long: Vec<&'a str>,
    operands: Vec<&'a str>,
}

/// Letters and long names that are the same option in the programs that deny lists are about.
const SAME: [(char, &str); 8] = [
    ('r', "recursive"),
    ('R', "recursive"),
    ('f', "force"),
    ('a', "all"),
    ('d', "delete"),
    ('n', "no-verify"),
    ('g', "global"),
    ('y', "yes"),
];

impl<'a> Options<'a> {
    fn of(words: &[&'a str]) -> Options<'a> {
        let mut options = Options { letters: Vec::new(), long: Vec::new(), operands: Vec::new() };
        let mut ended = false;
        for word in words {
            match word {
                _ if ended => options.operands.push(word),
                &"--" => ended = true,
                _ => match (word.strip_prefix("--"), word.strip_prefix('-')) {
                    (Some(long), _) => options.long.push(long.split_once('=').map_or(long, |(name, _)| name)),
                    (None, Some(letters)) if !letters.is_empty() => options.letters.extend(letters.chars()),
                    _ => options.operands.push(word),
                },
            }
        }
        options
    }

    fn has_letter(&self, letter: char) -> bool {
        self.letters.contains(&letter)
            || SAME.iter().any(|(short, long)| *short == letter && self.long.iter().any(|given| is_short_for(given, long)))
            // `-R` and `-r` are one option where either is known at all.
            || (letter == 'r' && self.letters.contains(&'R'))
            || (letter == 'R' && self.letters.contains(&'r'))
    }

    fn has_long(&self, long: &str) -> bool {
        self.long.iter().any(|given| is_short_for(given, long))
            || SAME.iter().any(|(short, name)| *name == long && self.letters.contains(short))
    }
}

/// Returns whether a long option is that one, perhaps abbreviated.
fn is_short_for(given: &str, long: &str) -> bool {
    given == long || (given.len() >= 3 && long.starts_with(given))
}
