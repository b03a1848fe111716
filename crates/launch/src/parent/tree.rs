//! The end of the tree without a pid namespace: orphans come to this process, which kills and reaps them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};

/// Makes this process the one to which the orphans of its descendants come, however they daemonise (Linux 3.4).
pub fn become_reaper() -> Result<(), Errno> {
    set_child_subreaper(Some(getpid()))
}

/// Kills and reaps every descendant of this process, until there is none. All children of this process are the task's.
pub fn end_tree() -> Result<(), Errno> {
    end_tree_but(&[])
}

/// Does the same, but for some children of this process and what is below them.
pub fn end_tree_but(spared: &[u32]) -> Result<(), Errno> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Err(Errno::CHILD) => return Ok(()),
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
            Ok(None) => {
                // One that has ended meanwhile is no failure; that none is ours to kill is, for it could be waited for without end.
                let stopped = stopped(spared)?;
                if stopped.is_empty() && !spared.is_empty() {
                    return Ok(());
                }
                let mine = stopped.iter().filter(|pid| kill_process(**pid, Signal::KILL) != Err(Errno::PERM)).count();
                if mine == 0 && !stopped.is_empty() {
                    return Err(Errno::PERM);
                }
                // A child is among the killed, so this returns; what a child leaves behind comes to us with its end.
                match wait(WaitOptions::empty()) {
                    Ok(_) | Err(Errno::INTR | Errno::CHILD) => {}
                    Err(errno) => return Err(errno),
                }
            }
        }
    }
}

/// Stops every descendant of this process, until [`resume_tree`].
pub fn pause_tree() -> Result<(), Errno> {
    stopped(&[]).map(|_| ())
}

/// Lets every descendant of this process go on.
pub fn resume_tree() -> Result<(), Errno> {
    for pid in tree_but(&[])? {
        // One that has ended meanwhile needs nothing.
        let _ = kill_process(pid, Signal::CONT);
    }
    Ok(())
}

/// Stops every descendant, and those that they made meanwhile, until there is no new one: what is stopped makes no more.
fn stopped(spared: &[u32]) -> Result<Vec<Pid>, Errno> {
    let (mut stopped, mut known) = (Vec::new(), BTreeSet::new());
    loop {
        let before = stopped.len();
        for pid in tree_but(spared)? {
            if known.insert(pid.as_raw_nonzero()) {
                let _ = kill_process(pid, Signal::STOP);
                stopped.push(pid);
            }
        }
        if stopped.len() == before {
            return Ok(stopped);
        }
    }
}

/// Returns every process below this one, by one look at `/proc`, but for the `spared` children and what is below them.
pub fn tree_but(spared: &[u32]) -> Result<Vec<Pid>, Errno> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    let entries = fs::read_dir("/proc").map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))?;
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // A process that ended in between has no file any more.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if let Some(parent) = parent_of(&stat) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = BTreeSet::new();
    let mut todo = vec![getpid().as_raw_nonzero().get()];
    while let Some(pid) = todo.pop() {
        let children = children.get(&pid).into_iter().flatten();
        let meant = children.filter(|child| u32::try_from(**child).is_ok_and(|child| !spared.contains(&child)));
        todo.extend(meant.filter(|child| found.insert(**child)));
    }
    Ok(found.into_iter().filter_map(Pid::from_raw).collect())
}

/// Returns the fourth field of `/proc/PID/stat`. The second, the name, may hold anything, also `)`.
fn parent_of(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parent_of;

    #[test]
    fn a_name_cannot_pretend_to_be_fields() {
        assert_eq!(parent_of("7 (a) S 1 (b) R 42 7 7 0"), Some(42));
        assert_eq!(parent_of("7 (x"), None);
    }
}
