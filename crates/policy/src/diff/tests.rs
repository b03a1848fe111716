use super::*;
use crate::testing::policy;

fn check(old: &str, new: &str, expected: &[&str]) {
    let changes = diff(&policy(old).canonical(), &policy(new).canonical()).unwrap();
    let shown: Vec<String> = changes.iter().map(|change| format!("{:?}: {}", change.kind, change.text)).collect();
    assert_eq!(shown, expected, "{old} -> {new}");
}

#[test]
fn the_same_policy_has_no_changes() {
    check(r#"{"tools":["shell","read"]}"#, r#"{"tools":["fs_read", "execute_bash"]}"#, &[]);
}

#[test]
fn tools_and_commands() {
    check(
        r#"{"tools":["execute_bash"]}"#,
        r#"{"tools":["execute_bash","@git/log"],"allowedTools":["execute_bash"]}"#,
        &[
            "Widened: now has the tool `@git/log`",
            "Widened: now uses without asking `execute_bash`",
            "Widened: now runs every command line without asking",
        ],
    );
    check(
        r#"{"tools":["execute_bash"],"toolsSettings":{"shell":{"allowedCommands":["make","npm test"]}}}"#,
        r#"{"tools":["execute_bash"],"toolsSettings":{"shell":{"allowedCommands":["make *"],"deniedCommands":["rm"],"denyByDefault":true}}}"#,
        &[
            "Widened: now runs without asking `make *`",
            "Narrowed: now never runs `rm`",
            "Narrowed: no longer allows `make`",
            "Narrowed: no longer allows `npm test`",
            "Narrowed: now denies a command that no pattern allows, and does not ask",
        ],
    );
}

#[test]
fn files() {
    check(
        r#"{"tools":["fs_write"]}"#,
        r#"{"tools":["fs_write"],"toolsSettings":{"write":{"allowedPaths":["docs/**/*.md"],"deniedPaths":["docs/x"]},"sandbox":{"files":{"hide":["a"]}}}}"#,
        &[
            "Widened: can now write `/home/u/work/docs/**/*.md`",
            "Widened: now writes to the workspace itself, not to a private layer",
            "Narrowed: no longer sees `/home/u/work/a`",
            "Narrowed: is now denied writing `/home/u/work/docs/x`",
        ],
    );
}

#[test]
fn network_environment_and_limits() {
    let with = |sandbox: &str| format!(r#"{{"toolsSettings":{{"sandbox":{sandbox}}}}}"#);
    check(
        &with(r#"{"network":{"allow":["a.b"]},"limits":{"wallTime":"1h"},"env":{"set":{"A":"1"}}}"#),
        &with(r#"{"network":{"allow":["c.d:1"]},"limits":{"wallTime":"2h","memory":"1K"},"env":{"pass":["B"]}}"#),
        &[
            "Widened: now gets the variable `B`",
            "Widened: can now reach `c.d:1`",
            "Widened: wall time is now limited to 7200, not 3600",
            "Narrowed: can no longer reach `a.b`",
            "Narrowed: memory is now limited to 1024",
            "Changed: `A` is no longer set",
        ],
    );
    check(
        &with(r#"{"network":"all"}"#),
        &with(r#"{"network":{"allow":["a.b"]}}"#),
        &["Narrowed: can now reach only `a.b`", "Changed: now has a loopback of its own"],
    );
    check(
        &with("{}"),
        &with(r#"{"network":"all"}"#),
        &["Widened: can now reach every host", "Changed: no longer has a loopback of its own"],
    );
}

#[test]
fn debug() {
    let granted = r#"{"toolsSettings":{"sandbox":{"debug":true}}}"#;
    check("{}", granted, &["Widened: its processes can now trace each other, as debuggers do"]);
    check(granted, "{}", &["Narrowed: its processes can no longer trace each other"]);
}

#[test]
fn starts() {
    let server = |env: &str| format!(r#"{{"mcpServers":{{"git":{{"command":"uvx","args":["a b"],"env":{env}}}}}}}"#);
    check("{}", &server("{}"), &["Widened: now starts by itself `uvx 'a b'` (MCP server `git`)"]);
    check(&server("{}"), &server(r#"{"A":"1"}"#), &["Changed: other variables are given to `uvx 'a b'` (MCP server `git`)"]);
    check(r#"{"hooks":{"stop":[{"command":"x"}]}}"#, "{}", &["Narrowed: no longer starts by itself `x` (hook `stop`)"]);
    let disabled =
        |tools: &str| format!(r#"{{"tools":["@git"],"mcpServers":{{"git":{{"command":"uvx","disabledTools":[{tools}]}}}}}}"#);
    check(&disabled(r#""push","tag""#), &disabled(r#""push""#), &["Widened: no longer takes out `@git/tag`"]);
    check(&disabled(""), &disabled(r#""push""#), &["Narrowed: now never uses `@git/push`"]);
}

#[test]
fn guards() {
    let guard = |limit: u32, through: &str| {
        format!(
            r#"{{"hooks":{{"preToolUse":[{{"command":"x","timeout_ms":{limit}}}]}},
                "toolsSettings":{{"sandbox":{{"hooks":{{"letThrough":[{through}]}}}}}}}}"#
        )
    };
    let through = r#""x""#;
    check(&guard(1, ""), "{}", &["Widened: no longer starts by itself `x` (hook `preToolUse`)"]);
    // One that blocks when it takes too long blocks sooner or later.
    check(&guard(1, ""), &guard(2, ""), &[]);
    check(&guard(1, ""), &guard(1, through), &["Widened: calls now go on when `x` (hook `preToolUse`) fails"]);
    check(&guard(1, through), &guard(1, ""), &["Narrowed: calls no longer go on when `x` (hook `preToolUse`) fails"]);
    check(&guard(2, through), &guard(1, through), &["Widened: calls now go on after 1 ms of `x` (hook `preToolUse`), not 2"]);
}

#[test]
fn what_is_no_canonical_form_is_not_compared() {
    let form = policy("{}").canonical();
    assert_eq!(diff("", &form), None);
    assert_eq!(diff("{}", &form), None);
    assert_eq!(diff(&form, &form.replace(r#""version":1"#, r#""version":2"#)), None);
}

#[test]
fn a_difference_without_words_is_told() {
    let form = policy("{}").canonical();
    let other = form.replacen('{', r#"{"zzz":1,"#, 1);
    assert_eq!(diff(&form, &other).unwrap().len(), 1);
}
