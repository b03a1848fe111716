//! Takes in what tasks in the foreground wrote in their journals, which nobody opened the store for.
//!
//! A journal of a task that is over goes when it is in the store; that of a task that runs stays, and is taken in again later, as far
//! as it is not known yet. A journal that cannot be understood stays too, and is told.

#[cfg(test)]
mod tests;

use std::os::fd::{AsFd, BorrowedFd};

use remit_agent::AbsPath;
use rusqlite::{Connection, Transaction};
use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::write::{append_in, create_in, tell};
use super::{Store, StoreError};
use crate::journal::{self, Journal, Part, Wrong};
use crate::lock::{DIRECTORY, ENDED, Lock};
use crate::{StateDir, TaskId, files};

/// A journal that is to be taken in.
#[derive(Debug)]
struct Found {
    id: TaskId,
    /// In which directory it lies.
    place: &'static str,
    journal: Journal,
}

/// A journal that cannot be understood.
#[derive(Debug)]
pub(crate) struct Odd {
    pub(crate) id: TaskId,
    /// In which directory it lies.
    pub(super) place: &'static str,
    pub(crate) error: StoreError,
}

/// What lies in the two directories.
#[derive(Debug, Default)]
struct Look {
    found: Vec<Found>,
    /// Ended, and without a byte: a power cut took what was in them.
    empty: Vec<TaskId>,
    odd: Vec<Odd>,
}

impl Store {
    /// Takes in what is in journals, and returns those that cannot be. A store of a newer version takes in nothing.
    pub(crate) fn take_in(&mut self) -> Result<Vec<Odd>, StoreError> {
        let found = look(self.root.as_fd(), &self.root_path())?;
        if self.is_newer() || (found.empty.is_empty() && !self.has_news(&found)?) {
            return Ok(found.odd);
        }
        let root_path = self.root_path();
        let root = self.root.try_clone().map_err(|source| StoreError::Io { action: "open", path: root_path.clone(), source })?;
        let (over, odd) = self.writing("write", |transaction, path| {
            // Once more, now that nobody else writes: what was taken in meanwhile may have been deleted since.
            let Look { mut found, empty: mut over, mut odd } = look(root.as_fd(), &root_path)?;
            // As if each had been written when it happened.
            found.sort_by_key(|found| found.journal.parts.first().map(|part| part.at));
            for Found { id, place, journal } in found {
                match take(transaction, &id, &journal, path) {
                    Ok(()) if place == ENDED => over.push(id),
                    Ok(()) => {}
                    Err(error @ StoreError::Full { .. }) => return Err(error),
                    // The others have nothing to do with what is wrong with this one.
                    Err(error) => odd.push(Odd { id, place, error }),
                }
            }
            Ok((over, odd))
        })?;
        for id in &over {
            // What stays is known, and whoever looks next removes it.
            let _ = rustix::fs::unlinkat(&root, name(ENDED, id), AtFlags::empty());
        }
        self.write_back();
        Ok(odd)
    }

    /// Takes in the journal of one task, whose lock the caller has.
    pub(crate) fn take_in_one(&mut self, id: &TaskId) -> Result<(), StoreError> {
        match read(self.root.as_fd(), &self.root_path(), DIRECTORY, id)? {
            Some(journal) => self.writing("write", |transaction, path| take(transaction, id, &journal, path)),
            None => Ok(()),
        }
    }

    /// Takes in what can be understood of an odd journal, and puts the file aside. Returns whether anything could be, and what was
    /// wrong; `None` when its task's process lives, which may yet write in it.
    pub(super) fn save_odd(&mut self, state: &StateDir, odd: &Odd, suffix: &str) -> Result<Option<(bool, String)>, StoreError> {
        if matches!(odd.error, StoreError::NewerJournal { .. }) {
            return Ok(Some((false, odd.error.to_string())));
        }
        let name = name(odd.place, &odd.id);
        let failed = |source: std::io::Error| StoreError::Io { action: "repair", path: state.path().join(&name), source };
        let lock = match odd.place {
            DIRECTORY => match Lock::take_abandoned(state, &odd.id) {
                Ok(Some(lock)) => Some(lock),
                Ok(None) => return Ok(None),
                Err(errno) => return Err(failed(errno.into())),
            },
            _ => None,
        };
        let readable = files::read(state.fd(), &name).ok().flatten().and_then(|bytes| journal::as_far_as(&bytes, &odd.id).0);
        if let Some(journal) = &readable {
            self.writing("write", |transaction, path| take(transaction, &odd.id, journal, path))?;
        }
        let aside = format!("{}.{suffix}", odd.id);
        rustix::fs::renameat(state.fd(), &name, state.fd(), &aside).map_err(|errno| failed(errno.into()))?;
        drop(lock);
        Ok(Some((readable.is_some(), format!("{}; it is kept as `{}`", odd.error, state.path().join(&aside)))))
    }

    fn has_news(&self, look: &Look) -> Result<bool, StoreError> {
        for Found { id, place, journal } in &look.found {
            let known = known(&self.db, id).map_err(self.failed("read"))?;
            if *place == ENDED || known < journal.parts.iter().map(|part| part.events.len()).sum() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the directory in which the store and the journals lie.
    fn root_path(&self) -> AbsPath {
        self.path.parent().unwrap_or_else(AbsPath::root)
    }
}

/// Returns whether there is a journal.
pub(super) fn any(state: &StateDir) -> Result<bool, StoreError> {
    look(state.fd(), state.path()).map(|look| !(look.found.is_empty() && look.odd.is_empty()))
}

/// Returns whether a task in the foreground has ended and is not taken in, or may have.
pub(super) fn any_ended(state: &StateDir) -> bool {
    !matches!(ids(state.fd(), state.path(), ENDED), Ok(ids) if ids.is_empty())
}

/// Returns the journals that cannot be understood.
pub(super) fn odd(state: &StateDir) -> Result<Vec<Odd>, StoreError> {
    look(state.fd(), state.path()).map(|look| look.odd)
}

/// Removes the journal of a task that is being deleted, wherever it is: nobody may take it in again.
pub(super) fn forget(root: BorrowedFd<'_>, id: &TaskId) -> Result<(), Errno> {
    // In this order: it may be moved from the first to the second meanwhile.
    for place in [DIRECTORY, ENDED] {
        if place == DIRECTORY && is_empty(root, place, id)? {
            continue;
        }
        match rustix::fs::unlinkat(root, name(place, id), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

pub(super) fn name(place: &str, id: &TaskId) -> String {
    format!("{place}/{id}")
}

/// Reads all journals. First the whole of the one directory, then the other: what is moved meanwhile is seen at least once.
fn look(root: BorrowedFd<'_>, path: &AbsPath) -> Result<Look, StoreError> {
    let mut look = Look::default();
    for place in [DIRECTORY, ENDED] {
        for id in ids(root, path, place)? {
            match read(root, path, place, &id) {
                Ok(Some(journal)) => look.found.push(Found { id, place, journal }),
                Ok(None) if place == ENDED => look.empty.push(id),
                Ok(None) => {}
                Err(error) => look.odd.push(Odd { id, place, error }),
            }
        }
    }
    Ok(look)
}

fn ids(root: BorrowedFd<'_>, path: &AbsPath, place: &'static str) -> Result<Vec<TaskId>, StoreError> {
    let failed = |errno: Errno| StoreError::Io { action: "read", path: path.join(place), source: errno.into() };
    match files::open_directory(root, place) {
        Ok(directory) => files::ids(directory.as_fd()).map_err(failed),
        Err(Errno::NOENT) => Ok(Vec::new()),
        Err(errno) => Err(failed(errno)),
    }
}

/// Reads a journal; `None` when there is none, or nothing in it.
fn read(root: BorrowedFd<'_>, path: &AbsPath, place: &str, id: &TaskId) -> Result<Option<Journal>, StoreError> {
    let name = name(place, id);
    let told = |wrong| match wrong {
        Wrong::Damaged(reason) => StoreError::Journal { path: path.join(&name), reason },
        Wrong::Newer { found } => StoreError::NewerJournal { path: path.join(&name), found, known: journal::VERSION },
    };
    let failed = |error: std::io::Error| told(Wrong::Damaged(error.to_string()));
    // Mostly the lock of a task in the background.
    if place == DIRECTORY && is_empty(root, place, id).map_err(|errno| failed(errno.into()))? {
        return Ok(None);
    }
    let Some(bytes) = files::read(root, &name).map_err(failed)? else { return Ok(None) };
    match journal::read(&bytes, id).map_err(told)? {
        // Nobody moves it there before its first line is whole.
        None if place == ENDED && !bytes.is_empty() => Err(told(Wrong::Damaged("it has no whole line".to_owned()))),
        journal => Ok(journal),
    }
}

fn is_empty(root: BorrowedFd<'_>, place: &str, id: &TaskId) -> Result<bool, Errno> {
    match rustix::fs::statat(root, name(place, id), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(stat.st_size == 0),
        Err(Errno::NOENT) => Ok(true),
        Err(errno) => Err(errno),
    }
}

/// Writes what a journal says and the store does not know: all of it or nothing.
fn take(transaction: &Transaction<'_>, id: &TaskId, journal: &Journal, path: &AbsPath) -> Result<(), StoreError> {
    let failed = super::failed(path, "write");
    let known = known(transaction, id).map_err(&failed)?;
    transaction.execute_batch("SAVEPOINT journal").map_err(&failed)?;
    let taken = take_parts(transaction, id, journal, known, path);
    if taken.is_err() {
        transaction.execute_batch("ROLLBACK TO journal").map_err(&failed)?;
    }
    transaction.execute_batch("RELEASE journal").map_err(&failed)?;
    taken
}

fn take_parts(
    transaction: &Transaction<'_>,
    id: &TaskId,
    journal: &Journal,
    known: usize,
    path: &AbsPath,
) -> Result<(), StoreError> {
    let mut before = 0_usize;
    for Part { at, events, told } in &journal.parts {
        // Whoever found the task lost has written an end of his own, and then that of the journal is none.
        let news = events.get(known.saturating_sub(before)..).unwrap_or_default();
        let is_first = before == 0;
        before += events.len();
        if news.is_empty() {
            continue;
        }
        if known == 0 && is_first {
            create_in(transaction, id, &journal.name, *at, news.to_vec(), path)?;
        } else {
            append_in(transaction, id, *at, news, path)?;
        }
        if *told {
            tell(transaction, id).map_err(super::failed(path, "write"))?;
        }
    }
    Ok(())
}

/// Returns how many events of a task there are.
fn known(db: &Connection, id: &TaskId) -> rusqlite::Result<usize> {
    let count: i64 = db.query_row("SELECT count(*) FROM events WHERE task = ?", [id.as_str()], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}
