use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Fix, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "name-differs-from-file",
    severity: Severity::Warning,
    what: "Finds an agent whose `name` is not the name of its file.",
    why: "Some commands of the products find an agent by its `name` and others by the file's: the agent is listed and then not \
          found, and where it is not found another agent with other permissions runs in its place.",
    example: RuleExample { reading: Reading::Kiro, found: r#"{ "name": "sample" }"#, mended: r#"{ "name": "example" }"# },
    cure: "Give the file the agent's name, or the agent the file's.",
    check,
};

fn check(rule: &Rule, input: &Facts) -> Vec<Diagnostic> {
    let (Some(path), Some(name)) = (input.path, &input.file.name) else { return Vec::new() };
    let Some(stem) = path.file_name().strip_suffix(".json") else { return Vec::new() };
    if stem == name.value {
        return Vec::new();
    }
    let finding = rule
        .finding(input, name.span, format!("the agent is named `{}` and its file `{stem}.json`", name.value))
        .label("not the file's name")
        .note("it is found by one name here and by the other there; Amazon Q CLI then runs its default agent instead")
        .help(format!("rename the file to `{}.json`, or the agent to `{stem}`", name.value))
        .maybe_fix(Fix::instead(input.source, name.span, stem));
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check as found;

    #[test]
    fn names_are_compared_exactly() {
        found(&RULE, r#"{"name": "example"}"#, &[]);
        found(&RULE, r#"{"name": "Example"}"#, &["\"Example\""]);
        found(&RULE, "{}", &[]);
    }
}
