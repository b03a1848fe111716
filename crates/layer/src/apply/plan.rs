//! From changes to what is to be done, in order.

use std::collections::{BTreeMap, BTreeSet};

use super::journal::Evidence;
use super::judge::judge;
use super::{ApplyError, Choice, Refusal, Refused};
use crate::beneath::View;
use crate::changes::{Change, ChangeKind, Changes, below};
use crate::node::Node;
use crate::path::RelPath;

/// What is done together or not at all.
#[derive(Debug)]
pub(super) struct Unit {
    /// What it is called when it is refused.
    pub(super) path: RelPath,
    pub(super) changes: Vec<RelPath>,
    pub(super) ops: Vec<Op>,
}

/// One step. What stands at `path` before it is known, and is looked at again when it is taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// Puts what the upper has at `path` there; `mode` is what a directory gets while it is filled.
    Place {
        path: RelPath,
        before: Option<Node>,
        mode: u32,
    },
    Remove {
        path: RelPath,
        before: Node,
    },
    Chmod {
        path: RelPath,
        before: Option<Node>,
        mode: u32,
    },
}

impl Op {
    pub(super) fn path(&self) -> &RelPath {
        match self {
            Op::Place { path, .. } | Op::Remove { path, .. } | Op::Chmod { path, .. } => path,
        }
    }

    pub(super) fn before(&self) -> Option<&Node> {
        match self {
            Op::Place { before, .. } | Op::Chmod { before, .. } => before.as_ref(),
            Op::Remove { before, .. } => Some(before),
        }
    }
}

impl Unit {
    /// Makes one of all.
    pub(super) fn all(units: Vec<Unit>) -> Unit {
        let path = units.first().map_or_else(RelPath::root, |unit| unit.path.clone());
        let mut all = Unit { path, changes: Vec::new(), ops: Vec::new() };
        for unit in units {
            all.changes.extend(unit.changes);
            all.ops.extend(unit.ops);
        }
        all
    }
}

/// Returns what is to be done for the chosen changes, in order, and what is refused beforehand.
pub(super) fn plan(
    view: &View,
    changes: &Changes,
    choice: &Choice<'_>,
    evidence: &Evidence,
) -> Result<(Vec<Unit>, Vec<Refused>), ApplyError> {
    let apart = changes.taken_apart(choice.paths);
    let changes = apart.as_ref().unwrap_or(changes);
    let chosen = choose(changes, choice)?;
    let mut refused: BTreeMap<&RelPath, Refusal> = BTreeMap::new();
    for change in &chosen {
        if let Err(why) = judge(view, change, choice, evidence) {
            refused.insert(&change.path, why);
        }
    }
    // A change falls with the directory that it needs, and a directory that is to become a file with what stays in it.
    for change in &chosen {
        let holder = change.path.parent().filter(|parent| refused.get(parent).is_some_and(|_| makes_directory(changes, parent)));
        if let Some(holder) = holder
            && refused.get(&change.path).is_none_or(|why| matches!(why, Refusal::Vanished))
        {
            refused.insert(&change.path, Refusal::Holder(holder));
        }
    }
    for change in chosen.iter().rev().filter(|change| takes_directory(change)) {
        let stays = below(&changes.list, &change.path).iter().find(|inner| refused.contains_key(&inner.path));
        if let Some(stays) = stays {
            refused.entry(&change.path).or_insert(Refusal::Holder(stays.path.clone()));
        }
    }

    let mut units: Vec<(Order, Unit)> = Vec::new();
    let mut within: Option<&RelPath> = None;
    for change in chosen.iter().filter(|change| !refused.contains_key(&change.path)) {
        if within.is_some_and(|directory| change.path.is_beneath(directory)) {
            continue;
        }
        if replaces_directory(change) {
            within = Some(&change.path);
        }
        units.extend(units_of(change, changes));
    }
    units.sort_by(|(one, _), (other, _)| one.cmp(other));
    let units = units.into_iter().map(|(_, unit)| unit).collect();
    let refused = refused.into_iter().map(|(path, why)| Refused { path: path.clone(), why }).collect();
    Ok((units, refused))
}

/// Returns the chosen changes, with the directories that have to be made for them.
fn choose<'a>(changes: &'a Changes, choice: &Choice<'_>) -> Result<Vec<&'a Change>, ApplyError> {
    if choice.paths.is_empty() {
        return Ok(changes.list.iter().collect());
    }
    if let Some(path) = choice.paths.iter().find(|path| !changes.list.iter().any(|change| change.touches(path))) {
        return Err(ApplyError::NotChanged(path.clone()));
    }
    let mut chosen: BTreeSet<&RelPath> = BTreeSet::new();
    for change in changes.list.iter().filter(|change| choice.paths.iter().any(|path| change.touches(path))) {
        chosen.insert(&change.path);
    }
    let mut needed: BTreeSet<RelPath> = BTreeSet::new();
    for path in &chosen {
        let mut at = path.parent();
        while let Some(directory) = at.filter(|directory| makes_directory(changes, directory)) {
            at = directory.parent();
            needed.insert(directory);
        }
    }
    Ok(changes.list.iter().filter(|change| chosen.contains(&change.path) || needed.contains(&change.path)).collect())
}

fn makes_directory(changes: &Changes, path: &RelPath) -> bool {
    let found = changes.list.binary_search_by(|change| change.path.cmp(path)).ok().and_then(|at| changes.list.get(at));
    found.is_some_and(|change| {
        let made = matches!(change.kind, ChangeKind::Added | ChangeKind::TypeChanged);
        made && change.after.is_some_and(|after| after.is_directory())
    })
}

/// Returns whether a directory has to be empty for it.
fn takes_directory(change: &Change) -> bool {
    let goes = change.kind == ChangeKind::Deleted && change.is_directory();
    goes || replaces_directory(change)
}

fn replaces_directory(change: &Change) -> bool {
    change.kind == ChangeKind::TypeChanged && change.before.is_some_and(|before| before.is_directory())
}

/// First what is new, a directory before what is in it; then what goes, the other way round; then modes that would be in the way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Come(RelPath),
    Go(std::cmp::Reverse<RelPath>),
    Close(std::cmp::Reverse<RelPath>),
}

fn units_of(change: &Change, changes: &Changes) -> Vec<(Order, Unit)> {
    let path = &change.path;
    let unit = |changes: Vec<RelPath>, ops: Vec<Op>| Unit { path: path.clone(), changes, ops };
    let itself = || vec![path.clone()];
    let come = || Order::Come(path.clone());
    let close = |mode: u32, before: Option<Node>| {
        (Order::Close(std::cmp::Reverse(path.clone())), unit(itself(), vec![Op::Chmod { path: path.clone(), before, mode }]))
    };
    let (before, after) = (change.before, change.after);
    match (&change.kind, after) {
        (ChangeKind::Deleted, _) | (_, None) => before
            .map(|before| {
                (Order::Go(std::cmp::Reverse(path.clone())), unit(itself(), vec![Op::Remove { path: path.clone(), before }]))
            })
            .into_iter()
            .collect(),
        (ChangeKind::ModeChanged, Some(after)) if after.mode & 0o300 == 0o300 || !after.is_directory() => {
            vec![(come(), unit(itself(), vec![Op::Chmod { path: path.clone(), before, mode: after.mode }]))]
        }
        (ChangeKind::ModeChanged, Some(after)) => vec![close(after.mode, before)],
        (ChangeKind::Renamed { from }, Some(after)) => {
            let mut ops = vec![Op::Place { path: path.clone(), before: None, mode: after.mode }];
            ops.extend(before.map(|before| Op::Remove { path: from.clone(), before }));
            // Whoever applies everything is told of both names.
            vec![(come(), unit(vec![path.clone(), from.clone()], ops))]
        }
        (ChangeKind::Added | ChangeKind::Modified | ChangeKind::TypeChanged, Some(after)) => {
            let inner = if replaces_directory(change) { below(&changes.list, path) } else { &[] };
            let mut names = itself();
            names.extend(inner.iter().map(|inner| inner.path.clone()));
            let mut ops: Vec<Op> = inner
                .iter()
                .rev()
                .filter_map(|inner| inner.before.map(|before| Op::Remove { path: inner.path.clone(), before }))
                .collect();
            let filled = if after.is_directory() { after.mode | 0o700 } else { after.mode };
            ops.push(Op::Place { path: path.clone(), before, mode: filled });
            let mut units = vec![(come(), unit(names, ops))];
            if filled != after.mode {
                units.push(close(after.mode, None));
            }
            units
        }
    }
}
