//! Changes as people and programs see them.

mod json;
mod patch;
mod stat;

pub use json::json;
pub use patch::{PatchStyle, patch};
pub use stat::{StatStyle, stat};

use crate::beneath::View;
use crate::changes::Change;
use crate::content::{Side, sides};
use crate::lines::LineDiff;

/// How much of a file changed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Extent {
    Lines {
        added: u64,
        removed: u64,
    },
    Binary {
        before: u64,
        after: u64,
    },
    /// There is no content on either side, or it cannot be read.
    None,
    Unread(String),
}

fn extent(view: &View, change: &Change) -> Extent {
    let without_content = |node: &crate::Node| !matches!(node.kind, crate::Kind::File | crate::Kind::Symlink);
    if change.before.iter().chain(&change.after).all(without_content) {
        return Extent::None;
    }
    match sides(view, change) {
        Ok((before, after)) => match (text(&before), text(&after)) {
            (Some(before), Some(after)) => {
                let diff = LineDiff::of(before, after);
                Extent::Lines { added: diff.added(), removed: diff.removed() }
            }
            _ => Extent::Binary { before: length_of(&before), after: length_of(&after) },
        },
        Err(error) => Extent::Unread(error.to_string()),
    }
}

fn text(side: &Side) -> Option<&[u8]> {
    match side {
        Side::Absent => Some(b""),
        Side::Text(bytes) => Some(bytes),
        Side::Bytes(_) => None,
    }
}

fn length_of(side: &Side) -> u64 {
    match side {
        Side::Absent => 0,
        Side::Text(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        Side::Bytes(length) => *length,
    }
}
