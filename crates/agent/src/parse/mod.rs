//! From bytes to an [`AgentFile`]: one file for each part of the format.
//!
//! Everything here takes the findings first, reads one value, and gives what it could read; what it could not read is
//! a finding at the place, so that an absent value in the tree is never the only trace of a mistake.

mod findings;
mod hooks;
mod mcp;
mod reader;
mod resources;
mod sandbox;
mod settings;
mod units;

use remit_diagnostics::{Diagnostic, Severity, Source, Span};

use crate::json::{self, Entry, Value};
use crate::{AgentFile, Text, codes};
use findings::Findings;

/// The most bytes that an agent file may have: 4 MiB.
pub const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;

/// A file, as far as it could be read, and everything that is to be said about it.
#[derive(Clone, Debug)]
pub struct Parsed {
    pub source: Source,
    pub file: AgentFile,
    /// In order of place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads an agent file of any bytes. `name` is what people are to call it.
pub fn parse(name: &str, bytes: &[u8]) -> Parsed {
    let (source, tree) = read(name, bytes);
    let mut findings = Findings::new(&source);
    let file = match tree {
        Ok(tree) => {
            json::duplicate_keys(&source, &tree, &mut |finding| findings.add(finding));
            agent_file(&mut findings, &tree)
        }
        Err(diagnostic) => {
            findings.add(*diagnostic);
            AgentFile::default()
        }
    };
    let diagnostics = findings.in_order();
    Parsed { source, file, diagnostics }
}

/// Returns why `name` cannot be the name of an agent: it is shown to people, and it names directories.
pub(crate) fn name_problem(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() {
        Some("is empty")
    } else if name.contains('/') {
        Some("has a slash")
    } else if name.chars().any(char::is_control) {
        Some("has a control character")
    } else if name == "." || name == ".." {
        Some("is a name of a directory")
    } else {
        None
    }
}

fn read(name: &str, bytes: &[u8]) -> (Source, Result<Value, Box<Diagnostic>>) {
    if bytes.len() > MAX_FILE_BYTES {
        // The head is enough to show where it is: nothing of the file is read.
        let head = bytes.get(..1024).unwrap_or(bytes);
        let source = Source::new(name, String::from_utf8_lossy(head).into_owned());
        let error = Diagnostic::error(codes::TOO_LARGE, &source, Span::at(0), "the file is larger than 4 MiB")
            .help("an agent file is a few kilobytes; move long text into files and name them in `prompt` or `resources`");
        return (source, Err(Box::new(error)));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let source = Source::new(name, text);
            let tree = json::read(&source);
            (source, tree)
        }
        Err(error) => {
            // Up to the first bad byte the two texts are the same; there the lossy one has U+FFFD.
            let source = Source::new(name, String::from_utf8_lossy(bytes).into_owned());
            let at = error.valid_up_to();
            let place = Span::new(at, at + char::REPLACEMENT_CHARACTER.len_utf8());
            let error = Diagnostic::error(codes::NOT_UTF8, &source, place, "the file is not UTF-8").help("save it as UTF-8");
            (source, Err(Box::new(error)))
        }
    }
}

const KEYS: &[&str] = &[
    "$schema",
    "name",
    "description",
    "prompt",
    "model",
    "tools",
    "allowedTools",
    "toolAliases",
    "toolsSettings",
    "resources",
    "mcpServers",
    "hooks",
    "includeMcpJson",
    "useLegacyMcpJson",
    "welcomeMessage",
    "keyboardShortcut",
];

fn agent_file(findings: &mut Findings, root: &Value) -> AgentFile {
    let mut file = AgentFile::default();
    for Entry { key, value } in reader::entries(findings, root, "the agent file") {
        let what = key.value.as_str();
        match what {
            "$schema" => file.schema = reader::text(findings, value, what),
            "name" => file.name = agent_name(findings, value),
            "description" => file.description = reader::text_or_null(findings, value, what),
            "prompt" => file.prompt = reader::text_or_null(findings, value, what),
            "model" => file.model = reader::text_or_null(findings, value, what),
            "tools" => file.tools = reader::texts(findings, value, what),
            "allowedTools" => file.allowed_tools = reader::texts(findings, value, what),
            "toolAliases" => file.tool_aliases = reader::pairs(findings, value, what),
            "toolsSettings" => file.settings = settings::tools_settings(findings, value),
            "resources" => file.resources = resources::resources(findings, value),
            "mcpServers" => file.mcp_servers = mcp::mcp_servers(findings, value),
            "hooks" => file.hooks = hooks::hooks(findings, value),
            "includeMcpJson" => file.include_mcp_json = reader::flag(findings, value, what),
            "useLegacyMcpJson" => file.use_legacy_mcp_json = reader::flag(findings, value, what),
            "welcomeMessage" => file.welcome_message = reader::text_or_null(findings, value, what),
            "keyboardShortcut" => file.keyboard_shortcut = reader::text_or_null(findings, value, what),
            _ => unknown_key(findings, key),
        }
    }
    file
}

fn agent_name(findings: &mut Findings, value: &Value) -> Option<Text> {
    let name = reader::text(findings, value, "name")?;
    match name_problem(&name.value) {
        None => Some(name),
        Some(problem) => {
            let message = format!("the agent's name {problem}");
            findings.error(codes::INVALID_NAME, name.span, message, "use letters, digits, `-` and `_`");
            None
        }
    }
}

fn unknown_key(findings: &mut Findings, key: &Text) {
    let cure = match key.value.as_str() {
        "promptFile" => "write `\"prompt\": \"file://PATH\"`",
        "systemPrompt" => "write `\"prompt\"`",
        "permissions" => "Kiro CLI v3 rules are not read here; say it in `tools`, `allowedTools` and `toolsSettings`",
        "deniedTools" | "disallowedTools" => "leave the tool out of `tools`: what is not listed is denied",
        "writablePaths" | "readablePaths" => "write `allowedPaths` in `toolsSettings.fs_write` or `toolsSettings.fs_read`",
        "bashAllowlist" => "write `allowedCommands` in `toolsSettings.execute_bash`",
        "sandbox" => "move it into `toolsSettings`, where the other products let it stand",
        _ => "remove the key: nothing reads it, and a restriction written there would not hold",
    };
    findings.unknown_key(Severity::Error, key, "the agent file", KEYS, cure);
}
