//! What a rule looks for, why, an example and the cure: the page of one rule.

use remit_agent::{PARSE_CODES, nearest};
use remit_lint::{Rule, rules};
use remit_policy::COMPILE_CODES;

use crate::failure::Failure;

/// Returns the page of a rule, or of something that the parser or the compiler finds.
pub(super) fn explain(name: &str) -> Result<String, Failure> {
    if let Some(rule) = rules().iter().find(|rule| rule.name == name) {
        return Ok(page(rule));
    }
    let others = || PARSE_CODES.iter().chain(COMPILE_CODES);
    if let Some((code, what)) = others().find(|(code, _)| *code == name) {
        return Ok(format!("{code}\n\nSays that {what}.\n"));
    }
    let known = rules().iter().map(|rule| rule.name).chain(others().map(|(code, _)| *code));
    let failure = Failure::new(format!("no rule is named `{name}`"));
    Err(match nearest(name, known) {
        Some(meant) => failure.help(format!("did you mean `{meant}`?")),
        None => failure.help("`remit lint --explain all` lists them"),
    })
}

/// Returns a line for each rule.
pub(super) fn list() -> String {
    let mut rows: Vec<(&str, &str)> = rules().iter().map(|rule| (rule.name, rule.what)).collect();
    rows.extend(PARSE_CODES.iter().chain(COMPILE_CODES).map(|(code, what)| (*code, *what)));
    rows.sort_unstable();
    let lines: Vec<String> = rows.iter().map(|(name, what)| format!("{name}\n    {}\n", folded(what, "    "))).collect();
    lines.concat()
}

fn page(rule: &Rule) -> String {
    let severity = format!("{:?}", rule.severity).to_lowercase();
    let indented = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat();
    let (found, mended) = (indented(rule.example.found), indented(rule.example.mended));
    format!(
        "{} ({severity})\n\n{}\n\n{}\n\nFound in:\n\n{found}\n{}\n\nMended:\n\n{mended}",
        rule.name,
        folded(rule.what, ""),
        folded(rule.why, ""),
        folded(rule.cure, ""),
    )
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
            let page = explain(rule.name).unwrap();
            let prose = page.lines().filter(|line| !line.starts_with("    "));
            assert!(prose.into_iter().all(|line| line.chars().count() <= 80), "{page}");
        }
    }

    #[test]
    fn a_name_that_is_near_is_offered() {
        assert!(explain("shell-fully-trustd").is_err());
        assert!(explain("duplicate-key").unwrap().contains("same key twice"));
    }
}
