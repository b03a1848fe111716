//! `autoAllowReadonly`: commands that read and do nothing else, and read only what the agent may read.

use remit_agent::AbsPath;

use super::allow::named;
use super::globs::could_be_hidden;
use super::places::Here;
use super::{Gatekeeper, Part, Verdict};
use crate::decide::file::Refusal;
use crate::programs::{Arg, Effect, List, ReadOnlyRow, Value, examine, subcommand};

/// Options of `git branch` and `git tag` with which a name is looked for and not made.
const LISTING: [&str; 8] =
    ["--list", "--contains", "--no-contains", "--merged", "--no-merged", "--points-at", "-l", "--show-current"];

/// In how many places of a word of short options a value is looked for.
const LETTERS: usize = 64;

impl<'p> Gatekeeper<'p> {
    /// Returns why a command is not known to read only; nothing where it is no command of the table.
    pub(super) fn only_reads(&self, args: &[Arg<'_>], here: &Here<'p, '_>) -> Result<(), Option<Part<'p>>> {
        let Some(program) = args.first().and_then(|arg| arg.text) else { return Err(None) };
        let mut why = None;
        for row in self.tables.read_only(program) {
            match self.reads(row, args, here) {
                Ok(()) => return Ok(()),
                Err(open) => why = open.or(why),
            }
        }
        Err(why)
    }

    fn reads(&self, row: &ReadOnlyRow, args: &[Arg<'_>], here: &Here<'p, '_>) -> Result<(), Option<Part<'p>>> {
        if let Some(only) = &row.exactly {
            let is = args.len() == 2 && args.get(1).and_then(|arg| arg.text).is_some_and(|text| only.has(text));
            return if is { Ok(()) } else { Err(None) };
        }
        let Some(escapes) = examine(self.tables, args) else { return Err(None) };
        let stands = escapes.iter().find(|escape| match (escape.effect, escape.value) {
            (Effect::Write | Effect::Product, Value::Text(value)) => !matches!(value, "-" | "/dev/null"),
            (Effect::Dir | Effect::Read, _) => !here.bounds(escape),
            _ => true,
        });
        if let Some(escape) = stands {
            let why = format!("`{}` {}", named(args, escape), escape.effect.why());
            return Err(Some(Part::open(why)));
        }
        let (narrow, from) = if row.sub.is_empty() {
            (row, 1)
        } else {
            let at = subcommand(self.tables, args).or_else(|| (args.len() > 1).then_some(1)).ok_or(None)?;
            if row.at_workspace && !is_of_the_workspace(row, args.get(1..at).unwrap_or_default(), here) {
                return Err(Some(Part {
                    help: Some("run it in the workspace itself, or name it in `allowedCommands`"),
                    ..Part::open("elsewhere than in the workspace itself the settings that it finds may name a program to run")
                }));
            }
            let global = |arg: &Arg<'_>| arg.text.is_some_and(|text| !text.starts_with('-') || row.global.has(text));
            if !args.get(1..at).unwrap_or_default().iter().all(global) {
                return Err(None);
            }
            let narrow = args.get(at).and_then(|arg| row.sub.get(arg.text?)).ok_or(None)?;
            (narrow, at + 1)
        };
        let rest = args.get(from..).unwrap_or_default();
        if rest.iter().filter_map(|arg| arg.text).any(|text| is_denied(&row.deny, text) || is_denied(&narrow.deny, text)) {
            return Err(Some(Part::open("an option of it is not known to read only")));
        }
        if !is_listed(narrow, rest) {
            return Err(Some(Part::open("with these words it is not known to read only")));
        }
        if row.paths == Some(false) || narrow.paths == Some(false) {
            let harmless =
                self.tables.row(args.first().and_then(|arg| arg.text).unwrap_or_default()).is_some_and(|row| row.inert);
            let known = harmless || rest.iter().all(|arg| arg.text.is_some());
            return if known { Ok(()) } else { Err(Some(Part::open("nobody can know which options it is given"))) };
        }
        let pattern = row.first == "pattern" || narrow.first == "pattern";
        self.reads_only_what_is_granted(row, args, rest, pattern, here).map_err(Some)
    }

    fn reads_only_what_is_granted(
        &self,
        row: &ReadOnlyRow,
        args: &[Arg<'_>],
        rest: &[Arg<'_>],
        mut pattern: bool,
        here: &Here<'p, '_>,
    ) -> Result<(), Part<'p>> {
        let inert = self.tables.row(args.first().and_then(|arg| arg.text).unwrap_or_default()).is_some_and(|row| row.inert);
        // Where an option gives the pattern, every operand is a file.
        pattern &= !rest.iter().any(|arg| match arg.prefix.strip_prefix("--") {
            Some(long) => long.starts_with(['e', 'f', 'r']),
            None => arg.prefix.starts_with('-') && arg.prefix.contains(['e', 'f']),
        });
        // After `--` no word is an option, were it not that `--` may itself be the value of one: such a word is both.
        let (mut ended, mut after_option) = (false, false);
        let mut words = rest.iter();
        while let Some(arg) = words.next() {
            let option = arg.prefix.starts_with('-') && arg.text != Some("-");
            let value = std::mem::replace(&mut after_option, option);
            if arg.text == Some("--") && !ended {
                (ended, after_option) = (true, false);
                continue;
            }
            if option {
                option_reads(arg, here)?;
                if !ended && arg.text.is_some_and(|text| row.values.has(text)) && words.as_slice().first().is_some_and(is_fixed) {
                    let _ = words.next();
                    after_option = false;
                }
            }
            if option && !ended && arg.text.is_some() {
                continue;
            }
            // What the shell makes several words of is a pattern and files.
            if pattern && (!option || ended) && (arg.text.is_some() || !arg.globs) {
                pattern = false;
                // It may as well be the value of the option before it.
                if let (true, Some(text)) = (value, arg.text)
                    && let Err(Refusal::Rule(_)) = here.may_read(text)
                {
                    return Err(Part::open(format!("`{text}` may be a file, which is hidden or granted by name only")));
                }
                if arg.text.is_some() || arg.is_no_option() {
                    continue;
                }
                return Err(Part::open("nobody can know which options it is given"));
            }
            let path = match arg.text {
                Some("-") => continue,
                Some(text) => text,
                // File names that a pattern finds below a directory that may be read.
                None if arg.globs
                    && (inert || arg.is_no_option())
                    && !arg.raw.contains("..")
                    && !arg.raw.contains("/.*")
                    && !arg.raw.starts_with(".*") =>
                {
                    pattern = false;
                    let hidden = |at: &AbsPath| could_be_hidden(self.policy, at, arg.raw);
                    if here.directories().is_none_or(|directories| directories.iter().any(hidden)) {
                        return Err(Part {
                            help: Some("name the files"),
                            ..Part::open(format!("`{}` may become a file that is hidden or granted by name only", arg.raw))
                        });
                    }
                    arg.prefix.rsplit_once('/').map_or(".", |(directory, _)| if directory.is_empty() { "/" } else { directory })
                }
                None => return Err(Part::open("nobody can know which file it reads")),
            };
            may_read(path, here)?;
        }
        Ok(())
    }
}

/// Returns whether it works in the workspace itself: neither a `cd` nor an option before the subcommand leads elsewhere.
fn is_of_the_workspace(row: &ReadOnlyRow, before: &[Arg<'_>], here: &Here<'_, '_>) -> bool {
    here.is_at_the_workspace() && before.iter().all(|arg| arg.text.is_some_and(|text| row.global.has(text)))
}

fn is_fixed(arg: &Arg<'_>) -> bool {
    arg.text.is_some()
}

/// Returns why a file may not be read.
fn may_read<'p>(path: &str, here: &Here<'p, '_>) -> Result<(), Part<'p>> {
    if matches!(path, "/dev/null" | "/dev/stdin") {
        return Ok(());
    }
    here.may_read(path).map_err(|refusal| match refusal {
        Refusal::Rule(rule) => Part {
            verdict: Verdict::DeniedFile(&rule.origin),
            ..Part::open(format!("`{path}` is hidden or granted by name only"))
        },
        Refusal::Silent => {
            Part { help: Some("name it in `sandbox.files.read`"), ..Part::open(format!("no rule lets `{path}` be read unasked")) }
        }
    })
}

/// Returns why an option may not have its value: it is taken for the path of a file. Where it begins in a word of one dash
/// the program knows, so that each place is tried.
fn option_reads<'p>(arg: &Arg<'_>, here: &Here<'p, '_>) -> Result<(), Part<'p>> {
    let Some(text) = arg.text else { return Ok(()) };
    // A value without a slash is a number or a name as a rule: then it is only not to be a hidden file.
    let starts = text.char_indices().skip(2).take(LETTERS).map(|(at, _)| at);
    let values = text.split_once('=').map(|(_, value)| value).into_iter();
    let joined = starts.filter(|_| !text.starts_with("--")).filter_map(|at| text.get(at..));
    for value in values.chain(joined).filter(|value| !value.is_empty()) {
        if let Err(Refusal::Rule(_)) = here.may_read(value) {
            may_read(value, here)?;
        }
    }
    path_of_option(text).map_or(Ok(()), |path| may_read(path, here))
}

/// Returns the path in an option, if there may be one: after `=`, or from the first `/`.
fn path_of_option(text: &str) -> Option<&str> {
    if let Some((_, value)) = text.split_once('=') {
        return (value.contains('/') || value.starts_with("..")).then_some(value);
    }
    let climbs = text.split('/').any(|part| part.ends_with(".."));
    match text.find('/') {
        Some(at) if !climbs => text.get(at..),
        _ if climbs => text.find("..").and_then(|at| text.get(at..)),
        _ => None,
    }
}

/// Returns whether a word is one of the options, written out, abbreviated, or with a value joined.
fn is_denied(options: &List, word: &str) -> bool {
    options.0.iter().any(|option| {
        let name = word.split_once('=').map_or(word, |(name, _)| name);
        let long = option.starts_with("--");
        name == option
            || (long && name.len() > 3 && option.starts_with(name))
            || (!long && option.len() == 2 && word.starts_with(option.as_str()))
    })
}

/// Returns whether the row lists the words.
fn is_listed(row: &ReadOnlyRow, rest: &[Arg<'_>]) -> bool {
    let texts: Vec<&str> = rest.iter().filter_map(|arg| arg.text).collect();
    let narrow = row.only.is_some()
        || row.operands == Some(false)
        || row.words.is_some()
        || row.required_option.is_some()
        || !row.never.0.is_empty();
    if narrow && texts.len() < rest.len() {
        return false;
    }
    let name = |text: &'_ str| text.split_once('=').map_or(text, |(name, _)| name).to_owned();
    let options = || texts.iter().filter(|text| text.starts_with('-') && text.len() > 1);
    let mut operands = texts.iter().filter(|text| !text.starts_with('-'));
    let only = row.only.as_ref().is_none_or(|only| options().all(|text| only.has(&name(text))));
    let listing = options().any(|text| LISTING.contains(&name(text).as_str()));
    let few = row.operands != Some(false) || operands.clone().next().is_none() || (listing && row.only.is_some());
    let needed = row.required_option.as_ref().is_none_or(|needed| options().any(|text| needed.has(&name(text))));
    let parts = |text: &str| text.to_ascii_lowercase().split([',', '/', '.']).map(str::to_owned).collect::<Vec<_>>();
    let never = operands.clone().any(|text| parts(text).iter().any(|part| row.never.has(part)));
    let first = operands.next();
    let words = match (&row.words, first) {
        (None, _) => true,
        (Some(_), None) => !row.required,
        (Some(words), Some(first)) => words.has(first),
    };
    only && few && needed && words && !never
}
