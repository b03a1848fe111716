//! The end of the tree without a pid namespace: orphans come to this process, which kills and reaps them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};

use crate::sys;

/// Then a look through all of `/proc` is due: there may be some that this does not reach.
const LONGEST_STRIKE: Duration = Duration::from_millis(200);

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
                strike(spared);
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

/// Kills and reaps children of this process as fast as it can, until there are none, or for some time at most.
///
/// One that forks and ends at once has gone when a look through all of `/proc` is over, and so has its child. But when its parent ends
/// it is a child of this process, and the list of those is read in microseconds (`CONFIG_PROC_CHILDREN`).
fn strike(spared: &[u32]) {
    let begun = Instant::now();
    while begun.elapsed() < LONGEST_STRIKE {
        let Ok(children) = children() else { return };
        let mut left = false;
        for child in children.into_iter().filter(|child| !spared.contains(&child.as_raw_nonzero().get().unsigned_abs())) {
            left |= kill_process(child, Signal::KILL).is_ok();
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if !left {
            return;
        }
    }
}

/// Returns the children of this process's threads.
fn children() -> std::io::Result<Vec<Pid>> {
    let mut children = Vec::new();
    for thread in fs::read_dir("/proc/self/task")? {
        let list = fs::read_to_string(thread?.path().join("children"))?;
        children.extend(list.split_whitespace().filter_map(|pid| pid.parse().ok()).filter_map(Pid::from_raw));
    }
    Ok(children)
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
    Ok(below(spared)?.into_keys().filter_map(Pid::from_raw).collect())
}

/// Returns how many threads these have. A process that has ended, and is not waited for yet, is one as well.
pub fn threads_but(spared: &[u32]) -> Result<u64, Errno> {
    Ok(below(spared)?.into_values().sum())
}

/// Returns whether two processes use one memory; false where nobody can tell.
pub fn same_memory(one: Pid, other: Pid) -> bool {
    sys::same_memory(one, other)
}

/// Returns how many threads there are that can be seen.
pub(super) fn threads() -> Result<u64, Errno> {
    Ok(processes()?.values().flatten().map(|(_, threads)| threads).sum())
}

/// Returns what is below this process, with the number of its threads.
fn below(spared: &[u32]) -> Result<BTreeMap<i32, u64>, Errno> {
    let processes = processes()?;
    let mut found = BTreeMap::new();
    let mut todo = vec![getpid().as_raw_nonzero().get()];
    while let Some(pid) = todo.pop() {
        let children = processes.get(&pid).into_iter().flatten();
        for (child, threads) in children.filter(|(child, _)| u32::try_from(*child).is_ok_and(|child| !spared.contains(&child))) {
            if found.insert(*child, *threads).is_none() {
                todo.push(*child);
            }
        }
    }
    Ok(found)
}

/// Returns the children of each process that can be seen, each with the number of its threads.
fn processes() -> Result<BTreeMap<i32, Vec<(i32, u64)>>, Errno> {
    let mut children: BTreeMap<i32, Vec<(i32, u64)>> = BTreeMap::new();
    let entries = fs::read_dir("/proc").map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))?;
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // A process that ended in between has no file any more.
        let Ok(stat) = fs::read(entry.path().join("stat")) else { continue };
        // A name is any bytes; a process that is not counted would be nobody's.
        if let Some((parent, threads)) = parent_and_threads(&String::from_utf8_lossy(&stat)) {
            children.entry(parent).or_default().push((pid, threads.max(1)));
        }
    }
    Ok(children)
}

/// Returns the fourth and the twentieth field of `/proc/PID/stat`. The second, the name, may hold anything, also `)`.
fn parent_and_threads(stat: &str) -> Option<(i32, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some((fields.nth(1)?.parse().ok()?, fields.nth(15)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::parent_and_threads;

    #[test]
    fn a_name_cannot_pretend_to_be_fields() {
        let fields = "R 42 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 99";
        assert_eq!(parent_and_threads(&format!("7 (a) S 1 (b) {fields}")), Some((42, 3)));
        assert_eq!(parent_and_threads("7 (a) R 42 7"), None);
        assert_eq!(parent_and_threads("7 (x"), None);
    }

    /// A process may call itself what is no text, or have a name that was cut inside a character.
    #[test]
    fn a_name_that_is_no_text_hides_nothing() {
        let own = rustix::process::getpid().as_raw_nonzero().get();
        let mut child = std::process::Command::new("bash")
            .args(["-c", "printf '\\xff' > /proc/self/comm; echo; read line"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert_eq!(std::fs::read(format!("/proc/{pid}/comm")).unwrap(), b"\xff\n");
        let children = super::processes().unwrap();
        assert!(children[&own].iter().any(|(process, _)| *process == pid));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
