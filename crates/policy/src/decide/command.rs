//! Judges a command line: each simple command in it, each redirection, and what nobody can know.
//!
//! The strictest part decides. `deny` looks through everything that a command might be; `allow` wants to know exactly
//! what it is; `places` says where it works and what may be read and written there.

mod allow;
mod deny;
mod globs;
mod places;
mod read_only;
mod words;

use std::borrow::Cow;
use std::cell::Cell;

use remit_agent::NativeTool;
use remit_diagnostics::Span;
use remit_shell::{Script, Simple, parse};

use super::{CommandLine, Decision, reason, trusted, with_help};
use crate::programs::{Arg, Tables, tables};
use crate::{CommandRule, Origin, Otherwise, Policy, Reason};
pub(crate) use allow::is_plain;
use deny::Denial;
use places::{Here, Places, redirection};

/// What is said about a command line, and about each part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub decision: Decision,
    pub reason: Reason,
    /// In the order in which they stand in the line; one for each simple command, and one for what cannot be known.
    pub parts: Vec<CommandPart>,
}

/// A simple command of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandPart {
    /// Where it stands in the line, in bytes.
    pub span: Span,
    pub text: String,
    pub decision: Decision,
    pub reason: Reason,
}

/// Judges a line by its strictest part.
pub(super) fn judge(policy: &Policy, line: &CommandLine) -> (Decision, Reason) {
    match Gatekeeper::new(policy) {
        Ok(gate) => {
            let mut worst = None::<(Decision, Part<'_>, Span)>;
            let mut count = 0_usize;
            let no_command = gate.each(line, &mut |part, span| {
                count += 1;
                let decision = part.decision(policy);
                let is_worse =
                    worst.as_ref().is_none_or(|(before, kept, _)| decision > *before || (decision == *before && kept.is_free()));
                if is_worse {
                    worst = Some((decision, part, span));
                }
            });
            match (no_command, worst) {
                (Some(none), _) => none,
                (None, None) => nothing(policy),
                (None, Some((decision, part, span))) => {
                    let within = line
                        .text()
                        .and_then(|text| text.get(span.start..span.end))
                        .filter(|_| count > 1 && decision > Decision::Allow);
                    (decision, part.reason(policy, within))
                }
            }
        }
        Err(absent) => absent,
    }
}

/// Judges a line and each part of it.
pub(super) fn judge_parts(policy: &Policy, line: &CommandLine) -> Judgement {
    let (decision, reason) = judge(policy, line);
    let mut parts = Vec::new();
    if let Ok(gate) = Gatekeeper::new(policy) {
        gate.each(line, &mut |part, span| {
            let text = match line {
                CommandLine::Shell(line) => line.get(span.start..span.end).unwrap_or_default().trim().to_owned(),
                CommandLine::Argv(words) => words.join(" "),
            };
            parts.push(CommandPart { span, text, decision: part.decision(policy), reason: part.reason(policy, None) });
        });
    }
    parts.sort_by_key(|part| part.span.start);
    Judgement { decision, reason, parts }
}

/// The builtins of bash (`compgen -b`) that are no programs as well.
const OF_THE_SHELL: &[&str] = &[
    ".",
    ":",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "cd",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "declare",
    "dirs",
    "disown",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "fc",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "pushd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "times",
    "trap",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
];

impl CommandLine {
    fn text(&self) -> Option<&str> {
        match self {
            CommandLine::Shell(line) => Some(line),
            CommandLine::Argv(_) => None,
        }
    }

    /// Returns the words of a line that is one static simple command: a program that is given them needs no shell.
    ///
    /// A builtin that is no program (`cd`, `export`, …) needs one all the same.
    pub fn direct(&self) -> Option<Vec<String>> {
        match self {
            CommandLine::Argv(words) => Some(words.clone()),
            CommandLine::Shell(line) => {
                let script = parse(line);
                let words = script.argv()?;
                let is_builtin = words
                    .first()
                    .is_none_or(|name| tables().row(name).is_some_and(|row| row.source.starts_with("bash(1), SHELL BUILTIN")));
                let needs_shell = is_builtin || words.first().is_none_or(|name| OF_THE_SHELL.contains(name));
                (!needs_shell).then(|| words.into_iter().map(str::to_owned).collect())
            }
        }
    }
}

/// How one part is judged, before it is put into words.
#[derive(Clone, Debug)]
struct Part<'p> {
    verdict: Verdict<'p>,
    why: Cow<'static, str>,
    help: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
enum Verdict<'p> {
    Denied(&'p CommandRule),
    /// A rule over files denies it.
    DeniedFile(&'p Origin),
    Allowed(By<'p>),
    /// No rule decides.
    Open,
}

/// What allows a part.
#[derive(Clone, Copy, Debug)]
enum By<'p> {
    Rule(&'p CommandRule),
    Everything(&'p Origin),
    ReadOnly(&'p Origin),
    Profile,
    /// It does nothing that needs a permission.
    Free,
}

impl<'p> Part<'p> {
    fn open(why: impl Into<Cow<'static, str>>) -> Part<'p> {
        Part { verdict: Verdict::Open, why: why.into(), help: None }
    }

    fn allowed(by: By<'p>) -> Part<'p> {
        let why = match by {
            By::Rule(_) => "a pattern of `allowedCommands` matches",
            By::Everything(_) => "every command line is pre-approved",
            By::ReadOnly(_) => "it only reads",
            By::Profile => "the profile permits everything that its user may do",
            By::Free => "it does nothing that needs a permission",
        };
        Part { verdict: Verdict::Allowed(by), why: Cow::Borrowed(why), help: None }
    }

    fn is_free(&self) -> bool {
        matches!(self.verdict, Verdict::Allowed(By::Free))
    }

    fn decision(&self, policy: &Policy) -> Decision {
        match self.verdict {
            Verdict::Denied(_) | Verdict::DeniedFile(_) => Decision::Deny,
            Verdict::Allowed(_) => Decision::Allow,
            // Under an unrestricted profile only what a denial could stand in is open.
            Verdict::Open if policy.commands.otherwise == Otherwise::Deny && !policy.is_unrestricted() => Decision::Deny,
            Verdict::Open => Decision::Ask,
        }
    }

    /// Puts the judgement into words; `within` is the part's text where the line has more than one.
    fn reason(self, policy: &Policy, within: Option<&str>) -> Reason {
        let why = match within {
            Some(text) => format!("`{}`: {}", text.trim(), self.why),
            None => self.why.into_owned(),
        };
        let reason = match self.verdict {
            Verdict::Denied(rule) => reason(rule.pattern.text(), &rule.origin, why),
            Verdict::DeniedFile(origin) => reason("files", origin, why),
            Verdict::Allowed(By::Rule(rule)) => {
                let unexamined = rule.pattern.unexamined_program();
                let reason = reason(rule.pattern.text(), &rule.origin, why);
                return match unexamined {
                    Some(program) => with_help(reason, format!("what the options of `{program}` do is not examined")),
                    None => reason,
                };
            }
            Verdict::Allowed(By::Everything(origin)) => reason("allowedTools", origin, why),
            Verdict::Allowed(By::ReadOnly(origin)) => reason("autoAllowReadonly", origin, why),
            Verdict::Allowed(By::Profile) => return trusted(policy).1,
            Verdict::Allowed(By::Free) => reason("commands", &Origin::BuiltIn, why),
            Verdict::Open if policy.commands.otherwise == Otherwise::Deny && !policy.is_unrestricted() => {
                reason("denyByDefault", &Origin::Silent, format!("{why}, and what is not allowed is denied"))
            }
            Verdict::Open => reason("commands", &Origin::Silent, why),
        };
        match self.help {
            Some(help) => with_help(reason, help),
            None => reason,
        }
    }
}

fn nothing(policy: &Policy) -> (Decision, Reason) {
    let part = Part::open("there is no command");
    (part.decision(policy), part.reason(policy, None))
}

/// How deep code within code is followed: `bash -c "bash -c …"`.
const DEPTH: usize = 8;

/// How many words are looked at in all that the commands of a line run besides themselves: each may run several, which
/// begin at one word or another, and then so may they.
const BUDGET: usize = 100_000;

/// What a line is judged with.
struct Gatekeeper<'p> {
    policy: &'p Policy,
    tables: &'static Tables,
    /// What is left of the budget; nothing where it was not enough.
    left: Cell<Option<usize>>,
}

impl<'p> Gatekeeper<'p> {
    fn new(policy: &'p Policy) -> Result<Gatekeeper<'p>, (Decision, Reason)> {
        if !policy.is_unrestricted() && !policy.tools.is_visible(NativeTool::Shell) {
            let absent = reason("tools", &Origin::Silent, "the agent has no `execute_bash`");
            return Err((Decision::Deny, with_help(absent, "add `execute_bash` to `tools`")));
        }
        Ok(Gatekeeper { policy, tables: tables(), left: Cell::new(Some(BUDGET)) })
    }

    /// Takes so much from the budget. Returns whether it was enough, as far as anybody asked.
    fn spend(&self, words: usize) -> bool {
        let left = self.left.get().and_then(|left| left.checked_sub(words.saturating_add(1)));
        self.left.set(left);
        left.is_some()
    }

    /// Judges by the denials. Where the budget was not enough one of them may have been missed.
    fn before_allowance(&self, args: &[Arg<'_>], here: &Here<'p, '_>, depth: usize) -> Option<Part<'p>> {
        let denial = self.denial(args, here, depth);
        if self.left.get().is_none() && !matches!(denial, Denial::Yes(_)) {
            return Some(too_much());
        }
        self.pre_judged(denial)
    }

    /// Judges each part. Returns an answer for a line of which there is nothing to judge.
    fn each(&self, line: &CommandLine, tell: &mut dyn FnMut(Part<'p>, Span)) -> Option<(Decision, Reason)> {
        match line {
            CommandLine::Argv(words) => {
                if words.first().is_none_or(String::is_empty) {
                    return Some((Decision::Deny, reason("commands", &Origin::BuiltIn, "there is no command")));
                }
                if words.iter().any(|word| word.contains('\0')) {
                    return Some((
                        Decision::Deny,
                        reason("commands", &Origin::BuiltIn, "a word of the command has a NUL character"),
                    ));
                }
                let args: Vec<Arg<'_>> = words.iter().map(|word| Arg::fixed(word)).collect();
                let places = Places::beginning(self.policy);
                tell(self.argv(&args, &places), Span::at(0));
                None
            }
            CommandLine::Shell(line) => {
                self.script(&parse(line), line, &Places::beginning(self.policy), DEPTH, true, tell);
                None
            }
        }
    }

    fn argv(&self, args: &[Arg<'_>], places: &Places<'p>) -> Part<'p> {
        let here = Here::argv(places);
        match self.before_allowance(args, &here, DEPTH) {
            Some(part) => part,
            None => self.allowance(args, &here, DEPTH),
        }
    }

    /// Judges each part of a script that was read from `line`.
    fn script(
        &self,
        script: &Script,
        line: &str,
        places: &Places<'p>,
        depth: usize,
        outermost: bool,
        tell: &mut dyn FnMut(Part<'p>, Span),
    ) {
        if outermost && let Some(rule) = self.denial_of_line(line) {
            tell(denied(rule), Span::new(0, line.len()));
        }
        for command in &script.commands {
            tell(self.command(command, script, line, places, depth), command.span);
        }
        for opaque in &script.opaque {
            let part = match self.pre_judged(self.denial_of_unknown()) {
                Some(part) => part,
                None => Part {
                    help: Some("run the commands one by one, in plain words"),
                    ..Part::open(format!("nobody can know what the line would run: {}", opaque.reason))
                },
            };
            tell(part, opaque.span);
        }
        for function in &script.functions {
            // A name that is defined here is no longer the program of that name.
            let part = self.pre_judged(Denial::No).unwrap_or_else(|| Part::open("the line defines a function"));
            tell(part, function.span);
        }
    }

    fn command(&self, command: &Simple, script: &Script, line: &str, places: &Places<'p>, depth: usize) -> Part<'p> {
        let args = words::args(command, line);
        let here = Here::new(places, command, script);
        if let Some(part) = self.before_allowance(&args, &here, depth) {
            return part;
        }
        if let Err(part) = self.assignments(command) {
            return part;
        }
        for redirect in &command.redirects {
            if let Err(part) = redirection(redirect, &here) {
                return part;
            }
        }
        if args.is_empty() { Part::allowed(By::Free) } else { self.allowance(&args, &here, depth) }
    }

    /// Returns the judgement where a denial, or a permission for everything, makes the rest not matter.
    fn pre_judged(&self, denial: Denial<'p>) -> Option<Part<'p>> {
        let everything = match (&self.policy.commands.everything, self.policy.is_unrestricted()) {
            (_, true) => Some(By::Profile),
            (Some(origin), false) => Some(By::Everything(origin)),
            (None, false) => None,
        };
        match (denial, everything) {
            (Denial::Yes(rule), _) => Some(denied(rule)),
            (Denial::Maybe, Some(_)) => {
                Some(Part::open("nobody can know what it would run, and a pattern of `deniedCommands` might match"))
            }
            (Denial::No, Some(by)) => Some(Part::allowed(by)),
            (Denial::Maybe | Denial::No, None) => None,
        }
    }
}

fn too_much<'p>() -> Part<'p> {
    Part {
        help: Some("run the commands one by one, in plain words"),
        ..Part::open("what the line would run is nested too often to be judged")
    }
}

fn denied(rule: &CommandRule) -> Part<'_> {
    Part { verdict: Verdict::Denied(rule), why: Cow::Borrowed("a pattern of `deniedCommands` matches"), help: None }
}
