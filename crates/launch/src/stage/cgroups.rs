//! What a task with a root of its own sees of cgroups: those that it is in, as if there were no others.
//!
//! Runtimes read their limits there: the cgroup of each controller stands where the whole hierarchy does on the host, and a cgroup
//! namespace makes `/proc/self/cgroup` say the same.

use std::os::fd::OwnedFd;

use remit_agent::AbsPath;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, read};

use super::take;

/// Where both versions have their place.
const ROOT: &str = "/sys/fs/cgroup";
/// Of version 1, what a runtime reads its limits from.
const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];

/// Takes the process's own cgroups, with where each is to stand.
pub(super) fn own() -> Result<Vec<(OwnedFd, AbsPath)>, Errno> {
    let unified = exists(&at("/cgroup.procs"))?;
    let mut taken = Vec::new();
    for (source, target) in listed(&own_list()?, unified) {
        match take(source.as_path()) {
            Ok(group) => taken.push((group, target)),
            // A controller that is not mounted, or a cgroup that somebody has removed: nothing to show.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(taken)
}

pub(super) fn root() -> AbsPath {
    at("")
}

fn at(below: &str) -> AbsPath {
    AbsPath::root().join(&format!("{ROOT}{below}"))
}

fn exists(path: &AbsPath) -> Result<bool, Errno> {
    match rustix::fs::stat(path.as_path()) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

fn own_list() -> Result<String, Errno> {
    let file = openat(CWD, "/proc/self/cgroup", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let (mut bytes, mut buffer) = (Vec::new(), [0_u8; 4096]);
    loop {
        match read(&file, &mut buffer) {
            Ok(0) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Ok(length) => bytes.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Reads `/proc/self/cgroup`: where each cgroup is on the host, and where it is to stand. `unified`: version 2 has the root.
fn listed(text: &str, unified: bool) -> Vec<(AbsPath, AbsPath)> {
    let group = |line: &str| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let mount = match controllers {
            "" if unified => String::new(),
            "" => "/unified".to_owned(),
            _ if unified => return None,
            names if names.split(',').any(|name| CONTROLLERS.contains(&name)) => format!("/{names}"),
            _ => return None,
        };
        // Outside this process's cgroup namespace: what it is called here leads elsewhere.
        let outside = !path.starts_with('/') || path.split('/').any(|part| part == "..");
        (!outside).then(|| (at(&format!("{mount}{path}")), at(&mount)))
    };
    text.lines().filter_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, unified: bool, expected: &[&str]) {
        let found: Vec<String> =
            listed(text, unified).into_iter().map(|(source, target)| format!("{source} at {target}")).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn version_2_has_one() {
        let text = "0::/user.slice/user-1000.slice/remit-task-1\n";
        check(text, true, &["/sys/fs/cgroup/user.slice/user-1000.slice/remit-task-1 at /sys/fs/cgroup"]);
        check("0::/\n", true, &["/sys/fs/cgroup at /sys/fs/cgroup"]);
    }

    #[test]
    fn version_1_has_one_for_each_controller() {
        let text = "13:name=systemd:/a\n5:memory:/a/remit\n4:cpu,cpuacct:/b:c\n3:devices:/x\n0::/a\n";
        check(
            text,
            false,
            &[
                "/sys/fs/cgroup/memory/a/remit at /sys/fs/cgroup/memory",
                "/sys/fs/cgroup/cpu,cpuacct/b:c at /sys/fs/cgroup/cpu,cpuacct",
                "/sys/fs/cgroup/unified/a at /sys/fs/cgroup/unified",
            ],
        );
    }

    #[test]
    fn what_cannot_be_found_from_here_is_not_shown() {
        check("0::/../../other\n", true, &[]);
        check("4:memory:/..\n3:pids:relative\nnonsense\n\n", false, &[]);
        check("4:memory:/a\n0::/b\n", true, &["/sys/fs/cgroup/b at /sys/fs/cgroup"]);
    }
}
