use remit_agent::{Reading, Resource};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "resource-file-missing",
    severity: Severity::Note,
    what: "Finds entries of `resources` that name one file which is not there.",
    why: "The products leave it out without a word, and the agent works without what it was to know.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{ "name": "example", "resources": ["file://docs/b.md"] }"#,
        mended: r#"{ "name": "example", "resources": ["file://docs/a.md"] }"#,
    },
    cure: "Correct the path: it is relative to the workspace.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    if !facts.disk.is_known() {
        return Vec::new();
    }
    let missing = facts.file().resources.iter().filter_map(|resource| {
        let (Resource::File(path) | Resource::Skill(path)) = &resource.value else { return None };
        if path.contains(['*', '?', '[', '{']) {
            return None;
        }
        let place = match path.strip_prefix("~/") {
            Some(rest) => facts.workspace.home.join(rest),
            None => facts.root().join(path),
        };
        facts.disk.canonical(&place).is_none().then_some((resource, path, place))
    });
    missing
        .map(|(resource, path, place)| {
            rule.finding(facts, resource.span, format!("the resource `{path}` is not there"))
                .label("left out without a word")
                .note(format!("looked for `{place}`"))
                .help("correct the path: it is relative to the workspace")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn single_files_are_looked_for() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Remit, file, expected);
        check(
            r#"{"resources": ["file://docs/a.md", "file://docs/*.md", "file://x/*.md", "file://x.md", "skill://y"]}"#,
            &[r#""file://x.md""#, r#""skill://y""#],
        );
    }
}
