//! Changes as data. A path that is not UTF-8 is null, and its bytes are in the field beside it.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Extent, extent};
use crate::beneath::View;
use crate::changes::{ChangeKind, Changes};
use crate::node::{Kind, Node};
use crate::path::RelPath;

/// Returns what changed, for programs.
pub fn json(view: &View, changes: &Changes) -> impl Serialize + use<> {
    ChangesJson {
        changes: changes.list.iter().map(|change| one(view, change)).collect(),
        unread: changes
            .unread
            .iter()
            .map(|unread| UnreadJson { path: PathJson::of(&unread.path), why: unread.why.clone() })
            .collect(),
    }
}

#[derive(Serialize)]
struct ChangesJson {
    changes: Vec<ChangeJson>,
    unread: Vec<UnreadJson>,
}

#[derive(Serialize)]
struct ChangeJson {
    #[serde(flatten)]
    path: PathJson,
    change: &'static str,
    from: Option<PathJson>,
    before: Option<NodeJson>,
    after: Option<NodeJson>,
    binary: Option<bool>,
    insertions: Option<u64>,
    deletions: Option<u64>,
}

#[derive(Serialize)]
struct UnreadJson {
    #[serde(flatten)]
    path: PathJson,
    why: String,
}

#[derive(Serialize)]
struct PathJson {
    path: Option<String>,
    /// The bytes, in hexadecimal, of a path that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
}

#[derive(Serialize)]
struct NodeJson {
    kind: Kind,
    /// Octal, with the kind, as in `100644`.
    mode: String,
    size: u64,
}

impl PathJson {
    fn of(path: &RelPath) -> PathJson {
        match std::str::from_utf8(path.as_bytes()) {
            Ok(text) => PathJson { path: Some(text.to_owned()), path_hex: None },
            Err(_) => PathJson { path: None, path_hex: Some(hex(path.as_bytes())) },
        }
    }
}

fn one(view: &View, change: &crate::Change) -> ChangeJson {
    let (binary, insertions, deletions) = match extent(view, change) {
        Extent::Lines { added, removed } => (Some(false), Some(added), Some(removed)),
        Extent::Binary { .. } => (Some(true), None, None),
        Extent::None | Extent::Unread(_) => (None, None, None),
    };
    let node = |node: &Node| NodeJson { kind: node.kind, mode: node.full_mode(), size: node.size };
    ChangeJson {
        path: PathJson::of(&change.path),
        change: match change.kind {
            ChangeKind::Added => "added",
            ChangeKind::Deleted => "deleted",
            ChangeKind::Modified => "modified",
            ChangeKind::ModeChanged => "mode changed",
            ChangeKind::TypeChanged => "type changed",
            ChangeKind::Renamed { .. } => "renamed",
        },
        from: change.renamed_from().map(PathJson::of),
        before: change.before.as_ref().map(node),
        after: change.after.as_ref().map(node),
        binary,
        insertions,
        deletions,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
