//! Finding files that were renamed: overlayfs writes a renamed file of the lower as one that came and one that went.

use std::collections::BTreeMap;
use std::os::fd::AsFd;

use crate::beneath::View;
use crate::changes::{Change, ChangeKind};
use crate::content::digest;
use crate::node::Kind;
use crate::path::RelPath;

/// Makes one change of a file that was added and one of the same content that was deleted. Only files of the same size are
/// read; empty ones are all alike, and stay as they are.
pub(crate) fn pair_renames(view: &View, list: Vec<Change>) -> Vec<Change> {
    let mut sizes: BTreeMap<u64, (Vec<&RelPath>, Vec<&RelPath>)> = BTreeMap::new();
    for change in &list {
        let (node, added) = match (&change.kind, &change.before, &change.after) {
            (ChangeKind::Added, _, Some(node)) => (node, true),
            (ChangeKind::Deleted, Some(node), _) => (node, false),
            _ => continue,
        };
        if node.kind == Kind::File && node.size > 0 {
            let entry = sizes.entry(node.size).or_default();
            if added { entry.0.push(&change.path) } else { entry.1.push(&change.path) }
        }
    }
    let mut from: BTreeMap<RelPath, RelPath> = BTreeMap::new();
    for (added, deleted) in sizes.into_values().filter(|(added, deleted)| !added.is_empty() && !deleted.is_empty()) {
        let mut sources: BTreeMap<[u8; 32], Vec<&RelPath>> = BTreeMap::new();
        for path in deleted {
            // One that cannot be read is no rename, and is shown as it is.
            if let Ok(digest) = digest(view.lower.as_fd(), path) {
                sources.entry(digest).or_default().push(path);
            }
        }
        for path in added {
            let Ok(digest) = digest(view.upper.as_fd(), path) else { continue };
            let Some(candidates) = sources.get_mut(&digest).filter(|candidates| !candidates.is_empty()) else { continue };
            // Among equals, one that kept its name.
            let at = candidates.iter().position(|candidate| candidate.name() == path.name()).unwrap_or(0);
            from.insert(path.clone(), candidates.remove(at).clone());
        }
    }
    if from.is_empty() { list } else { merge(&list, &from) }
}

/// Takes the renames apart of which the paths name one end only: who names a file wants that file and no other. `None`: there are none.
pub(crate) fn take_apart(list: &[Change], paths: &[RelPath]) -> Option<Vec<Change>> {
    let is_named = |path: &RelPath| paths.iter().any(|named| path.is_beneath(named));
    let is_half = |change: &Change| change.renamed_from().is_some_and(|from| is_named(from) != is_named(&change.path));
    if !list.iter().any(is_half) {
        return None;
    }
    let apart = |change: &Change| match &change.kind {
        ChangeKind::Renamed { from } if is_half(change) => vec![
            Change { kind: ChangeKind::Added, before: None, ..change.clone() },
            Change { path: from.clone(), kind: ChangeKind::Deleted, before: change.before, after: None, copied_up: false },
        ],
        _ => vec![change.clone()],
    };
    let mut list: Vec<Change> = list.iter().flat_map(apart).collect();
    list.sort_by(|one, other| one.path.cmp(&other.path));
    Some(list)
}

fn merge(list: &[Change], from: &BTreeMap<RelPath, RelPath>) -> Vec<Change> {
    let mut sources: BTreeMap<&RelPath, Option<crate::Node>> = from.values().map(|source| (source, None)).collect();
    for change in list {
        if let (Some(node), ChangeKind::Deleted) = (sources.get_mut(&change.path), &change.kind) {
            *node = change.before;
        }
    }
    let renamed = |change: Change| match from.get(&change.path) {
        Some(source) if change.kind == ChangeKind::Added => {
            let before = sources.get(source).copied().flatten();
            Change { kind: ChangeKind::Renamed { from: source.clone() }, before, ..change }
        }
        _ => change,
    };
    list.iter()
        .filter(|change| change.kind != ChangeKind::Deleted || !sources.contains_key(&change.path))
        .cloned()
        .map(renamed)
        .collect()
}
