//! The store of tasks: a database of `SQLite` in the state directory.
//!
//! `events` is only ever appended to, and triggers in the database hold that; `tasks` has a row for each task with what its
//! events fold to, written in the same transaction, so that a listing reads rows and folds nothing. Several processes read
//! and write at once (WAL); every write takes the lock at its begin, so that none fails half-way because of another.
//!
//! What a process wrote survives its own death, however it dies. Nothing is synced at each write: a power cut may take the
//! last events, and then the next sweep finds the task lost.
//!
//! A task in the foreground does not open the database: whoever shows tasks takes in the [journals](journals) of such.

mod check;
mod journals;
mod read;
mod schema;
mod settings;
#[cfg(test)]
mod tests;
mod write;

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use remit_agent::AbsPath;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use thiserror::Error;

pub use check::{Repaired, check, repair};
pub use read::{Listed, Which};
pub use settings::{RUNNERS, Setting, SettingError, command_words};
pub use write::{Place, Wish};

use crate::record::FoldError;
use crate::{StateDir, TaskId, files};

pub(crate) const FILE: &str = "tasks.db";
const LOG: &str = "tasks.db-wal";

/// How long a process waits for others that write: each needs well below a millisecond.
const PATIENCE: Duration = Duration::from_mins(1);

/// A log of this many bytes is written back. Who opens the store while nobody else has it open reads all of the log, which costs
/// some microseconds for each 4 KiB of it; writing it back syncs the disk twice, some milliseconds. A task writes about 52 KiB.
const LONG: i64 = 400 << 10;

/// The store, open.
#[derive(Debug)]
pub struct Store {
    pub(crate) db: Connection,
    pub(crate) path: AbsPath,
    pub(crate) version: i64,
    /// The directory in which it lies, with the journals.
    pub(super) root: OwnedFd,
}

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("the store of tasks `{path}` is damaged: {reason}")]
    Damaged { path: AbsPath, reason: String },
    #[error("the store of tasks `{path}` was written by a newer version of remit (its form is {found}, this one writes {known})")]
    Newer { path: AbsPath, found: i64, known: i64 },
    #[error("the record of a task `{path}` is damaged: {reason}")]
    Journal { path: AbsPath, reason: String },
    #[error(
        "the record of a task `{path}` was written by a newer version of remit (its form is {found}, this one knows {known})"
    )]
    NewerJournal { path: AbsPath, found: i64, known: i64 },
    #[error("there is no room on the disk for the store of tasks `{path}`")]
    Full { path: AbsPath },
    #[error("cannot {action} the store of tasks `{path}`: {reason}")]
    Sql { action: &'static str, path: AbsPath, reason: String },
    #[error("cannot {action} the store of tasks `{path}`")]
    Io { action: &'static str, path: AbsPath, source: std::io::Error },
    #[error("there is no task `{id}`")]
    Missing { id: String },
    #[error("task `{id}` cannot have this event: {source}")]
    Fold { id: TaskId, source: FoldError },
}

impl StoreError {
    /// Returns the cure, as an instruction.
    pub fn help(&self) -> Option<String> {
        match self {
            StoreError::Damaged { .. } => {
                Some("`remit store check` says what is damaged, `remit store repair` saves what can be read".to_owned())
            }
            StoreError::Newer { .. } => Some("use the newer version; this one only reads it".to_owned()),
            StoreError::Journal { .. } => Some("`remit store repair` saves what can be read, and puts it aside".to_owned()),
            StoreError::NewerJournal { .. } => Some("use the newer version; this one leaves it as it is".to_owned()),
            StoreError::Full { .. } => Some("make room on the disk, with `remit clean` for instance".to_owned()),
            StoreError::Missing { .. } => Some("`remit tasks --all` lists the tasks".to_owned()),
            StoreError::Sql { .. } | StoreError::Io { .. } | StoreError::Fold { .. } => None,
        }
    }
}

impl Store {
    /// Opens the store, and makes it when there is none.
    ///
    /// Where a task in the foreground has ended, what is in journals is taken in. Those of tasks that run are looked at by who shows
    /// tasks, with [`Store::open_existing`] or a [sweep](crate::sweep), and not by each of a thousand supervisors.
    pub fn open(state: &StateDir) -> Result<Store, StoreError> {
        let mut store = Store::open_alone(state)?;
        if journals::any_ended(state) {
            store.try_take_in();
        }
        Ok(store)
    }

    /// Opens the store and takes in what is in journals; `None` when there is no store, and no journal.
    pub fn open_existing(state: &StateDir) -> Result<Option<Store>, StoreError> {
        match files::stat(state.fd(), FILE) {
            Ok(None) if !journals::any(state)? => return Ok(None),
            Ok(_) => {}
            Err(source) => return Err(io("open", state, source)),
        }
        let mut store = Store::open_alone(state)?;
        store.try_take_in();
        Ok(Some(store))
    }

    /// Takes in what can be: what cannot stays where it is, and a sweep tells it.
    fn try_take_in(&mut self) {
        let _ = self.take_in();
    }

    /// Opens the store, and leaves the journals alone.
    fn open_alone(state: &StateDir) -> Result<Store, StoreError> {
        if files::stat(state.fd(), FILE).map_err(|source| io("open", state, source))?.is_none() {
            make(state)?;
        }
        let store = connect(state)?;
        if store.version >= schema::VERSION {
            return Ok(store);
        }
        migrate(state, store)
    }

    /// Writes the log back into the database when it is long, for whoever opens the store next. It is for the end of what somebody
    /// waits for; while others use the store, or when there is no room, it is left for later.
    pub fn write_back(&self) {
        let log = files::stat(self.root.as_fd(), LOG).ok().flatten();
        if self.writable().is_err() || log.is_none_or(|log| log.st_size < LONG) {
            return;
        }
        // Only the time is lost when it does not succeed, and then there is nobody to tell.
        let _ = self.db.busy_timeout(Duration::ZERO);
        let _ = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        let _ = self.db.busy_timeout(PATIENCE);
    }

    pub fn path(&self) -> &AbsPath {
        &self.path
    }

    /// Returns whether a newer version wrote it: then it is only read.
    pub fn is_newer(&self) -> bool {
        self.writable().is_err()
    }

    /// Returns an error when the store is not this version's to write.
    pub(crate) fn writable(&self) -> Result<(), StoreError> {
        if self.version > schema::VERSION {
            return Err(StoreError::Newer { path: self.path.clone(), found: self.version, known: schema::VERSION });
        }
        Ok(())
    }

    pub(crate) fn failed(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> StoreError + use<> {
        failed(&self.path, action)
    }
}

/// Says what an error of the database is for the user.
pub(crate) fn failed(path: &AbsPath, action: &'static str) -> impl Fn(rusqlite::Error) -> StoreError + use<> {
    let path = path.clone();
    move |error| {
        let path = path.clone();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged { path, reason: error.to_string() },
            Some(ErrorCode::DiskFull) => StoreError::Full { path },
            // A store without its tables was cut short or is another program's.
            _ if error.to_string().contains("no such table") => StoreError::Damaged { path, reason: error.to_string() },
            _ => StoreError::Sql { action, path, reason: error.to_string() },
        }
    }
}

fn io(action: &'static str, state: &StateDir, source: std::io::Error) -> StoreError {
    StoreError::Io { action, path: state.path().join(FILE), source }
}

fn connect(state: &StateDir) -> Result<Store, StoreError> {
    let path = state.path().join(FILE);
    let error = failed(&path, "open");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let db = Connection::open_with_flags(path.as_path(), flags).map_err(&error)?;
    settle(&db).map_err(&error)?;
    let version = db.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(&error)?;
    let root = state.fd().try_clone_to_owned().map_err(|source| io("open", state, source))?;
    Ok(Store { db, path, version, root })
}

fn settle(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(PATIENCE)?;
    // A checkpoint at every close would sync the disk at the end of every command.
    db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // What the store says is data; it cannot make the reader call anything.
    db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.execute_batch(
        "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 1000; PRAGMA cache_size = -512;",
    )
}

/// Makes an empty store, whole: under another name, with the tables, then with its own.
///
/// So nobody ever sees a store without its tables, or without WAL, which can only be switched to by a process that is alone.
fn make(state: &StateDir) -> Result<(), StoreError> {
    let random = files::random::<8>().map_err(|source| io("create", state, source))?;
    let name = format!(".new-{}.db", files::hex(&random));
    let path = state.path().join(&name);
    files::write(state.fd(), &name, b"").map_err(|source| io("create", state, source))?;
    let build = || -> rusqlite::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let db = Connection::open_with_flags(path.as_path(), flags)?;
        db.execute_batch(schema::CREATE)?;
        db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        // The last one to close writes everything into the one file, and removes the others.
        db.close().map_err(|(_, error)| error)
    };
    let made = build().map_err(failed(&state.path().join(FILE), "create"));
    let linked = made.and_then(|()| {
        // Of several that make one at once, the first stays.
        match rustix::fs::linkat(state.fd(), name.as_str(), state.fd(), FILE, rustix::fs::AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(errno) => Err(io("create", state, errno.into())),
        }
    });
    for suffix in ["", "-wal", "-shm", "-journal"] {
        // The error that matters is the first one.
        let _ = rustix::fs::unlinkat(state.fd(), format!("{name}{suffix}"), rustix::fs::AtFlags::empty());
    }
    linked
}

fn migrate(state: &StateDir, store: Store) -> Result<Store, StoreError> {
    let error = store.failed("migrate");
    let mut store = store;
    let transaction = store.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(&error)?;
    // Another process may have done it while this one waited.
    let mut version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(&error)?;
    while version < schema::VERSION {
        let step = schema::migration(version).ok_or_else(|| StoreError::Damaged {
            path: state.path().join(FILE),
            reason: format!("its form is {version}, which never was"),
        })?;
        transaction.execute_batch(step).map_err(&error)?;
        version += 1;
        transaction.pragma_update(None, "user_version", version).map_err(&error)?;
    }
    transaction.commit().map_err(&error)?;
    store.version = version;
    Ok(store)
}
