//! Whole lines of a shell: their parts, and laws over all of them.

use super::*;

#[test]
fn a_line_names_its_parts() {
    let policy = policy(&shell(r#"{"allowedCommands":["npm test","tool *"],"deniedCommands":["rm *"]}"#));
    let judged = policy.judge_line(&CommandLine::Shell("npm test; tool x && id; rm y".to_owned()));
    let parts: Vec<_> = judged.parts.iter().map(|part| (part.text.as_str(), part.decision, part.reason.rule.as_str())).collect();
    assert_eq!(
        parts,
        [
            ("npm test", Decision::Allow, "npm test"),
            ("tool x", Decision::Allow, "tool *"),
            ("id", Decision::Ask, "commands"),
            ("rm y", Decision::Deny, "rm *"),
        ]
    );
    assert_eq!(judged.reason.why, "`rm y`: a pattern of `deniedCommands` matches");
    let help = judged.parts.get(1).and_then(|part| part.reason.help.as_deref());
    assert_eq!(help, Some("what the options of `tool` do is not examined"));
}

#[test]
fn a_static_simple_command_needs_no_shell() {
    let direct = |line: &str| CommandLine::Shell(line.to_owned()).direct().map(|words| words.join("|"));
    assert_eq!(direct("cargo test 'a b'").as_deref(), Some("cargo|test|a b"));
    for line in "cd x|export A=1|a; b|a > f|A=1 a|a $x|eval a||:|exit 1|type ls|help|times|dirs|shift".split('|') {
        assert_eq!(direct(line), None, "{line}");
    }
}

/// Lines made of pieces that mean something to a shell.
fn lines() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        "git push",
        "git status",
        "rm x",
        "sh -c 'b'",
        "xargs",
        "env",
        "sudo",
        "; ",
        " && ",
        " | ",
        " > f",
        " $x",
        " *",
        "'",
        "\"",
        "(",
        ")",
        "{ ",
        "; }",
        "\n",
        "$(",
        "`",
        " -c",
        " --output=f",
        "A=1 ",
        "cd d",
        " 2>&1",
        "<<E\n",
        "find . -exec ",
        "if ",
        "; then ",
        "; fi",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn gate(allow: &[&str], deny: &[&str]) -> crate::Policy {
    policy(&shell(&serde_json::json!({ "allowedCommands": allow, "deniedCommands": deny }).to_string()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn more_denials_never_allow_more_of_a_line(text in lines()) {
        let some = gate(&["a *", "git *", "xargs *"], &["rm *"]).judge(&line(&text)).0;
        let more = gate(&["a *", "git *", "xargs *"], &["rm *", "git push *", "regex:.*b.*"]).judge(&line(&text)).0;
        prop_assert!(more >= some, "{text}: {some:?} {more:?}");
    }

    #[test]
    fn more_allowances_never_deny_more_of_a_line(text in lines()) {
        let some = gate(&["a *"], &["rm *"]).judge(&line(&text)).0;
        let more = gate(&["a *", "b *", "git *", "*"], &["rm *"]).judge(&line(&text)).0;
        prop_assert!(more <= some, "{text}: {some:?} {more:?}");
    }

    #[test]
    fn a_list_is_as_strict_as_its_strictest_part(one in 0..6_usize, other in 0..6_usize, third in 0..6_usize) {
        let commands = ["a x", "b", "rm x", "git status", "a $x", "sudo a"];
        let pick = |index: usize| commands.get(index).copied().unwrap();
        let policy = gate(&["a *", "git *"], &["rm *"]);
        let of = |text: &str| policy.judge(&line(text)).0;
        let worst = of(pick(one)).max(of(pick(other))).max(of(pick(third)));
        for joined in ["; ", " && ", " || ", " | ", "\n"] {
            let text = [pick(one), pick(other), pick(third)].join(joined);
            prop_assert_eq!(of(&text), worst, "{}", text);
        }
    }

    #[test]
    fn judging_a_line_and_its_parts_agree(text in lines()) {
        let policy = gate(&["a *", "git *"], &["rm *"]);
        let judged = policy.judge_line(&CommandLine::Shell(text.clone()));
        let worst = judged.parts.iter().map(|part| part.decision).max();
        prop_assert_eq!(worst.unwrap_or(judged.decision), judged.decision, "{}", text);
        for part in &judged.parts {
            prop_assert!(text.get(part.span.start..part.span.end).is_some());
        }
    }
}
