use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};
use remit_policy::Decision;

use crate::input::Facts;
use crate::{Product, Rule, RuleExample, product::titles};

pub(crate) static RULE: Rule = Rule {
    name: "escape-option-allowed",
    severity: Severity::Warning,
    what: "Finds patterns of `allowedCommands` under which an option of the program runs another command or writes a file.",
    why: "`git -c alias.x=!id x` runs `id`, `git log --output=f` writes `f`, `cargo test --config target.x.runner=id` runs what it names: a wildcard stands for such an option too. Remit knows these options and asks.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["git .*"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["execute_bash"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["git (status|diff) [a-z]+"] } }
}"#,
    },
    cure: "Name the subcommand and let the wildcard take no word that begins with `-`.",
    check,
};

/// Lines that run something else than they seem to.
const LINES: [&str; 54] = [
    "git -c alias.x=!id x",
    "git --exec-path=/tmp status",
    "git log --output=f",
    "git diff --ext-diff",
    "git diff --output=f",
    "git show --output=f",
    "git grep -Oid x",
    "git fetch --upload-pack=id",
    "git push --receive-pack=id",
    "git clone --upload-pack=id x",
    "git rebase --exec id",
    "cargo --config target.x.runner='id' test",
    "cargo test --config target.x.runner=id",
    "cargo build --config build.rustc-wrapper=id",
    "cargo run --config target.x.runner=id",
    "npm --script-shell=id test",
    "npm test --script-shell=id",
    "npm run build --script-shell=id",
    "npm exec -- id",
    "yarn exec id",
    "pytest -p x",
    "python -m pytest -p x",
    "python3 -m pytest -p x",
    "make SHELL=id",
    "make -f x",
    "tar --to-command=id -xf x",
    "tar -cf x --checkpoint-action=exec=id .",
    "rsync -e id a b:c",
    "sort --compress-program=id f",
    "sort -o f x",
    "sed -i s/a/b/ f",
    "sed 1e\\ id f",
    "awk BEGIN{system(\\\"id\\\")}",
    "rg --pre id x",
    "fd -x id",
    "ssh -oProxyCommand=id x",
    "curl -o f x",
    "curl -K x",
    "wget -O f x",
    "wget --use-askpass=id x",
    "terraform -chdir=x plan",
    "docker run -v /:/h x",
    "kubectl exec x -- id",
    "gh alias set x !id",
    "go test -exec id",
    "go build -toolexec id",
    "go vet -vettool=id",
    "gcc -wrapper id x",
    "mvn -Dexec.executable=id exec:exec",
    "gradle -I x",
    "dotnet test --settings x",
    "jest --globalSetup x",
    "eslint --rulesdir x",
    "tsc --build x",
];

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let products = facts.regex_products();
    if products.is_empty() || facts.shell().trusted {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (text, pattern) in facts.allowed_to_try().into_iter().filter(|(text, _)| !is_anything(&text.value)) {
        let lets = |line: &&&str| pattern.matches(line) == Some(true);
        let Some(line) = LINES.iter().find(lets) else { continue };
        let allowing: Vec<Product> =
            products.iter().copied().filter(|product| facts.judge(*product, line) == Some(Decision::Allow)).collect();
        if allowing.is_empty() {
            continue;
        }
        findings.push(
            rule.finding_for(facts, &allowing, text.span, format!("`{line}` runs unasked in {}", titles(&allowing)))
                .label("an option that runs or writes")
                .note("a wildcard stands for such an option too")
                .help("name the subcommand, and let the wildcard take no word that begins with `-`"),
        );
    }
    findings
}

/// Returns whether a pattern is a wildcard and nothing else: whoever writes it means every command.
fn is_anything(pattern: &str) -> bool {
    matches!(pattern, ".*" | ".+" | "*" | "**" | "(.*)" | "^.*$")
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
    fn options_are_tried() {
        check("git .*", true);
        check("git log.*", true);
        check("cargo (build|test).*", true);
        check("make .*", true);
        check("git status", false);
        check("git log --oneline", false);
        check("echo .*", false);
        check("ls .*", false);
        check(".*", false);
    }
}
