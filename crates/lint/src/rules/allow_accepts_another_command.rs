use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};
use remit_policy::Decision;

use crate::input::Facts;
use crate::{Pattern, Rule, RuleExample, product::titles, rewrite, several::Several};

pub(crate) static RULE: Rule = Rule {
    name: "allow-accepts-another-command",
    severity: Severity::Warning,
    what: "Finds patterns of `allowedCommands` that go on inside a word, and so allow another program or another subcommand.",
    why: "`ls.*` is meant to be `ls` with arguments, and is `lsof` too; `git diff.*` is `git difftool`, which runs any command.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["git diff.*"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["git diff( [a-z/.]+)?"] } }
}"#,
    },
    cure: "Put a blank before the wildcard, as in `ls( .*)?`.",
    check,
};

/// Commands that begin with the letters of a harmless one.
const LOOK_ALIKES: [(&str, &str); 8] = [
    ("ls", "lsof -i"),
    ("cat", "catchsegv sh"),
    ("pwd", "pwdx 1"),
    ("git diff", "git difftool -y -x sh"),
    ("git config", "git config--x"),
    ("find", "findmnt"),
    ("env", "envsubst"),
    ("npm run", "npm run-script x"),
];

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let products = facts.regex_products();
    if products.is_empty() {
        return Vec::new();
    }
    let accepting = facts.allowed_to_try().into_iter().filter_map(|(text, pattern)| Some((text, other(pattern)?)));
    let allowed =
        accepting.filter(|(_, (_, line))| products.iter().any(|product| facts.judge(*product, line) == Some(Decision::Allow)));
    let Some(found) = Several::of(allowed) else { return Vec::new() };
    let (meant, line) = &found.witness;
    let others = found.and_others("go on inside a word too");
    let finding = rule
        .finding_for(facts, &products, found.entry.span, format!("`{line}` runs unasked too"))
        .label(format!("`{meant}` goes on inside the word"))
        .note(format!("{} compare letters, not words{others}", titles(&products)))
        .help("put a blank before the wildcard, as in `ls( .*)?`")
        .maybe_fix(rewrite::each(facts, "put a blank before the wildcard", &found, apart));
    vec![finding]
}

/// Narrows: what goes on is another word.
fn apart(pattern: &str) -> Option<String> {
    let before = pattern.strip_suffix(".*").filter(|before| before.ends_with(|c: char| c.is_ascii_alphanumeric()))?;
    let mended = format!("{before}( .*)?");
    other(&Pattern::new(&mended)).is_none().then_some(mended)
}

/// Returns the command that is meant, and another that the pattern covers.
fn other(pattern: &Pattern) -> Option<(String, String)> {
    let meant = pattern.sample()?.to_owned();
    let meant = meant.trim_end();
    if meant.is_empty() || !meant.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let alike = LOOK_ALIKES.iter().filter(|(program, _)| *program == meant).map(|(_, other)| (*other).to_owned());
    // Only a program that goes on is another program: the last word of a longer command may be anything.
    let longer = (!meant.contains(' ')).then(|| format!("{meant}x"));
    let line = alike.chain(longer).find(|line| pattern.matches(line) == Some(true))?;
    Some((meant.to_owned(), line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check_as, settings};

    fn check(pattern: &str, is_found: bool) {
        let place = format!("\"{pattern}\"");
        let expected: &[&str] = if is_found { &[&place] } else { &[] };
        check_as(&RULE, Reading::Kiro, &settings("[]", &format!(r#""shell": {{"allowedCommands": [{place}]}}"#)), expected);
    }

    #[test]
    fn the_fix_takes_further_words() {
        let check = |pattern: &str, expected: Option<&str>| assert_eq!(apart(pattern).as_deref(), expected, "{pattern}");
        check("git diff.*", Some("git diff( .*)?"));
        check("ls.*", Some("ls( .*)?"));
        check("(ls|cat).*", None);
        check("ls.+", None);
    }

    #[test]
    fn a_blank_ends_a_word() {
        check("ls.*", true);
        check("git diff.*", true);
        check("make.*", true);
        check("ls( .*)?", false);
        check("ls .*", false);
        check("git status.*", false);
        check(".*", false);
    }
}
