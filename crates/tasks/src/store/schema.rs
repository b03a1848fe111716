//! The form of the store. A change of it is a new version and a migration.

pub(super) const VERSION: i64 = 1;

/// An empty store of this version.
pub(super) const CREATE: &str = "
    CREATE TABLE tasks (
        id       TEXT PRIMARY KEY,
        name     TEXT NOT NULL UNIQUE,
        created  INTEGER NOT NULL, -- milliseconds since 1970, UTC
        position INTEGER NOT NULL, -- among those that wait
        over     INTEGER NOT NULL,
        told     INTEGER NOT NULL, -- its end has been told to the user
        state    TEXT NOT NULL,    -- in a word, also for older versions of the reader
        record   TEXT NOT NULL     -- what its events fold to
    ) STRICT;
    CREATE INDEX tasks_unfinished ON tasks (position) WHERE over = 0;
    CREATE INDEX tasks_by_age ON tasks (created);

    CREATE TABLE events (
        task  TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
        seq   INTEGER NOT NULL,
        at    TEXT NOT NULL,
        event TEXT NOT NULL,
        PRIMARY KEY (task, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are only appended'); END;
    CREATE TRIGGER events_are_not_removed BEFORE DELETE ON events
    WHEN EXISTS (SELECT 1 FROM tasks WHERE id = old.task)
    BEGIN SELECT RAISE(ABORT, 'events are only appended'); END;

    -- What the command line wants of a supervisor, which is the only one to write the task's events.
    CREATE TABLE wishes (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        task   TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
        wish   TEXT NOT NULL
    ) STRICT;
    CREATE INDEX wishes_by_task ON wishes (task);

    CREATE TABLE settings (
        key   TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT;

    PRAGMA user_version = 1;
";

/// Returns what makes a store of version `from` one of the next version; `None` when there was no such version.
pub(super) fn migration(from: i64) -> Option<&'static str> {
    let _ = from;
    None
}
