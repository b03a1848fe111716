//! The store of tasks: damaged, of a newer version, or planted in a repository.

use std::fs;
use std::path::Path;

use remit_tests::tasks::{begin, world_with};

#[test]
fn a_damaged_store_is_told_and_can_be_repaired() {
    let world = world_with("echo ran");
    let first = begin(&world, &["--name", "first"], &[]);
    world.remit(&["wait", &first]).assert_code(0);
    let second = begin(&world, &["--name", "second"], &[]);
    world.remit(&["wait", &second]).assert_code(0);
    let store = world.path().join("state/remit/tasks.db");
    let wal = world.path().join("state/remit/tasks.db-wal");
    // All in one file, so that damage to it is damage.
    checkpoint(&store);
    let good = fs::read(&store).unwrap();
    let _ = fs::remove_file(&wal);

    let check = |bytes: &[u8], saved: Option<usize>| {
        fs::write(&store, bytes).unwrap();
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{suffix}", store.display()));
        }
        world.remit(&["store", "check"]).assert_code(1);
        assert_eq!(fs::read(&store).unwrap(), bytes, "a check changes nothing");
        let repaired = world.remit(&["store", "repair"]);
        repaired.assert_code(0);
        if let Some(saved) = saved {
            repaired.assert_stdout(&format!("{saved} tasks saved"));
        }
        world.remit(&["store", "check"]).assert_code(0);
        world.remit(&["tasks"]).assert_code(0);
        // The output was never in the store.
        assert!(world.path().join("state/remit/tasks").join(&first).join("out").exists());
        for entry in fs::read_dir(world.path().join("state/remit")).unwrap() {
            let path = entry.unwrap().path();
            if path.to_str().unwrap().contains("damaged") {
                fs::remove_file(path).unwrap();
            }
        }
    };
    fs::write(&store, "this is no database, and was never one").unwrap();
    let _ = fs::remove_file(&wal);
    let told = world.remit(&["tasks"]);
    told.assert_code(1).assert_stderr(store.to_str().unwrap()).assert_stderr("remit store check");
    assert_eq!(fs::read(&store).unwrap(), b"this is no database, and was never one");

    check(b"this is no database, and was never one", Some(0));
    check(&good[..4096], None);
    let mut page = good.clone();
    for byte in page.iter_mut().skip(4096).take(64) {
        *byte = 0x5A;
    }
    check(&page, None);
}

/// Writes what is in the write-ahead log into the file, by a program that has nothing to do with remit.
fn checkpoint(store: &Path) {
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA wal_checkpoint(TRUNCATE)'); c.close()";
    let status = std::process::Command::new("/usr/bin/python3").args(["-c", script]).arg(store).status().unwrap();
    assert!(status.success());
}

/// A newer store is read, and not written.
#[test]
fn a_newer_store_is_read_and_not_written() {
    let world = world_with("echo ran");
    let id = begin(&world, &[], &[]);
    world.remit(&["wait", &id]).assert_code(0);
    let store = world.path().join("state/remit/tasks.db");
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA user_version = 99'); c.close()";
    let status = std::process::Command::new("/usr/bin/python3").args(["-c", script]).arg(&store).status().unwrap();
    assert!(status.success());
    world.remit(&["tasks"]).assert_code(0).assert_stdout(&id).assert_stderr("newer version");
    world.remit(&["logs", &id]).assert_code(0).assert_stdout("ran");
    world.remit(&["delete", &id]).assert_code(1).assert_stderr("newer version");
    world.remit(&["run", "--background", "--trust-all", "--", "sh", "script.sh"]).assert_code(125).assert_stderr("newer version");
    world.remit(&["store", "repair"]).assert_code(1).assert_stderr("newer version");
    world.remit(&["status", &id]).assert_code(0).assert_stdout("succeeded");
}

/// A supervisor clears up after the end that `wait` tells of.
#[test]
fn what_is_over_can_be_deleted_at_once() {
    let world = world_with("mkdir -p made/a/b && touch made/a/b/c");
    for _ in 0..20 {
        let id = begin(&world, &[], &[]);
        world.remit(&["wait", &id]).assert_code(0);
        world.remit(&["delete", &id]).assert_code(0);
    }
    let left: Vec<_> = fs::read_dir(world.path().join("state/remit/tasks")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(fs::read_dir(world.path().join("state/remit/running")).unwrap().count(), 0);
}

/// Nothing in a repository is ever read as a record of a task.
#[test]
fn a_repository_makes_no_tasks() {
    let world = world_with("echo ran");
    let id = begin(&world, &[], &[]);
    world.remit(&["wait", &id]).assert_code(0);
    let state = world.path().join("state/remit");
    for place in [".remit", ".local/state/remit", "remit"] {
        let directory = world.workspace().join(place);
        fs::create_dir_all(directory.join("tasks").join(&id)).unwrap();
        fs::copy(state.join("tasks.db"), directory.join("tasks.db")).unwrap();
        fs::write(directory.join("tasks").join(&id).join("out"), "forged\n").unwrap();
    }
    fs::remove_dir_all(&state).unwrap();
    assert_eq!(world.remit(&["tasks", "--all"]).assert_code(0).stdout, "");
    world.remit(&["logs", &id]).assert_code(1);
}
