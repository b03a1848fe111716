use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::products::ProductPath;
use crate::{Rule, RuleExample, paths, product::titles, several::Several};

pub(crate) static RULE: Rule = Rule {
    name: "denial-holds-in-workspace-only",
    severity: Severity::Note,
    what: "Finds denied paths with wildcards that are relative, and so deny nothing outside the workspace.",
    why: "A relative pattern is joined to the working directory: `**/.env` is every `.env` below it, and not the one in another project.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["fs_read"],
  "toolsSettings": { "fs_read": { "deniedPaths": ["**/id_rsa"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_read"],
  "toolsSettings": { "fs_read": { "deniedPaths": ["~/**/id_rsa"] } }
}"#,
    },
    cure: "Begin the pattern with `~/**/` or `/**/` where the file is also elsewhere.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let products = facts.regex_products();
    if products.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for list in paths::lists(facts).into_iter().filter(|list| list.denies) {
        let open = list.entries.iter().filter_map(|entry| Some((entry, elsewhere(facts, &entry.value)?)));
        let world = facts.world();
        let rules: Vec<ProductPath> = list.entries.iter().filter_map(|entry| world.rule(&entry.value).ok()).collect();
        let covered = |place: &str| {
            let place = world.canonical(place);
            rules.iter().any(|rule| rule.covers(&place))
        };
        let Some(found) = Several::of(open.filter(|(_, place)| !covered(place))) else { continue };
        let others = found.and_others("hold in the workspace only too");
        findings.push(
            rule.finding_for(facts, &products, found.entry.span, format!("`{}` is not denied", found.witness))
                .label("joined to the working directory")
                .note(format!("so in {}{others}", titles(&products)))
                .help("begin the pattern with `~/**/` where the file is also elsewhere"),
        );
    }
    findings
}

/// Returns a file of the same name that lies in the home directory.
fn elsewhere(facts: &Facts, entry: &str) -> Option<String> {
    let name = entry.strip_prefix("**/").or_else(|| entry.starts_with('*').then_some(entry))?;
    let name = name.trim_end_matches("/**").replace('*', "x");
    (!name.is_empty() && !name.contains('[')).then(|| facts.workspace.home.join("other").join(&name).as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn only_open_patterns_are_found() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(
            r#"{"tools": ["*"], "toolsSettings": {"fs_read": {"deniedPaths": ["src/**", "**/.env", "*.pem"]}}}"#,
            &[r#""**/.env""#],
        );
        check(r#"{"tools": ["*"], "toolsSettings": {"fs_read": {"deniedPaths": ["**/.env", "~/**"]}}}"#, &[]);
    }
}
