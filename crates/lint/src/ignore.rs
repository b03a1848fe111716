//! `toolsSettings.sandbox.remit-lint-ignore`: findings that are meant to be so, by rule, each with the reason.
//!
//! JSON has no comments, and this is the one object of the format in which Kiro CLI and Amazon Q CLI let a key of
//! somebody else stand.

use remit_agent::{AgentFile, Text, nearest};
use remit_diagnostics::{Diagnostic, Edit, Fix, Source, Span};

use crate::rules;

/// The code of what this file finds itself.
pub const UNUSED_IGNORE: &str = "unused-ignore";

/// The findings that are left, and how many are meant to be so.
#[derive(Debug)]
pub struct Heeded {
    pub findings: Vec<Diagnostic>,
    pub ignored: usize,
}

/// Takes out the findings that the file says are meant to be so, and adds one for each name that takes out nothing.
///
/// Only what a rule finds can be meant so. What keeps a file from being read or compiled is no matter of opinion.
/// `all_products` is whether the findings are those of every product that reads the file: without the others, nobody can
/// say that a name is of no use.
pub fn heed_ignores(source: &Source, file: &AgentFile, findings: Vec<Diagnostic>, all_products: bool) -> Heeded {
    let Some(sandbox) = &file.settings.sandbox else { return Heeded { findings, ignored: 0 } };
    let ignores = &sandbox.value.lint_ignore;
    let is_rule = |name: &str| rules().iter().any(|rule| rule.name == name);
    let meant = |finding: &Diagnostic| {
        let named = ignores.iter().any(|(rule, reason)| rule.value == finding.code && !reason.value.trim().is_empty());
        named && is_rule(finding.code)
    };
    let (taken, mut left): (Vec<Diagnostic>, Vec<Diagnostic>) = findings.into_iter().partition(meant);
    for (rule, reason) in ignores {
        let used = taken.iter().any(|finding| finding.code == rule.value);
        if !used && (all_products || !is_rule(&rule.value)) {
            left.push(unused(source, rule, reason, is_rule(&rule.value)));
        }
    }
    left.sort_by_key(|finding| (finding.location.span, finding.code));
    Heeded { findings: left, ignored: taken.len() }
}

fn unused(source: &Source, rule: &Text, reason: &Text, is_rule: bool) -> Diagnostic {
    let name = &rule.value;
    if is_rule {
        let entry = Span::new(rule.span.start, reason.span.end);
        let fix = Fix::new("remove it", vec![Edit::remove_entry(source, entry)]);
        return Diagnostic::warning(
            UNUSED_IGNORE,
            source,
            rule.span,
            format!("`{name}` finds nothing here that could be ignored"),
        )
        .note("left standing, it would hide what somebody writes later")
        .help("remove it")
        .fix(fix);
    }
    let finding = Diagnostic::warning(UNUSED_IGNORE, source, rule.span, format!("no rule of lint is named `{name}`"))
        .note("only what a rule finds can be ignored; what keeps the file from being used cannot");
    match nearest(name, rules().iter().map(|rule| rule.name)) {
        Some(meant) => finding.help(format!("did you mean `{meant}`?")),
        None => finding.help("`remit lint --explain all` lists the rules"),
    }
}

#[cfg(test)]
mod tests {
    use remit_agent::parse;

    use super::*;

    fn check(ignore: &str, found: &[&'static str], expected: &str) {
        let text = format!(r#"{{"toolsSettings": {{"sandbox": {{"remit-lint-ignore": {ignore}}}}}}}"#);
        let parsed = parse("a.json", text.as_bytes());
        let findings = found.iter().map(|code| Diagnostic::warning(code, &parsed.source, Span::at(0), "m")).collect();
        let heeded = heed_ignores(&parsed.source, &parsed.file, findings, true);
        let left: Vec<String> = heeded
            .findings
            .iter()
            .map(|finding| format!("{} {}", finding.code, parsed.source.slice(finding.location.span)).trim().to_owned())
            .collect();
        assert_eq!(format!("{}, {} ignored", left.join(", "), heeded.ignored), expected, "{ignore}");
    }

    #[test]
    fn what_is_meant_to_be_so_is_not_told() {
        check("{}", &["server-unpinned"], "server-unpinned, 0 ignored");
        check(
            r#"{"server-unpinned": "our own registry"}"#,
            &["server-unpinned", "server-unpinned", "hook-fails-open"],
            "hook-fails-open, 2 ignored",
        );
    }

    #[test]
    fn without_a_reason_or_a_use_it_is_told() {
        check(
            r#"{"server-unpinned": " "}"#,
            &["server-unpinned"],
            "server-unpinned, unused-ignore \"server-unpinned\", 0 ignored",
        );
        check(r#"{"server-unpinned": "r"}"#, &[], "unused-ignore \"server-unpinned\", 0 ignored");
        check(r#"{"server-unpined": "r"}"#, &[], "unused-ignore \"server-unpined\", 0 ignored");
        check(r#"{"unknown-key": "r"}"#, &["unknown-key"], "unknown-key, unused-ignore \"unknown-key\", 0 ignored");
    }
}
