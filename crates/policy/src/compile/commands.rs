//! `toolsSettings.execute_bash` (`shell`) and the shell tool's entry in `allowedTools`.
//!
//! How they meet (settings narrow, never widen):
//!
//! | in `allowedTools` | settings | runs unasked |
//! | --- | --- | --- |
//! | no | `allowedCommands` | those |
//! | yes | none of the below | everything |
//! | yes | `deniedCommands` only | everything that is not denied |
//! | yes | `allowedCommands` | those: who lists commands does not mean all of them |
//! | yes | `autoAllowReadonly: true` or `denyByDefault: true` | what those settings allow, and no more |
//!
//! The last row is the closed one of two readings. In the products the entry switches both settings off; but somebody
//! who writes that read-only commands run unasked, or that what is not listed is denied, says that the others do not
//! run by themselves. `false` for either is the default written out, and narrows nothing.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use remit_agent::{NativeTool, Reading, ShellSettings, Text};
use remit_diagnostics::{Fix, Spanned};
use remit_shell::{PatternPart, pattern_words};

use super::Context;
use crate::{CommandGrants, CommandPattern, CommandRegex, CommandRule, CommandRules, Otherwise, ToolGrants};

pub(super) fn compile(context: &mut Context<'_>, tools: &ToolGrants) -> CommandGrants {
    let agent = context.agent;
    let none = ShellSettings::default();
    let settings = agent.file.settings.shell.as_ref();
    let shell = settings.map_or(&none, |settings| &settings.value);
    let deny: Vec<_> = shell.denied_commands.iter().flat_map(|list| &list.value).flat_map(|text| deny(context, text)).collect();
    let allow: Vec<_> =
        shell.allowed_commands.iter().flat_map(|list| &list.value).filter_map(|text| allow(context, text)).collect();
    if !tools.is_visible(NativeTool::Shell) {
        if let Some(list) = shell.allowed_commands.as_ref().filter(|list| !list.value.is_empty()) {
            let warning = context.warning(
                "settings-of-absent-tool",
                list.span,
                "`allowedCommands` allows nothing: the agent has no `execute_bash`",
            );
            context.report(warning.help("add `execute_bash` to `tools`, or remove the setting"));
        }
        let deny = CommandRules::new(deny);
        return CommandGrants {
            deny,
            allow: CommandRules::default(),
            everything: None,
            read_only: None,
            otherwise: Otherwise::Deny,
        };
    }
    let on = |setting: &Option<Spanned<bool>>| setting.as_ref().filter(|on| on.value).map(|on| on.span);
    let read_only = on(&shell.auto_allow_readonly);
    let deny_by_default = on(&shell.deny_by_default);
    let narrowed = shell.allowed_commands.is_some() || read_only.is_some() || deny_by_default.is_some();
    let everything = tools.pre_approval(NativeTool::Shell).filter(|_| !narrowed).map(|rule| rule.origin.clone());
    CommandGrants {
        deny: CommandRules::new(deny),
        allow: CommandRules::new(allow),
        everything,
        read_only: read_only.map(|span| context.origin(span)),
        otherwise: if deny_by_default.is_some() { Otherwise::Deny } else { Otherwise::Ask },
    }
}

/// A pattern and how it is to be read.
enum Written<'a> {
    Glob(&'a str),
    Regex(&'a str),
}

fn written<'a>(context: &Context<'_>, text: &'a str) -> Written<'a> {
    match (text.strip_prefix("regex:"), context.agent.reading) {
        (Some(regex), _) => Written::Regex(regex),
        (None, Reading::Remit) => Written::Glob(text),
        (None, Reading::Kiro | Reading::Q) => Written::Regex(text),
    }
}

fn allow(context: &mut Context<'_>, text: &Text) -> Option<CommandRule> {
    let pattern = match written(context, &text.value) {
        Written::Regex(regex) => regex_pattern(text, regex, false),
        Written::Glob(glob) => glob_pattern(text, glob),
    };
    let pattern = reported(context, text, pattern)?;
    if matches!(pattern, CommandPattern::Words { .. }) {
        if looks_like_regex(&text.value) {
            let warning = context.warning("regex-read-as-glob", text.span, format!("`{}` is read as a glob", text.value));
            let meant = format!("regex:{}", text.value);
            let fix = Fix::instead(&context.agent.source, text.span, &meant);
            context.report(warning.help(format!("did you mean `{meant}`?")).maybe_fix(fix));
        } else if text.value.contains(['?', '[', '{']) {
            let warning = context.warning("not-a-wildcard", text.span, "only `*` is a wildcard in a command pattern");
            context.report(warning.help("write one pattern for each command, or begin with `regex:`"));
        }
    }
    Some(CommandRule { pattern, origin: context.origin(text.span) })
}

/// Compiles a deny pattern. One that can be read two ways denies under both: whoever wrote it knew one of them.
fn deny(context: &mut Context<'_>, text: &Text) -> Vec<CommandRule> {
    let (first, second) = match written(context, &text.value) {
        Written::Regex(regex) if text.value.starts_with("regex:") => (regex_pattern(text, regex, true), None),
        Written::Regex(regex) => (regex_pattern(text, regex, true), glob_pattern(text, &without_ends(&text.value)).ok()),
        Written::Glob(glob) => match glob_pattern(text, glob) {
            // `git (push|pull).*` is no glob, and is still understood.
            Err(Refused::NeverMatches { reason }) => {
                (regex_pattern(text, glob, true).map_err(|_| Refused::NeverMatches { reason }), None)
            }
            Ok(words) if means_one_thing(&words, glob) => (Ok(words), None),
            first => (first, regex_pattern(text, glob, true).ok()),
        },
    };
    let Some(first) = reported(context, text, first) else { return Vec::new() };
    let second = second.filter(|_| !means_one_thing(&first, &text.value));
    let third = ungrouped(context, text);
    let rule = |pattern| CommandRule { pattern, origin: context.origin(text.span) };
    std::iter::once(first).chain(second).chain(third).map(rule).collect()
}

/// Returns a regular expression without what lets it begin after blanks and go on over lines, which mean nothing to a
/// command that is compared word by word.
fn without_ends(regex: &str) -> Cow<'_, str> {
    let text = regex.strip_prefix('^').unwrap_or(regex);
    let text = text.strip_prefix(r"\s*").unwrap_or(text);
    if let Some(text) = text.strip_suffix(r"(\s[\s\S]*)?") {
        return Cow::Owned(format!("{text} *"));
    }
    match text.strip_suffix(r"[\s\S]*") {
        Some(text) => Cow::Owned(format!("{text}.*")),
        None => Cow::Borrowed(text),
    }
}

/// Compiles a denial of another product as that product does: its anchors bind to the ends of the first and the last
/// alternative only, so that `a|b .*` denies more than it seems to.
fn ungrouped(context: &Context<'_>, text: &Text) -> Option<CommandPattern> {
    let regex = text.value.as_str();
    if context.agent.reading == Reading::Remit || regex.starts_with("regex:") || !regex.contains('|') {
        return None;
    }
    let regex = compile_regex(&format!(r"\A{regex}\z"), true).ok()?;
    Some(CommandPattern::Regex { text: text.value.clone(), regex })
}

/// Why a pattern is refused.
enum Refused {
    Empty,
    /// It holds what no simple command holds.
    NeverMatches {
        reason: &'static str,
    },
    Malformed {
        message: String,
    },
}

fn reported(context: &mut Context<'_>, text: &Text, pattern: Result<CommandPattern, Refused>) -> Option<CommandPattern> {
    let (message, help) = match pattern {
        Ok(pattern) => return Some(pattern),
        Err(Refused::Empty) => ("a command pattern is empty".to_owned(), "remove it, or write the command"),
        Err(Refused::NeverMatches { reason }) => (
            format!("`{}` can match no simple command: {reason}", text.value),
            "write one pattern for each simple command, quote the character, or begin with `regex:`",
        ),
        Err(Refused::Malformed { message }) => {
            (format!("`{}` does not compile: {message}", text.value), "mend the pattern; look-around is not part of the syntax")
        }
    };
    let error = context.error("bad-command-pattern", text.span, message).help(help);
    context.report(error);
    None
}

fn regex_pattern(text: &Text, regex: &str, every_line: bool) -> Result<CommandPattern, Refused> {
    if regex.trim().is_empty() {
        return Err(Refused::Empty);
    }
    // Alone first: `a)|(?:b` compiles between the anchors, and would escape from them. To read it is enough.
    if regex_automata::util::syntax::parse(regex).is_err() {
        compile_regex(regex, every_line)?;
    }
    let regex = compile_regex(&format!(r"\A(?:{regex})\z"), every_line)
        .or_else(|_| compile_regex(&format!("\\A(?:{regex}\n)\\z"), every_line))?;
    Ok(CommandPattern::Regex { text: text.value.clone(), regex })
}

thread_local! {
    /// Regular expressions that were compiled before: agents of one workspace have most of theirs in common, and in one
    /// file a denial is read in several ways.
    static COMPILED: RefCell<HashMap<(String, bool), CommandRegex>> = RefCell::default();
}

/// How many are kept; then they are all let go.
const KEPT: usize = 512;

/// Compiles a regular expression, or takes one that was compiled before.
fn compile_regex(regex: &str, every_line: bool) -> Result<CommandRegex, Refused> {
    let key = (regex.to_owned(), every_line);
    if let Some(known) = COMPILED.with_borrow(|known| known.get(&key).cloned()) {
        return Ok(known);
    }
    let compiled =
        CommandRegex::compile(regex, every_line).map_err(|failure| Refused::Malformed { message: one_line(&failure) })?;
    COMPILED.with_borrow_mut(|known| {
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, compiled.clone());
    });
    Ok(compiled)
}

/// Returns the last line of the message, which is the one that says what is wrong.
fn one_line(failure: &regex::Error) -> String {
    let text = failure.to_string();
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.trim().trim_start_matches("error: ").to_owned()
}

fn glob_pattern(text: &Text, glob: &str) -> Result<CommandPattern, Refused> {
    let mut words = pattern_words(glob).map_err(|opaque| Refused::NeverMatches { reason: opaque.reason })?;
    if words.is_empty() {
        return Err(Refused::Empty);
    }
    let rest = words.last().is_some_and(|word| word.as_slice() == [PatternPart::Star]);
    if rest {
        words.pop();
    }
    Ok(CommandPattern::Words { text: text.value.clone(), words, rest })
}

fn looks_like_regex(text: &str) -> bool {
    text.contains(".*") || text.contains(".+") || text.contains("\\s") || text.starts_with('^') || text.ends_with('$')
}

/// Returns whether the second reading would add nothing: no character is special in either, or the pattern is a glob that
/// ends in ` *`, which covers more than spaces do.
fn means_one_thing(first: &CommandPattern, text: &str) -> bool {
    let plain = match first {
        CommandPattern::Words { .. } => text.strip_suffix(" *").unwrap_or(text),
        CommandPattern::Regex { .. } => text,
    };
    plain.chars().all(|c| c.is_ascii_alphanumeric() || " _-/:=@,%".contains(c)) && !plain.contains("  ") && plain.trim() == plain
}
