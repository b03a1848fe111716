//! Reasons and settings, from a policy and what might have been seen.

use std::collections::BTreeMap;
use std::path::Path;

use remit_agent::{AbsPath, Agent, Reading, parse};
use remit_policy::{Policy, Profile, Workspace, compile};
use remit_sandbox::{Act, Because, FailedProcess, Observed, Refused, Target};

use crate::{Setting, explain, render, setting};

fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

fn policy(sandbox: &str) -> Policy {
    let text = format!(r#"{{ "name": "a", "tools": [], "toolsSettings": {{ "sandbox": {sandbox} }} }}"#);
    let (agent, _) = Agent::resolve(parse("a.json", text.as_bytes()), path("/h/a.json"), Reading::Remit).unwrap();
    let workspace = Workspace { root: path("/h/w"), home: path("/h"), state: path("/h/s"), config: path("/h/c") };
    compile(&agent, &Profile::load("base", &BTreeMap::new()).unwrap(), &workspace).unwrap().0
}

fn refused(act: Act, at: &str, process: u32, last: u64) -> Refused {
    let target = Target::Path(path(at));
    Refused { act, target, because: Because::NotGranted, process, name: format!("p{process}"), count: 1, last }
}

#[test]
fn each_refusal_has_its_setting() {
    let check = |sandbox: &str, act: Act, at: &str, expected: &str| {
        let shown = match setting(&policy(sandbox), act, &Target::Path(path(at)), Because::NotGranted) {
            Setting::Add { key, value } => format!("{}: {value}", key.strip_prefix("toolsSettings.sandbox.").unwrap()),
            Setting::Remove { pattern, .. } => format!("remove {pattern}"),
            Setting::None { why } => why,
        };
        assert_eq!(shown, expected, "{act:?} {at}");
    };
    check("{}", Act::Read, "/h/.config/pip/pip.conf", r#"files.read: ["~/.config/pip/pip.conf"]"#);
    check("{}", Act::Read, "/etc/shadow", r#"files.read: ["/etc/shadow"]"#);
    check("{}", Act::Execute, "/h/w/run.sh", r#"files.execute: ["run.sh"]"#);
    check("{}", Act::Write, "/h/w/a[1]", r#"files.write: ["a[[]1]"]"#);
    check("{}", Act::Create, "/h/w/target/debug/x", r#"files.write: ["target/debug/**"]"#);
    check(r#"{ "workspace": "direct" }"#, Act::Create, "/h/w/x", r#"workspace: "layer""#);
    check("{}", Act::Create, "/h/w/.git/hooks/x", r#"files.write: [".git/hooks/x"]"#);
    check(r#"{ "files": { "hide": ["**/.env"] } }"#, Act::Read, "/h/w/a/.env", "remove **/.env");
    let home = r#"make `~/x` before the start, and grant it: toolsSettings.sandbox.files.write: ["~/x"]"#;
    check("{}", Act::Create, "/h/x", home);
}

#[test]
fn what_no_setting_permits_has_none() {
    let check = |act: Act, target: &Target, because: Because, expected: &str| {
        let Setting::None { why } = setting(&policy("{}"), act, target, because) else { unreachable!() };
        assert_eq!(why, expected, "{target:?}");
    };
    let bit = "a program with it would make whoever starts it one of your group";
    check(Act::Change, &Target::Path(path("/h/w/out/x")), Because::SetGroupId, bit);
    let own = "a task changes its own processes and no others";
    check(Act::Limit, &Target::Process(Some(7)), Because::OtherProcess, own);
}

#[test]
fn addresses_have_theirs() {
    let check = |act: Act, address: &str, port: u16, expected: &str| {
        let target = Target::Address { address: address.parse().unwrap(), port };
        let Setting::Add { value, .. } = setting(&policy("{}"), act, &target, Because::NoNetwork) else { unreachable!() };
        assert_eq!(value, expected, "{address}");
    };
    check(Act::Connect, "10.1.2.3", 80, r#"{"allow":["10.1.2.3:80"]}"#);
    check(Act::Connect, "2001:db8::1", 443, r#"{"allow":["[2001:db8::1]:443"]}"#);
    check(Act::Connect, "10.0.0.1", 53, r#"{"allow":["HOST:PORT"]}"#);
    check(Act::Listen, "0.0.0.0", 8080, r#""all""#);
}

/// What failed had tried comes first, the last of it before the rest; what was only looked at comes last.
#[test]
fn the_most_telling_is_first() {
    let mut observed = Observed::default();
    observed.refuse(refused(Act::Look, "/h/looked", 2, 9));
    observed.refuse(refused(Act::Read, "/h/early", 2, 1));
    observed.refuse(refused(Act::Read, "/h/late", 2, 5));
    observed.refuse(refused(Act::Read, "/h/of-another", 3, 8));
    observed.refuse(refused(Act::Look, "/h/late", 2, 4));
    observed.fail(FailedProcess { process: 2, code: 1, last: 10 });
    let explanation = explain(&policy("{}"), &observed);
    let told: Vec<(&str, bool)> = explanation.refusals.iter().map(|one| (one.what.as_str(), one.telling)).collect();
    assert_eq!(told, [("/h/late", true), ("/h/early", true), ("/h/of-another", false), ("/h/looked", false)]);
}

#[test]
fn many_names_are_told_by_their_directory() {
    let mut observed = Observed::default();
    for number in 0..500 {
        observed.refuse(refused(Act::Create, &format!("/h/d/{number}"), 2, number));
    }
    observed.refuse(refused(Act::Read, "/h/\u{1b}[31m", 2, 501));
    let explanation = explain(&policy("{}"), &observed);
    let text = render(&explanation, true);
    assert!(text.contains("create /h/d (500 names in it), by p2, 500 times"), "{text}");
    assert!(text.contains(r#"to permit it: toolsSettings.sandbox.files.write: ["~/d/**"]"#), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert_eq!(explanation.refusals.len(), 2);
}
