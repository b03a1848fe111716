use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::several::Several;
use crate::{Pattern, Rule, RuleExample, rewrite};

pub(crate) static RULE: Rule = Rule {
    name: "deny-escaped-by-space",
    severity: Severity::Warning,
    what: "Finds patterns of `deniedCommands` that a space before the command escapes.",
    why: "Amazon Q CLI compares the pattern with the whole line as it was written, from its first character on; Kiro CLI keeps to \
          the same rule as far as is known. ` git push` is then not `git push`, and runs. Remit compares words.",
    example: RuleExample {
        reading: Reading::Q,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "deniedCommands": ["git push.*"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "deniedCommands": ["\\s*git push[\\s\\S]*"] } }
}"#,
    },
    cure: "Begin the pattern with `\\\\s*`, and name in `allowedCommands` what may run: other spellings escape too.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let products = facts.regex_products();
    if products.is_empty() {
        return Vec::new();
    }
    let escaped = facts.denied().into_iter().filter_map(|(text, pattern)| Some((text, escape(pattern)?)));
    let Some(found) = Several::of(escaped) else { return Vec::new() };
    let (line, escape) = &found.witness;
    let others = found.and_others("are escaped in the same way");
    let finding = rule
        .finding_for(facts, &products, found.entry.span, format!("`{line}` is denied, and `{escape}` is not"))
        .label("matches from the first character on")
        .note(format!("Amazon Q CLI compares it with the line as written, as Kiro CLI is understood to{others}"))
        .note("Remit compares words, which no space escapes")
        .help("begin such a pattern with `\\\\s*`, and name what may run in `allowedCommands`")
        .maybe_fix(rewrite::each(facts, "deny it after a space too", &found, unescaped));
    vec![finding]
}

/// Narrows: what was denied still is.
fn unescaped(pattern: &str) -> Option<String> {
    let mended = match pattern.strip_prefix('^') {
        Some(rest) => format!(r"^\s*{rest}"),
        None => format!(r"\s*{pattern}"),
    };
    escape(&Pattern::new(&mended)).is_none().then_some(mended)
}

/// Returns a line that the pattern denies and the same line after a space, which it does not.
fn escape(pattern: &Pattern) -> Option<(String, String)> {
    let line = pattern.sample()?.to_owned();
    let escape = format!(" {line}");
    let escapes = !line.trim().is_empty() && pattern.matches(&line) == Some(true) && pattern.matches(&escape) == Some(false);
    escapes.then_some((line, escape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check_as, settings};

    fn check(pattern: &str, expected: Option<&str>) {
        assert_eq!(escape(&Pattern::new(pattern)).map(|(_, escape)| escape).as_deref(), expected, "{pattern}");
    }

    #[test]
    fn a_list_is_found_once() {
        let listed = r#""shell": {"deniedCommands": ["\\s*rm.*", "git push.*", "sudo.*"]}"#;
        for (reading, expected) in
            [(Reading::Remit, &[][..]), (Reading::Kiro, &["\"git push.*\""]), (Reading::Q, &["\"git push.*\""])]
        {
            check_as(&RULE, reading, &settings("[]", listed), expected);
        }
    }

    #[test]
    fn the_fix_mends_the_whole_list() {
        let file = settings("[]", r#""shell": {"deniedCommands": ["\\s*rm.*", "^git push.*", "sudo .*"]}"#);
        let mended = file.replace("^git", r"^\\s*git").replace("sudo", r"\\s*sudo");
        assert_eq!(crate::tests::fixes(&RULE, Reading::Q, &file), [mended]);
    }

    #[test]
    fn the_witness_is_tried() {
        check("git push.*", Some(" git push"));
        check("^sudo .*", Some(" sudo "));
        check("rm -rf", Some(" rm -rf"));
        check("rm -rf *", Some(" rm -rf"));
        check("npm publish*", Some(" npm publish"));
        check(".*git push.*", None);
        check(r"\s*git push.*", None);
        // The split anchors make the second alternative match at any place.
        check("git push|rm .*", Some(" git push"));
        check("(?!ls).*", None);
        check(".*", None);
    }
}
