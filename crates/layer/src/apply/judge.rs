//! Whether a change may be applied, by what is known before anything is done.

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::journal::Evidence;
use super::{Choice, Protected, Refusal};
use crate::beneath::{self, View};
use crate::changes::{Change, ChangeKind};
use crate::node::{Kind, Node};
use crate::path::RelPath;

pub(super) fn judge(view: &View, change: &Change, choice: &Choice<'_>, evidence: &Evidence) -> Result<(), Refusal> {
    protection(change, choice)?;
    if let Some(after) = change.after.filter(|after| !after.kind.is_content()) {
        return Err(Refusal::NoContent(after.kind));
    }
    set_id(change, choice)?;
    match (&change.kind, &change.before) {
        (ChangeKind::Added, _) | (_, None) => still_absent(view, change, evidence),
        (ChangeKind::Renamed { from }, Some(before)) => unchanged(view, from, before, evidence),
        // Of a directory that goes, what is in it is judged; and it has to be empty when its turn comes.
        (ChangeKind::Deleted | ChangeKind::TypeChanged, Some(before)) if before.is_directory() => Ok(()),
        (_, Some(before)) => unchanged(view, &change.path, before, evidence).map_err(|why| match why {
            Refusal::Changed if before.kind == Kind::Symlink && change.after.is_some_and(|after| after.is_directory()) => {
                Refusal::BecameLink
            }
            why => why,
        }),
    }
}

fn protection(change: &Change, choice: &Choice<'_>) -> Result<(), Refusal> {
    let is_named = |path: &RelPath, protected: &RelPath| {
        // A directory above it does not name it; where the change is to that directory itself, its own name does.
        choice.paths.iter().any(|named| path.is_beneath(named) && (named.is_beneath(protected) || named == path))
    };
    let paths = std::iter::once(&change.path).chain(change.renamed_from());
    for path in paths {
        let touches = |protected: &&Protected| {
            path.is_beneath(&protected.path) || (!change.is_directory() && protected.path.is_beneath(path))
        };
        let refused = choice.protected.iter().filter(touches).find(|protected| !is_named(path, &protected.path));
        if let Some(protected) = refused {
            return Err(protected.denied_by.clone().map_or(Refusal::Protected, Refusal::Denied));
        }
        if of_git(path, change.is_directory()).is_some_and(|protected| !is_named(path, &protected)) {
            return Err(Refusal::Protected);
        }
    }
    Ok(())
}

/// Returns what the path is of a repository, at any depth, that has git run something: a repository that a task left somewhere is
/// met by the next prompt that shows a branch.
fn of_git(path: &RelPath, is_directory: bool) -> Option<RelPath> {
    const SETTINGS: [&[u8]; 6] = [b"hooks", b"config", b"config.worktree", b"commondir", b"modules", b"worktrees"];
    let mut at = RelPath::root();
    let mut components = path.as_bytes().split(|byte| *byte == b'/').peekable();
    while let Some(name) = components.next() {
        at = at.join(name);
        match (name, components.peek()) {
            (b".git", Some(next)) if SETTINGS.contains(next) => return Some(at.join(next)),
            // A file or a link with that name says where the repository is.
            (b".git", None) if !is_directory => return Some(at),
            _ => {}
        }
    }
    None
}

/// A file that would run as its owner is not what somebody who reads a diff looks for.
fn set_id(change: &Change, choice: &Choice<'_>) -> Result<(), Refusal> {
    let bits = |node: Option<Node>| node.filter(|node| node.kind == Kind::File).map_or(0, |node| node.mode & 0o6000);
    let new =
        bits(change.after) & !bits(change.before) != 0 || (bits(change.after) != 0 && change.kind != ChangeKind::ModeChanged);
    if new && !choice.paths.contains(&change.path) { Err(Refusal::SetId) } else { Ok(()) }
}

/// Nothing stands there; was there something when the task began?
fn still_absent(view: &View, change: &Change, evidence: &Evidence) -> Result<(), Refusal> {
    if !change.copied_up {
        return Ok(());
    }
    if change.is_directory() {
        // Overlayfs does not rename directories of the lower: the task found it under this name.
        return Err(Refusal::Vanished);
    }
    // The task had it from the lower, under this name or under another. If this directory is as it was, it was another.
    let Some(parent) = change.path.parent() else { return Ok(()) };
    match beneath::look(view.lower.as_fd(), &parent) {
        Ok(Some(directory)) if directory.changed >= view.began && !evidence.has_touched(&parent) => Err(Refusal::Vanished),
        Ok(_) => Ok(()),
        Err(errno) => Err(unreachable(errno)),
    }
}

fn unchanged(view: &View, path: &RelPath, before: &Node, evidence: &Evidence) -> Result<(), Refusal> {
    let known = evidence.of(path).is_some_and(|earlier| before.is_still(earlier))
        || (before.is_directory() && evidence.has_touched(path));
    if before.changed >= view.began && !known { Err(Refusal::Changed) } else { Ok(()) }
}

/// Returns the refusal of a path whose directory cannot be opened.
pub(super) fn unreachable(errno: Errno) -> Refusal {
    match errno {
        Errno::LOOP => Refusal::Link,
        Errno::NOENT => Refusal::Vanished,
        errno => Refusal::System { action: "open its directory", errno },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_runs_is_found_at_any_depth() {
        let check = |path: &str, is_directory: bool, expected: Option<&str>| {
            let of = of_git(&RelPath::parse(path.as_bytes()).unwrap(), is_directory);
            assert_eq!(of, expected.map(|text| RelPath::parse(text.as_bytes()).unwrap()), "{path}");
        };
        check("a/b/.git/hooks/pre-commit", false, Some("a/b/.git/hooks"));
        check("a/.git/config", false, Some("a/.git/config"));
        check("a/.git/commondir", false, Some("a/.git/commondir"));
        check("a/.git/modules/x/.git/config", false, Some("a/.git/modules"));
        check("a/.git/x/.git/config", false, Some("a/.git/x/.git/config"));
        check("a/.git", false, Some("a/.git"));
        check("a/.git", true, None);
        check("a/.git/objects/ab/cdef", false, None);
        check("a/.github/config", false, None);
        check("config", false, None);
    }
}
