//! `toolsSettings`: what each tool may do. A key that is misspelt here is a restriction that is not there, so it is an
//! error, where the other products say nothing.

use remit_diagnostics::{Diagnostic, Location, Severity, Span, Spanned};

use super::findings::Findings;
use super::{reader, sandbox};
use crate::json::{Entry, Kind, Value};
use crate::{
    AwsSettings, NativeTool, PathSettings, ShellSettings, SubagentSettings, Text, ToolsSettings, WebSettings, codes, nearest,
};

/// The settings that the format has, whatever the name of the tool in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Topic {
    Shell,
    Read,
    Write,
    Glob,
    Grep,
    Aws,
    WebFetch,
    Subagent,
    Sandbox,
}

pub(super) fn tools_settings(findings: &mut Findings, value: &Value) -> ToolsSettings {
    let mut settings = ToolsSettings::default();
    let mut seen: Vec<(Topic, &Text)> = Vec::new();
    for Entry { key, value } in reader::entries(findings, value, "toolsSettings") {
        settings.keys.push(key.clone());
        let Some(topic) = topic(&key.value) else {
            unread(findings, key, value);
            settings.other.push(key.clone());
            continue;
        };
        match seen.iter().find(|(earlier, _)| *earlier == topic) {
            // The same key again is a duplicate key, and has its finding.
            Some((_, earlier)) if earlier.value != key.value => same_tool_twice(findings, earlier, key),
            _ => seen.push((topic, key)),
        }
        // A value of the wrong type gives settings that are absent, and an error.
        let holder = format!("toolsSettings.{}", key.value);
        let Kind::Object(entries) = &value.kind else {
            let _: Option<()> = reader::wrong_type(findings, value, &reader::key(&holder), "an object");
            continue;
        };
        let object = Object { holder: &holder, entries, span: value.span };
        match topic {
            Topic::Shell => settings.shell = Some(shell(findings, object)),
            Topic::Read => settings.read = Some(paths(findings, object, PATH_KEYS)),
            Topic::Write => settings.write = Some(paths(findings, object, PATH_KEYS)),
            Topic::Glob => settings.glob = Some(paths(findings, object, SEARCH_KEYS)),
            Topic::Grep => settings.grep = Some(paths(findings, object, SEARCH_KEYS)),
            Topic::Aws => settings.aws = Some(aws(findings, object)),
            Topic::WebFetch => settings.web_fetch = Some(web(findings, object)),
            Topic::Subagent => settings.subagent = Some(subagent(findings, object)),
            Topic::Sandbox => settings.sandbox = Some(Spanned::new(sandbox::sandbox(findings, entries), value.span)),
        }
    }
    settings
}

fn topic(key: &str) -> Option<Topic> {
    if key == "sandbox" {
        return Some(Topic::Sandbox);
    }
    match NativeTool::named(key)? {
        NativeTool::Shell => Some(Topic::Shell),
        NativeTool::Read => Some(Topic::Read),
        NativeTool::Write => Some(Topic::Write),
        NativeTool::Glob => Some(Topic::Glob),
        NativeTool::Grep => Some(Topic::Grep),
        NativeTool::Aws => Some(Topic::Aws),
        NativeTool::WebFetch => Some(Topic::WebFetch),
        NativeTool::Subagent | NativeTool::Delegate => Some(Topic::Subagent),
        NativeTool::WebSearch
        | NativeTool::Code
        | NativeTool::Knowledge
        | NativeTool::Thinking
        | NativeTool::TodoList
        | NativeTool::Introspect
        | NativeTool::Report
        | NativeTool::Session
        | NativeTool::ToolSearch => None,
    }
}

fn same_tool_twice(findings: &mut Findings, earlier: &Text, key: &Text) {
    let place = Location { source: findings.source().clone(), span: earlier.span };
    let message = format!("`{}` and `{}` name the same settings", earlier.value, key.value);
    findings.add(
        Diagnostic::error(codes::SAME_TOOL_TWICE, findings.source(), key.span, message)
            .label("again here")
            .also(place, "first here")
            .help("put the settings together under one name; products differ on which of the two holds"),
    );
}

/// Says that nothing reads the settings under `key`.
///
/// An error where a restriction would be lost by it: the key looks like a tool that has settings, or the settings deny.
fn unread(findings: &mut Findings, key: &Text, value: &Value) {
    let shown = codes::abridged(&key.value);
    let message = format!("nothing reads the settings of `{shown}`");
    if NativeTool::named(&key.value).is_some() {
        return findings.warning(codes::UNREAD_SETTINGS, key.span, message, "remove them: the tool has no settings");
    }
    if key.value.starts_with('@') {
        let help = "remove them: no product reads settings of an MCP server's tools";
        return findings.warning(codes::UNREAD_SETTINGS, key.span, message, help);
    }
    if SETTINGS.iter().any(|keys| keys.contains(&key.value.as_str())) {
        let message = format!("`{shown}` is a setting of a tool, and stands here without one");
        let help = "put it under the tool's name, as in `\"execute_bash\": { … }`; here it would not hold";
        return findings.error(codes::UNREAD_SETTINGS, key.span, message, help);
    }
    let known = NativeTool::ALL.iter().flat_map(|tool| tool.names()).copied().chain(["sandbox"]);
    if let Some(meant) = nearest(&key.value, known) {
        return findings.misnamed(codes::UNREAD_SETTINGS, key, format!("no tool is named `{shown}`"), meant);
    }
    if denies(value) {
        let message = format!("no tool is named `{shown}`, so what it denies here would be allowed");
        return findings.error(
            codes::UNREAD_SETTINGS,
            key.span,
            message,
            "use the tool's name, such as `execute_bash` or `fs_write`",
        );
    }
    let message = format!("no tool is named `{shown}`; the settings have no effect");
    findings.warning(codes::UNREAD_SETTINGS, key.span, message, "remove them, or use the tool's name");
}

const SETTINGS: [&[&str]; 5] = [SHELL_KEYS, SEARCH_KEYS, AWS_KEYS, WEB_KEYS, SUBAGENT_KEYS];

fn denies(value: &Value) -> bool {
    let Kind::Object(entries) = &value.kind else { return false };
    entries.iter().any(|entry| {
        let key = entry.key.value.to_lowercase();
        key.starts_with("den") || key.starts_with("block") || key.starts_with("disallow") || key.starts_with("forbid")
    })
}

/// The object of one tool.
#[derive(Clone, Copy)]
struct Object<'v> {
    holder: &'v str,
    entries: &'v [Entry],
    span: Span,
}

impl Object<'_> {
    fn unknown_key(self, findings: &mut Findings, key: &Text, known: &[&str]) {
        let list: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
        let cure = format!("the keys are {}; a restriction under another key would not hold", list.join(", "));
        findings.unknown_key(Severity::Error, key, &format!("`{}`", self.holder), known, &cure);
    }
}

pub(super) const SHELL_KEYS: &[&str] = &["allowedCommands", "deniedCommands", "autoAllowReadonly", "denyByDefault"];

fn shell(findings: &mut Findings, object: Object) -> Spanned<ShellSettings> {
    let mut settings = ShellSettings::default();
    for Entry { key, value } in object.entries {
        let what = key.value.as_str();
        match what {
            "allowedCommands" => settings.allowed_commands = reader::texts(findings, value, what),
            "deniedCommands" => settings.denied_commands = reader::texts(findings, value, what),
            "autoAllowReadonly" => settings.auto_allow_readonly = reader::flag(findings, value, what),
            "denyByDefault" => settings.deny_by_default = reader::flag(findings, value, what),
            _ => object.unknown_key(findings, key, SHELL_KEYS),
        }
    }
    Spanned::new(settings, object.span)
}

pub(super) const PATH_KEYS: &[&str] = &["allowedPaths", "deniedPaths"];
pub(super) const SEARCH_KEYS: &[&str] = &["allowedPaths", "deniedPaths", "allowReadOnly"];

fn paths(findings: &mut Findings, object: Object, known: &[&str]) -> Spanned<PathSettings> {
    let mut settings = PathSettings::default();
    for Entry { key, value } in object.entries {
        let what = key.value.as_str();
        match what {
            _ if !known.contains(&what) => object.unknown_key(findings, key, known),
            "allowedPaths" => settings.allowed_paths = reader::texts(findings, value, what),
            "deniedPaths" => settings.denied_paths = reader::texts(findings, value, what),
            _ => settings.allow_read_only = reader::flag(findings, value, what),
        }
    }
    Spanned::new(settings, object.span)
}

pub(super) const AWS_KEYS: &[&str] = &["allowedServices", "deniedServices", "autoAllowReadonly"];

fn aws(findings: &mut Findings, object: Object) -> Spanned<AwsSettings> {
    let mut settings = AwsSettings::default();
    for Entry { key, value } in object.entries {
        let what = key.value.as_str();
        match what {
            "allowedServices" => settings.allowed_services = reader::texts(findings, value, what),
            "deniedServices" => settings.denied_services = reader::texts(findings, value, what),
            "autoAllowReadonly" => settings.auto_allow_readonly = reader::flag(findings, value, what),
            _ => object.unknown_key(findings, key, AWS_KEYS),
        }
    }
    Spanned::new(settings, object.span)
}

pub(super) const WEB_KEYS: &[&str] = &["trusted", "blocked"];

fn web(findings: &mut Findings, object: Object) -> Spanned<WebSettings> {
    let mut settings = WebSettings::default();
    for Entry { key, value } in object.entries {
        let what = key.value.as_str();
        match what {
            "trusted" => settings.trusted = reader::texts(findings, value, what),
            "blocked" => settings.blocked = reader::texts(findings, value, what),
            _ => object.unknown_key(findings, key, WEB_KEYS),
        }
    }
    Spanned::new(settings, object.span)
}

pub(super) const SUBAGENT_KEYS: &[&str] = &["availableAgents", "trustedAgents"];

fn subagent(findings: &mut Findings, object: Object) -> Spanned<SubagentSettings> {
    let mut settings = SubagentSettings::default();
    for Entry { key, value } in object.entries {
        let what = key.value.as_str();
        match what {
            "availableAgents" => settings.available_agents = reader::texts(findings, value, what),
            "trustedAgents" => settings.trusted_agents = reader::texts(findings, value, what),
            _ => object.unknown_key(findings, key, SUBAGENT_KEYS),
        }
    }
    Spanned::new(settings, object.span)
}

#[cfg(test)]
mod tests {
    use super::super::testing::told;

    #[test]
    fn every_setting_under_either_name_is_clean() {
        let settings = [
            r#"{ "execute_bash": { "allowedCommands": ["a"], "deniedCommands": [], "autoAllowReadonly": true, "denyByDefault": false },
                 "fs_read": { "allowedPaths": [], "deniedPaths": [] }, "fs_write": { "allowedPaths": [] },
                 "use_aws": { "allowedServices": [], "deniedServices": [], "autoAllowReadonly": true } }"#,
            r#"{ "shell": {}, "read": {}, "write": {}, "aws": {}, "glob": { "allowReadOnly": true }, "grep": { "deniedPaths": [] },
                 "web_fetch": { "trusted": [], "blocked": [] }, "subagent": { "availableAgents": [], "trustedAgents": [] } }"#,
            r#"{ "execute_cmd": {}, "fsRead": {}, "fsWrite": {}, "use_subagent": {} }"#,
            r#"{ "delegate": {} }"#,
        ];
        for settings in settings {
            assert_eq!(told(&format!(r#"{{ "toolsSettings": {settings} }}"#)), "", "{settings}");
        }
    }

    #[test]
    fn a_misspelt_restriction_is_an_error() {
        insta::assert_snapshot!(told(r#"{ "toolsSettings": { "shell": { "denied_commands": ["rm *"], "timeout": 1, "deniedCommands": "rm" },
            "read": { "allowReadOnly": true }, "grep": { "allow": [] }, "aws": { "allowedService": [] }, "web_fetch": { "block": [] },
            "subagent": { "allowedAgents": [] }, "write": ["src/**"] } }"#), @"
        error[unknown-key] 1:33: unknown key `denied_commands` in `toolsSettings.shell`; did you mean `deniedCommands`?
        error[unknown-key] 1:62: unknown key `timeout` in `toolsSettings.shell`; the keys are `allowedCommands`, `deniedCommands`, `autoAllowReadonly`, `denyByDefault`; a restriction under another key would not hold
        error[wrong-type] 1:94: `deniedCommands` must be a list of strings, not a string
        error[unknown-key] 2:23: unknown key `allowReadOnly` in `toolsSettings.read`; the keys are `allowedPaths`, `deniedPaths`; a restriction under another key would not hold
        error[unknown-key] 2:58: unknown key `allow` in `toolsSettings.grep`; the keys are `allowedPaths`, `deniedPaths`, `allowReadOnly`; a restriction under another key would not hold
        error[unknown-key] 2:82: unknown key `allowedService` in `toolsSettings.aws`; did you mean `allowedServices`?
        error[unknown-key] 2:121: unknown key `block` in `toolsSettings.web_fetch`; did you mean `blocked`?
        error[unknown-key] 3:27: unknown key `allowedAgents` in `toolsSettings.subagent`; the keys are `availableAgents`, `trustedAgents`; a restriction under another key would not hold
        error[wrong-type] 3:59: `toolsSettings.write` must be an object, not a list
        ");
    }

    #[test]
    fn settings_that_nothing_reads_are_an_error_where_a_restriction_is_lost() {
        insta::assert_snapshot!(told(r#"{ "toolsSettings": { "execute_bsh": {}, "sandbx": {}, "bash": { "deniedCommands": ["rm *"] },
            "deniedPaths": [], "crew": { "availableAgents": [] }, "@git/log": { "deniedPaths": [] }, "thinking": {} } }"#), @r#"
        error[unread-settings] 1:22: no tool is named `execute_bsh`; did you mean `execute_bash`?
        error[unread-settings] 1:41: no tool is named `sandbx`; did you mean `sandbox`?
        error[unread-settings] 1:55: no tool is named `bash`, so what it denies here would be allowed; use the tool's name, such as `execute_bash` or `fs_write`
        error[unread-settings] 2:13: `deniedPaths` is a setting of a tool, and stands here without one; put it under the tool's name, as in `"execute_bash": { … }`; here it would not hold
        warning[unread-settings] 2:32: no tool is named `crew`; the settings have no effect; remove them, or use the tool's name
        warning[unread-settings] 2:67: nothing reads the settings of `@git/log`; remove them: no product reads settings of an MCP server's tools
        warning[unread-settings] 2:102: nothing reads the settings of `thinking`; remove them: the tool has no settings
        "#);
    }

    #[test]
    fn one_tool_under_two_names_is_an_error() {
        insta::assert_snapshot!(told(r#"{ "toolsSettings": { "shell": { "deniedCommands": ["a"] }, "execute_bash": {}, "delegate": {}, "subagent": {} } }"#), @"
        error[same-tool-twice] 1:60: `shell` and `execute_bash` name the same settings (first here at a.json:1:22); put the settings together under one name; products differ on which of the two holds
        error[same-tool-twice] 1:96: `delegate` and `subagent` name the same settings (first here at a.json:1:80); put the settings together under one name; products differ on which of the two holds
        ");
    }
}
