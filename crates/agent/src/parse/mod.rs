//! From bytes to an [`AgentFile`]: one file for each part of the format.
//!
//! Everything here takes the findings first, reads one value, and gives what it could read; what it could not read is
//! a finding at the place, so that an absent value in the tree is never the only trace of a mistake.

mod findings;
mod hooks;
mod mcp;
mod permissions;
mod reader;
mod resources;
mod sandbox;
mod schema;
mod settings;
mod units;

#[cfg(test)]
pub(crate) mod testing;

use remit_diagnostics::{Diagnostic, Severity, Source, Span};

use crate::json::{self, Entry, Kind, Value};
use crate::{AgentFile, Text, codes, yaml};
use findings::Findings;
pub use schema::agent_schema;

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

/// Reads an agent file of any bytes. `name` is what people are to call it; one that ends in `.md` is Markdown, whose front
/// matter is the agent and whose text is the prompt.
pub fn parse(name: &str, bytes: &[u8]) -> Parsed {
    let (source, tree) = read(name, bytes);
    let mut findings = Findings::new(&source);
    let file = match tree {
        Ok((tree, body)) => {
            json::duplicate_keys(&source, &tree, &mut |finding| findings.add(finding));
            let file = agent_file(&mut findings, &tree);
            AgentFile { prompt: file.prompt.or(body), ..file }
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

/// What a file says, and the text after it where it is Markdown.
type Read = Result<(Value, Option<Text>), Box<Diagnostic>>;

fn read(name: &str, bytes: &[u8]) -> (Source, Read) {
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
            let is_markdown = name.strip_suffix(".md").is_some();
            let tree = if is_markdown { markdown(&source) } else { json::read(&source).map(|tree| (tree, None)) };
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

/// Returns the front matter of a Markdown file, and the text after it.
fn markdown(source: &Source) -> Read {
    let matter = yaml::read(source)?;
    let body = source.text().get(matter.body..).unwrap_or("");
    let start = matter.body + (body.len() - body.trim_start().len());
    let body = body.trim();
    let prompt = (!body.is_empty()).then(|| Text::new(body.to_owned(), Span::new(start, start + body.len())));
    Ok((matter.tree, prompt))
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
    "permissions",
];

fn agent_file(findings: &mut Findings, root: &Value) -> AgentFile {
    let mut file = AgentFile::default();
    let Kind::Object(entries) = &root.kind else {
        return reader::wrong_type(findings, root, "the file", "an object").unwrap_or_default();
    };
    for Entry { key, value } in entries {
        let what = key.value.as_str();
        file.keys.push(key.clone());
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
            "permissions" => file.permissions = permissions::permissions(findings, value),
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
        "deniedTools" | "disallowedTools" => "leave the tool out of `tools`: what is not listed is denied",
        "writablePaths" | "readablePaths" => "write `allowedPaths` in `toolsSettings.fs_write` or `toolsSettings.fs_read`",
        "bashAllowlist" => "write `allowedCommands` in `toolsSettings.execute_bash`",
        "sandbox" => "move it into `toolsSettings`, where the other products let it stand",
        _ => "remove the key: nothing reads it, and a restriction written there would not hold",
    };
    findings.unknown_key(Severity::Error, key, "the agent file", KEYS, cure);
}

#[cfg(test)]
mod tests {
    use super::testing::told;
    use super::*;

    #[test]
    fn the_example_of_the_product_is_clean() {
        let text = r#"{ "name": "test-runner", "description": "Runs test suites in background",
          "tools": ["execute_bash", "fs_read"], "allowedTools": ["execute_bash"],
          "toolsSettings": { "execute_bash": { "allowedCommands": ["npm test", "pytest", "cargo test"] } } }"#;
        let parsed = parse("test-runner.json", text.as_bytes());
        assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        let name = parsed.file.name.unwrap();
        assert_eq!((name.value.as_str(), parsed.source.slice(name.span)), ("test-runner", "\"test-runner\""));
        let shell = parsed.file.settings.shell.unwrap().value;
        let commands = shell.allowed_commands.unwrap().value;
        assert_eq!(commands.iter().map(|text| text.value.as_str()).collect::<Vec<_>>(), ["npm test", "pytest", "cargo test"]);
        assert_eq!(shell.denied_commands, None);
    }

    #[test]
    fn an_empty_object_and_the_keys_of_kiro_are_clean() {
        assert_eq!(told("{}"), "");
        assert_eq!(
            told(
                r#"{ "includeMcpJson": true, "useLegacyMcpJson": false, "welcomeMessage": "hi", "keyboardShortcut": "ctrl+a",
                     "model": null, "prompt": null, "description": null, "$schema": "x", "toolAliases": { "@a/b": "c" } }"#
            ),
            ""
        );
    }

    #[test]
    fn a_key_that_is_not_of_the_format_is_an_error() {
        insta::assert_snapshot!(told(r#"{ "allowedTool": [], "notes": 1, "toolSettings": {}, "sandbox": {}, "Tools": [] }"#), @"
        error[unknown-key] 1:3: unknown key `allowedTool` in the agent file; did you mean `allowedTools`?
        error[unknown-key] 1:22: unknown key `notes` in the agent file; remove the key: nothing reads it, and a restriction written there would not hold
        error[unknown-key] 1:34: unknown key `toolSettings` in the agent file; did you mean `toolsSettings`?
        error[unknown-key] 1:54: unknown key `sandbox` in the agent file; move it into `toolsSettings`, where the other products let it stand
        error[unknown-key] 1:69: unknown key `Tools` in the agent file; did you mean `tools`?
        ");
    }

    #[test]
    fn a_value_of_another_type_is_an_error_where_it_stands() {
        insta::assert_snapshot!(told(r#"{ "name": 1, "tools": "*", "allowedTools": ["a", null], "description": [], "toolAliases": { "a": 1 },
            "includeMcpJson": "yes", "resources": {}, "hooks": [], "mcpServers": [], "toolsSettings": null }"#), @"
        error[wrong-type] 1:11: `name` must be a string, not the number `1`
        error[wrong-type] 1:23: `tools` must be a list of strings, not a string
        error[wrong-type] 1:50: an entry of `allowedTools` must be a string, not null
        error[wrong-type] 1:72: `description` must be a string or null, not a list
        error[wrong-type] 1:98: `toolAliases.a` must be a string, not the number `1`
        error[wrong-type] 2:31: `includeMcpJson` must be `true` or `false`, not a string
        error[wrong-type] 2:51: `resources` must be a list, not an object
        error[wrong-type] 2:64: `hooks` must be an object, not a list
        error[wrong-type] 2:82: `mcpServers` must be an object, not a list
        error[wrong-type] 2:103: `toolsSettings` must be an object, not null
        ");
        insta::assert_snapshot!(told("[]"), @"error[wrong-type] 1:1: the file must be an object, not a list");
        insta::assert_snapshot!(told("null"), @"error[wrong-type] 1:1: the file must be an object, not null");
    }

    #[test]
    fn a_name_is_shown_and_names_directories() {
        let check = |name: &str, expected: Option<&str>| assert_eq!(name_problem(name), expected, "{name:?}");
        check("test-runner", None);
        check("Super DevOps", None);
        check("", Some("is empty"));
        check(" ", Some("is empty"));
        check("a/b", Some("has a slash"));
        check("..", Some("is a name of a directory"));
        check("a\u{1b}[2J", Some("has a control character"));
        check("a\0", Some("has a control character"));
        insta::assert_snapshot!(told(r#"{ "name": "a\u001b[2J" }"#), @"error[invalid-name] 1:11: the agent's name has a control character; use letters, digits, `-` and `_`");
    }

    #[test]
    fn a_key_twice_is_an_error_whatever_its_spelling() {
        insta::assert_snapshot!(told(r#"{ "tools": [], "\u0074ools": ["*"], "mcpServers": { "a": { "command": "x", "command": "y" } } }"#), @"
        error[duplicate-key] 1:16: the key `tools` is there twice (first here at a.json:1:3); keep one of the two; parsers differ on which of them holds
        error[duplicate-key] 1:76: the key `command` is there twice (first here at a.json:1:60); keep one of the two; parsers differ on which of them holds
        ");
    }

    #[test]
    fn what_is_not_json_is_an_error_at_its_place() {
        let check = |bytes: &[u8]| {
            let parsed = parse("a.json", bytes);
            assert_eq!(parsed.file, AgentFile::default());
            testing::lines(&parsed)
        };
        insta::assert_snapshot!([
            check(b""),
            check(b" \n\t"),
            check(b"\xef\xbb\xbf{}"),
            check(b"{ \"name\": \"\xff\" }"),
            check(b"\xff\xfe{\0}\0"),
            check(b"{\n  \"tools\": [],\n}"),
            check(b"{ \"tools\": [\"a\",] }"),
            check(b"{ // why\n}"),
            check(b"{} /* why */"),
            check(b"{ 'name': 1 }"),
            check(b"{ name: 1 }"),
            check(b"{ \"a\": NaN }"),
            check(b"{ \"a\": -Infinity }"),
            check(b"{ \"a\": 1e999 }"),
            check(b"{ \"a\": 01 }"),
            check(b"{ \"a\": .5 }"),
            check(b"{ \"a\": +1 }"),
            check(b"{ \"a\": 0x10 }"),
            check(b"{ \"a\" 1 }"),
            check(b"{ \"a\": 1 \"b\": 2 }"),
            check(b"{ \"a\": \"\n\" }"),
            check(b"{ \"a\": \"\0\" }"),
            check(b"{ \"a\": \"\\x41\" }"),
            check(b"{ \"a\": \"\\ud800\" }"),
            check(b"{ \"a\": \"b"),
            check(b"{ \"a\": ["),
            check("{ \"é\": é }".as_bytes()),
            check(b"{} {}"),
            check(b"}"),
        ].concat(), @r#"
        error[empty-file] 1:1: the file is empty; write an agent, at the least `{}`
        error[empty-file] 1:1: the file is empty; write an agent, at the least `{}`
        error[byte-order-mark] 1:1: the file begins with a byte order mark; save the file as UTF-8 without a byte order mark
        error[not-utf8] 1:12: the file is not UTF-8; save it as UTF-8
        error[not-utf8] 1:1: the file is not UTF-8; save it as UTF-8
        error[syntax] 3:1: not JSON: a comma with nothing after it; remove the comma
        error[syntax] 1:17: not JSON: a comma with nothing after it; remove the comma
        error[syntax] 1:3: not JSON: comments are not JSON; remove the comment
        error[syntax] 1:4: not JSON: comments are not JSON; remove the comment
        error[syntax] 1:3: not JSON: a string is in single quotes; put strings in double quotes
        error[syntax] 1:3: not JSON: a key must be a string; put the key in double quotes
        error[syntax] 1:8: not JSON: only finite numbers are JSON; write a finite number
        error[syntax] 1:9: not JSON: only finite numbers are JSON; write a finite number
        error[syntax] 1:12: not JSON: a number that is too large; write a smaller number
        error[syntax] 1:9: not JSON: not a number; write it in decimal digits, without zeros before them
        error[syntax] 1:8: not JSON: expected value
        error[syntax] 1:8: not JSON: expected value
        error[syntax] 1:9: not JSON: expected `,` or `}`
        error[syntax] 1:7: not JSON: expected `:`
        error[syntax] 1:10: not JSON: expected `,` or `}`
        error[syntax] 1:9: not JSON: a control character in a string; write it as an escape, such as `\n` or `\t`
        error[syntax] 1:9: not JSON: a control character in a string; write it as an escape, such as `\n` or `\t`
        error[syntax] 1:10: not JSON: an escape that is not of JSON; write `\\` for a backslash
        error[syntax] 1:15: not JSON: unexpected end of hex escape
        error[syntax] 1:9: the file ends in the middle of a value; close what is open: a string, a list or an object
        error[syntax] 1:8: the file ends in the middle of a value; close what is open: a string, a list or an object
        error[syntax] 1:8: not JSON: expected value
        error[syntax] 1:4: not JSON: more text after the end of the value; remove it; the file is one JSON object
        error[syntax] 1:1: not JSON: expected value
        "#);
    }

    #[test]
    fn nesting_and_size_have_limits() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        insta::assert_snapshot!([
            told(&format!(r#"{{ "a": {} }}"#, deep(126))),
            told(&format!(r#"{{ "a": {} }}"#, deep(127))),
            told(&deep(100_000)),
            told(&"[".repeat(100_000)),
            told(&r#"{"a":"#.repeat(100_000)),
            testing::lines(&parse("a.json", &vec![b' '; MAX_FILE_BYTES + 1])),
        ].concat(), @"
        error[unknown-key] 1:3: unknown key `a` in the agent file; remove the key: nothing reads it, and a restriction written there would not hold
        error[too-deep] 1:134: lists and objects are nested more than 127 deep; write a flatter file; no key of an agent goes deeper than five levels
        error[too-deep] 1:128: lists and objects are nested more than 127 deep; write a flatter file; no key of an agent goes deeper than five levels
        error[too-deep] 1:128: lists and objects are nested more than 127 deep; write a flatter file; no key of an agent goes deeper than five levels
        error[too-deep] 1:636: lists and objects are nested more than 127 deep; write a flatter file; no key of an agent goes deeper than five levels
        error[too-large] 1:1: the file is larger than 4 MiB; an agent file is a few kilobytes; move long text into files and name them in `prompt` or `resources`
        ");
    }

    #[test]
    fn findings_beyond_the_most_are_counted() {
        let keys = |count: usize| (0..count).map(|n| format!("\"k{n}\":0")).collect::<Vec<_>>().join(",");
        let check = |text: String, expected: &str| {
            let told = told(&text);
            assert!(told.ends_with(expected), "{}", told.lines().last().unwrap_or(""));
        };
        check(
            format!("{{{}}}", keys(201)),
            "error[too-many-findings] 1:1701: 1 more findings are not shown; mend those above first\n",
        );
        let hook = format!("{{\"command\":\"x\",{}}}", keys(300));
        check(format!("{{\"hooks\":{{\"stop\":[{hook}]}}}}"), "100 more findings are not shown; mend those above first\n");
        assert!(
            parse("a.json", format!("{{\"hooks\":{{\"stop\":[{hook}]}}}}").as_bytes()).diagnostics.iter().all(|d| !d.is_error())
        );
    }

    #[test]
    fn every_code_is_listed_once() {
        let mut codes: Vec<&str> = codes::PARSE_CODES.iter().map(|(code, _)| *code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), codes::PARSE_CODES.len());
    }
}
