use remit_agent::{AbsPath, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "prompt-file-missing",
    severity: Severity::Warning,
    what: "Finds a `prompt` that names a file which is not there.",
    why: "The products refuse the file, or run the agent without its instructions.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{ "name": "example", "prompt": "file://./promt.md" }"#,
        mended: r#"{ "name": "example", "prompt": "file://./prompt.md" }"#,
    },
    cure: "Correct the path: it is relative to the agent's own file.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let (Some(path), Some(prompt)) = (facts.path, &facts.file().prompt) else { return Vec::new() };
    let Some(named) = prompt.value.strip_prefix("file://").filter(|_| facts.disk.is_known()) else { return Vec::new() };
    let named = named.trim();
    let place = match named.strip_prefix("~/") {
        Some(rest) => facts.workspace.home.join(rest),
        None => path.parent().unwrap_or_else(AbsPath::root).join(named),
    };
    if facts.disk.canonical(&place).is_some() {
        return Vec::new();
    }
    let finding = rule
        .finding(facts, prompt.span, format!("the prompt `{named}` is not there"))
        .label("no such file")
        .note(format!("looked for `{place}`, beside the agent's file"))
        .help("correct the path: it is relative to the agent's own file");
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn the_file_is_looked_for_beside_the_agent() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Remit, file, expected);
        check(r#"{"prompt": "file://prompt.md"}"#, &[]);
        check(r#"{"prompt": "file:///work/prompt.md"}"#, &[]);
        check(r#"{"prompt": "file://../prompt.md"}"#, &[r#""file://../prompt.md""#]);
        check(r#"{"prompt": "Be careful."}"#, &[]);
        check(r#"{"prompt": "file://~/x"}"#, &[r#""file://~/x""#]);
    }
}
