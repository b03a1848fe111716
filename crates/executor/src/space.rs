//! The limit of disk space: how much the free space of a file system may fall while a task runs.
//!
//! Free space is what counts, and not what was written: that holds whatever way there is to take space, in any number of files
//! and by `fallocate`. What others take meanwhile counts as well.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use remit_agent::AbsPath;
use remit_sandbox::Plan;
use rustix::fs::{Mode, OFlags, fstat, fstatvfs};
use rustix::io::Errno;

use crate::ExecutorError;
use crate::meter::until_next;

/// Faster than a disk fills: so long as the room that is left lasts at this rate, nobody has to look.
const FASTEST: u64 = 4 << 30;

/// Watches the file systems that a task may write to.
#[derive(Debug)]
pub(crate) struct Space {
    limit: u64,
    systems: Vec<System>,
    next: Instant,
    over: bool,
}

#[derive(Debug)]
struct System {
    at: OwnedFd,
    device: u64,
    /// Bytes that were free at the start.
    free: u64,
}

impl Space {
    /// Begins to watch, where the plan has the limit; `own` is a directory of the task's.
    pub(crate) fn watch(plan: &Plan, own: &AbsPath) -> Result<Option<Space>, ExecutorError> {
        let Some(wanted) = &plan.disk_space else { return Ok(None) };
        let mut systems: Vec<System> = Vec::new();
        for place in wanted.places.iter().chain([own]) {
            let failed = |source| ExecutorError::Space { path: place.clone(), source };
            let at = open(place).map_err(failed)?;
            let device = fstat(&at).map_err(failed)?.st_dev;
            if !systems.iter().any(|known| known.device == device) {
                systems.push(System { free: free(&at).map_err(failed)?, at, device });
            }
        }
        let next = Instant::now() + until_next(wanted.limit, FASTEST);
        Ok(Some(Space { limit: wanted.limit, systems, next, over: false }))
    }

    /// Returns how long nobody has to look.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        (!self.over).then(|| self.next.saturating_duration_since(Instant::now()))
    }

    /// Looks, where it is time; returns whether the limit is met, and was not before.
    ///
    /// A file system that does not tell counts as over: then nobody knows.
    pub(crate) fn is_met(&mut self) -> bool {
        if self.over || Instant::now() < self.next {
            return false;
        }
        self.look()
    }

    /// Looks at once.
    pub(crate) fn look(&mut self) -> bool {
        let fallen = self.systems.iter().map(|system| free(&system.at).map_or(u64::MAX, |now| system.free.saturating_sub(now)));
        let fallen = fallen.max().unwrap_or(0);
        self.over = fallen > self.limit;
        self.next = Instant::now() + until_next(self.limit.saturating_sub(fallen), FASTEST);
        self.over
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }
}

/// Opens a place, or what of the directories above it is there: some are made at the start.
fn open(place: &AbsPath) -> Result<OwnedFd, Errno> {
    match rustix::fs::open(place.as_path(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
        Err(Errno::NOENT) => place.parent().map_or(Err(Errno::NOENT), |parent| open(&parent)),
        opened => opened,
    }
}

fn free(at: &OwnedFd) -> Result<u64, Errno> {
    let stat = fstatvfs(at)?;
    Ok(stat.f_bfree.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_counts_however_it_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let own = AbsPath::new(directory.path()).unwrap();
        let at = open(&own.join("not/there/yet")).unwrap();
        let device = fstat(&at).unwrap().st_dev;
        let space = |limit, free| {
            let at = at.try_clone().unwrap();
            Space { limit, systems: vec![System { at, device, free }], next: Instant::now(), over: false }
        };
        // As if far more had been free at the start than any disk has.
        assert!(space(1 << 50, u64::MAX).is_met());
        let mut unmet = space(u64::MAX, u64::MAX);
        assert!(!unmet.is_met() && !unmet.is_over());
        // What was not there at the start is nobody's.
        assert!(!space(1, 0).is_met());
    }

    #[test]
    fn nobody_looks_where_there_is_no_limit_or_before_it_is_time() {
        let at = open(&AbsPath::root()).unwrap();
        let later = Instant::now() + Duration::from_mins(20);
        let mut space = Space { limit: 1, systems: vec![System { at, device: 0, free: u64::MAX }], next: later, over: false };
        assert!(!space.is_met());
        assert!(space.remaining().unwrap() > Duration::from_mins(15));
        assert!(space.look() && space.is_over() && space.remaining().is_none());
    }
}
