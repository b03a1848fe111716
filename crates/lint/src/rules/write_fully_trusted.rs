use remit_agent::{NativeTool, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, products};

pub(crate) static RULE: Rule = Rule {
    name: "write-fully-trusted",
    severity: Severity::Warning,
    what: "Finds a pre-approved writing tool that `allowedPaths` does not narrow.",
    why: "Every file that the grant covers is written unasked: build scripts, hooks and configuration that another program runs \
          later. In Kiro CLI and Amazon Q CLI that is every file that the user can write.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{ "name": "example", "tools": ["fs_write"], "allowedTools": ["fs_write"] }"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["docs/**"] } }
}"#,
    },
    cure: "Name the paths in `toolsSettings.fs_write.allowedPaths`, and take the tool out of `allowedTools`, which switches them \
           off in the products.",
    check,
};

fn check(rule: &Rule, input: &Facts) -> Vec<Diagnostic> {
    let Some(entry) = products::allows(input.file, NativeTool::Write) else { return Vec::new() };
    let settings = input.file.settings.write.as_ref().map(|settings| &settings.value);
    if settings.is_some_and(|settings| settings.allowed_paths.is_some()) {
        return Vec::new();
    }
    let finding = rule
        .finding(input, entry.span, format!("`{}` pre-approves every write, and no `allowedPaths` narrows it", entry.value))
        .label("writes unasked")
        .note("a build script or a hook that is written now is run by somebody later")
        .help("name the paths in `toolsSettings.fs_write.allowedPaths`, as in `[\"docs/**\"]`");
    let denied = settings.and_then(|settings| settings.denied_paths.as_ref());
    vec![match denied {
        Some(denied) => finding.also(input.at(denied.span), "the only guard"),
        None => finding,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check as found;

    #[test]
    fn allowed_paths_narrow() {
        let file = |allowed: &str, settings: &str| {
            format!(r#"{{"name":"example","tools":["*"],"allowedTools":[{allowed}],"toolsSettings":{{{settings}}}}}"#)
        };
        found(&RULE, &file(r#""write""#, ""), &["\"write\""]);
        found(&RULE, &file(r#""fs_*""#, ""), &["\"fs_*\""]);
        found(&RULE, &file(r#""fs_read""#, ""), &[]);
        found(&RULE, &file(r#""write""#, r#""write":{"deniedPaths":["a"]}"#), &["\"write\""]);
        found(&RULE, &file(r#""write""#, r#""fs_write":{"allowedPaths":[]}"#), &[]);
    }
}
