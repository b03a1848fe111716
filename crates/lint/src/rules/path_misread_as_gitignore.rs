use remit_agent::{AbsPath, Reading, Text};
use remit_diagnostics::{Diagnostic, Edit, Fix, Severity};

use crate::input::Facts;
use crate::{Entry, Product, Rule, RuleExample, paths, product::titles, several::Several};

pub(crate) static RULE: Rule = Rule {
    name: "path-misread-as-gitignore",
    severity: Severity::Warning,
    what: "Finds names without a directory in lists of paths, which do not hold in the directories below.",
    why: "Whoever knows `.gitignore` takes `.env` for every `.env`. It is the one in the workspace's own directory: `src/.env` is not denied. An allowed name is a note.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["fs_read"],
  "toolsSettings": { "fs_read": { "deniedPaths": [".env", "~/**/.env"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_read"],
  "toolsSettings": { "fs_read": { "deniedPaths": ["**/.env", "~/**/.env"] } }
}"#,
    },
    cure: "Write `**/` before the name of the file.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for list in paths::lists(facts) {
        let bare = list.entries.iter().filter(|entry| is_bare(facts, &entry.value)).filter_map(|entry| {
            let below = facts.root().join("src").join(entry.value.trim_start_matches("./").replace('*', "x").as_str());
            let missed = missing(facts, &entry.value, &below);
            (!missed.is_empty()).then_some((entry, missed))
        });
        let Some(found) = Several::of(bare) else { continue };
        let below = format!("src/{}", found.entry.value.replace('*', "x"));
        let others = found.and_others("are bare names too");
        let is = if list.denies { "denied" } else { "allowed" };
        let finding = rule
            .finding_for(facts, &found.witness, found.entry.span, format!("`{below}` is not {is} by `{}`", found.entry.value))
            .label("the one in the workspace's own directory")
            .note(format!("so in {}{others}", titles(&found.witness)))
            .help(format!("write `**/{}`", found.entry.value));
        findings.push(if list.denies {
            finding.fix(everywhere(facts, found.entry))
        } else {
            Diagnostic { severity: Severity::Note, ..finding }
        });
    }
    findings
}

/// Returns whether an entry is the name of a file, or a glob over such names.
fn is_bare(facts: &Facts, entry: &str) -> bool {
    let is_name = !entry.contains('/') && !entry.starts_with(['~', '!', '$']) && entry.contains('.') && !entry.starts_with("..");
    // A directory of that name is meant as one.
    is_name && entry != "." && facts.disk.entry(&facts.root().join(entry)) != Some(Entry::Directory)
}

/// Returns the products in which the entry does not cover that file.
fn missing(facts: &Facts, entry: &str, below: &AbsPath) -> Vec<Product> {
    let products = facts.products.among(&[Product::Remit, Product::Kiro, Product::Q]);
    let misses = |product: &Product| match product {
        Product::Remit => paths::remit_covers(facts, entry, below) == Some(false),
        Product::Kiro | Product::Q => facts.world().covers(entry, below.as_str()) == Ok(false),
        Product::KiroV3 => false,
    };
    products.into_iter().filter(misses).collect()
}

/// Narrows: what is denied is also denied below.
fn everywhere(facts: &Facts, entry: &Text) -> Fix {
    let written = facts.source.slice(entry.span).trim_start_matches('"');
    let edit = Edit { span: entry.span, replacement: format!("\"**/{written}") };
    Fix::new(format!("deny `{}` in every directory", entry.value), vec![edit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn names_are_tried_below() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(
            r#"{"tools": ["*"], "toolsSettings": {"fs_read": {"deniedPaths": [".env", "**/.env", "docs", "*.pem"]}}}"#,
            &[r#"".env""#],
        );
        check(
            r#"{"tools": ["*"], "toolsSettings": {"fs_write": {"allowedPaths": ["docs", "src/**", "README.md"]}}}"#,
            &[r#""README.md""#],
        );
    }

    #[test]
    fn the_fix_denies_more() {
        let fixed = crate::tests::fixes(&RULE, Reading::Kiro, RULE.example.found);
        assert_eq!(fixed, [RULE.example.mended]);
    }
}
