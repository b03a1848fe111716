//! What lets a simple command run unasked.

use std::borrow::Cow;
use std::cell::OnceCell;

use remit_shell::{PatternPart, parse};

use super::places::{Here, change_of_directory};
use super::{By, DEPTH, Gatekeeper, Part, Verdict, too_much};
use crate::commands::covers_word;
use crate::programs::{Arg, Effect, Escape, Inner, examine, inner, is_value, tables};
use crate::{CommandPattern, CommandRule};

/// Words that the shell knows and that do nothing which needs a permission.
const FREE: [&str; 9] = ["true", "false", ":", "exit", "break", "continue", "return", "test", "["];

/// How far into a command the value of an option is looked for.
const LOOKED_AT: usize = 64;

impl<'p> Gatekeeper<'p> {
    /// Judges a command that no denial stands against: by the patterns, then by what it adds to another command, then by
    /// the tables.
    pub(super) fn allowance(&self, args: &[Arg<'_>], here: &Here<'p, '_>, depth: usize) -> Part<'p> {
        if depth < DEPTH && !self.spend(args.len()) {
            return too_much();
        }
        let Some(program) = args.first().and_then(|arg| arg.text) else {
            return Part::open("nobody can know which program it is");
        };
        if program.is_empty() {
            return Part::open("there is no command");
        }
        let mut why = None::<Part<'p>>;
        // What it runs is judged once, however many patterns cover it.
        let inside = OnceCell::new();
        for rule in self.policy.commands.allow.of(program) {
            if !self.matches(&rule.pattern, args) {
                continue;
            }
            match self.contained(rule, args, here, depth, &inside) {
                Ok(()) => return Part::allowed(By::Rule(rule)),
                Err(open) => why = Some(open),
            }
        }
        if here.in_shell && program == "cd" {
            return match change_of_directory(here) {
                Ok(()) => Part::allowed(By::Free),
                Err(open) => open,
            };
        }
        match inner(self.tables, args) {
            Inner::Argv { from, transparent: true, more_from_input } => {
                let inner = with_input(args, from, more_from_input);
                if depth > 0 && self.is_free_of_escapes(args.get(..from).unwrap_or_default(), here) {
                    return self.allowance(&inner, here, depth - 1);
                }
            }
            Inner::Code { code, transparent: true, .. } => return self.code(code, here, depth),
            Inner::Query => return Part::allowed(By::Free),
            _ => {}
        }
        if here.in_shell && self.is_free(program, args) {
            return Part::allowed(By::Free);
        }
        if let Some(origin) = &self.policy.commands.read_only {
            match self.only_reads(args, here) {
                Ok(()) => return Part::allowed(By::ReadOnly(origin)),
                Err(open) => why = why.or(open),
            }
        }
        why.unwrap_or_else(|| Part::open("no pattern of `allowedCommands` matches"))
    }

    /// Returns whether a pattern covers the words.
    fn matches(&self, pattern: &CommandPattern, args: &[Arg<'_>]) -> bool {
        let fixed = args.iter().all(|arg| arg.text.is_some());
        match pattern {
            CommandPattern::Words { words, rest, .. } => {
                let enough = if *rest { args.len() >= words.len() } else { args.len() == words.len() };
                enough
                    && !args.is_empty()
                    && words.iter().zip(args).enumerate().all(|(at, (pattern, arg))| match arg.text {
                        Some(text) => covers_word(pattern, text, at == 0),
                        None => pattern.as_slice() == [PatternPart::Star] && arg.one && at > 0 && self.is_harmless(args, at),
                    })
                    && (fixed || (words.len()..args.len()).all(|at| self.is_harmless(args, at)))
            }
            CommandPattern::Regex { regex, .. } => {
                if !fixed && !(0..args.len()).all(|at| self.is_harmless(args, at)) {
                    return false;
                }
                let joined = joined(args, |arg| arg.text.unwrap_or(arg.raw));
                // Two words and one with a blank in it look alike when they are joined: then the text as written has to
                // match as well.
                let ambiguous =
                    args.iter().any(|arg| arg.text.is_none_or(|text| text.is_empty() || text.contains(char::is_whitespace)));
                regex.is_match(&joined) && (!ambiguous || regex.is_match(&self::joined(args, |arg| arg.raw)))
            }
        }
    }

    /// Returns whether a word that is not known cannot matter: no option of the program does harm, or no option can come
    /// of it and the tables know the program.
    fn is_harmless(&self, args: &[Arg<'_>], at: usize) -> bool {
        let Some(arg) = args.get(at).filter(|arg| arg.text.is_none()) else { return true };
        let Some(row) = args.first().and_then(|program| self.tables.row(program.text?)) else { return false };
        if row.inert {
            return true;
        }
        // The name of the option is known, and only its value is not.
        let named = arg.one && arg.prefix.starts_with("--") && arg.prefix.contains('=');
        let value = || arg.one && at < LOOKED_AT && is_value(self.tables, args, at);
        row.runs.is_none() && !row.builtin && (arg.is_no_option() || named || value())
    }

    /// Returns why a command that the pattern covers would do more than the pattern says.
    fn contained(
        &self,
        rule: &'p CommandRule,
        args: &[Arg<'_>],
        here: &Here<'p, '_>,
        depth: usize,
        inside: &OnceCell<Part<'p>>,
    ) -> Result<(), Part<'p>> {
        let pattern = &rule.pattern;
        // A bare `*` stands for everything, and yet it stands for no way around what is denied.
        if !pattern.is_universal() || !self.policy.commands.deny.is_empty() {
            let builtin = args.first().and_then(|program| self.tables.row(program.text?)).is_some_and(|row| row.builtin);
            if builtin && !pattern.spells_all_from(0, args.len()) {
                return Err(Part::open("a wildcard does not stand for the words of this builtin, which change what runs later"));
            }
            self.no_escape(pattern, args, 0, here)?;
        }
        let (from, code) = match inner(self.tables, args) {
            Inner::None | Inner::Query => return Ok(()),
            Inner::Unknown if pattern.spells_all_from(1, args.len()) && args.len() > 1 => return Ok(()),
            Inner::Unknown => return Err(Part::open("nobody can know which command it runs")),
            Inner::Argv { from, more_from_input, .. } => {
                let inner = with_input(args, from, more_from_input);
                let Some(program) = inner.first().and_then(|arg| arg.text) else {
                    return Err(Part::open("nobody can know which command it runs"));
                };
                self.no_assignment(pattern, args.get(..from).unwrap_or_default())?;
                if !pattern.is_universal() && pattern.spells(from, program, program.len()) {
                    return self.contained_inner(rule, args, from, here, depth);
                }
                if depth == 0 {
                    return Err(Part::open("it is nested too deeply"));
                }
                let part = inside.get_or_init(|| self.allowance(&inner, here, depth - 1));
                // What only reads was judged for the directory here.
                if matches!(part.verdict, Verdict::Allowed(By::ReadOnly(_))) && self.leads_elsewhere(args, from) {
                    return Err(Part::open("what it runs may only read, and in another directory that is not known"));
                }
                return if matches!(part.verdict, Verdict::Allowed(_)) { Ok(()) } else { Err(run_by(args, part)) };
            }
            Inner::Code { code, word, .. } => (word, Cow::Borrowed(code)),
            Inner::Joined { from } => {
                if args.iter().skip(from).any(|arg| arg.text.is_none()) {
                    return Err(Part::open("nobody can know which command it runs"));
                }
                (from, Cow::Owned(joined(args.get(from..).unwrap_or_default(), |arg| arg.text.unwrap_or_default())))
            }
        };
        if !pattern.is_universal() && pattern.spells_all_from(from, args.len()) {
            return Ok(());
        }
        let part = inside.get_or_init(|| self.code(&code, here, depth));
        if matches!(part.verdict, Verdict::Allowed(_)) { Ok(()) } else { Err(run_by(args, part)) }
    }

    /// Judges the command inside a wrapper when the pattern spells out its program.
    fn contained_inner(
        &self,
        rule: &'p CommandRule,
        args: &[Arg<'_>],
        from: usize,
        here: &Here<'p, '_>,
        depth: usize,
    ) -> Result<(), Part<'p>> {
        let rest = args.get(from..).unwrap_or_default();
        self.no_escape(&rule.pattern, rest, from, here)?;
        if !(0..rest.len()).all(|at| self.is_harmless(rest, at)) {
            return Err(Part::open("nobody can know which options it is given"));
        }
        match inner(self.tables, rest) {
            Inner::None | Inner::Query => Ok(()),
            Inner::Argv { from: further, .. } if depth > 0 => {
                let spelled = rest
                    .get(further)
                    .and_then(|arg| arg.text)
                    .is_some_and(|text| rule.pattern.spells(from + further, text, text.len()));
                if spelled {
                    return self.contained_inner(rule, args, from + further, here, depth - 1);
                }
                let part = self.allowance(rest.get(further..).unwrap_or_default(), here, depth - 1);
                let reads = matches!(part.verdict, Verdict::Allowed(By::ReadOnly(_)));
                if reads && (self.leads_elsewhere(args, from) || self.leads_elsewhere(rest, further)) {
                    return Err(Part::open("what it runs may only read, and in another directory that is not known"));
                }
                if matches!(part.verdict, Verdict::Allowed(_)) { Ok(()) } else { Err(run_by(rest, &part)) }
            }
            Inner::Code { code, word, .. } => {
                if rule.pattern.spells(from + word, code, code.len()) {
                    return Ok(());
                }
                let part = self.code(code, here, depth);
                if matches!(part.verdict, Verdict::Allowed(_)) { Ok(()) } else { Err(run_by(rest, &part)) }
            }
            _ if rule.pattern.spells_all_from(from, args.len()) => Ok(()),
            _ => Err(Part::open("nobody can know which command it runs")),
        }
    }

    /// Returns the first option that makes another command of it, and that neither the pattern spells out nor the grants
    /// cover.
    fn no_escape(&self, pattern: &CommandPattern, args: &[Arg<'_>], offset: usize, here: &Here<'p, '_>) -> Result<(), Part<'p>> {
        if args.first().and_then(|program| self.tables.row(program.text?)).is_none_or(|row| row.inert) {
            return Ok(());
        }
        let Some(escapes) = examine(self.tables, args) else { return Ok(()) };
        let stands = |escape: &&Escape<'_>| {
            let text = args.get(escape.word).and_then(|arg| arg.text).unwrap_or_default();
            !pattern.spells(offset + escape.word, text, escape.end) && !here.bounds(escape)
        };
        match escapes.iter().find(stands) {
            None => Ok(()),
            Some(escape) => Err(escaped(args, escape)),
        }
    }

    /// Returns whether an option before the command inside makes it work in another directory.
    fn leads_elsewhere(&self, args: &[Arg<'_>], from: usize) -> bool {
        let escapes = examine(self.tables, args).unwrap_or_default();
        escapes.iter().any(|escape| escape.effect == Effect::Dir && escape.word < from)
    }

    /// Returns the first assignment before the command of a wrapper that may change what runs, and that the pattern does
    /// not spell out.
    fn no_assignment(&self, pattern: &CommandPattern, before: &[Arg<'_>]) -> Result<(), Part<'p>> {
        for (at, text) in before.iter().enumerate().filter_map(|(at, arg)| Some((at, arg.text?))) {
            let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.starts_with('-')) else { continue };
            if !self.tables.may_assign(name, Some(value)) && !pattern.spells(at, text, name.len() + 1) {
                return Err(Part::open(format!("the variable `{name}` may change what runs")));
            }
        }
        Ok(())
    }

    fn is_free_of_escapes(&self, args: &[Arg<'_>], here: &Here<'p, '_>) -> bool {
        examine(self.tables, args).is_none_or(|escapes| escapes.iter().all(|escape| here.bounds(escape)))
    }

    /// Judges shell code that a command is given.
    fn code(&self, code: &str, here: &Here<'p, '_>, depth: usize) -> Part<'p> {
        let Some(places) = here.beginning().filter(|_| depth > 0) else { return Part::open("it is nested too deeply") };
        let script = parse(code);
        let mut worst = None::<Part<'p>>;
        self.script(&script, code, &places, depth - 1, false, &mut |part, _| {
            let is_worse = match &worst {
                None => true,
                Some(before) => !matches!(part.verdict, Verdict::Allowed(_)) && matches!(before.verdict, Verdict::Allowed(_)),
            };
            if is_worse {
                worst = Some(part);
            }
        });
        worst.unwrap_or_else(|| Part::open("there is no command"))
    }

    /// Returns whether the shell itself does it, and nothing comes of it.
    fn is_free(&self, program: &str, args: &[Arg<'_>]) -> bool {
        let words: Option<Vec<&str>> = args.iter().skip(1).map(|arg| arg.text).collect();
        let Some(words) = words else { return false };
        if program == "set" {
            // `set -x` is not among them: it expands `PS4`.
            let mut rest = words.iter();
            return !words.is_empty()
                && std::iter::from_fn(|| rest.next().copied()).all(|word| {
                    matches!(word, "pipefail" | "errexit" | "nounset")
                        || word
                            .strip_prefix('-')
                            .is_some_and(|letters| !letters.is_empty() && letters.chars().all(|c| matches!(c, 'e' | 'u' | 'o')))
                });
        }
        if program == "wait" {
            return words.is_empty();
        }
        FREE.contains(&program) && examine(self.tables, args).is_none_or(|escapes| escapes.is_empty())
    }
}

/// Returns whether the words do no more than the program does by itself, whatever words follow: none of them is an escape,
/// and the program runs no other.
pub(crate) fn is_plain(words: &[&str]) -> bool {
    let args: Vec<Arg<'_>> = words.iter().map(|word| Arg::fixed(word)).collect();
    match words.first().and_then(|program| tables().row(program)) {
        None => true,
        Some(row) => row.runs.is_none() && !row.builtin && examine(tables(), &args).is_none_or(|escapes| escapes.is_empty()),
    }
}

/// Returns the words of the command inside, with those that come from the input.
fn with_input<'a>(args: &[Arg<'a>], from: usize, more_from_input: bool) -> Vec<Arg<'a>> {
    let mut inner: Vec<Arg<'a>> = args.get(from..).unwrap_or_default().to_vec();
    if more_from_input {
        inner.push(Arg { text: None, prefix: "", one: false, all_begin: false, globs: false, raw: "" });
    }
    inner
}

fn joined<'a>(args: &[Arg<'a>], text: impl Fn(&Arg<'a>) -> &'a str) -> String {
    let mut joined = String::new();
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            joined.push(' ');
        }
        joined.push_str(text(arg));
    }
    joined
}

fn escaped<'p>(args: &[Arg<'_>], escape: &Escape<'_>) -> Part<'p> {
    let named = named(args, escape);
    Part {
        help: Some("allow it by a pattern that spells the option out, without a wildcard in its place"),
        ..Part::open(format!("`{named}` {}, and a wildcard does not stand for that", escape.effect.why()))
    }
}

/// Returns the option that an escape is.
pub(super) fn named<'a>(args: &[Arg<'a>], escape: &Escape<'_>) -> &'a str {
    let word = args.get(escape.word).map_or("", |arg| arg.text.unwrap_or(arg.raw));
    word.get(..escape.end.min(word.len())).unwrap_or(word)
}

/// Says by what a command would be run that is not allowed.
fn run_by<'p>(args: &[Arg<'_>], part: &Part<'p>) -> Part<'p> {
    let program = args.first().and_then(|arg| arg.text).unwrap_or_default();
    Part {
        why: Cow::Owned(format!("what `{program}` runs is not allowed: {}", part.why)),
        verdict: Verdict::Open,
        help: part.help,
    }
}
