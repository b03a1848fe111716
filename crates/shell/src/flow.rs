//! Where a command may run: the changes of directory that may have happened before it.

use crate::{Directory, Simple, Word, options};

/// More alternatives than these are not followed, nor longer chains.
const MAX_ALTERNATIVES: usize = 8;
const MAX_CHAIN: usize = 16;

/// The directories in which a place of the line may be reached. No alternative: it is not reached at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dirs {
    AnyOf(Vec<Vec<usize>>),
    Unknown,
}

/// The directories after a command that succeeded, and after one that failed.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) ok: Dirs,
    pub(crate) fail: Dirs,
}

impl Default for Dirs {
    fn default() -> Self {
        Dirs::AnyOf(vec![Vec::new()])
    }
}

impl Dirs {
    pub(crate) fn or(&self, other: &Dirs) -> Dirs {
        let (Dirs::AnyOf(ours), Dirs::AnyOf(theirs)) = (self, other) else { return Dirs::Unknown };
        let mut all = ours.clone();
        all.extend(theirs.iter().filter(|chain| !ours.contains(chain)).cloned());
        if all.len() > MAX_ALTERNATIVES { Dirs::Unknown } else { Dirs::AnyOf(all) }
    }

    fn after(&self, cd: usize) -> Dirs {
        let Dirs::AnyOf(chains) = self else { return Dirs::Unknown };
        if chains.iter().any(|chain| chain.len() >= MAX_CHAIN) {
            return Dirs::Unknown;
        }
        Dirs::AnyOf(chains.iter().map(|chain| chain.iter().copied().chain([cd]).collect()).collect())
    }

    pub(crate) fn directory(&self) -> Directory {
        match self {
            Dirs::AnyOf(chains) if !chains.is_empty() => Directory::AnyOf(chains.clone()),
            _ => Directory::Unknown,
        }
    }
}

impl Outcome {
    /// Returns the outcome of what changes no directory.
    pub(crate) fn still(dirs: &Dirs) -> Outcome {
        Outcome { ok: dirs.clone(), fail: dirs.clone() }
    }

    pub(crate) fn either(&self) -> Dirs {
        if self.ok == self.fail { self.ok.clone() } else { self.ok.or(&self.fail) }
    }

    pub(crate) fn or(&self, other: &Outcome) -> Outcome {
        Outcome { ok: self.ok.or(&other.ok), fail: self.fail.or(&other.fail) }
    }
}

/// Returns where the shell is after a command that began in `before`, and whose index is `index`.
pub(crate) fn outcome(command: &Simple, index: usize, before: &Dirs) -> Outcome {
    match effect(command) {
        Effect::None => Outcome::still(before),
        Effect::Exit => Outcome { ok: Dirs::AnyOf(Vec::new()), fail: Dirs::AnyOf(Vec::new()) },
        Effect::Cd => Outcome { ok: before.after(index), fail: before.clone() },
        // With options, or more than one word, it may say that it failed and have moved all the same.
        Effect::OddCd => Outcome { ok: before.after(index), fail: before.or(&before.after(index)) },
        Effect::Unknown => Outcome { ok: Dirs::Unknown, fail: Dirs::Unknown },
    }
}

/// Returns whether a command may move the shell in which it runs.
pub(crate) fn moves(command: &Simple) -> bool {
    !matches!(effect(command), Effect::None | Effect::Exit)
}

/// Returns whether a command may change what `cd` does, or what the commands after it are.
pub(crate) fn unsettles(command: &Simple) -> bool {
    let assigned = command.assignments.iter().any(|assignment| assignment.name == "CDPATH");
    let named = |word: &Word| word.prefix().starts_with("CDPATH");
    let name = command.words.first().and_then(Word::as_static);
    assigned
        || command.words.iter().any(named)
        || matches!(name, Some("shopt" | "enable" | "alias" | "trap" | "unset"))
        || (name == Some("set") && !options::harmless(&command.words))
}

enum Effect {
    None,
    Exit,
    Cd,
    OddCd,
    Unknown,
}

fn effect(command: &Simple) -> Effect {
    let mut words = command.words.iter().map(Word::as_static);
    let first = match words.next() {
        None => return Effect::None,
        Some(None) => return Effect::Unknown,
        Some(Some(first)) => first,
    };
    match first {
        "cd" => {
            let plain = command.words.len() == 2 && command.redirects.is_empty();
            let named = command
                .words
                .get(1)
                .is_some_and(|word| !word.splits && !word.prefix().is_empty() && !word.prefix().starts_with('-'));
            if plain && named { Effect::Cd } else { Effect::OddCd }
        }
        "exit" => {
            let number =
                |word: Option<&str>| word.is_some_and(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
            let exits = command.words.len() == 1 || (command.words.len() == 2 && words.all(number));
            if exits && command.redirects.is_empty() && command.assignments.is_empty() { Effect::Exit } else { Effect::None }
        }
        "pushd" | "popd" | "eval" | "source" | "." => Effect::Unknown,
        "builtin" | "command" => match words.next() {
            Some(Some("cd")) => Effect::OddCd,
            Some(Some(name))
                if !name.starts_with('-')
                    && !matches!(name, "builtin" | "command" | "pushd" | "popd" | "eval" | "source" | ".") =>
            {
                Effect::None
            }
            None => Effect::None,
            _ => Effect::Unknown,
        },
        _ => Effect::None,
    }
}
