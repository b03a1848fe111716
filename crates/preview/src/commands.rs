use remit_policy::{CommandLine, CommandRule, Decision, Otherwise, Policy, Request};
use serde::Serialize;

/// Which command lines run unasked, which never, and what happens to the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Commands {
    /// Every command line that no deny pattern matches runs unasked.
    pub everything: bool,
    /// Patterns as written; a regular expression that Remit's own files write begins with `regex:`.
    pub allow: Vec<String>,
    pub deny: Vec<String>,
    /// Programs that a pattern with a wildcard names and no table describes: what their options do is not examined.
    pub unexamined: Vec<String>,
    /// Commands of the read-only table run unasked.
    pub read_only: bool,
    pub otherwise: Otherwise,
}

pub(crate) fn commands(policy: &Policy) -> Commands {
    let commands = &policy.commands;
    Commands {
        everything: commands.everything.is_some(),
        allow: texts(&commands.allow),
        deny: texts(&commands.deny),
        unexamined: unexamined(&commands.allow),
        read_only: read_only(policy),
        otherwise: commands.otherwise,
    }
}

fn unexamined(rules: &[CommandRule]) -> Vec<String> {
    let mut programs: Vec<String> =
        rules.iter().filter_map(|rule| rule.pattern.unexamined_program()).map(str::to_owned).collect();
    programs.sort();
    programs.dedup();
    programs
}

/// Returns whether the gate lets a command that only reads through, because of that setting and of nothing else.
fn read_only(policy: &Policy) -> bool {
    let Some(origin) = &policy.commands.read_only else { return false };
    let (decision, reason) = policy.judge(&Request::Command(CommandLine::Argv(vec!["ls".to_owned()])));
    decision == Decision::Allow && reason.origin == *origin
}

/// Returns each pattern once: a deny pattern that is held under two readings is two rules of one text.
fn texts(rules: &[CommandRule]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for rule in rules {
        let text = rule.pattern.text();
        if !texts.iter().any(|known| known == text) {
            texts.push(text.to_owned());
        }
    }
    texts
}
