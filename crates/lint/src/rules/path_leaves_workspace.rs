use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, paths};

pub(crate) static RULE: Rule = Rule {
    name: "path-leaves-workspace",
    severity: Severity::Warning,
    what: "Finds paths that climb out of the workspace with `..`.",
    why: "The path means another directory wherever the agent is started, and nobody who reads it sees which.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["../shared/**"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["docs/**"] } }
}"#,
    },
    cure: "Write the absolute path, or one below the home directory with `~/`.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let lists = paths::lists(facts).into_iter().filter(|list| !list.denies);
    let entries = lists.flat_map(|list| list.entries).filter(|entry| entry.value.split('/').any(|part| part == ".."));
    entries
        .filter_map(|entry| {
            let place = facts.root().join(entry.value.split('*').next().unwrap_or(""));
            let leaves = !entry.value.starts_with(['/', '~']) && !place.is_beneath(facts.root());
            leaves.then(|| {
                rule.finding(facts, entry.span, format!("`{}` leaves the workspace", entry.value))
                    .label(format!("`{place}`, from here"))
                    .note("it is another directory wherever the agent is started")
                    .help("write the absolute path, or one below the home directory with `~/`")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn only_what_climbs_out_is_found() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["../x"]}}}"#, &[r#""../x""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["src/../../x"]}}}"#, &[r#""src/../../x""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["src/../docs"]}}}"#, &[]);
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["a..b/**"]}}}"#, &[]);
    }
}
