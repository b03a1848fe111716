//! Where a cgroup with a limit can be made and joined, found by doing it.

use std::fs;
use std::path::Path;

use remit_agent::AbsPath;
use remit_sandbox::Cgroups;
use rustix::io::Errno;

use super::attempt;

/// Tries the places where this process's own cgroups are.
pub fn try_cgroups() -> Cgroups {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    // Version 2: the own cgroup has members, so it cannot have limited ones below it; the one above it may.
    if let Some(place) = place(&own, &mounts, "") {
        let above = place.parent().filter(|_| place.as_path().join("cgroup.type").exists());
        for parent in above.into_iter().chain([place]) {
            if works(&parent, &["memory.max", "pids.max"]) {
                return Cgroups::Unified { parent };
            }
        }
    }
    let legacy = |controller, file| place(&own, &mounts, controller).filter(|parent| works(parent, &[file]));
    let (memory, pids) = (legacy("memory", "memory.limit_in_bytes"), legacy("pids", "pids.max"));
    if memory.is_some() || pids.is_some() {
        return Cgroups::Legacy { memory, pids };
    }
    Cgroups::Missing {
        why: "no cgroup with the controllers `memory` and `pids` can be made here".to_owned(),
        remedy: "start Remit in a delegated scope: `systemd-run --user --scope -p Delegate=yes remit …`".to_owned(),
    }
}

/// Returns the directory of this process's cgroup for a controller; the empty name stands for version 2.
fn place(own: &str, mounts: &str, controller: &str) -> Option<AbsPath> {
    let path = own.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|name| name == controller).then_some(path)
    })?;
    mounts.lines().find_map(|line| {
        // mountinfo(5): id parent dev ROOT MOUNTPOINT options … - TYPE source OPTIONS
        let (left, right) = line.split_once(" - ")?;
        let (mut left, mut right) = (left.split(' ').skip(3), right.split(' '));
        let (root, point) = (left.next()?, left.next()?);
        let (kind, options) = (right.next()?, right.nth(1)?);
        let fits = match controller {
            "" => kind == "cgroup2",
            _ => kind == "cgroup" && options.split(',').any(|option| option == controller),
        };
        let below = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(path);
        fits.then(|| AbsPath::new(Path::new(point)).ok().map(|point| point.join(below.trim_start_matches('/'))))?
    })
}

/// Makes a cgroup, looks for the files, has a process join it, and removes it.
fn works(parent: &AbsPath, files: &[&str]) -> bool {
    let trial = parent.join(&format!("remit-trial-{}", std::process::id()));
    if fs::create_dir(trial.as_path()).is_err() {
        return false;
    }
    let there = files.iter().all(|file| fs::write(trial.join(file).as_path(), "1000000000").is_ok());
    let joined = there
        && attempt(0, || {
            fs::write(trial.join("cgroup.procs").as_path(), "0")
                .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
        })
        .is_ok();
    fs::remove_dir(trial.as_path()).is_ok() && joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_cgroup_is_found() {
        let own = "4:memory:/a/b\n3:cpu,cpuacct:/\n0::/user.slice/x.scope\n";
        let mounts = "30 23 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      31 23 0:27 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n";
        let check = |controller: &str, expected: Option<&str>| {
            assert_eq!(place(own, mounts, controller).as_ref().map(AbsPath::as_str), expected, "{controller}");
        };
        check("memory", Some("/sys/fs/cgroup/memory/a/b"));
        check("", Some("/sys/fs/cgroup/unified/user.slice/x.scope"));
        check("cpu", None);
        check("pids", None);
    }
}
