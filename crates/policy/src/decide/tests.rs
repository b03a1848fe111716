use proptest::prelude::*;
use remit_agent::Reading;

use super::*;
use crate::testing::{compiled, compiled_under, path, policy, profile};
use crate::{CommandPattern, CommandRule};

mod lines;
mod read_only;

fn check(text: &str, request: Request, expected: Decision, why: &str) {
    check_read_as(text, Reading::Remit, request, expected, why);
}

#[expect(clippy::needless_pass_by_value, reason = "the cases below read better without a borrow in each")]
fn check_read_as(text: &str, reading: Reading, request: Request, expected: Decision, why: &str) {
    let (policy, _) = compiled(text, reading).unwrap();
    let (decision, reason) = policy.judge(&request);
    assert_eq!((decision, reason.why.as_str()), (expected, why), "{text} {request:?}");
}

fn argv(words: &[&str]) -> Request {
    Request::Command(CommandLine::Argv(words.iter().map(|word| (*word).to_owned()).collect()))
}

fn line(line: &str) -> Request {
    Request::Command(CommandLine::Shell(line.to_owned()))
}

fn shell(settings: &str) -> String {
    format!(r#"{{"tools":["shell"],"toolsSettings":{{"shell":{settings}}}}}"#)
}

const ALLOWED: &str = "a pattern of `allowedCommands` matches";
const DENIED: &str = "a pattern of `deniedCommands` matches";
const NO_MATCH: &str = "no pattern of `allowedCommands` matches";

/// Checks which lines a single allow pattern covers.
fn check_allows(pattern: &str, covered: &[&str], not: &[&str]) {
    let text = shell(&serde_json::json!({ "allowedCommands": [pattern] }).to_string());
    for command in covered {
        check(&text, line(command), Decision::Allow, ALLOWED);
    }
    for command in not {
        check(&text, line(command), Decision::Ask, NO_MATCH);
    }
}

/// Checks which lines a single deny pattern covers.
fn check_denies(pattern: &str, reading: Reading, covered: &[&str], not: &[&str]) {
    let text = shell(&serde_json::json!({ "deniedCommands": [pattern] }).to_string());
    for command in covered {
        check_read_as(&text, reading, line(command), Decision::Deny, DENIED);
    }
    for command in not {
        check_read_as(&text, reading, line(command), Decision::Ask, NO_MATCH);
    }
}

#[test]
fn a_hook_is_approved_with_its_policy_and_no_other_command_is() {
    let file = |trigger: &str, command: &str, through: &str| {
        let settings = format!(r#"{{"sandbox":{{"hooks":{{"letThrough":[{through}]}}}}}}"#);
        format!(r#"{{"name":"a","hooks":{{"{trigger}":[{{"command":"{command}"}}]}},"toolsSettings":{settings}}}"#)
    };
    let approved = crate::testing::policy(&file("preToolUse", "guard --all", ""));
    let check = |text: &str, expected: Decision| {
        let start = crate::testing::policy(text).starts.remove(0);
        assert_eq!(approved.judge(&Request::Start(start)).0, expected, "{text}");
    };
    check(&file("preToolUse", "guard --all", ""), Decision::Allow);
    check(&file("stop", "guard --all", ""), Decision::Deny);
    check(&file("preToolUse", "guard", ""), Decision::Deny);
    check(&file("preToolUse", "guard --all; rm x", ""), Decision::Deny);
    // That it blocks less is another approval.
    check(&file("preToolUse", "guard --all", r#""guard --all""#), Decision::Deny);
}

#[test]
fn globs_match_word_by_word() {
    check_allows(
        "npm test",
        &["npm test", "  npm 'test'  "],
        &["npm test x", "npm", "npm 'test '", "/usr/bin/npm test", "./npm test"],
    );
    check_allows("npm run *", &["npm run", "npm run build", "npm run a b 'c;d'"], &["npm runx", "npm"]);
    check_allows("x * --stat", &["x diff --stat", "x origin/main --stat"], &["x --stat", "x a b --stat"]);
    check_allows(
        "cat docs/*",
        &["cat docs/a", "cat docs/a/b", "cat docs/..a"],
        &["cat docs/..", "cat docs/../x", "cat docs/a/../../x"],
    );
    check_allows("x --out=*", &["x --out=a/b"], &["x --out=../a", "x --out=.."]);
    check_allows("cat ../*", &["cat ../a"], &["cat ../../a"]);
    check_allows("cargo*", &["cargo", "cargo-clippy"], &["cargo/../x", "cargo-x/y"]);
    check_allows("./bin/*", &["./bin/a"], &["./bin/../a", "bin/a"]);
    check_allows("echo '*'", &["echo '*'", "echo \\*"], &["echo a"]);
    check_allows("*", &["anything at all", "./x"], &[]);
}

#[test]
fn regular_expressions_match_the_whole_command() {
    check_allows("regex:git (status|log)", &["git status", "git  'log'"], &["git logs", "xgit log", "git log x"]);
    check_allows("regex:git status|git diff", &["git diff"], &["git statusx", "rm git diff"]);
    let text = shell(r#"{"allowedCommands":["cat .*"]}"#);
    check_read_as(&text, Reading::Q, line("cat x"), Decision::Allow, ALLOWED);
    check_read_as(&text, Reading::Q, line("cat x | bash"), Decision::Ask, "`bash`: no pattern of `allowedCommands` matches");
    check_read_as(&text, Reading::Kiro, line("cat $(id)"), Decision::Ask, "`id`: no pattern of `allowedCommands` matches");
}

#[test]
fn denials_see_through_spelling() {
    check_denies(
        "rm *",
        Reading::Remit,
        &["rm", "rm -rf /", "r\\m x", "'rm' x", "/bin/rm x", "../rm x"],
        &["rmdir x", "echo rm"],
    );
    check_denies("git push.*", Reading::Q, &["git push", " git  push  -f", "/usr/bin/git push x", "g\"\"it push"], &["git pull"]);
    // Written for the other product, and denied all the same.
    check_denies("git push.*", Reading::Remit, &["git push", "git push --force"], &["git pull"]);
    check_denies("git push *", Reading::Q, &["git push", "git push --force"], &["git pull"]);
    check_denies("rm -rf", Reading::Remit, &["rm -rf"], &["rm -rf /"]);
}

#[test]
fn deny_beats_ask_beats_allow() {
    let text = r#"{"tools":["shell"],"allowedTools":["shell"],"toolsSettings":{"shell":{"deniedCommands":["rm *"]}}}"#;
    check(text, line("ls"), Decision::Allow, "every command line is pre-approved");
    check(text, line("rm x"), Decision::Deny, DENIED);
    check(text, line("ls; rm x"), Decision::Deny, "`rm x`: a pattern of `deniedCommands` matches");
    check(
        r#"{"tools":["shell"],"allowedTools":["shell"]}"#,
        line("ls; rm x"),
        Decision::Allow,
        "every command line is pre-approved",
    );
    check(&shell(r#"{"allowedCommands":["rm *"],"deniedCommands":["rm -rf *"]}"#), line("rm -rf x"), Decision::Deny, DENIED);
    let strict = shell(r#"{"allowedCommands":["ls"],"denyByDefault":true}"#);
    check(&strict, line("ls"), Decision::Allow, ALLOWED);
    check(&strict, line("pwd"), Decision::Deny, "no pattern of `allowedCommands` matches, and what is not allowed is denied");
    check(
        &strict,
        line("ls | sh"),
        Decision::Deny,
        "`sh`: no pattern of `allowedCommands` matches, and what is not allowed is denied",
    );
    check(&shell(r#"{"autoAllowReadonly":true}"#), line("ls"), Decision::Allow, "it only reads");
}

#[test]
fn what_is_no_command_is_denied() {
    let text = r#"{"tools":["shell"],"allowedTools":["shell"]}"#;
    check(text, argv(&[]), Decision::Deny, "there is no command");
    check(text, argv(&["", "x"]), Decision::Deny, "there is no command");
    check(text, argv(&["a\0"]), Decision::Deny, "a word of the command has a NUL character");
    check("{}", argv(&["ls"]), Decision::Deny, "the agent has no `execute_bash`");
    check(&shell(r#"{"allowedCommands":["echo *"]}"#), argv(&["echo", "a; rm -rf $HOME\n"]), Decision::Allow, ALLOWED);
}

#[test]
fn reading() {
    let read = |text: &str, file: &str, expected, why: &str| check(text, Request::ReadFile(path(file)), expected, why);
    let granted = "it is in the read grant";
    read(r#"{"tools":["read"]}"#, "/home/u/work/a", Decision::Allow, granted);
    read(r#"{"tools":["grep"]}"#, "/home/u/work/.git/config", Decision::Allow, granted);
    read(r#"{"tools":["shell"]}"#, "/home/u/work/a", Decision::Deny, "the agent has no tool that reads files");
    read(r#"{"tools":["read"]}"#, "/home/u/other", Decision::Ask, "no rule lets `/home/u/other` be read unasked");
    let home = r#"{"tools":["read"],"toolsSettings":{"read":{"allowedPaths":["~"],"deniedPaths":["**/secret*"]}}}"#;
    read(home, "/home/u/other", Decision::Allow, granted);
    read(home, "/home/u/work/secrets/a", Decision::Deny, "it is hidden");
    read(home, "/home/u/.ssh/id_ed25519", Decision::Deny, "`/home/u/.ssh` is granted by name only");
    read(home, "/home/u/.local/state/remit/tasks", Decision::Deny, "`/home/u/.local/state/remit` is granted by name only");
    let named = r#"{"tools":["read"],"toolsSettings":{"sandbox":{"files":{"read":["~","~/.aws/config"]}}}}"#;
    read(named, "/home/u/.aws/config", Decision::Allow, granted);
    read(named, "/home/u/.aws/credentials", Decision::Deny, "`/home/u/.aws` is granted by name only");
}

#[test]
fn writing() {
    let write = |text: &str, file: &str, expected, why: &str| check(text, Request::WriteFile(path(file)), expected, why);
    let granted = "it is in the write grant";
    let all = r#"{"tools":["write"],"allowedTools":["write"],"toolsSettings":{"write":{"deniedPaths":["LICENSE"]}}}"#;
    write(all, "/home/u/work/a", Decision::Allow, granted);
    write(all, "/home/u/work/LICENSE", Decision::Deny, "`deniedPaths` denies writing it");
    write(all, "/home/u/work/.git/hooks/pre-commit", Decision::Deny, "`/home/u/work/.git/hooks` is granted by name only");
    write(all, "/home/u/work/agents/a.json", Decision::Deny, "`/home/u/work/agents/a.json` is granted by name only");
    write(all, "/home/u/work/.vscode/tasks.json", Decision::Deny, "`/home/u/work/.vscode` is granted by name only");
    write(all, "/home/u/.bashrc", Decision::Deny, "`/home/u/.bashrc` is granted by name only");
    write(all, "/home/u/a", Decision::Ask, "no rule lets `/home/u/a` be written unasked");
    write(r#"{"tools":["write"]}"#, "/home/u/work/a", Decision::Ask, "no rule lets `/home/u/work/a` be written unasked");
    write(r#"{"tools":["read"]}"#, "/home/u/work/a", Decision::Deny, "the agent has no `fs_write`");
    let hooks = r#"{"tools":["write"],"toolsSettings":{"write":{"allowedPaths":["**",".git/hooks/**"]}}}"#;
    write(hooks, "/home/u/work/.git/hooks/pre-commit", Decision::Allow, granted);
    write(hooks, "/home/u/work/.git/config", Decision::Deny, "`/home/u/work/.git/config` is granted by name only");
}

#[test]
fn what_a_task_has_of_its_own_is_not_the_hosts() {
    let (policy, _) = compiled_under(r#"{"tools":["read","write"]}"#, Reading::Remit, &profile("base")).unwrap();
    let judged = |request: Request| policy.judge(&request).0;
    assert_eq!(judged(Request::ReadFile(path("/usr/include/stdio.h"))), Decision::Allow);
    assert_eq!(judged(Request::ReadFile(path("/proc/self/environ"))), Decision::Ask);
    assert_eq!(judged(Request::ReadFile(path("/tmp/other"))), Decision::Ask);
    assert_eq!(judged(Request::WriteFile(path("/tmp/other"))), Decision::Ask);
    assert_eq!(judged(Request::WriteFile(path("/dev/null"))), Decision::Ask);
}

#[test]
fn tools() {
    let tool = |text: &str, name: &str, expected, why: &str| check(text, Request::Tool(name.to_owned()), expected, why);
    let asked = "`allowedTools` does not pre-approve it";
    let allowed = "`allowedTools` pre-approves it";
    tool(r#"{"tools":["aws"]}"#, "use_aws", Decision::Ask, asked);
    tool(r#"{"tools":["aws"],"allowedTools":["use_*"]}"#, "aws", Decision::Allow, allowed);
    tool(r#"{"tools":["read"]}"#, "use_aws", Decision::Deny, "the agent has no `use_aws`");
    tool(r#"{"tools":["read"]}"#, "fs_read", Decision::Allow, "what it reads is decided file by file");
    tool(r#"{"tools":["*"]}"#, "fs_raed", Decision::Deny, "no product has a tool `fs_raed`");
    tool(r#"{"tools":["shell"],"allowedTools":["shell"]}"#, "shell", Decision::Allow, allowed);
    tool(&shell(r#"{"allowedCommands":["ls"]}"#), "shell", Decision::Ask, "what it runs is decided command by command");
    let narrowed = r#"{"tools":["aws"],"allowedTools":["aws"],"toolsSettings":{"aws":{"deniedServices":["iam"]}}}"#;
    tool(narrowed, "use_aws", Decision::Ask, "its settings decide call by call");
    let servers = r#"{"tools":["@git","@hub/list"],"allowedTools":["@git/read_*","@h*","*"]}"#;
    tool(servers, "@git/read_log", Decision::Allow, allowed);
    tool(servers, "@git/push", Decision::Ask, asked);
    tool(servers, "@github/read_log", Decision::Deny, "the agent has no `@github/read_log`");
    tool(servers, "@hub/list", Decision::Allow, allowed);
    tool(servers, "@hub/delete", Decision::Deny, "the agent has no `@hub/delete`");
    let disabled = r#"{"tools":["@git"],"allowedTools":["@git"],"mcpServers":{"git":{"command":"x","disabledTools":["push"]}}}"#;
    tool(disabled, "@git/push", Decision::Deny, "`disabledTools` of its server takes it out");
    tool(disabled, "@git/pull", Decision::Allow, allowed);
    // A bare `*` in `allowedTools` covers built-in tools only.
    tool(r#"{"tools":["*"],"allowedTools":["*"]}"#, "@git/log", Decision::Ask, asked);
    tool(r#"{"tools":["*"],"allowedTools":["*"]}"#, "web_fetch", Decision::Ask, "what it fetches is decided address by address");
}

#[test]
fn only_what_was_approved_starts_by_itself() {
    let file = |args: &str, value: &str| {
        let server = format!(r#"{{"command":"srv","args":[{args}],"env":{{"K":"{value}"}}}}"#);
        format!(r#"{{"name":"a","mcpServers":{{"s":{server}}},"hooks":{{"stop":[{{"command":"h"}}]}}}}"#)
    };
    let approved = crate::testing::policy(&file(r#""a b""#, "${env:HUB}"));
    assert_eq!(approved.starts[1].command, "srv 'a b'");
    assert_eq!(approved.starts[1].handed_on, ["HUB"]);
    for (args, value, expected) in [
        (r#""a b""#, "${env:HUB}", Decision::Allow),
        (r#""a","b""#, "${env:HUB}", Decision::Deny),
        (r#""a b""#, "${env:OTHER}", Decision::Deny),
    ] {
        for start in crate::testing::policy(&file(args, value)).starts.into_iter().skip(1) {
            assert_eq!(approved.judge(&Request::Start(start)).0, expected, "{args} {value}");
        }
    }
    assert_eq!(approved.judge(&Request::Start(approved.starts[0].clone())).0, Decision::Allow);
}

#[test]
fn an_unrestricted_profile_permits_what_is_not_denied() {
    let trusted = crate::unrestricted(&profile("unrestricted"), &crate::testing::workspace());
    for request in [
        line("a | b"),
        argv(&["ls"]),
        Request::ReadFile(path("/etc/shadow")),
        Request::WriteFile(path("/x")),
        Request::Tool("x".to_owned()),
    ] {
        let (decision, reason) = trusted.judge(&request);
        assert_eq!((decision, &reason.origin), (Decision::Allow, &Origin::Profile("unrestricted".into())), "{request:?}");
    }
    assert_eq!(trusted.judge(&argv(&[])).0, Decision::Deny);
    let text = shell(r#"{"deniedCommands":["rm *"]}"#);
    let (policy, _) = compiled_under(&text, Reading::Remit, &profile("unrestricted")).unwrap();
    assert_eq!(policy.judge(&line("rm x")).0, Decision::Deny);
    assert_eq!(policy.judge(&line("ls")).0, Decision::Allow);
    assert_eq!(policy.judge(&line("ls; rm x")).0, Decision::Deny);
    assert_eq!(policy.judge(&line("ls; $X")).0, Decision::Ask);
}

#[test]
fn a_verdict_names_the_rule_and_its_place() {
    let policy = policy("{\"tools\":[\"shell\"],\n\"toolsSettings\":{\"shell\":{\"allowedCommands\":[\"npm test\"]}}}");
    let Verdict::Allow(permit) = policy.decide(argv(&["npm", "test"])) else { panic!("not allowed") };
    assert_eq!((permit.reason().rule.as_str(), permit.reason().origin.to_string().as_str()), ("npm test", "agent.json:2:46"));
    assert_eq!(permit.policy(), &policy.digest());
    let Verdict::Ask(question) = policy.decide(argv(&["npm", "ci"])) else { panic!("not asked") };
    assert_eq!(question.answered_yes().request(), &argv(&["npm", "ci"]));
}

fn words() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[ab*]{1,3}|/bin/a|a\\.\\*", 1..4)
}

fn patterns() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(words().prop_map(|words| words.join(" ")), 0..4)
}

fn judged(allow: &[String], deny: &[String], command: &[String]) -> Decision {
    let settings = serde_json::json!({ "allowedCommands": allow, "deniedCommands": deny }).to_string();
    policy(&shell(&settings)).judge(&Request::Command(CommandLine::Argv(command.to_vec()))).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn adding_a_denial_never_allows_more(allow in patterns(), mut deny in patterns(), more in words(), command in words()) {
        let before = judged(&allow, &deny, &command);
        deny.push(more.join(" "));
        prop_assert!(judged(&allow, &deny, &command) >= before);
    }

    #[test]
    fn adding_an_allowance_never_denies_more(mut allow in patterns(), deny in patterns(), more in words(), command in words()) {
        let before = judged(&allow, &deny, &command);
        allow.push(more.join(" "));
        prop_assert!(judged(&allow, &deny, &command) <= before);
    }

    #[test]
    fn the_order_of_rules_does_not_matter(mut allow in patterns(), mut deny in patterns(), command in words()) {
        let before = judged(&allow, &deny, &command);
        allow.reverse();
        deny.reverse();
        prop_assert_eq!(judged(&allow, &deny, &command), before);
    }

    #[test]
    fn adding_a_file_rule_moves_the_answer_one_way(
        rules in prop::collection::vec(("[abc]{1,2}|\\*|\\*\\*/a|\\.git|\\.git/hooks", any::<bool>()), 0..5),
        more in "[abc]{1,2}|\\*|\\*\\*/a|\\.git|\\.git/hooks",
        file in "[abc]{1,2}|a/[abc]|\\.git/hooks/x|\\.git/config",
    ) {
        let judged = |allowed: &[&String], denied: &[&String]| {
            let paths = serde_json::json!({ "allowedPaths": allowed, "deniedPaths": denied });
            let text = format!(r#"{{"tools":["write"],"toolsSettings":{{"write":{paths}}}}}"#);
            policy(&text).judge(&Request::WriteFile(path("/home/u/work").join(&file))).0
        };
        let list = |wanted: bool| rules.iter().filter(|(_, allow)| *allow == wanted).map(|(text, _)| text).collect::<Vec<_>>();
        let (allowed, denied) = (list(true), list(false));
        let before = judged(&allowed, &denied);
        prop_assert!(judged(&[&allowed[..], &[&more]].concat(), &denied) <= before);
        prop_assert!(judged(&allowed, &[&denied[..], &[&more]].concat()) >= before);
    }

    #[test]
    fn any_line_has_an_answer(text in "\\PC*|[a-z '\"\\\\$`~|&;<>(){}\\n\\x00]*") {
        let policy = policy(&shell(r#"{"allowedCommands":["a *"],"deniedCommands":["b.*"]}"#));
        policy.judge(&line(&text));
        policy.judge(&Request::Tool(text));
    }
}

#[test]
fn a_rule_without_words_covers_only_what_it_says() {
    let rule = CommandRule {
        pattern: CommandPattern::Words { text: String::new(), words: Vec::new(), rest: false },
        origin: Origin::BuiltIn,
    };
    assert!(!rule.pattern.covers(&["a".to_owned()]));
}
