use remit_agent::NativeTool;
use remit_shell::simple_command;

use super::{CommandLine, Decision, reason, trusted, with_help};
use crate::commands::Subject;
use crate::{Origin, Otherwise, Policy, Reason};

pub(super) fn judge(policy: &Policy, line: &CommandLine) -> (Decision, Reason) {
    if !policy.is_unrestricted() && !policy.tools.is_visible(NativeTool::Shell) {
        let absent = reason("tools", &Origin::Silent, "the agent has no `execute_bash`");
        return (Decision::Deny, with_help(absent, "add `execute_bash` to `tools`"));
    }
    let words = match line {
        CommandLine::Argv(words) => words.clone(),
        CommandLine::Shell(line) => match simple_command(line) {
            Ok(command) => command.words,
            Err(opaque) => return unread(policy, opaque.reason),
        },
    };
    if words.first().is_none_or(String::is_empty) {
        return (Decision::Deny, reason("commands", &Origin::BuiltIn, "there is no command"));
    }
    if words.iter().any(|word| word.contains('\0')) {
        return (Decision::Deny, reason("commands", &Origin::BuiltIn, "a word of the command has a NUL character"));
    }
    let commands = &policy.commands;
    let subject = Subject::new(words);
    if let Some(rule) = commands.deny.iter().find(|rule| rule.pattern.denies_subject(&subject)) {
        return (Decision::Deny, reason(rule.pattern.text(), &rule.origin, "a pattern of `deniedCommands` matches"));
    }
    if policy.is_unrestricted() {
        return trusted(policy);
    }
    if let Some(rule) = commands.allow.iter().find(|rule| rule.pattern.allows_subject(&subject)) {
        return (Decision::Allow, reason(rule.pattern.text(), &rule.origin, "a pattern of `allowedCommands` matches"));
    }
    if let Some(origin) = &commands.everything {
        return (Decision::Allow, reason("allowedTools", origin, "every command line is pre-approved"));
    }
    otherwise(policy, "no pattern of `allowedCommands` matches")
}

/// Judges a line of which nobody knows what it would run.
fn unread(policy: &Policy, why: &'static str) -> (Decision, Reason) {
    let commands = &policy.commands;
    if commands.deny.is_empty() {
        // There is nothing that the line could hide from.
        if policy.is_unrestricted() {
            return trusted(policy);
        }
        if let Some(origin) = &commands.everything {
            return (Decision::Allow, reason("allowedTools", origin, "every command line is pre-approved"));
        }
    }
    let (decision, reason) = otherwise(policy, &format!("the line is not one plain command: {why}"));
    (decision, with_help(reason, "run the commands one by one, each without shell syntax"))
}

fn otherwise(policy: &Policy, why: &str) -> (Decision, Reason) {
    // Under an unrestricted profile only a line that a denial could stand in gets here.
    match policy.commands.otherwise {
        Otherwise::Deny if !policy.is_unrestricted() => {
            (Decision::Deny, reason("denyByDefault", &Origin::Silent, format!("{why}, and what is not allowed is denied")))
        }
        Otherwise::Deny | Otherwise::Ask => (Decision::Ask, reason("commands", &Origin::Silent, why)),
    }
}
