use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, paths, product::titles};

pub(crate) static RULE: Rule = Rule {
    name: "path-never-matches",
    severity: Severity::Warning,
    what: "Finds entries of lists of paths that do not cover the path that they spell.",
    why: "`[slug]` is one letter of five, `!` negates nothing, `file://` is no scheme here, and an unknown variable stays as it is: what such an entry denies is not denied.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "deniedPaths": ["app/[slug]/page.tsx"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "deniedPaths": ["app/*/page.tsx"] } }
}"#,
    },
    cure: "Write `?` for a bracket and no sign before the path; deny in `deniedPaths` and allow in `allowedPaths`.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let products = facts.regex_products();
    if products.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for list in paths::lists(facts) {
        for entry in list.entries {
            let Some((path, why)) = missed(facts, &entry.value) else { continue };
            let effect = if list.denies { "denies" } else { "allows" };
            findings.push(
                rule.finding_for(facts, &products, entry.span, format!("`{}` does not cover `{path}`", entry.value))
                    .label(why)
                    .note(format!("in {} it {effect} nothing that is meant", titles(&products)))
                    .help("write `?` for a bracket and no sign before the path"),
            );
        }
    }
    findings
}

/// Returns the path that an entry spells and does not cover, and why.
fn missed(facts: &Facts, entry: &str) -> Option<(String, &'static str)> {
    let (path, why) = if let Some(path) = entry.strip_prefix('!') {
        (path, "`!` negates nothing")
    } else if let Some(path) = entry.strip_prefix("file://") {
        (path, "no scheme is understood")
    } else if entry.contains('[') {
        (entry, "a bracket is a class of characters")
    } else {
        return None;
    };
    let path = path.replace("**", "x").replace('*', "x");
    match facts.world().covers(entry, &path) {
        Ok(true) => None,
        Ok(false) => Some((path, why)),
        Err(_) => Some((path, "no glob, and left out")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn the_path_is_tried() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["app/[slug]/x"]}}}"#, &[r#""app/[slug]/x""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["!src/a"]}}}"#, &[r#""!src/a""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["file://src/**"]}}}"#, &[r#""file://src/**""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["src/[a"]}}}"#, &[r#""src/[a""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["src/**"]}}}"#, &[]);
    }
}
