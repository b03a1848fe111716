use serde_json::Value;

use super::{Runs, is_word, line_at};

/// Scripts that have a command of their own.
const SHORT: [&str; 4] = ["test", "start", "stop", "restart"];

/// Returns the commands that run the scripts of a `package.json`; `None` when it is not JSON of that kind.
pub(super) fn candidates(file: &str, text: &str) -> Option<Vec<Runs>> {
    let package: Value = serde_json::from_str(text).ok()?;
    let package = package.as_object()?;
    let scripts = match package.get("scripts") {
        None => return Some(Vec::new()),
        Some(scripts) => scripts.as_object()?,
    };
    let script = |name: &str| scripts.get(name).and_then(Value::as_str);
    let mut candidates = Vec::new();
    for name in scripts.keys().filter(|name| is_word(name)) {
        let Some(command) = script(name) else { continue };
        let around = [script(&format!("pre{name}")), Some(command), script(&format!("post{name}"))];
        let with_hooks: Vec<String> = around.into_iter().flatten().map(str::to_owned).collect();
        let alone = vec![command.to_owned()];
        let is_short = SHORT.contains(&name.as_str());
        let forms = [
            ("npm", is_short, &with_hooks),
            ("npm run", true, &with_hooks),
            ("yarn", true, &with_hooks),
            ("yarn run", true, &with_hooks),
            ("pnpm", true, &alone),
            ("pnpm run", true, &alone),
            ("bun run", true, &with_hooks),
        ];
        for (program, exists, runs) in forms {
            if exists {
                let line = line_of(text, name);
                candidates.push(Runs { command: format!("{program} {name}"), runs: runs.clone(), file: file.to_owned(), line });
            }
        }
    }
    // An installation runs these of the project itself, before those of its dependencies are thought of.
    let lifecycle = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];
    let runs: Vec<String> = lifecycle.into_iter().filter_map(script).map(str::to_owned).collect();
    if let Some(first) = lifecycle.into_iter().find(|name| script(name).is_some()) {
        for command in ["npm ci", "npm install", "npm i", "yarn install", "pnpm install", "bun install"] {
            let line = line_of(text, first);
            candidates.push(Runs { command: command.to_owned(), runs: runs.clone(), file: file.to_owned(), line });
        }
    }
    Some(candidates)
}

/// Returns the line on which a script stands.
fn line_of(text: &str, name: &str) -> Option<usize> {
    let scripts = text.find("\"scripts\"")?;
    let key = serde_json::to_string(name).ok()?;
    let after = text.get(scripts..)?;
    let found = after
        .match_indices(&key)
        .find(|(at, _)| after.get(at + key.len()..).is_some_and(|rest| rest.trim_start().starts_with(':')));
    found.map(|(at, _)| line_at(text, scripts + at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, command: &str) -> Option<String> {
        let all = candidates("package.json", text)?;
        let runs = all.into_iter().find(|runs| runs.command == command)?;
        Some(format!("{}: {}", runs.line?, runs.runs.join(" && ")))
    }

    #[test]
    fn a_script_is_found_by_its_commands() {
        let text = "{\n  \"name\": \"x\",\n  \"scripts\": {\n    \"pretest\": \"tsc\",\n    \"test\": \"node --test\",\n    \"a b\": \"no\"\n  }\n}";
        let check = |command: &str, expected: Option<&str>| assert_eq!(found(text, command).as_deref(), expected, "{command}");
        check("npm test", Some("5: tsc && node --test"));
        check("npm run test", Some("5: tsc && node --test"));
        check("pnpm test", Some("5: node --test"));
        check("npm run pretest", Some("4: tsc"));
        check("npm pretest", None);
        check("npm run a b", None);
        check("npm ci", None);
    }

    #[test]
    fn an_installation_runs_scripts_too() {
        let text = r#"{"scripts": {"postinstall": "node steal.js", "prepare": "husky"}}"#;
        assert_eq!(found(text, "npm ci").as_deref(), Some("1: node steal.js && husky"));
    }

    #[test]
    fn what_is_no_package_is_not_known() {
        for text in ["", "[]", "{\"scripts\": []}", "{"] {
            assert_eq!(candidates("package.json", text), None, "{text}");
        }
        assert_eq!(candidates("package.json", "{}"), Some(Vec::new()));
        assert_eq!(candidates("package.json", r#"{"scripts": {"test": 1}}"#), Some(Vec::new()));
    }
}
