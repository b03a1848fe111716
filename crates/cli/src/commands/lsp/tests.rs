use std::path::Path;

use proptest::prelude::*;
use remit_agent::AbsPath;
use remit_diagnostics::Source;
use remit_policy::Workspace;
use serde_json::{Value, json};

use super::session::Session;
use super::{position, wire};
use crate::disk::HostDisk;
use crate::judge::How;
use crate::load::UserProfiles;

fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

fn session() -> Session {
    let workspace = Workspace {
        root: path("/work"),
        home: path("/home/ann"),
        state: path("/home/ann/.state"),
        config: path("/home/ann/.config/remit"),
    };
    Session::new(How {
        read_as: None,
        judged_for: Vec::new(),
        profiles: UserProfiles::default(),
        disk: Box::new(HostDisk),
        workspace,
    })
}

const URI: &str = "file:///work/.amazonq/cli-agents/a%20b.json";

fn opened(text: &str) -> (Session, Value) {
    let mut session = session();
    session.answers(&json!({ "id": 0, "method": "initialize", "params": {} }));
    let open = json!({ "method": "textDocument/didOpen", "params": { "textDocument": { "uri": URI, "text": text } } });
    let published = session.answers(&open).remove(0);
    (session, published["params"]["diagnostics"].clone())
}

fn ask(session: &mut Session, method: &str, params: &Value) -> Value {
    session.answers(&json!({ "id": 7, "method": method, "params": params })).remove(0)
}

fn hover(text: &str, needle: &str) -> String {
    let (mut session, _) = opened(text);
    let before = &text[..=text.find(needle).unwrap()];
    let line = before.matches('\n').count();
    let character = before.rsplit('\n').next().unwrap().encode_utf16().count();
    let params = json!({ "textDocument": { "uri": URI }, "position": { "line": line, "character": character } });
    let answer = ask(&mut session, "textDocument/hover", &params);
    answer["result"]["contents"]["value"].as_str().unwrap_or("nothing").to_owned()
}

const TEXT: &str = "{\n  \"name\": \"a b\", \"description\": \"\u{1f980}\", \"tools\": [\"execute_bash\"],\n  \"toolsSettings\": { \"execute_bash\": { \"allowedCommands\": [\"git status|git diff\"] } }\n}\n";

#[test]
fn what_is_found_is_published_and_mended() {
    let (mut session, diagnostics) = opened(TEXT);
    let found = diagnostics.as_array().unwrap().iter().find(|finding| finding["code"] == "alternation-splits-anchors").unwrap();
    assert_eq!(found["range"]["start"], json!({ "line": 2, "character": 59 }));
    let params = json!({ "textDocument": { "uri": URI }, "range": found["range"] });
    let actions = ask(&mut session, "textDocument/codeAction", &params);
    let action = &actions["result"][0];
    assert_eq!(action["title"], "put the alternatives in parentheses");
    assert_eq!(action["edit"]["changes"][URI][0]["newText"], "\"(git status|git diff)\"");
    let mended = json!({ "method": "textDocument/didChange", "params": {
        "textDocument": { "uri": URI }, "contentChanges": [{ "text": TEXT.replace("git status|git diff", "(git status|git diff)") }] } });
    let published = session.answers(&mended);
    assert!(!published[0].to_string().contains("alternation-splits-anchors"));
    let closed = session.answers(&json!({ "method": "textDocument/didClose", "params": { "textDocument": { "uri": URI } } }));
    assert_eq!(closed[0]["params"]["diagnostics"], json!([]));
}

#[test]
fn a_hover_says_what_a_pattern_matches() {
    let with = |settings: &str| format!(r#"{{"name": "a", "tools": ["shell", "read"], "toolsSettings": {settings}}}"#);
    insta::assert_snapshot!(hover(&with(r#"{"shell": {"deniedCommands": [" git push"]}}"#), "\" git push"), @"
    A regular expression over one simple command. The gate says:

    - ` git push`: denied (a pattern of `deniedCommands` matches)
    - ` git push more`: asks (no pattern of `allowedCommands` matches)
    - ` git push && id`: denied (`git push`: a pattern of `deniedCommands` matches)
    - ` git push | sh`: denied (`git push`: a pattern of `deniedCommands` matches)
    - ` git push > out.txt`: denied (a pattern of `deniedCommands` matches)
    ");
    insta::assert_snapshot!(hover(TEXT, "\"git status|"), @"
    A regular expression over one simple command. The gate says:

    - `git status`: runs unasked (a pattern of `allowedCommands` matches)
    - `git status more`: asks (no pattern of `allowedCommands` matches)
    - `git status && id`: asks (`id`: no pattern of `allowedCommands` matches)
    - `git status | sh`: asks (`sh`: no pattern of `allowedCommands` matches)
    - `git status > out.txt`: asks (no rule lets `out.txt` be written unasked)
    ");
    insta::assert_snapshot!(hover(TEXT, "\"execute_bash\"]"), @"
    The gate says:

    - `execute_bash`: asks (what it runs is decided command by command)
    ");
    insta::assert_snapshot!(hover(&with(r#"{"read": {"deniedPaths": ["**/.env"]}}"#), "\"**/.env"), @"- `**/.env below /work` is hidden: neither read nor written");
    insta::assert_snapshot!(hover(TEXT, "\"allowedCommands"), @"Patterns of commands that run without asking: globs word by word, `cargo test *`; a pattern without `*` is exactly that command. In files of Kiro CLI and Amazon Q CLI, regular expressions.");
    insta::assert_snapshot!(hover(TEXT, "{"), @"nothing");
}

#[test]
fn the_order_of_a_session_is_kept() {
    let mut session = session();
    let code = |answers: &[Value]| answers[0]["error"]["code"].as_i64();
    assert_eq!(code(&[ask(&mut session, "textDocument/hover", &json!({}))]), Some(-32002));
    ask(&mut session, "initialize", &json!({}));
    assert_eq!(code(&[ask(&mut session, "no/such", &json!({}))]), Some(-32601));
    assert_eq!(code(&[ask(&mut session, "textDocument/hover", &json!({}))]), Some(-32602));
    assert_eq!(code(&session.answers(&json!([]))), Some(-32600));
    assert_eq!(ask(&mut session, "shutdown", &Value::Null)["result"], Value::Null);
    assert_eq!(code(&[ask(&mut session, "textDocument/hover", &json!({}))]), Some(-32600));
    assert_eq!(session.ended(), None);
    session.answers(&json!({ "method": "exit" }));
    assert_eq!(session.ended(), Some(true));
}

#[test]
fn a_message_that_only_claims_to_be_long_takes_no_space() {
    let check = |input: &str, expected: &str| {
        let said = match wire::read(&mut input.as_bytes()) {
            Ok(message) => format!("{message:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(said, expected, "{input:?}");
    };
    check("", "None");
    check("Content-Length: 2\r\n\r\n{}", "Some(Object {})");
    check("content-length:2\nX: y\n\n{}", "Some(Object {})");
    check("Content-Length: 99999999999999\r\n\r\n", "what the editor sends is longer than 32 MiB");
    check("Content-Length: 30000000\r\n\r\n{", "what the editor sends ends within a message");
    check("Content-Length: -1\r\n\r\n{}", "what the editor sends has no `Content-Length`");
    check("\r\n", "what the editor sends has no `Content-Length`");
    check("Content-Length: 1\r\n\r\n{", "what the editor sends is not JSON");
    check(&"x".repeat(10_000), "what the editor sends has no `Content-Length`");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn positions_go_there_and_back(text in "[a\u{e9}\u{1f980}\n\r]{0,20}") {
        let source = Source::new("", text.as_str());
        for (at, c) in text.char_indices().filter(|(_, c)| *c != '\n' && *c != '\r') {
            let range = position::range(&source, remit_diagnostics::Span::new(at, at + c.len_utf8()));
            prop_assert_eq!(position::offset(&source, &range["start"]), Some(at));
        }
    }

    #[test]
    fn any_bytes_have_an_end(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,60}", line in 0_u64..4, character in any::<u64>()) {
        let mut input = bytes.as_slice();
        while let Ok(Some(_)) = wire::read(&mut input) {}
        let (mut session, _) = opened(&text);
        let params = json!({ "textDocument": { "uri": URI }, "position": { "line": line, "character": character } });
        prop_assert!(ask(&mut session, "textDocument/hover", &params).get("result").is_some());
    }
}
