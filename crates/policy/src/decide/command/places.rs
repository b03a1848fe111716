//! Where a command works, and which files it may read and write there.

use std::borrow::Cow;
use std::cell::OnceCell;

use remit_agent::AbsPath;
use remit_shell::{Assignment, Directory, Fd, Operator, Redirect, Script, Simple, Value};

use super::super::file::{Refusal, may_read, may_write};
use super::{Gatekeeper, Part, Verdict};
use crate::Policy;
use crate::programs::{Effect, Escape, Value as OptionValue};

/// The directories in which a script may begin; `None` where nobody knows.
#[derive(Clone, Debug)]
pub(super) struct Places<'p> {
    pub(super) policy: &'p Policy,
    directories: Option<Vec<AbsPath>>,
}

/// How many directories are kept apart.
const ALTERNATIVES: usize = 16;

impl<'p> Places<'p> {
    pub(super) fn beginning(policy: &'p Policy) -> Places<'p> {
        Places { policy, directories: None }
    }

    fn directories(&self) -> Cow<'_, [AbsPath]> {
        match &self.directories {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(vec![self.policy.workspace.clone()]),
        }
    }
}

/// Where one command works. It is found out when it is needed: most commands name no file.
pub(super) struct Here<'p, 's> {
    pub(super) places: &'s Places<'p>,
    command: Option<(&'s Simple, &'s Script)>,
    found: OnceCell<Option<Vec<AbsPath>>>,
    /// Whether a shell runs it, so that builtins mean something.
    pub(super) in_shell: bool,
}

impl<'p, 's> Here<'p, 's> {
    pub(super) fn new(places: &'s Places<'p>, command: &'s Simple, script: &'s Script) -> Here<'p, 's> {
        Here { places, command: Some((command, script)), found: OnceCell::new(), in_shell: true }
    }

    pub(super) fn argv(places: &'s Places<'p>) -> Here<'p, 's> {
        Here { places, command: None, found: OnceCell::new(), in_shell: false }
    }

    /// Returns the directories in which it may run, or `None` where nobody knows.
    pub(super) fn directories(&self) -> Option<&[AbsPath]> {
        self.found.get_or_init(|| self.find()).as_deref()
    }

    fn find(&self) -> Option<Vec<AbsPath>> {
        let beginnings = self.places.directories();
        let Some((command, script)) = self.command else { return Some(beginnings.into_owned()) };
        let Directory::AnyOf(alternatives) = &command.context.directory else { return None };
        let mut found: Vec<AbsPath> = Vec::new();
        for alternative in alternatives {
            for beginning in beginnings.iter() {
                let mut directory = beginning.clone();
                for index in alternative {
                    directory = directory.join(target(script.commands.get(*index)?)?);
                }
                if !found.contains(&directory) {
                    found.push(directory);
                }
            }
        }
        (found.len() <= ALTERNATIVES).then_some(found)
    }

    /// Returns where a script begins that this command runs.
    pub(super) fn beginning(&self) -> Option<Places<'p>> {
        Some(Places { policy: self.places.policy, directories: Some(self.directories()?.to_vec()) })
    }

    /// Returns whether it works in the workspace itself, and in no directory of it.
    pub(super) fn is_at_the_workspace(&self) -> bool {
        self.directories().is_some_and(|directories| directories.iter().all(|at| *at == self.places.policy.workspace))
    }

    /// Returns why a file may not be read, wherever the command runs.
    pub(super) fn may_read(&self, path: &str) -> Result<(), Refusal<'p>> {
        self.each(path, may_read)
    }

    fn may_write(&self, path: &str) -> Result<(), Refusal<'p>> {
        if matches!(path, "/dev/null" | "/dev/stdout" | "/dev/stderr") {
            return Ok(());
        }
        // Behind a symbolic link `..` leads somewhere else than the text says.
        if path.split('/').any(|part| part == "..") {
            return Err(Refusal::Silent);
        }
        self.each(path, may_write)
    }

    fn each(&self, path: &str, check: impl Fn(&'p Policy, &AbsPath) -> Result<(), Refusal<'p>>) -> Result<(), Refusal<'p>> {
        let Some(directories) = self.directories() else { return Err(Refusal::Silent) };
        directories.iter().try_for_each(|directory| check(self.places.policy, &directory.join(path)))
    }

    /// Returns whether an option does only what the grants cover.
    pub(super) fn bounds(&self, escape: &Escape<'_>) -> bool {
        let OptionValue::Text(value) = escape.value else { return false };
        if value.is_empty() || value.contains('\0') {
            return false;
        }
        match escape.effect {
            Effect::Write => value == "-" || self.may_write(value).is_ok(),
            Effect::Product => self.may_write(value).is_ok() || self.is_of_the_workspace(value),
            Effect::Dir | Effect::Read => self.may_read(value).is_ok(),
            Effect::Run | Effect::Config | Effect::Delete | Effect::Upload => false,
        }
    }

    /// Returns whether a file lies in the workspace, and is none that is granted by name only.
    fn is_of_the_workspace(&self, path: &str) -> bool {
        let policy = self.places.policy;
        let inside = |directory: &AbsPath| {
            let path = directory.join(path);
            let files = &policy.files;
            let mut against = files.hidden.iter().chain(&files.write_denied).chain(&files.protected);
            path.is_beneath(&policy.workspace) && !against.any(|rule| rule.pattern.matches_or_above(&path))
        };
        let climbs = path.split('/').any(|part| part == "..");
        !climbs && self.directories().is_some_and(|directories| directories.iter().all(inside))
    }
}

/// Returns where a `cd` leads.
pub(super) fn target(cd: &Simple) -> Option<&str> {
    let words: Option<Vec<&str>> = cd.words.iter().map(remit_shell::Word::as_static).collect();
    let target = match words?.as_slice() {
        ["cd", "--", target] => *target,
        ["cd", target] if !target.starts_with('-') => *target,
        _ => return None,
    };
    (!target.is_empty() && target != "-").then_some(target)
}

/// Judges a `cd`: the directory has to lie in the read grant, wherever the line begins.
pub(super) fn change_of_directory<'p>(here: &Here<'p, '_>) -> Result<(), Part<'p>> {
    let Some((command, _)) = here.command else { return Err(Part::open("no pattern of `allowedCommands` matches")) };
    let Some(target) = target(command) else {
        return Err(Part::open("nobody can know to which directory it changes"));
    };
    here.may_read(target).map_err(|refusal| match refusal {
        Refusal::Rule(rule) => Part {
            verdict: Verdict::DeniedFile(&rule.origin),
            ..Part::open(format!("the directory `{target}` is hidden or granted by name only"))
        },
        Refusal::Silent => Part {
            help: Some("name the directory in `sandbox.files.read`"),
            ..Part::open(format!("the directory `{target}` is not in the read grant"))
        },
    })
}

/// Judges a redirection: its file has to lie in the grants.
pub(super) fn redirection<'p>(redirect: &Redirect, here: &Here<'p, '_>) -> Result<(), Part<'p>> {
    if matches!(redirect.fd, Fd::Variable(_)) {
        return Err(Part::open("a redirection assigns a variable"));
    }
    let writes = match redirect.operator {
        Operator::DuplicateInput | Operator::DuplicateOutput | Operator::HereDocument | Operator::HereString => return Ok(()),
        Operator::Read => false,
        Operator::Write
        | Operator::Clobber
        | Operator::Append
        | Operator::ReadWrite
        | Operator::WriteBoth
        | Operator::AppendBoth => true,
    };
    let Some(file) = redirect.target.as_static().filter(|file| !file.is_empty()) else {
        return Err(Part::open("nobody can know to which file it redirects"));
    };
    let verb = if writes { "written" } else { "read" };
    let checked = if writes {
        here.may_write(file)
    } else if matches!(file, "/dev/null" | "/dev/stdin") {
        Ok(())
    } else {
        here.may_read(file)
    };
    checked.map_err(|refusal| match refusal {
        Refusal::Rule(rule) => Part {
            verdict: Verdict::DeniedFile(&rule.origin),
            ..Part::open(format!("`{file}` is hidden, denied or granted by name only"))
        },
        Refusal::Silent => Part {
            help: Some("name the file in `sandbox.files`, or print instead"),
            ..Part::open(format!("no rule lets `{file}` be {verb} unasked"))
        },
    })
}

impl Gatekeeper<'_> {
    /// Judges what is assigned before a command, or for those that follow.
    pub(super) fn assignments<'p>(&self, command: &Simple) -> Result<(), Part<'p>> {
        let refused = |assignment: &&Assignment| !self.may_assign(assignment, command.words.is_empty());
        match command.assignments.iter().find(refused) {
            Some(assignment) => Err(Part {
                help: Some("run the command without it, or set the variable in `sandbox.env.set`"),
                ..Part::open(format!("the variable `{}` may change what runs", assignment.name))
            }),
            None => Ok(()),
        }
    }

    fn may_assign(&self, assignment: &Assignment, of_the_shell: bool) -> bool {
        if assignment.subscript {
            return false;
        }
        // A variable of the shell in small letters is in no program's environment, save for these.
        let name = assignment.name.as_str();
        let small = of_the_shell
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && !name.ends_with("proxy")
            && name != "histchars";
        let value = match &assignment.value {
            Value::Word(word) => word.as_static(),
            Value::Array(_) | Value::Number => None,
        };
        small || (!assignment.append && self.tables.may_assign(name, value))
    }
}
