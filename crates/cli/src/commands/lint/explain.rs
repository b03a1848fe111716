//! What a rule looks for, why, an example and the cure: the page of one rule.

use remit_agent::nearest;
use remit_diagnostics::{Severity, visible};
use remit_lint::{Rule, rules};

use super::codes::{CodePage, pages};
use crate::failure::Failure;

/// Lines of an example that are shown; of a longer one the middle is left out.
const SHOWN: usize = 24;

/// Returns the page of a rule, or of something that the parser or the compiler finds.
pub(super) fn explain(name: &str) -> Result<String, Failure> {
    if let Some(rule) = rules().iter().find(|rule| rule.name == name) {
        return Ok(page(rule));
    }
    if let Some(page) = pages().find(|page| page.name == name) {
        return Ok(page_of_code(&page));
    }
    let names: Vec<&str> = rules().iter().map(|rule| rule.name).chain(pages().map(|page| page.name)).collect();
    let failure = Failure::new(format!("no rule is named `{name}`"));
    Err(match nearest(name, names) {
        Some(meant) => failure.help(format!("did you mean `{meant}`?")),
        None => failure.help("`remit lint --explain all` lists them"),
    })
}

/// Returns a line for each rule.
pub(super) fn list() -> String {
    let mut rows: Vec<(&str, &str)> = rules().iter().map(|rule| (rule.name, rule.what)).collect();
    rows.extend(pages().map(|page| (page.name, page.what)));
    rows.sort_unstable();
    let lines: Vec<String> = rows.iter().map(|(name, what)| format!("{name}\n    {}\n", folded(what, "    "))).collect();
    lines.concat()
}

fn page(rule: &Rule) -> String {
    format!(
        "{} ({})\n\n{}\n\n{}\n\nFound in:\n\n{}\n{}\n\nMended:\n\n{}",
        rule.name,
        severity(rule.severity),
        folded(rule.what, ""),
        folded(rule.why, ""),
        indented(rule.example.found),
        folded(rule.cure, ""),
        indented(rule.example.mended),
    )
}

fn page_of_code(page: &CodePage) -> String {
    let what = folded(&format!("Says that {}.", page.what), "");
    let found = page.example.map(|example| format!("Found in:\n\n{}\n", indented(&visible(example)))).unwrap_or_default();
    format!("{} ({})\n\n{what}\n\n{found}{}\n", page.name, severity(page.severity), folded(page.cure, ""))
}

fn severity(severity: Severity) -> String {
    format!("{severity:?}").to_lowercase()
}

/// Returns an example as it stands on a page, without the middle of a long one.
fn indented(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let line = |line: &&str| format!("    {line}\n");
    if lines.len() <= SHOWN {
        return lines.iter().map(line).collect();
    }
    let (head, tail) = (SHOWN / 3, SHOWN / 6);
    let left_out = lines.len() - head - tail;
    let shown = |range: &[&str]| range.iter().map(line).collect::<String>();
    shown(lines.get(..head).unwrap_or_default())
        + &format!("    … {left_out} more lines …\n")
        + &shown(lines.get(lines.len() - tail..).unwrap_or_default())
}

/// Returns the text in lines of at most 80 columns.
fn folded(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && indent.len() + last + 1 + word.chars().count() > 80 {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join(&format!("\n{indent}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_fits_80_columns() {
        for rule in rules() {
            fits(&explain(rule.name).unwrap());
        }
        for page in pages() {
            fits(&explain(page.name).unwrap());
        }
    }

    fn fits(page: &str) {
        let mut prose = page.lines().filter(|line| !line.starts_with("    "));
        assert!(prose.all(|line| line.chars().count() <= 80), "{page}");
    }

    #[test]
    fn a_long_example_is_shown_by_its_ends() {
        let page = explain("too-many-patterns").unwrap();
        assert!(page.lines().count() < 60 && page.contains("more lines …"), "{page}");
    }

    #[test]
    fn a_name_that_is_near_is_offered() {
        assert!(explain("shell-fully-trustd").is_err());
        assert!(explain("duplicate-key").unwrap().contains("same key twice"));
    }
}
