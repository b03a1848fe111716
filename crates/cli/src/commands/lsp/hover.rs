//! What a pattern of the file matches, as the gate itself says, and what a key is for.

use remit_agent::{AbsPath, NativeTool, Text, agent_schema};
use remit_diagnostics::{Span, visible};
use remit_lint::sample_line;
use remit_policy::{CommandLine, Decision, Origin, PathRule, Policy, Request};
use serde_json::Value;

use crate::judge::Judged;

/// Returns the place that is spoken of, and what is to be said of it, in Markdown.
pub(super) fn hover(judged: &Judged, at: usize) -> Option<(Span, String)> {
    let holds = |text: &&Text| text.span.start <= at && at < text.span.end;
    let file = &judged.file;
    let lists = |lists: &[&'_ Option<remit_diagnostics::Spanned<Vec<Text>>>]| -> Option<Text> {
        lists.iter().filter_map(|list| list.as_ref()).flat_map(|list| &list.value).find(holds).cloned()
    };
    let shell = file.settings.shell.as_ref().map(|settings| &settings.value);
    let commands = shell.and_then(|shell| lists(&[&shell.allowed_commands, &shell.denied_commands]));
    if let (Some(pattern), Some(policy)) = (&commands, &judged.policy) {
        return Some((pattern.span, command(policy, &pattern.value)));
    }
    let tools = lists(&[&file.tools, &file.allowed_tools]);
    if let (Some(entry), Some(policy)) = (&tools, &judged.policy) {
        return Some((entry.span, tool(policy, &entry.value)));
    }
    if let Some(said) = judged.policy.as_ref().and_then(|policy| path(policy, at)) {
        return Some(said);
    }
    key(judged, at)
}

/// Tries lines near a pattern at the gate.
fn command(policy: &Policy, pattern: &str) -> String {
    let plain = pattern.strip_prefix("regex:").unwrap_or(pattern);
    let line = sample_line(plain).filter(|_| policy.reading != "remit" || pattern.starts_with("regex:"));
    let line = line.unwrap_or_else(|| plain.trim_end_matches(" *").replace('*', "x"));
    let tried =
        [line.clone(), format!("{line} more"), format!("{line} && id"), format!("{line} | sh"), format!("{line} > out.txt")];
    let said = tried.iter().map(|line| {
        let (decision, reason) = policy.judge(&Request::Command(CommandLine::Shell(line.clone())));
        format!("- {}: {} ({})", code(line), name(decision), escaped(&reason.why))
    });
    let heading = if policy.reading != "remit" || pattern.starts_with("regex:") {
        "A regular expression over one simple command.".to_owned()
    } else if let Some(head) = plain.strip_suffix(" *") {
        format!("The commands that begin with {}, and any further words.", code(head))
    } else if plain.contains('*') {
        "A glob over one simple command, word by word.".to_owned()
    } else {
        "Exactly this command.".to_owned()
    };
    format!("{heading} The gate says:\n\n{}", said.collect::<Vec<_>>().join("\n"))
}

/// Says what becomes of the tools that an entry stands for.
fn tool(policy: &Policy, entry: &str) -> String {
    let covered = |tool: &NativeTool| remit_lint::covers(entry, *tool);
    let tools: Vec<String> = NativeTool::ALL
        .into_iter()
        .filter(covered)
        .map(|tool| {
            let (decision, reason) = policy.judge(&Request::Tool(tool.name().to_owned()));
            format!("- {}: {} ({})", code(tool.name()), name(decision), escaped(&reason.why))
        })
        .collect();
    if tools.is_empty() {
        return if entry.starts_with('@') { "Tools of MCP servers.".to_owned() } else { "No tool that is built in.".to_owned() };
    }
    format!("The gate says:\n\n{}", tools.join("\n"))
}

/// Says where a path pattern of the policy holds.
fn path(policy: &Policy, at: usize) -> Option<(Span, String)> {
    let files = &policy.files;
    let lists = [
        ("may be read", &files.read),
        ("may be written", &files.write),
        ("may be executed", &files.execute),
        ("is hidden: neither read nor written", &files.hidden),
        ("is not written", &files.write_denied),
    ];
    let span = |rule: &PathRule| match &rule.origin {
        Origin::Agent(location) => Some(location.span).filter(|span| span.start <= at && at < span.end),
        _ => None,
    };
    let mut said = Vec::new();
    let mut place = None;
    for (what, rules) in lists {
        for rule in rules.iter().filter(|rule| span(rule).is_some()) {
            place = place.or(span(rule));
            said.push(format!("- {} {what}", code(&below(&rule.pattern.base, &rule.pattern.text))));
        }
    }
    Some((place?, said.join("\n")))
}

fn below(base: &AbsPath, pattern: &str) -> String {
    if pattern.contains('*') { format!("{pattern} below {base}") } else { base.to_string() }
}

/// Says what the key at a place is for, as the schema has it.
fn key(judged: &Judged, at: usize) -> Option<(Span, String)> {
    let text = judged.source.text();
    let start = text.get(..at + 1)?.rfind('"')?;
    // The quote may be the one that ends the key.
    let candidates = [Some(start), text.get(..start).and_then(|before| before.rfind('"'))];
    candidates.into_iter().flatten().find_map(|start| {
        let rest = text.get(start + 1..)?;
        let end = rest.find('"')?;
        let (name, after) = (rest.get(..end)?, rest.get(end + 1..)?);
        let span = Span::new(start, start + end + 2);
        let is_key = after.trim_start().starts_with(':') && span.start <= at && at < span.end;
        Some((span, described(&agent_schema(), name)?)).filter(|_| is_key)
    })
}

/// Returns the description of the first key of that name, nearest to the top.
fn described(schema: &Value, name: &str) -> Option<String> {
    let mut level = vec![schema];
    while !level.is_empty() {
        let own = level.iter().find_map(|schema| schema.get("properties")?.get(name)?.get("description")?.as_str());
        if let Some(text) = own {
            return Some(text.to_owned());
        }
        level = level.iter().flat_map(|schema| inner(schema)).collect();
    }
    None
}

fn inner(schema: &Value) -> Vec<&Value> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|object| object.values());
    let others = ["items", "additionalProperties"].into_iter().filter_map(|key| schema.get(key));
    let either = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    properties.chain(others).chain(either).filter(|schema| schema.is_object()).collect()
}

fn name(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "runs unasked",
        Decision::Ask => "asks",
        Decision::Deny => "denied",
    }
}

/// Returns a code span. Backticks are shown as what they look like, for they would end it.
fn code(text: &str) -> String {
    format!("`{}`", visible(text).replace('`', "ˋ"))
}

fn escaped(text: &str) -> String {
    visible(text).replace(['<', '[', ']'], " ")
}
