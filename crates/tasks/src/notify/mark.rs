//! The file by which a shell's prompt knows that there is something to tell, and the claims of what is told at once.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;

use crate::{StateDir, TaskId};

/// The name is known to the scripts of `remit shell-init`.
const MARK: &str = "untold";
const CLAIM: &str = "notified";

/// Leaves the mark that a task has ended and its end is not told yet. To be left after the end is in the record.
pub fn mark(state: &StateDir) -> io::Result<()> {
    let path = state.path().join(MARK);
    OpenOptions::new().create(true).append(true).mode(0o600).open(path.as_path()).map(drop)
}

/// Takes the mark away, and returns whether there was one.
///
/// To be taken away *before* the ends are looked for: an end that comes after that leaves it anew.
pub fn unmark(state: &StateDir) -> io::Result<bool> {
    match fs::remove_file(state.path().join(MARK).as_path()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

pub fn has_mark(state: &StateDir) -> bool {
    state.path().join(MARK).as_path().exists()
}

/// Takes the claim to tell a task's end at once, and returns whether this caller has it: of any number, one has.
///
/// It lies in the task's directory, and goes with that.
pub fn claim(state: &StateDir, id: &TaskId) -> io::Result<bool> {
    let path = state.path().join(&format!("tasks/{id}/{CLAIM}"));
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path.as_path()) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::tests::state;

    #[test]
    fn of_many_that_claim_one_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let id: TaskId = "task-000000".parse().unwrap();
        claim(&state, &id).unwrap_err();
        fs::create_dir_all(state.path().join("tasks/task-000000").as_path()).unwrap();
        let count = std::thread::scope(|scope| {
            let claims: Vec<_> = (0..16).map(|_| scope.spawn(|| claim(&state, &id).unwrap())).collect();
            claims.into_iter().map(|claim| usize::from(claim.join().unwrap())).sum::<usize>()
        });
        assert_eq!(count, 1);
    }

    #[test]
    fn a_mark_is_left_and_taken() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        assert!(!unmark(&state).unwrap());
        mark(&state).unwrap();
        mark(&state).unwrap();
        assert!(has_mark(&state));
        assert!(unmark(&state).unwrap());
        assert!(!has_mark(&state) && !unmark(&state).unwrap());
    }
}
