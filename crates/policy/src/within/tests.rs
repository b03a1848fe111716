use crate::testing::{compiled, policy, profile, workspace};
use remit_agent::Reading;

/// Checks what one file permits beyond another, of which both have every tool.
fn check(narrow: &str, wide: &str, expected: &[&str]) {
    let found: Vec<String> = policy(narrow).excess(&policy(wide)).into_iter().map(|excess| excess.text).collect();
    assert_eq!(found, expected, "{narrow} within {wide}");
}

fn with(settings: &str) -> String {
    format!(r#"{{"tools":["*"],"toolsSettings":{{{settings}}}}}"#)
}

fn check_commands(narrow: &str, wide: &str, expected: &[&str]) {
    check(&with(&format!(r#""shell":{{{narrow}}}"#)), &with(&format!(r#""shell":{{{wide}}}"#)), expected);
}

fn check_allowed(narrow: &str, wide: &str, expected: bool) {
    let shell = |pattern: &str| with(&format!(r#""shell":{{"allowedCommands":[{}]}}"#, serde_json::to_string(pattern).unwrap()));
    assert_eq!(policy(&shell(narrow)).is_within(&policy(&shell(wide))), expected, "`{narrow}` within `{wide}`");
}

fn check_written(narrow: &str, wide: &str, expected: bool) {
    let write = |path: &str| with(&format!(r#""write":{{"allowedPaths":["{path}"]}}"#));
    assert_eq!(policy(&write(narrow)).is_within(&policy(&write(wide))), expected, "`{narrow}` within `{wide}`");
}

#[test]
fn a_policy_is_within_itself() {
    for file in [
        "{}",
        r#"{"tools":["*"],"allowedTools":["*","@a*","@b/c"],"mcpServers":{"a":{"command":"x"}},"hooks":{"preToolUse":[{"command":"y"}]}}"#,
        r#"{"tools":["shell","write"],"allowedTools":["shell"],"toolsSettings":{"shell":{"deniedCommands":["rm -rf *","git (push|pull).*"]},
            "write":{"allowedPaths":["~/.ssh/x","**/*.rs"],"deniedPaths":["a/*"]},"sandbox":{"network":{"allow":["a.b","*.c.d:1"]},"limits":{"memory":"1G"}}}}"#,
    ] {
        assert_eq!(policy(file).excess(&policy(file)), [], "{file}");
        let q = compiled(file, Reading::Q).unwrap().0;
        assert_eq!(q.excess(&q), [], "{file}");
    }
}

#[test]
fn tools() {
    let tools = |visible: &str, allowed: &str| format!(r#"{{"tools":{visible},"allowedTools":{allowed}}}"#);
    check(&tools(r#"["fs_read"]"#, "[]"), &tools(r#"["*"]"#, "[]"), &[]);
    check(&tools(r#"["fs_read","@git"]"#, "[]"), &tools(r#"["fs_read"]"#, "[]"), &["has the tool `@git`"]);
    check(&tools(r#"["@git/log"]"#, r#"["@git/log"]"#), &tools(r#"["@git"]"#, r#"["@g*"]"#), &[]);
    check(&tools(r#"["@git"]"#, r#"["@git"]"#), &tools(r#"["@git"]"#, r#"["@git/l*"]"#), &["uses without asking `@git`"]);
    check(&tools(r#"["@git"]"#, r#"["@*"]"#), &tools(r#"["@git"]"#, r#"["@git"]"#), &[]);
    check(&tools(r#"["web_fetch"]"#, r#"["web_fetch"]"#), &tools(r#"["*"]"#, "[]"), &["uses without asking `web_fetch`"]);
    let git = |tools: &str, disabled: &str| {
        format!(r#"{{"tools":{tools},"mcpServers":{{"git":{{"url":"https://x","disabledTools":{disabled}}}}}}}"#)
    };
    let (wide, push) = (git(r#"["@git"]"#, r#"["push"]"#), r#"["@git/push"]"#);
    check(&git(r#"["@git"]"#, "[]"), &wide, &["has the tool `@git/push`"]);
    check(&git(push, "[]"), &wide, &["has the tool `@git/push`"]);
    check(&git(r#"["@git/log"]"#, "[]"), &wide, &[]);
    check(&git(r#"["@git"]"#, r#"["push","tag"]"#), &wide, &[]);
    check(&tools(r#"["write"]"#, "[]"), &tools(r#"["read"]"#, "[]"), &["has the tool `fs_write`"]);
}

#[test]
fn commands() {
    check_commands(r#""allowedCommands":["make"]"#, r#""allowedCommands":["make","ls"]"#, &[]);
    check_commands(r#""allowedCommands":["make *"]"#, r#""allowedCommands":["make"]"#, &["runs `make *` unasked"]);
    check_commands("", r#""deniedCommands":["git push *"]"#, &["does not deny `git push *`"]);
    check_commands(r#""deniedCommands":["git *"]"#, r#""deniedCommands":["git push *"]"#, &[]);
    check_commands(r#""deniedCommands":["git push"]"#, r#""deniedCommands":["git push *"]"#, &["does not deny `git push *`"]);
    check_commands(r#""autoAllowReadonly":true"#, "", &["runs commands that only read unasked"]);
    check_commands("", r#""denyByDefault":true"#, &["asks for a command that no pattern allows, and does not deny it"]);
    check_commands(r#""denyByDefault":true"#, "", &[]);
}

#[test]
fn a_narrower_pattern_is_within_a_wider_one() {
    check_allowed("foo bar", "foo *", true);
    check_allowed("foo bar *", "foo *", true);
    check_allowed("foo *", "foo bar *", false);
    check_allowed("foo bar", "foo bar *", true);
    check_allowed("foo b*", "foo *", false);
    check_allowed("git status", "git *", true);
    check_allowed("git log *", "git *", true);
    check_allowed("regex:git (status|log)", "regex:git (status|log|diff)", true);
    check_allowed("regex:git (status|log)", "regex:git (status|diff)", false);
    check_allowed("regex:(git status|ls .*)", "regex:git status|ls .*", true);
    check_allowed("regex:git diff( .*)?", "regex:git diff.*", true);
    check_allowed("foo bar", "regex:foo .*", true);
    check_allowed("foo 'a b'", "regex:foo .*", false);
}

#[test]
fn what_a_pattern_spells_out_is_more_than_its_words() {
    check_allowed("git -c core.pager=x log", "git *", false);
    check_allowed("find . -delete", "find *", false);
    check_allowed("sudo ls", "sudo *", false);
    check_allowed("regex:git -c x log", "regex:git .*", false);
    check_allowed("foo ../x*", "foo *", false);
}

#[test]
fn under_everything_but_denials_doubt_asks() {
    let all = r#"{"tools":["*"],"allowedTools":["shell"]"#;
    check(&with(r#""shell":{"allowedCommands":["make *"]}"#), &format!("{all}}}"), &[]);
    let denying = format!(r#"{all},"toolsSettings":{{"shell":{{"deniedCommands":["rm"]}}}}}}"#);
    check(
        &with(r#""shell":{"deniedCommands":["rm"],"allowedCommands":["make *","ls x"]}"#),
        &denying,
        &["runs `make *` unasked"],
    );
    check(&format!("{all}}}"), &denying, &["does not deny `rm`"]);
    check(&denying, &with(""), &["uses without asking `execute_bash`", "runs every command line unasked"]);
}

#[test]
fn a_denial_that_is_a_regular_expression() {
    let q = |deny: &str| {
        let file = with(&format!(r#""shell":{{"deniedCommands":[{}]}}"#, serde_json::to_string(deny).unwrap()));
        compiled(&file, Reading::Q).unwrap().0
    };
    assert!(q("git push.*").is_within(&q("git push.*")));
    assert!(!q("git push").is_within(&q("git push.*")));
    assert!(!q("git pull.*").is_within(&q("git push.*")));
}

#[test]
fn files() {
    check_written("docs/a", "docs", true);
    check_written("docs", "docs/a", false);
    check_written("docs/*.md", "docs", true);
    check_written("docs/*.md", "docs/**/*.md", true);
    check_written("docs/**/*.md", "docs/*.md", false);
    check_written("docs/{a,b}.md", "docs/*.md", true);
    check_written("docs/a/x", "docs/*/", true);
    check_written("docs/a", "docs/*", false);
    check_written("~/.ssh/config", "~", false);
    check_written("~/.ssh/config", "~/.ssh", true);
    check_written("/tmp/x", "/tmp", true);
    check(
        &with(r#""read":{"allowedPaths":["~/a"]},"sandbox":{"files":{"execute":["bin"]}}"#),
        &with(""),
        &["can read `/home/u/a`", "can execute `/home/u/work/bin`"],
    );
    check(
        &with(r#""write":{"allowedPaths":["a"]}"#),
        &with(r#""write":{"allowedPaths":["a"],"deniedPaths":["a/*.x"]},"sandbox":{"files":{"hide":["b"]}}"#),
        &["sees `/home/u/work/b`", "is not denied writing `/home/u/work/a/*.x`"],
    );
    check(
        &with(r#""write":{"allowedPaths":["a"],"deniedPaths":["a/**/*.x"]},"sandbox":{"files":{"hide":["."]}}"#),
        &with(r#""write":{"allowedPaths":["a"],"deniedPaths":["a/*.x"]},"sandbox":{"files":{"hide":["b"]}}"#),
        &[],
    );
}

#[test]
fn what_is_granted_by_name_only() {
    let at = |path: &str| {
        let file = r#"{"tools":["*"],"allowedTools":["write"]}"#;
        let (agent, _) = remit_agent::Agent::resolve(
            remit_agent::parse("agent.json", file.as_bytes()),
            crate::testing::path(path),
            Reading::Remit,
        )
        .unwrap();
        crate::compile(&agent, &profile("bare"), &workspace()).unwrap().0
    };
    let in_agents = |name: &str| at(&format!("/home/u/work/.remit/agents/{name}"));
    assert_eq!(in_agents("a.json").excess(&in_agents("b.json")), []);
    let texts: Vec<String> = at("/home/u/work/a.json").excess(&at("/home/u/work/b.json")).into_iter().map(|e| e.text).collect();
    assert_eq!(texts, ["can write `/home/u/work/b.json`, by a pattern that covers it"]);
}

#[test]
fn network_environment_limits_and_starts() {
    let sandbox = |text: &str| with(&format!(r#""sandbox":{{{text}}}"#));
    let hosts = |list: &str| sandbox(&format!(r#""network":{{"allow":{list}}}"#));
    check(&hosts(r#"["a.b:443","x.c.d","*.x.c.d"]"#), &hosts(r#"["a.b","*.c.d"]"#), &[]);
    check(&hosts(r#"["a.b","c.d"]"#), &hosts(r#"["a.b:443","*.c.d"]"#), &["can reach `a.b`", "can reach `c.d`"]);
    check(&sandbox(r#""network":"all""#), &hosts(r#"["a.b"]"#), &["can reach every host"]);
    check(&hosts(r#"["a.b"]"#), &sandbox(r#""network":"all""#), &[]);
    check(
        &sandbox(r#""env":{"pass":["A"],"set":{"B":"1"}}"#),
        &sandbox(r#""env":{"set":{"B":"2","C":"3"}}"#),
        &["gets the variable `A`", "sets `B` to another value", "does not set `C`"],
    );
    check(
        &sandbox(r#""limits":{"memory":"2G"}"#),
        &sandbox(r#""limits":{"memory":"1G","processes":5}"#),
        &["may use 2147483648 of memory, not 1073741824", "has no limit of processes"],
    );
    let hook = r#"{"hooks":{"preToolUse":[{"command":"guard"}]}}"#;
    check(hook, "{}", &["starts by itself `guard` (hook `preToolUse`)"]);
    check("{}", hook, &["does not ask `guard` (hook `preToolUse`)"]);
}

#[test]
fn everything_confined_is_within_the_unrestricted() {
    let free = crate::unrestricted(&profile("unrestricted"), &workspace());
    let policy = policy(
        r#"{"tools":["*"],"allowedTools":["*"],"toolsSettings":{"shell":{"deniedCommands":["x"]},"sandbox":{"network":"all"}}}"#,
    );
    assert_eq!(policy.excess(&free), []);
    let texts: Vec<String> = free.excess(&policy).into_iter().map(|excess| excess.text).collect();
    assert_eq!(texts, ["is not confined"]);
}
