//! What an agent file becomes, grant by grant, and what is said about it.

use remit_agent::Reading;

use crate::testing::{compiled, findings, path, policy, profile};
use crate::{Confinement, WorkspaceMode, unrestricted};

fn check(text: &str, reading: Reading, expected: &[&str]) {
    assert_eq!(findings(text, reading), expected, "{text}");
}

/// Checks the part of the canonical form at `pointer`.
fn check_form(text: &str, pointer: &str, expected: &str) {
    check_form_read_as(text, Reading::Remit, pointer, expected);
}

fn check_form_read_as(text: &str, reading: Reading, pointer: &str, expected: &str) {
    let form: serde_json::Value = serde_json::from_str(&compiled(text, reading).unwrap().0.canonical()).unwrap();
    assert_eq!(form.pointer(pointer).unwrap().to_string(), expected, "{text}");
}

fn shell(settings: &str) -> String {
    format!(r#"{{"tools":["shell"],"toolsSettings":{{"shell":{settings}}}}}"#)
}

fn trusted_shell(settings: &str) -> String {
    format!(r#"{{"tools":["shell"],"allowedTools":["shell"],"toolsSettings":{{"shell":{settings}}}}}"#)
}

fn sandbox(settings: &str) -> String {
    format!(r#"{{"toolsSettings":{{"sandbox":{settings}}}}}"#)
}

#[test]
fn tools() {
    check_form("{}", "/tools/visible", "[]");
    check_form(r#"{"tools":["*"]}"#, "/tools/visible", r#"[{"pattern":"everything"}]"#);
    check_form(
        r#"{"tools":["shell","execute_bash","@builtin","@git","@git/*","@git/log"]}"#,
        "/tools/visible",
        r#"[{"pattern":"every_native"},{"pattern":{"native":"shell"}},{"pattern":{"server":"git"}},{"pattern":{"server_tool":{"server":"git","tool":"log"}}}]"#,
    );
    check(
        r#"{"tools":["*","fs_raed","fs_*","@"]}"#,
        Reading::Remit,
        &[
            r#"Warning star-beside-tools at "*": `*` beside other tools stands for nothing | keep `*` alone, or remove it"#,
            r#"Warning unknown-tool at "fs_raed": no product has a tool `fs_raed`: it grants nothing | did you mean `fs_read`?"#,
            r#"Warning unknown-tool at "fs_*": no product has a tool `fs_*`: it grants nothing | name a built-in tool, `@server` or `@server/tool`"#,
            r#"Warning unknown-tool at "@": no product has a tool `@`: it grants nothing | name a built-in tool, `@server` or `@server/tool`"#,
        ],
    );
    let file = r#"{"tools":["read"],"allowedTools":["write","fs_*","[","*","@git*"]}"#;
    check(
        file,
        Reading::Remit,
        &[
            r#"Warning allowed-not-visible at "write": `write` is no tool of this agent, so this allows nothing | add `write` to `tools`, or remove it here"#,
            r#"Error bad-tool-glob at "[": `[` does not compile: unclosed character class; missing ']' | close what is open, or name the tools one by one"#,
            r#"Warning allowed-not-visible at "@git*": `@git*` is no tool of this agent, so this allows nothing | add `@git*` to `tools`, or remove it here"#,
        ],
    );
    check_form(r#"{"tools":["*"],"allowedTools":["*"]}"#, "/tools/allowed", r#"[{"pattern":"every_native"}]"#);
}

#[test]
fn settings_narrow_and_never_widen() {
    let everything = |text: &str, expected: bool| assert_eq!(policy(text).commands.everything.is_some(), expected, "{text}");
    everything(r#"{"tools":["shell"]}"#, false);
    everything(r#"{"tools":["shell"],"allowedTools":["shell"]}"#, true);
    everything(r#"{"tools":["shell"],"allowedTools":["execute_*"]}"#, true);
    everything(r#"{"tools":["read"],"allowedTools":["shell"]}"#, false);
    everything(&trusted_shell("{}"), true);
    everything(&trusted_shell(r#"{"deniedCommands":["rm *"]}"#), true);
    everything(&trusted_shell(r#"{"allowedCommands":["ls"]}"#), false);
    everything(&trusted_shell(r#"{"allowedCommands":[]}"#), false);
    everything(&trusted_shell(r#"{"autoAllowReadonly":true}"#), false);
    everything(&trusted_shell(r#"{"denyByDefault":true}"#), false);
    everything(&trusted_shell(r#"{"autoAllowReadonly":false,"denyByDefault":false}"#), true);
    check(
        r#"{"tools":["aws","web_fetch"],"toolsSettings":{"aws":{"allowedServices":["S3"]},"web_fetch":{"blocked":["a)|(b"]}}}"#,
        Reading::Remit,
        &[
            r#"Error bad-service at "S3": `S3` is no service of AWS | write the name that the `aws` command uses, as in `s3` or `dynamodb`"#,
            r#"Error bad-address-pattern at "a)|(b": `a)|(b` does not compile: error: unopened group | write a regular expression over the whole address, as in `https://docs\.rs/.*`"#,
        ],
    );
}

#[test]
fn command_patterns() {
    check_form(
        &shell(r#"{"allowedCommands":["npm test","regex:git (log|status)"]}"#),
        "/commands/allow",
        r#"[{"pattern":{"glob":"npm test"}},{"pattern":{"regex":"regex:git (log|status)"}}]"#,
    );
    check_form_read_as(
        &shell(r#"{"allowedCommands":["npm test"]}"#),
        Reading::Kiro,
        "/commands/allow",
        r#"[{"pattern":{"regex":"npm test"}}]"#,
    );
    // Both readings of a denial deny, unless they are one.
    check_form(
        &shell(r#"{"deniedCommands":["git push.*","rm"]}"#),
        "/commands/deny",
        r#"[{"pattern":{"glob":"git push.*"}},{"pattern":{"glob":"rm"}},{"pattern":{"regex":"git push.*"}}]"#,
    );
    check_form_read_as(
        &shell(r#"{"deniedCommands":["git push *"]}"#),
        Reading::Q,
        "/commands/deny",
        r#"[{"pattern":{"glob":"git push *"}},{"pattern":{"regex":"git push *"}}]"#,
    );
    check_form(
        &shell(r#"{"deniedCommands":["git (push|pull).*"]}"#),
        "/commands/deny",
        r#"[{"pattern":{"regex":"git (push|pull).*"}}]"#,
    );
}

#[test]
fn command_patterns_that_are_wrong() {
    check(
        &shell(
            r#"{"allowedCommands":["","a && b","regex:a(","regex:a(?! b)","cargo .*","ls [ab]"],"deniedCommands":["a | b'","regex:*"]}"#,
        ),
        Reading::Remit,
        &[
            r#"Error bad-command-pattern at "": a command pattern is empty | remove it, or write the command"#,
            r#"Error bad-command-pattern at "a && b": `a && b` can match no simple command: `&` runs more than one command | write one pattern for each simple command, quote the character, or begin with `regex:`"#,
            r#"Error bad-command-pattern at "regex:a(": `regex:a(` does not compile: unclosed group | mend the pattern; look-around is not part of the syntax"#,
            r#"Error bad-command-pattern at "regex:a(?! b)": `regex:a(?! b)` does not compile: look-around, including look-ahead and look-behind, is not supported | mend the pattern; look-around is not part of the syntax"#,
            r#"Warning regex-read-as-glob at "cargo .*": `cargo .*` is read as a glob | did you mean `regex:cargo .*`?"#,
            r#"Warning not-a-wildcard at "ls [ab]": only `*` is a wildcard in a command pattern | write one pattern for each command, or begin with `regex:`"#,
            r#"Error bad-command-pattern at "regex:*": `regex:*` does not compile: repetition operator missing expression | mend the pattern; look-around is not part of the syntax"#,
        ],
    );
    check(
        &shell(r#"{"deniedCommands":["^(?!ls$).*"]}"#),
        Reading::Q,
        &[
            r#"Error bad-command-pattern at "^(?!ls$).*": `^(?!ls$).*` does not compile: look-around, including look-ahead and look-behind, is not supported | mend the pattern; look-around is not part of the syntax"#,
        ],
    );
    // A pattern that closes the group between the anchors is refused by itself.
    check(
        &shell(r#"{"allowedCommands":["a)|(?:b"]}"#),
        Reading::Q,
        &[
            r#"Error bad-command-pattern at "a)|(?:b": `a)|(?:b` does not compile: unopened group | mend the pattern; look-around is not part of the syntax"#,
        ],
    );
    check(
        &shell(r#"{"allowedCommands":["((a{1000}){1000}){1000}"]}"#),
        Reading::Q,
        &[
            r#"Error bad-command-pattern at "((a{1000}){1000}){1000}": `((a{1000}){1000}){1000}` does not compile: Compiled regex exceeds size limit of 1048576 bytes. | mend the pattern; look-around is not part of the syntax"#,
        ],
    );
    check(&shell(r#"{"autoAllowReadonly":true}"#), Reading::Remit, &[]);
}

#[test]
fn settings_of_a_tool_that_is_not_there_grant_nothing() {
    let text = r#"{"tools":["grep"],"toolsSettings":{"shell":{"allowedCommands":["ls"],"deniedCommands":["rm"]},"write":{"allowedPaths":["docs"],"deniedPaths":["a"]},"read":{"allowedPaths":["/etc"],"deniedPaths":["b"]}}}"#;
    check(
        text,
        Reading::Remit,
        &[
            r#"Warning settings-of-absent-tool at ["ls"]: `allowedCommands` allows nothing: the agent has no `execute_bash` | add `execute_bash` to `tools`, or remove the setting"#,
            r#"Warning settings-of-absent-tool at ["docs"]: `allowedPaths` allows nothing: the agent has no `fs_write` | add `fs_write` to `tools`, or remove the setting"#,
            r#"Warning settings-of-absent-tool at ["/etc"]: `allowedPaths` allows nothing: the agent has no `fs_read` | add `fs_read` to `tools`, or remove the setting"#,
        ],
    );
    let policy = policy(text);
    assert!(policy.commands.allow.is_empty() && policy.files.write.is_empty());
    assert_eq!(policy.files.read.len(), 1);
    // Denials hold all the same.
    assert_eq!((policy.commands.deny.len(), policy.files.write_denied.len(), policy.files.hidden.len()), (1, 1, 1));
}

#[test]
fn files() {
    let rules = |text: &str, list: &str| {
        let form: serde_json::Value = serde_json::from_str(&policy(text).canonical()).unwrap();
        let rules = form["files"][list].as_array().unwrap().iter().map(|rule| rule["pattern"].as_str().unwrap().to_owned());
        rules.collect::<Vec<_>>()
    };
    assert_eq!(rules("{}", "read"), ["/home/u/work"]);
    assert_eq!(rules("{}", "write"), [""; 0]);
    let text = r#"{"tools":["*"],"resources":["file://~/notes/*.md","skill://skills/**",{"type":"knowledgeBase","source":"file:///srv/kb"}],
        "toolsSettings":{"read":{"allowedPaths":["/usr/share/doc"]},"glob":{"allowedPaths":["~/a"]},"grep":{"deniedPaths":["**/x"]},
        "sandbox":{"files":{"read":["~/r"],"write":["~/w"],"execute":["bin"],"hide":["h"]}}}}"#;
    assert_eq!(
        rules(text, "read"),
        ["/home/u/a", "/home/u/notes//*.md", "/home/u/r", "/home/u/work", "/home/u/work/skills", "/srv/kb", "/usr/share/doc"]
    );
    assert_eq!(rules(text, "write"), ["/home/u/w"]);
    assert_eq!(rules(text, "execute"), ["/home/u/work/bin"]);
    assert_eq!(rules(text, "hidden"), ["/home/u/work//**/x", "/home/u/work/h"]);
    assert_eq!(rules(r#"{"tools":["write"],"allowedTools":["write"]}"#, "write"), ["/home/u/work"]);
    assert_eq!(
        rules(r#"{"tools":["write"],"allowedTools":["write"],"toolsSettings":{"write":{"allowedPaths":[]}}}"#, "write"),
        [""; 0]
    );
    let protected = rules("{}", "protected");
    for path in
        ["/home/u/work/.git/hooks", "/home/u/work/agents/a.json", "/home/u/.bashrc", "/home/u/.ssh", "/home/u/.local/state/remit"]
    {
        assert!(protected.contains(&path.to_owned()), "{path}");
    }
    let unread = rules("{}", "protected_read");
    assert!(unread.contains(&"/home/u/.ssh".to_owned()) && !unread.contains(&"/home/u/work/.git/config".to_owned()));
    assert!(unread.iter().all(|path| protected.contains(path)));
}

#[test]
fn file_patterns_that_are_wrong() {
    check(
        r#"{"tools":["read","grep"],"resources":["file://../$X/y"],"toolsSettings":{"read":{"deniedPaths":["!a"]},"grep":{"allowReadOnly":true},"sandbox":{"files":{"read":["$HOME/x"]}}}}"#,
        Reading::Remit,
        &[
            r#"Error bad-path-pattern at "file://../$X/y": `../$X/y`: variables are not read in a path pattern | write the path itself, `~` for home, or `[$]` for a dollar"#,
            r#"Error bad-path-pattern at "!a": `!a`: path patterns have no negation | put the path under `deniedPaths` or `sandbox.files.hide`"#,
            "Warning settings-not-read at true: `allowReadOnly` is not read: it would allow every path | list the paths in `allowedPaths`",
            r#"Error bad-path-pattern at "$HOME/x": `$HOME/x`: variables are not read in a path pattern | write the path itself, `~` for home, or `[$]` for a dollar"#,
        ],
    );
}

#[test]
fn where_writes_to_the_workspace_go() {
    let mode = |sandbox_settings: &str, expected| {
        assert_eq!(policy(&sandbox(sandbox_settings)).files.workspace, expected, "{sandbox_settings}");
    };
    mode("{}", WorkspaceMode::Layer);
    mode(r#"{"files":{"write":["target/**"]}}"#, WorkspaceMode::Direct);
    mode(r#"{"files":{"write":["~"]}}"#, WorkspaceMode::Direct);
    mode(r#"{"files":{"write":["~/other"]}}"#, WorkspaceMode::Layer);
    mode(r#"{"files":{"write":["target/**"]},"workspace":"layer"}"#, WorkspaceMode::Layer);
    mode(r#"{"workspace":"direct"}"#, WorkspaceMode::Direct);
}

#[test]
fn network_environment_and_limits() {
    check_form("{}", "/network", r#"{"loopback":true,"mode":"none"}"#);
    check_form(
        &sandbox(r#"{"network":{"allow":["B.c","a.b:1","b.c"],"loopback":false}}"#),
        "/network",
        r#"{"loopback":false,"mode":{"hosts":[{"host":"a.b","port":1},{"host":"b.c","port":null}]}}"#,
    );
    check_form(
        &sandbox(r#"{"limits":{"processes":5,"memory":"1K"}}"#),
        "/limits",
        r#"[{"kind":"memory","value":1024},{"kind":"processes","value":5}]"#,
    );
    check(
        &sandbox(
            r#"{"network":{"allow":["http://a"]},"env":{"pass":["GITHUB_TOKEN","PATH","A*"],"set":{"LD_PRELOAD":"x","PATH":"y","HOME":"/z"}}}"#,
        ),
        Reading::Remit,
        &[
            r#"Error bad-host at "http://a": `http://a` is not a host: it has a scheme | write the host alone, as in `crates.io` or `crates.io:443`"#,
            r#"Error never-passed at "GITHUB_TOKEN": `GITHUB_TOKEN` is never passed: it looks like a secret, or a way to one | give the task a value of its own under `sandbox.env.set`, if it needs one"#,
            r#"Error never-passed at "PATH": `PATH` is never passed: it is made from the profile | add the directory to `env.path` of a profile"#,
            r#"Error bad-variable at "A*": `A*` is not the name of a variable | write letters, digits and `_`, each variable by its whole name"#,
            r#"Error never-set at "LD_PRELOAD": `LD_PRELOAD` is never set: it decides what programs run or load | remove it"#,
            r#"Error never-set at "PATH": `PATH` is never set: it decides what programs run or load | remove it"#,
            r#"Error never-set at "HOME": `HOME` is never set: a task has the home that its paths were approved for | remove it"#,
        ],
    );
}

#[test]
fn starts() {
    check_form(
        r#"{"hooks":{"preToolUse":[{"matcher":"fs_write","command":"check"}]},"mcpServers":{"on":{"command":"a","args":["b c"],"env":{"K":"v"}},"off":{"command":"d","disabled":true}}}"#,
        "/starts",
        r#"[{"command":"check","env":{},"kind":{"hook":{"matcher":"fs_write","trigger":"preToolUse"}}},{"command":"a 'b c'","env":{"K":"4c94485e0c21ae6c41ce1dfe7b6bfaceea5ab68e40a2476f50208e526f506080"},"kind":{"mcp_server":{"name":"on"}}}]"#,
    );
}

#[test]
fn work_without_an_agent() {
    let workspace = crate::testing::workspace();
    let policy = unrestricted(&profile("unrestricted"), &workspace);
    assert_eq!(policy.confinement, Confinement::Unrestricted);
    assert!(policy.environment.inherit);
    assert_eq!(policy.workspace, path("/home/u/work"));
    assert_eq!(unrestricted(&profile("bare"), &workspace).confinement, Confinement::Confined);
}

#[test]
fn examples_are_tried() {
    let file = |allowed: &str, examples: &str| {
        format!(
            r#"{{"tools":["shell"],"toolsSettings":{{"shell":{{"allowedCommands":["{allowed}"],"deniedCommands":["git push *"]}},"sandbox":{{"examples":{{{examples}}}}}}}}}"#
        )
    };
    check(&file("git *", r#""allow":["git status"],"ask":["ls"],"deny":["git push"]"#), Reading::Remit, &[]);
    check(
        &file("git *", r#""allow":["git push -f","ls"],"deny":["git status"]"#),
        Reading::Remit,
        &[
            "Error example-fails at \"git push -f\": `git push -f` is to be allowed, and is denied | change the rule, or the example where it is the one that is wrong",
            "Error example-fails at \"ls\": `ls` is to be allowed, and is asked about | change the rule, or the example where it is the one that is wrong",
            "Error example-fails at \"git status\": `git status` is to be denied, and is allowed | change the rule, or the example where it is the one that is wrong",
        ],
    );
}
