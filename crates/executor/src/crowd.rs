//! The limit of processes where neither a cgroup nor a user namespace counts them: how many a task has, looked at while it runs.
//!
//! Processes are made faster than anybody looks. A limit of the kernel's for all of the user's processes stands a little higher,
//! so the task has not gone far when it is seen.

use std::time::{Duration, Instant};

use remit_launch::threads_but;
use remit_sandbox::Plan;

use crate::meter::until_next;

/// Faster than a few processes make others, in a second.
const FASTEST: u64 = 20_000;
/// Of the time that a look takes; so looking takes a twentieth of one processor at most.
const BETWEEN: u32 = 20;

#[derive(Debug)]
pub(crate) struct Crowd {
    limit: u64,
    next: Instant,
    over: bool,
}

impl Crowd {
    /// Begins to watch, where the plan has the limit watched.
    pub(crate) fn watch(plan: &Plan) -> Option<Crowd> {
        plan.processes.map(|limit| Crowd { limit, next: Instant::now() + until_next(limit, FASTEST), over: false })
    }

    /// Returns how long nobody has to look.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        (!self.over).then(|| self.next.saturating_duration_since(Instant::now()))
    }

    /// Looks, where it is time, at what is below this process but for the `spared`; returns whether the limit is met, and was not
    /// before.
    pub(crate) fn is_met(&mut self, spared: &[u32]) -> bool {
        let begun = Instant::now();
        if self.over || begun < self.next {
            return false;
        }
        // Where nobody can tell, there are too many.
        let there = threads_but(spared).unwrap_or(u64::MAX);
        self.over = there > self.limit;
        self.next = Instant::now() + until_next(self.limit.saturating_sub(there), FASTEST).max(begun.elapsed() * BETWEEN);
        self.over
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn who_has_more_is_over() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let crowd = |limit| Crowd { limit, next: Instant::now(), over: false };
        // Other tests of this process may have children, too.
        assert!(crowd(0).is_met(&[]));
        let mut wide = crowd(1_000_000);
        assert!(!wide.is_met(&[]) && !wide.is_over() && wide.remaining().unwrap() > Duration::from_millis(100));
        drop(child.stdin.take());
        child.wait().unwrap();
        let mut later = Crowd { limit: 0, next: Instant::now() + Duration::from_mins(20), over: false };
        assert!(!later.is_met(&[]), "it is not time");
    }
}
