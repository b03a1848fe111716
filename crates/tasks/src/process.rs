//! Which process: a number alone is none's for long.

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};

/// A process of this machine, told from every other one that has its number before or after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    pub pid: i32,
    /// The 22nd field of `/proc/PID/stat`: clock ticks from the start of the machine to its own.
    pub started: u64,
    /// The start of the machine: `/proc/sys/kernel/random/boot_id`.
    pub boot: String,
}

/// What has become of a process.
#[derive(Debug)]
pub enum Found {
    /// It lives; the descriptor is readable when it ends, and signals by it meet no other.
    Alive(std::os::fd::OwnedFd),
    /// It does not, and why that is known, as a fragment.
    Gone(String),
}

impl ProcessId {
    pub fn own() -> std::io::Result<ProcessId> {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        let started = started(pid)?.ok_or_else(|| std::io::Error::other("this process has no entry in `/proc`"))?;
        Ok(ProcessId { pid, started, boot: boot()? })
    }

    /// Looks for the process.
    pub fn find(&self) -> std::io::Result<Found> {
        let pid = self.pid;
        if self.boot != boot()? {
            return Ok(Found::Gone(format!("the machine has been started again since process {pid} ran")));
        }
        let gone = || Ok(Found::Gone(format!("process {pid} is gone")));
        let Some(number) = Some(pid).filter(|pid| *pid > 0).and_then(Pid::from_raw) else { return gone() };
        let descriptor = match pidfd_open(number, PidfdFlags::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::SRCH | Errno::INVAL) => return gone(),
            Err(errno) => return Err(errno.into()),
        };
        // In this order: while the descriptor is open and not readable, the number is this process's.
        match started(pid)? {
            Some(started) if started == self.started => Ok(Found::Alive(descriptor)),
            Some(_) => Ok(Found::Gone(format!("process {pid} is another one by now"))),
            None => gone(),
        }
    }
}

/// Returns the time of a process's start; `None` when it is gone, or is a zombie.
pub(crate) fn started(pid: i32) -> std::io::Result<Option<u64>> {
    match read(&format!("/proc/{pid}/stat")) {
        Ok(stat) => Ok(started_in(&stat)),
        // ESRCH: it ended between open and read.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound || error.raw_os_error() == Some(3) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns field 22. The second, the name, may hold anything, also `)`.
fn started_in(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    // Dead, and waiting for its parent.
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

pub(crate) fn boot() -> std::io::Result<String> {
    Ok(read("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Reads a small file of `/proc`, which gives all that it has at once.
fn read(path: &str) -> std::io::Result<String> {
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut buffer = [0; 2048];
    let length = retry_on_intr(|| rustix::io::read(&file, &mut buffer))?;
    // A program's name may be of any bytes.
    Ok(String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_by_all_three() {
        let own = ProcessId::own().unwrap();
        let check = |process: &ProcessId, expected: &str| match process.find().unwrap() {
            Found::Alive(_) => assert_eq!(expected, "alive"),
            Found::Gone(why) => assert!(why.contains(expected), "{why}"),
        };
        check(&own, "alive");
        check(&ProcessId { started: own.started + 1, ..own.clone() }, "another one");
        check(&ProcessId { boot: "another".to_owned(), ..own.clone() }, "started again");
        check(&ProcessId { pid: i32::MAX, ..own.clone() }, "is gone");
        check(&ProcessId { pid: -1, ..own.clone() }, "is gone");

        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        child.wait().unwrap();
        check(&ProcessId { pid, ..own }, "gone");
    }

    #[test]
    fn a_name_cannot_pretend_to_be_fields() {
        let rest = (4..=60).map(|field| field.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(started_in(&format!("7 (a) S 1 (b) S {rest}")), Some(22));
        assert_eq!(started_in(&format!("7 (a) Z {rest}")), None);
        assert_eq!(started_in("7 (x"), None);
    }
}
