use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};
use remit_policy::Decision;

use crate::input::Facts;
use crate::{Pattern, Product, Rule, RuleExample, rewrite, several::Several};

pub(crate) static RULE: Rule = Rule {
    name: "allow-accepts-pipe",
    severity: Severity::Warning,
    what: "Finds patterns of `allowedCommands` that let a pipe into a shell run unasked in Amazon Q CLI.",
    why: "There the pattern is compared with the whole line, pipes and all: whoever allows `cat .*` allows `cat x | bash`, and so every command.",
    example: RuleExample {
        reading: Reading::Q,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["cat .*"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["cat README\\.md"] } }
}"#,
    },
    cure: "Let the pattern take no `|`, as in `cat [^|]*`, or name the arguments.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    if !facts.products.has(Product::Q) {
        return Vec::new();
    }
    let accepting = facts.allowed_to_try().into_iter().filter_map(|(text, pattern)| Some((text, piped(facts, pattern)?)));
    let Some(found) = Several::of(accepting) else { return Vec::new() };
    let others = found.and_others("accept a pipe too");
    let finding = rule
        .finding_for(facts, &[Product::Q], found.entry.span, format!("Amazon Q CLI lets `{}` run unasked", found.witness))
        .label("compared with the whole line")
        .note(format!("what is piped into a shell is any command{others}"))
        .help("let the pattern take no `|`, as in `cat [^|]*`, or name the arguments")
        .maybe_fix(rewrite::each(facts, "let the pattern take no `|`", &found, without_pipes));
    vec![finding]
}

/// Narrows: a `.` takes neither the end of a line nor, now, a pipe.
fn without_pipes(pattern: &str) -> Option<String> {
    let parts: Vec<&str> = pattern.split(".*").collect();
    let is_dot = |part: &&str| !part.ends_with('\\') && !part.contains('[');
    (parts.len() > 1 && parts.iter().all(is_dot)).then(|| parts.join(r"[^|\n]*"))
}

/// Returns a line with a pipe into a shell that Q lets through by this pattern.
fn piped(facts: &Facts, pattern: &Pattern) -> Option<String> {
    let sample = pattern.filled()?.to_owned();
    let line = format!("{} | bash", sample.trim_end());
    let by_this = pattern.matches(&line) == Some(true);
    (by_this && facts.judge(Product::Q, &line) == Some(Decision::Allow)).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check_as, settings};

    fn check(pattern: &str, is_found: bool) {
        let place = format!("\"{pattern}\"");
        let expected: &[&str] = if is_found { &[&place] } else { &[] };
        check_as(&RULE, Reading::Q, &settings("[]", &format!(r#""shell": {{"allowedCommands": [{place}]}}"#)), expected);
    }

    #[test]
    fn the_fix_takes_no_pipe() {
        let file = settings("[]", r#""shell": {"allowedCommands": ["cat .*", "ls.*"]}"#);
        let mended = file.replace("cat .*", r"cat [^|\\n]*").replace("ls.*", r"ls[^|\\n]*");
        assert_eq!(crate::tests::fixes(&RULE, Reading::Q, &file), [mended]);
        assert_eq!(without_pipes(r"a\.*"), None);
    }

    #[test]
    fn the_line_is_judged_as_q_does() {
        check("cat .*", true);
        check("ls.*", true);
        check(".*", true);
        check("cat [^|]*", false);
        check("git status", false);
        check("git *", false);
        check("echo .*;.*", false);
    }

    #[test]
    fn kiro_takes_the_pipe_apart() {
        let file = settings("[]", r#""shell": {"allowedCommands": ["cat .*"]}"#);
        check_as(&RULE, Reading::Kiro, &file, &[]);
    }
}
