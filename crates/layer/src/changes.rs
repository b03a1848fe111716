//! What differs between an upper directory and the lower one under it.
//!
//! An upper holds what was written: whole files, directories for what lies in them, and marks. A device `0/0` says that the name is
//! gone (a *whiteout*); a directory marked *opaque* hides all that lies under it. Marks that need more than this to be
//! understood, which only a mount with other options writes, are an error.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use crate::beneath::{self, View};
use crate::content;
use crate::node::{Kind, Node};
use crate::path::RelPath;
use crate::renames::{pair_renames, take_apart};

/// Something that the task changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub path: RelPath,
    pub kind: ChangeKind,
    /// What stands in the lower directory now.
    pub before: Option<Node>,
    /// What the task made of it.
    pub after: Option<Node>,
    /// The task had it from the lower directory, and there is nothing there now: somebody deleted it since, or the task renamed it.
    pub(crate) copied_up: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Added,
    Deleted,
    /// Other content, and perhaps another mode.
    Modified,
    ModeChanged,
    /// A file became a symbolic link, a directory a file, and so on.
    TypeChanged,
    /// A file of the same content was deleted at this path.
    Renamed {
        from: RelPath,
    },
}

/// Everything that a task changed, in the order of paths.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub list: Vec<Change>,
    /// What could not be looked at; what it holds is not in the list.
    pub unread: Vec<Unread>,
    /// Where renamed files stood, in the order of paths.
    pub(crate) left: Vec<RelPath>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub path: RelPath,
    pub why: String,
}

impl Change {
    pub fn renamed_from(&self) -> Option<&RelPath> {
        match &self.kind {
            ChangeKind::Renamed { from } => Some(from),
            _ => None,
        }
    }

    /// Returns whether a path names it, or a directory above it: of a rename, either end.
    pub(crate) fn touches(&self, path: &RelPath) -> bool {
        self.path.is_beneath(path) || self.renamed_from().is_some_and(|from| from.is_beneath(path))
    }

    /// Returns whether it is about a directory and nothing else.
    pub fn is_directory(&self) -> bool {
        self.before.as_ref().is_none_or(Node::is_directory) && self.after.as_ref().is_none_or(Node::is_directory)
    }
}

impl Changes {
    /// Returns the changes that a person counts: without directories that came or went with what is in them.
    pub fn shown(&self) -> impl Iterator<Item = &Change> {
        self.list.iter().filter(|change| !self.is_implied(change))
    }

    /// Returns whether a change needs no line of its own: a directory that came or went with what is in it.
    pub(crate) fn is_implied(&self, change: &Change) -> bool {
        let comes_or_goes = matches!(change.kind, ChangeKind::Added | ChangeKind::Deleted);
        let next_left = self.left.get(self.left.partition_point(|path| *path <= change.path.join(b"")));
        let holds_more = !below(&self.list, &change.path).is_empty()
            || (change.after.is_none() && next_left.is_some_and(|path| path.is_beneath(&change.path)));
        change.is_directory() && comes_or_goes && holds_more
    }

    /// Returns the changes at and below some paths, all when there are none; or the path at which nothing changed.
    pub fn only(self, paths: &[RelPath]) -> Result<Changes, RelPath> {
        if paths.is_empty() {
            return Ok(self);
        }
        let known = |path: &RelPath| {
            self.list.iter().any(|change| change.touches(path)) || self.unread.iter().any(|unread| unread.path.is_beneath(path))
        };
        if let Some(path) = paths.iter().find(|path| !known(path)) {
            return Err(path.clone());
        }
        let Changes { mut list, mut unread, left } = self.taken_apart(paths).unwrap_or(self);
        list.retain(|change| paths.iter().any(|path| change.path.is_beneath(path)));
        unread.retain(|unread| paths.iter().any(|path| unread.path.is_beneath(path)));
        Ok(Changes { list, unread, left })
    }

    /// Returns the changes with each rename in two of which the paths name one end only; `None`: there are none.
    pub(crate) fn taken_apart(&self, paths: &[RelPath]) -> Option<Changes> {
        let list = take_apart(&self.list, paths)?;
        Some(Changes { left: left(&list), unread: self.unread.clone(), list })
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.unread.is_empty()
    }
}

/// Finds what the task changed.
///
/// Memory grows with the number of changes, and never with the size of files.
pub fn changes(view: &View) -> Changes {
    let mut walk = Walk { view, found: Changes::default(), todo: Vec::new() };
    walk.root();
    while let Some(step) = walk.todo.pop() {
        if let Err(errno) = walk.step(&step) {
            walk.unread(step.path().clone(), errno);
        }
    }
    let Changes { mut list, mut unread, .. } = walk.found;
    list.sort_by(|one, other| one.path.cmp(&other.path));
    unread.sort_by(|one, other| one.path.cmp(&other.path));
    let list = pair_renames(view, list);
    Changes { left: left(&list), list, unread }
}

fn left(list: &[Change]) -> Vec<RelPath> {
    let mut left: Vec<RelPath> = list.iter().filter_map(|change| change.renamed_from().cloned()).collect();
    left.sort();
    left
}

/// Returns the changes below a directory; all of them are in the order of paths.
pub(crate) fn below<'a>(all: &'a [Change], directory: &RelPath) -> &'a [Change] {
    // Names like `d.x` stand between `d` and what is in it.
    let inside = directory.join(b"");
    let start = all.partition_point(|change| change.path <= inside);
    let rest = all.get(start..).unwrap_or_default();
    rest.get(..rest.partition_point(|change| change.path.is_beneath(directory))).unwrap_or_default()
}

struct Walk<'a> {
    view: &'a View,
    found: Changes,
    /// Directories that are still to be looked into.
    todo: Vec<Step>,
}

enum Step {
    /// A directory of the upper. What lies under an opaque one, and is not in it, is gone.
    Merge { path: RelPath, opaque: bool },
    /// A directory of the lower that is gone, with all that is in it.
    Gone { path: RelPath },
}

impl Step {
    fn path(&self) -> &RelPath {
        match self {
            Step::Merge { path, .. } | Step::Gone { path } => path,
        }
    }
}

impl Walk<'_> {
    fn root(&mut self) {
        let root = RelPath::root();
        let (upper, lower) = (self.view.upper.as_fd(), self.view.lower.as_fd());
        match (beneath::look(upper, &root), beneath::look(lower, &root)) {
            (Ok(Some(after)), Ok(Some(before))) => {
                if after.mode != before.mode {
                    self.change(root.clone(), ChangeKind::ModeChanged, Some(before), Some(after));
                }
                self.todo.push(Step::Merge { path: root, opaque: false });
            }
            (Err(errno), _) | (_, Err(errno)) => self.unread(root, errno),
            _ => self.unread(root, Errno::NOENT),
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), Errno> {
        match step {
            Step::Merge { path, opaque } => self.merge(path, *opaque),
            Step::Gone { path } => self.gone(path),
        }
    }

    fn merge(&mut self, path: &RelPath, opaque: bool) -> Result<(), Errno> {
        let upper = beneath::directory(self.view.upper.as_fd(), path)?;
        let lower = match beneath::directory(self.view.lower.as_fd(), path) {
            Ok(lower) => Some(lower),
            // A file stands there, or a symbolic link.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => None,
            Err(errno) => return Err(errno),
        };
        let mark = self.mark(upper.as_fd(), b".", "opaque")?;
        for unknown in ["redirect", "metacopy"] {
            if self.mark(upper.as_fd(), b".", unknown)?.is_some() {
                return Err(Errno::NOSYS);
            }
        }
        let opaque = opaque || mark.as_deref() == Some(b"y");
        // Where whiteouts may be files with a mark, the directory says so.
        let marked_whiteouts = mark.as_deref() == Some(b"x");

        let names = beneath::names(upper.as_fd())?;
        if opaque && let Some(lower) = &lower {
            let kept: BTreeSet<&[u8]> = names.iter().map(Vec::as_slice).collect();
            for name in beneath::names(lower.as_fd())?.iter().filter(|name| !kept.contains(name.as_slice())) {
                let before = beneath::look_in(lower.as_fd(), name)?;
                self.removed(path.join(name), before);
            }
        }
        for name in &names {
            let at = path.join(name);
            let lower = lower.as_ref().map(AsFd::as_fd);
            if let Err(errno) = self.entry(upper.as_fd(), lower, name, &at, opaque, marked_whiteouts) {
                self.unread(at, errno);
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        upper: BorrowedFd<'_>,
        lower: Option<BorrowedFd<'_>>,
        name: &[u8],
        path: &RelPath,
        opaque: bool,
        marked_whiteouts: bool,
    ) -> Result<(), Errno> {
        let Some(after) = beneath::look_in(upper, name)? else { return Ok(()) };
        let before = lower.map_or(Ok(None), |lower| beneath::look_in(lower, name))?;
        let marked = marked_whiteouts && after.kind == Kind::File && after.size == 0;
        if is_whiteout(upper, name, &after)? || (marked && self.mark(upper, name, "whiteout")?.is_some()) {
            self.removed(path.clone(), before);
            return Ok(());
        }
        if after.is_directory() {
            self.todo.push(Step::Merge { path: path.clone(), opaque });
        } else if after.kind == Kind::File && self.mark(upper, name, "metacopy")?.is_some() {
            return Err(Errno::NOSYS);
        }
        match before {
            None => {
                let copied_up =
                    after.kind.is_content() && after.kind != Kind::Symlink && self.mark(upper, name, "origin")?.is_some();
                self.found.list.push(Change {
                    path: path.clone(),
                    kind: ChangeKind::Added,
                    before: None,
                    after: Some(after),
                    copied_up,
                });
            }
            Some(before) if before.kind != after.kind => {
                if before.is_directory() {
                    self.todo.push(Step::Gone { path: path.clone() });
                }
                self.change(path.clone(), ChangeKind::TypeChanged, Some(before), Some(after));
            }
            Some(before) => {
                let kind = if !self.is_same(path, &before, &after)? {
                    ChangeKind::Modified
                } else if before.mode != after.mode && after.kind != Kind::Symlink {
                    ChangeKind::ModeChanged
                } else {
                    return Ok(());
                };
                self.change(path.clone(), kind, Some(before), Some(after));
            }
        }
        Ok(())
    }

    fn is_same(&self, path: &RelPath, before: &Node, after: &Node) -> Result<bool, Errno> {
        let (upper, lower) = (self.view.upper.as_fd(), self.view.lower.as_fd());
        match after.kind {
            Kind::File => Ok(before.size == after.size && content::is_same(upper, lower, path)?),
            Kind::Symlink => Ok(beneath::link(upper, path)? == beneath::link(lower, path)?),
            _ => Ok(true),
        }
    }

    /// Everything in a directory of the lower is gone.
    fn gone(&mut self, path: &RelPath) -> Result<(), Errno> {
        let lower = beneath::directory(self.view.lower.as_fd(), path)?;
        for name in beneath::names(lower.as_fd())? {
            let before = beneath::look_in(lower.as_fd(), &name)?;
            self.removed(path.join(&name), before);
        }
        Ok(())
    }

    fn removed(&mut self, path: RelPath, before: Option<Node>) {
        let Some(before) = before else { return };
        if before.is_directory() {
            self.todo.push(Step::Gone { path: path.clone() });
        }
        self.change(path, ChangeKind::Deleted, Some(before), None);
    }

    fn mark(&self, directory: BorrowedFd<'_>, name: &[u8], mark: &str) -> Result<Option<Vec<u8>>, Errno> {
        beneath::overlay_xattr(directory, name, self.view.xattrs, mark)
    }

    fn change(&mut self, path: RelPath, kind: ChangeKind, before: Option<Node>, after: Option<Node>) {
        self.found.list.push(Change { path, kind, before, after, copied_up: false });
    }

    fn unread(&mut self, path: RelPath, errno: Errno) {
        let why = match errno {
            Errno::NOSYS => "it has a mark of overlayfs that remit does not know".to_owned(),
            Errno::XDEV => "another file system is mounted there".to_owned(),
            errno => std::io::Error::from(errno).to_string(),
        };
        self.found.unread.push(Unread { path, why });
    }
}

fn is_whiteout(directory: BorrowedFd<'_>, name: &[u8], node: &Node) -> Result<bool, Errno> {
    use std::os::unix::ffi::OsStrExt;
    if node.kind != Kind::Device {
        return Ok(false);
    }
    let name = std::ffi::OsStr::from_bytes(name);
    let stat = rustix::fs::statat(directory, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
    let character = rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::CharacterDevice;
    Ok(character && stat.st_rdev == 0)
}
