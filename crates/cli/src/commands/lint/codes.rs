//! What the parser and the compiler find, with an example and the cure: as rules have them.

use remit_agent::PARSE_CODES;
use remit_diagnostics::Severity;
use remit_lint::UNUSED_IGNORE;
use remit_policy::COMPILE_CODES;

/// The page of one code.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodePage {
    pub(super) name: &'static str,
    /// A lower-case fragment.
    pub(super) what: &'static str,
    pub(super) severity: Severity,
    /// A file, `example.json`, in which it is found; `None` where no text of a few lines has it.
    pub(super) example: Option<&'static str>,
    /// An instruction.
    pub(super) cure: &'static str,
}

/// Returns the pages of all that is found besides what rules find.
pub(super) fn pages() -> impl Iterator<Item = CodePage> {
    let ignored = (UNUSED_IGNORE, "an entry of `remit-lint-ignore` takes out no finding");
    PARSE_CODES.iter().chain(COMPILE_CODES).copied().chain([ignored]).map(|(name, what)| {
        let row = ROWS.iter().find(|(code, ..)| *code == name);
        let (severity, example, cure) =
            row.map_or((Severity::Error, "", "See the finding."), |(_, level, found, cure)| (*level, *found, *cure));
        CodePage { name, what, severity, example: Some(example).filter(|example| !example.is_empty()), cure }
    })
}

const ERROR: Severity = Severity::Error;
const WARNING: Severity = Severity::Warning;

/// The code, its weight, a file that has it, and the cure.
const ROWS: &[(&str, Severity, &str, &str)] = &[
    ("not-utf8", ERROR, "", "Save the file as UTF-8."),
    ("byte-order-mark", ERROR, "\u{feff}{ \"name\": \"example\" }", "Save the file as UTF-8 without a byte order mark."),
    ("empty-file", ERROR, " ", "Write an agent, or remove the file."),
    ("too-large", ERROR, "", "Put long texts into files and name them, as in `\"prompt\": \"file://prompt.md\"`."),
    ("too-deep", ERROR, "", "Take out the nesting: nothing in the format needs it."),
    ("syntax", ERROR, r#"{ "name": "example" "tools": [] }"#, "Mend the JSON at the place that is shown."),
    (
        "duplicate-key",
        ERROR,
        r#"{ "name": "example", "tools": ["fs_read"], "tools": ["*"] }"#,
        "Keep one of the two, with what both were to say.",
    ),
    ("wrong-type", ERROR, r#"{ "name": "example", "tools": "fs_read" }"#, "Write a value of the type that the finding names."),
    ("missing-key", ERROR, r#"{ "mcpServers": { "docs": {} } }"#, "Add the key."),
    (
        "unknown-key",
        ERROR,
        r#"{ "name": "example", "toolsSettings": { "shell": { "denied_commands": ["rm *"] } } }"#,
        "Write the key as the format spells it, or remove it.",
    ),
    (
        "unknown-trigger",
        ERROR,
        r#"{ "name": "example", "hooks": { "preToolUSe": [{ "command": "./guard" }] } }"#,
        "Use `agentSpawn`, `userPromptSubmit`, `preToolUse`, `postToolUse` or `stop`.",
    ),
    (
        "unread-settings",
        ERROR,
        r#"{ "name": "example", "toolsSettings": { "execute_bsh": { "deniedCommands": ["rm *"] } } }"#,
        "Put the settings under the tool's name, or remove them.",
    ),
    ("unread-resource", WARNING, r#"{ "name": "example", "resources": ["README.md"] }"#, "Begin with `file://` or `skill://`."),
    (
        "same-tool-twice",
        ERROR,
        r#"{ "name": "example", "toolsSettings": { "shell": {}, "execute_bash": {} } }"#,
        "Put the settings of one tool under one of its names.",
    ),
    ("invalid-name", ERROR, r#"{ "name": "a/b" }"#, "Name the agent with letters, digits, `-` and `_`."),
    (
        "invalid-value",
        ERROR,
        r#"{ "permissions": { "rules": [{ "capability": "shell", "effect": "alow" }] } }"#,
        "Write one of the values that the finding names.",
    ),
    (
        "invalid-limit",
        ERROR,
        r#"{ "name": "example", "toolsSettings": { "sandbox": { "limits": { "memory": "4 apples" } } } }"#,
        "Write a number and a unit, as in `4G` or `30m`.",
    ),
    ("too-many-findings", WARNING, "", "Mend what is shown, and lint again."),
    (
        "allowed-not-visible",
        WARNING,
        r#"{ "name": "example", "tools": ["fs_read"], "allowedTools": ["fs_write"] }"#,
        "Add the tool to `tools`, or take it out of `allowedTools`.",
    ),
    (
        "bad-address-pattern",
        ERROR,
        r#"{ "name": "example", "tools": ["web_fetch"], "toolsSettings": { "web_fetch": { "trusted": ["a)|(b"] } } }"#,
        "Write a regular expression over the whole address, as in `https://docs\\.rs/.*`.",
    ),
    (
        "bad-command-pattern",
        ERROR,
        r#"{ "name": "example", "tools": ["shell"], "toolsSettings": { "shell": { "allowedCommands": ["a && b"] } } }"#,
        "Write one pattern for each simple command, or begin with `regex:`.",
    ),
    (
        "bad-host",
        ERROR,
        r#"{ "name": "example", "toolsSettings": { "sandbox": { "network": { "allow": ["https://crates.io"] } } } }"#,
        "Write the host alone, as in `crates.io` or `crates.io:443`.",
    ),
    ("bad-limit", ERROR, "", "Write how much the task may use."),
    (
        "bad-path-pattern",
        ERROR,
        r#"{ "name": "example", "tools": ["fs_write"], "toolsSettings": { "fs_write": { "allowedPaths": ["!docs"] } } }"#,
        "Write a path or a glob below one; put what is denied under `deniedPaths`.",
    ),
    ("bad-profile", ERROR, "", "Mend the profile, in `~/.config/remit/profiles`."),
    (
        "bad-service",
        ERROR,
        r#"{ "name": "example", "tools": ["use_aws"], "toolsSettings": { "use_aws": { "allowedServices": ["S3"] } } }"#,
        "Write the name that the `aws` command uses, as in `s3` or `dynamodb`.",
    ),
    (
        "bad-tool-glob",
        ERROR,
        r#"{ "name": "example", "tools": ["fs_read"], "allowedTools": ["fs_{read"] }"#,
        "Close what is open, or name the tools one by one.",
    ),
    (
        "bad-variable",
        ERROR,
        r#"{ "name": "example", "toolsSettings": { "sandbox": { "env": { "pass": ["NOT A NAME"] } } } }"#,
        "Write letters, digits and `_`, each variable by its whole name.",
    ),
    ("bad-workspace-mode", ERROR, "", "Write `layer` or `direct`."),
    (
        "example-fails",
        ERROR,
        r#"{ "name": "example", "toolsSettings": { "sandbox": { "examples": { "allow": ["cargo test"] } } } }"#,
        "Correct the example, or the rule that decides it.",
    ),
    ("kiro-v3-rules", ERROR, "", "Say it in `tools`, `allowedTools` and `toolsSettings`."),
    (
        "never-passed",
        ERROR,
        r#"{ "name": "example", "toolsSettings": { "sandbox": { "env": { "pass": ["AWS_SECRET_ACCESS_KEY"] } } } }"#,
        "Give the task a value of its own under `sandbox.env.set`, if it needs one.",
    ),
    (
        "never-set",
        ERROR,
        r#"{ "name": "example", "toolsSettings": { "sandbox": { "env": { "set": { "LD_PRELOAD": "./x.so" } } } } }"#,
        "Remove the variable.",
    ),
    (
        "not-a-wildcard",
        WARNING,
        r#"{ "name": "example", "tools": ["shell"], "toolsSettings": { "shell": { "allowedCommands": ["ls {a,b}"] } } }"#,
        "Write one pattern for each command, or begin with `regex:`.",
    ),
    (
        "regex-read-as-glob",
        WARNING,
        r#"{ "name": "example", "tools": ["shell"], "toolsSettings": { "shell": { "allowedCommands": ["git log.*"] } } }"#,
        "Write a glob, as in `git log *`, or begin with `regex:`.",
    ),
    (
        "settings-not-read",
        WARNING,
        r#"{ "name": "example", "tools": ["subagent"], "toolsSettings": { "subagent": { "availableAgents": ["x"] } } }"#,
        "Say it in a setting that Remit reads, or leave the tool to ask.",
    ),
    (
        "settings-of-absent-tool",
        WARNING,
        r#"{ "name": "example", "tools": ["fs_read"], "toolsSettings": { "shell": { "allowedCommands": ["ls"] } } }"#,
        "Add the tool to `tools`, or remove the setting.",
    ),
    ("star-beside-tools", WARNING, r#"{ "name": "example", "tools": ["*", "fs_read"] }"#, "Keep `*` alone, or remove it."),
    (
        "unknown-hook",
        ERROR,
        r#"{ "name": "example", "toolsSettings": { "sandbox": { "hooks": { "letThrough": ["./guard"] } } } }"#,
        "Name the command of one of the `preToolUse` hooks.",
    ),
    (
        "unknown-profile",
        ERROR,
        r#"{ "name": "example", "toolsSettings": { "sandbox": { "profile": "devv" } } }"#,
        "Name a profile that there is: the finding lists them.",
    ),
    (
        "unknown-tool",
        WARNING,
        r#"{ "name": "example", "tools": ["execute_bsh"] }"#,
        "Name a built-in tool, `@server` or `@server/tool`.",
    ),
    (
        "unused-ignore",
        WARNING,
        r#"{ "name": "example", "toolsSettings": { "sandbox": { "remit-lint-ignore": { "hook-fails-open": "no hook" } } } }"#,
        "Remove the entry, or give the reason that it lacks.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::lint::fix::tests::judged;
    use crate::load::ReadAs;

    #[test]
    fn every_code_has_its_page() {
        for page in pages() {
            assert!(ROWS.iter().any(|(name, ..)| *name == page.name), "{} has none", page.name);
            assert!(page.cure.ends_with('.') && !page.what.ends_with('.'), "{}", page.name);
        }
        assert_eq!(ROWS.len(), pages().count(), "each row is of a code");
    }

    #[test]
    fn every_example_is_found() {
        let wrong = pages().filter_map(|page| {
            let found = judged(page.example?, ReadAs::Remit).findings;
            let finding = found.iter().find(|finding| finding.code == page.name);
            let codes: Vec<&str> = found.iter().map(|finding| finding.code).collect();
            let severity = finding.map(|finding| finding.severity);
            (severity != Some(page.severity)).then(|| format!("{} is {severity:?} in {codes:?}", page.name))
        });
        assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn an_error_in_one_part_hides_nothing_in_another() {
        let check = |text: &str, expected: &[&str]| {
            let mut codes: Vec<&str> = judged(text, ReadAs::Remit).findings.iter().map(|finding| finding.code).collect();
            codes.retain(|code| pages().any(|page| page.name == *code));
            assert_eq!(codes, expected, "{text}");
        };
        check(r#"{"tools": ["shel", "fs_read"], "modell": "x"}"#, &["unknown-tool", "unknown-key"]);
        check(
            r#"{"tols": ["write"], "toolsSettings": {"write": {"allowedPaths": ["!a"]}}}"#,
            &["unknown-key", "bad-path-pattern"],
        );
        check(r#"{"tools": ["shel", "#, &["syntax"]);
    }
}
