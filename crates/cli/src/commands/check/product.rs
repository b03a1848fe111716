//! Rows of settings and a command, or of a pattern and a path, judged as another product judges them. Nothing here is
//! what Remit would do: it is what lint takes its proofs from.

use std::path::Path;

use remit_agent::AbsPath;
use remit_lint::{DescribedDisk, Disk, PathWorld, Pattern, ProductRules, ProductSettings, ProductShell};
use remit_policy::{Decision, Workspace};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::disk::HostDisk;
use crate::failure::Failure;
use crate::load::ReadAs;

/// One row.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Row {
    ExecuteBash {
        #[serde(default)]
        id: Option<Value>,
        /// As they stand under the tool's name; absent where there are none.
        #[serde(default)]
        settings: Option<Value>,
        /// Whether the tool is in `allowedTools`.
        #[serde(default)]
        trusted: bool,
        command: String,
    },
    Path {
        #[serde(default)]
        id: Option<Value>,
        pattern: String,
        path: String,
    },
    /// Says something of the other rows; it asks nothing.
    Meta {},
}

/// The settings of the shell tool as the products read them: a key that is not theirs is left out, and a wrong type
/// spoils the whole.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Settings {
    allowed_commands: Vec<String>,
    denied_commands: Vec<String>,
    auto_allow_readonly: bool,
    deny_by_default: bool,
}

/// Judges rows as one product does.
#[derive(Debug)]
pub(super) struct ProductJudge {
    product: ReadAs,
    cwd: AbsPath,
    home: AbsPath,
    disk: Box<dyn Disk>,
}

/// Stands in a row for the directory that everything lies in.
const ROOT: &str = "<ROOT>";
/// Where that is: a place that no host has.
const AT: &str = "/<ROOT>";

impl ProductJudge {
    /// Returns a judge over the host's files, in that workspace.
    pub(super) fn on_host(product: ReadAs, workspace: &Workspace) -> ProductJudge {
        let (cwd, home) = (workspace.root.clone(), workspace.home.clone());
        ProductJudge { product, cwd, home, disk: Box::new(HostDisk) }
    }

    /// Returns a judge over a few files that are always the same, so that rows mean the same everywhere:
    ///
    /// `w/src/a/f.rs`, `w/.env`, `w/src/.env`, `w/[x].md` and `out/secret`; the symbolic links `w/src/link` to `out`,
    /// `w/src/dangling` to `out/newfile`, which is not there, and `wl` to `w`. Work is done in `w`.
    pub(super) fn nowhere(product: ReadAs) -> Result<ProductJudge, Failure> {
        let root = AbsPath::new(Path::new(AT)).map_err(|error| Failure::of(&error))?;
        let mut disk = DescribedDisk::default()
            .link(root.join("w/src/link"), "../../out")
            .link(root.join("w/src/dangling"), "../../out/newfile")
            .link(root.join("wl"), "w");
        for file in ["w/src/a/f.rs", "w/.env", "w/src/.env", "w/[x].md", "out/secret"] {
            disk = disk.file(root.join(file), "");
        }
        Ok(ProductJudge { product, cwd: root.join("w"), home: root.join("home"), disk: Box::new(disk) })
    }

    /// Returns the answer to a row, `None` where it asks nothing.
    pub(super) fn line(&self, line: &[u8]) -> Option<Value> {
        match serde_json::from_slice(line) {
            Ok(Row::Meta {}) => None,
            Ok(Row::ExecuteBash { id, settings, trusted, command }) => {
                let shell = ProductShell { trusted, settings: settings.map_or(ProductSettings::Absent, read) };
                let decision = match self.product {
                    ReadAs::Kiro => shell.judge_as_kiro(&command),
                    ReadAs::Q | ReadAs::Remit => shell.judge_as_q(&command),
                };
                let result = match decision {
                    Decision::Allow => "Allow",
                    Decision::Ask => "Ask",
                    Decision::Deny => "Deny",
                };
                Some(answer(id, result))
            }
            Ok(Row::Path { id, pattern, path }) => Some(answer(id, &self.path(&pattern, &path))),
            Err(error) => Some(json!({ "error": error.to_string() })),
        }
    }

    fn path(&self, pattern: &str, path: &str) -> String {
        let world = PathWorld { cwd: &self.cwd, home: &self.home, disk: self.disk.as_ref() };
        let placed = |text: &str| text.replace(ROOT, AT);
        match world.covers(&placed(pattern), &placed(path)) {
            Ok(covers) => covers.to_string(),
            Err(bad) => format!("BADGLOB {}", bad.0.replace(AT, ROOT)),
        }
    }
}

fn read(settings: Value) -> ProductSettings {
    let Ok(settings) = serde_json::from_value::<Settings>(settings) else { return ProductSettings::Unreadable };
    let patterns = |texts: Vec<String>| texts.into_iter().map(Pattern::new).collect();
    ProductSettings::Read(ProductRules {
        allowed: patterns(settings.allowed_commands),
        denied: patterns(settings.denied_commands),
        read_only: settings.auto_allow_readonly,
        deny_by_default: settings.deny_by_default,
    })
}

fn answer(id: Option<Value>, result: &str) -> Value {
    match id {
        Some(id) => json!({ "id": id, "result": result }),
        None => json!({ "result": result }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_either_kind_have_a_result() {
        let judge = ProductJudge::nowhere(ReadAs::Q).unwrap();
        let check = |row: &str, expected: Option<&str>| {
            assert_eq!(judge.line(row.as_bytes()).map(|answer| answer.to_string()).as_deref(), expected, "{row}");
        };
        check(r#"{"kind": "meta", "result": "x"}"#, None);
        check(
            r#"{"kind": "execute_bash", "settings": {"allowedCommands": ["cat .*"]}, "trusted": false, "command": "cat x | bash"}"#,
            Some(r#"{"result":"Allow"}"#),
        );
        check(
            r#"{"kind": "execute_bash", "id": 1, "settings": {"deniedCommands": "x"}, "trusted": true, "command": "ls"}"#,
            Some(r#"{"id":1,"result":"Ask"}"#),
        );
        check(r#"{"kind": "path", "pattern": "src/**", "path": "src/link/secret"}"#, Some(r#"{"result":"false"}"#));
        check(r#"{"kind": "path", "pattern": "src/[a", "path": "src/a"}"#, Some(r#"{"result":"BADGLOB <ROOT>/w/src/[a"}"#));
        assert!(judge.line(b"{}").is_some_and(|answer| answer.get("error").is_some()));
    }
}
