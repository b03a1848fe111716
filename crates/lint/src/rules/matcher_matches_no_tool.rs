use remit_agent::{NativeTool, Reading, nearest};
use remit_diagnostics::{Diagnostic, Fix, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, products};

pub(crate) static RULE: Rule = Rule {
    name: "matcher-matches-no-tool",
    severity: Severity::Warning,
    what: "Finds matchers of hooks that no tool has: regular expressions, and names of no tool.",
    why: "A matcher is a name or a glob. Under `fs_write|execute_bash` the hook never runs, and what it was to guard is not guarded.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "hooks": { "postToolUse": [{ "matcher": "fs_write|execute_bash", "command": "./log.sh" }] }
}"#,
        mended: r#"{
  "name": "example",
  "hooks": {
    "postToolUse": [
      { "matcher": "fs_write", "command": "./log.sh" },
      { "matcher": "execute_bash", "command": "./log.sh" }
    ]
  }
}"#,
    },
    cure: "Write a hook for each tool, or a glob such as `fs_*`.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let matchers = facts.file().hooks.iter().filter_map(|hook| hook.matcher.as_ref());
    let dead = matchers.filter(|matcher| !matcher.value.starts_with('@') && !matcher.value.is_empty());
    let dead = dead.filter(|matcher| !NativeTool::ALL.into_iter().any(|tool| products::covers(&matcher.value, tool)));
    dead.map(|matcher| {
        let is_regex = matcher.value.contains(['|', '^', '$', '\\']) || matcher.value.contains(".*");
        let known = NativeTool::ALL.iter().flat_map(|tool| tool.names()).copied();
        let meant = nearest(&matcher.value, known).filter(|_| !is_regex);
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            _ => "write a hook for each tool, or a glob such as `fs_*`".to_owned(),
        };
        rule.finding(facts, matcher.span, format!("no tool is matched by `{}`", matcher.value))
            .label(if is_regex { "a matcher is no regular expression" } else { "no tool has this name" })
            .note("the hook never runs, and what it was to guard is not guarded")
            .help(help)
            .maybe_fix(meant.and_then(|meant| Fix::instead(facts.source, matcher.span, meant)))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn names_and_globs_match() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Remit, file, expected);
        check(
            r#"{"hooks": {"stop": [{"command": "x", "matcher": "fs_*"}, {"command": "x", "matcher": "*"}, {"command": "x", "matcher": "@git/push"}, {"command": "x"}]}}"#,
            &[],
        );
        check(
            r#"{"hooks": {"postToolUse": [{"command": "x", "matcher": "Bash"}, {"command": "x", "matcher": "fs_read|fs_write"}]}}"#,
            &[r#""Bash""#, r#""fs_read|fs_write""#],
        );
    }
}
