//! `autoAllowReadonly`: commands that read and do nothing else, and read only what the agent may read.

use super::allow::named;
use super::places::Here;
use super::{Gatekeeper, Part, Verdict};
use crate::decide::file::Refusal;
use crate::programs::{Arg, Effect, List, ReadOnlyRow, Value, examine, subcommand};

/// Options of `git branch` and `git tag` with which a name is looked for and not made.
const LISTING: [&str; 8] =
    ["--list", "--contains", "--no-contains", "--merged", "--no-merged", "--points-at", "-l", "--show-current"];

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
        self.reads_only_what_is_granted(args, rest, pattern, here).map_err(Some)
    }

    fn reads_only_what_is_granted(
        &self,
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
        for arg in rest {
            let option = arg.prefix.starts_with('-');
            if pattern && !option {
                pattern = false;
                if arg.text.is_some() || arg.is_no_option() {
                    continue;
                }
                return Err(Part::open("nobody can know which options it is given"));
            }
            let path = match arg.text {
                Some("-") => continue,
                Some(text) if option => match path_of_option(text) {
                    Some(path) => path,
                    None => continue,
                },
                Some(text) => text,
                // File names that a pattern finds below a directory that may be read.
                None if arg.globs
                    && (inert || arg.is_no_option())
                    && !arg.raw.contains("..")
                    && !arg.raw.contains("/.*")
                    && !arg.raw.starts_with(".*") =>
                {
                    arg.prefix.rsplit_once('/').map_or(".", |(directory, _)| if directory.is_empty() { "/" } else { directory })
                }
                None => return Err(Part::open("nobody can know which file it reads")),
            };
            if matches!(path, "/dev/null" | "/dev/stdin") {
                continue;
            }
            here.may_read(path).map_err(|refusal| match refusal {
                Refusal::Rule(rule) => Part {
                    verdict: Verdict::DeniedFile(&rule.origin),
                    ..Part::open(format!("`{path}` is hidden or granted by name only"))
                },
                Refusal::Silent => Part {
                    help: Some("name it in `sandbox.files.read`"),
                    ..Part::open(format!("no rule lets `{path}` be read unasked"))
                },
            })?;
        }
        Ok(())
    }
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
