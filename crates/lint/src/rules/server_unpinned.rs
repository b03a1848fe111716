use remit_agent::{McpTransport, Reading, Text};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "server-unpinned",
    severity: Severity::Warning,
    what: "Finds MCP servers that are fetched from a registry without an exact version.",
    why: "Whoever can publish the package can run code here at the next start: the agent file that was reviewed starts another \
          program tomorrow.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{
  "name": "example",
  "mcpServers": { "docs": { "command": "npx", "args": ["-y", "docs-server"] } }
}"#,
        mended: r#"{
  "name": "example",
  "mcpServers": { "docs": { "command": "npx", "args": ["-y", "docs-server@1.4.2"] } }
}"#,
    },
    cure: "Write the exact version after the package: `name@1.4.2` for npm, `name==1.4.2` for Python.",
    check,
};

/// How a runner writes a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Registry {
    Npm,
    Python,
}

/// Options of the runners that take the next word, but for those that name the package.
const TAKES_A_WORD: [&str; 12] = [
    "--registry",
    "--cache",
    "--prefix",
    "--call",
    "-c",
    "--python",
    "-p",
    "--index-url",
    "--default-index",
    "--index",
    "--with",
    "--directory",
];

fn check(rule: &Rule, input: &Facts) -> Vec<Diagnostic> {
    let servers = input.file.mcp_servers.iter().filter(|server| !server.disabled);
    let found = servers.filter_map(|server| {
        let McpTransport::Stdio { command: Some(command), args } = &server.transport else { return None };
        let (registry, package) = package(command, args)?;
        if is_pinned(&package.value, registry) {
            return None;
        }
        let example = match registry {
            Registry::Npm => "@1.4.2",
            Registry::Python => "==1.4.2",
        };
        let message = format!("`{}` is fetched in whatever version is newest", package.value);
        let finding = rule
            .finding(input, package.span, message)
            .label("no exact version")
            .note("whoever can publish the package can run code here at the next start")
            .help(format!("write the exact version after the name, as in `{}{example}`", name(&package.value, registry)));
        Some(finding)
    });
    found.collect()
}

/// Returns the argument that names what a runner fetches.
fn package<'a>(command: &Text, args: &'a [Text]) -> Option<(Registry, &'a Text)> {
    let program = command.value.rsplit('/').next().unwrap_or("");
    let word = |at: usize| args.get(at).map(|arg| arg.value.as_str());
    let (registry, first) = match (program, word(0), word(1)) {
        ("npx" | "bunx" | "pnpx", _, _) => (Registry::Npm, 0),
        ("npm", Some("exec" | "x"), _) | ("pnpm" | "yarn", Some("dlx"), _) | ("bun", Some("x"), _) => (Registry::Npm, 1),
        ("uvx", _, _) => (Registry::Python, 0),
        ("pipx", Some("run"), _) => (Registry::Python, 1),
        ("uv", Some("tool"), Some("run")) => (Registry::Python, 2),
        _ => return None,
    };
    let args = args.get(first..).unwrap_or(&[]);
    // A package that is named by an option is the one that is fetched; the first word is then a program in it.
    let names = |arg: &Text| match registry {
        Registry::Npm => matches!(arg.value.as_str(), "-p" | "--package"),
        Registry::Python => matches!(arg.value.as_str(), "--from" | "--spec"),
    };
    if let Some(at) = args.iter().position(names) {
        return args.get(at + 1).map(|package| (registry, package));
    }
    let mut words = args.iter();
    while let Some(arg) = words.next() {
        if TAKES_A_WORD.contains(&arg.value.as_str()) {
            words.next();
        } else if !arg.value.starts_with('-') {
            return Some((registry, arg));
        }
    }
    None
}

/// Returns whether the same package is fetched tomorrow, or it does not come from a registry.
fn is_pinned(package: &str, registry: Registry) -> bool {
    let is_path = package.starts_with(['.', '/', '~', '$']);
    is_path
        || version(package, registry)
            .is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()) || is_commit(version))
}

fn name(package: &str, registry: Registry) -> &str {
    version(package, registry)
        .map_or(package, |version| package.strip_suffix(version).unwrap_or(package).trim_end_matches(['@', '=']))
}

fn version(package: &str, registry: Registry) -> Option<&str> {
    // The first character of an npm package may be the `@` of its scope.
    let at = package.rfind('@').filter(|at| *at > 0).and_then(|at| package.get(at + 1..));
    match registry {
        Registry::Npm => at,
        Registry::Python => package.split_once("==").map(|(_, version)| version).or(at),
    }
}

fn is_commit(version: &str) -> bool {
    version.len() >= 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check as found;

    fn check(command: &str, args: &str, expected: &[&str]) {
        let file = format!(r#"{{"name":"example","mcpServers":{{"s":{{"command":"{command}","args":[{args}]}}}}}}"#);
        found(&RULE, &file, expected);
    }

    #[test]
    fn the_package_is_found_among_options() {
        check("npx", r#""-y", "docs""#, &["\"docs\""]);
        check("/usr/bin/npx", r#""--registry", "https://r", "docs""#, &["\"docs\""]);
        check("npx", r#""-y", "--package", "docs", "serve""#, &["\"docs\""]);
        check("uvx", r#""--from", "docs", "serve""#, &["\"docs\""]);
        check("uv", r#""tool", "run", "docs""#, &["\"docs\""]);
        check("pnpm", r#""dlx", "docs""#, &["\"docs\""]);
        check("node", r#""server.js""#, &[]);
        check("npx", r#""-y""#, &[]);
    }

    #[test]
    fn an_exact_version_pins() {
        check("npx", r#""docs@1.2.3""#, &[]);
        check("npx", r#""@scope/docs@1.2.3""#, &[]);
        check("npx", r#""@scope/docs""#, &["\"@scope/docs\""]);
        check("npx", r#""docs@latest""#, &["\"docs@latest\""]);
        check("npx", r#""docs@^1.2""#, &["\"docs@^1.2\""]);
        check("npx", r#""./server""#, &[]);
        check("uvx", r#""docs==1.2""#, &[]);
        check("uvx", r#""docs@latest""#, &["\"docs@latest\""]);
        check("uvx", r#""docs>=1.2""#, &["\"docs>=1.2\""]);
        check("uvx", r#""--from", "git+https://h/x@0123456789012345678901234567890123456789", "x""#, &[]);
    }
}
