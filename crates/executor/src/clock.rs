//! How long a task may run.

use std::time::{Duration, Instant};

use remit_launch::Running;

/// How long a task may clean up after the end of its time.
const GRACE: Duration = Duration::from_secs(5);

/// The limit of wall time: at its end the task is asked to end, and after a grace it is killed.
pub(crate) enum Clock {
    Unlimited,
    Running { until: Instant },
    Asked { until: Instant },
    Killed,
}

impl Clock {
    pub(crate) fn new(wall_time: Option<u64>) -> Clock {
        let until = wall_time.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
        until.map_or(Clock::Unlimited, |until| Clock::Running { until })
    }

    pub(crate) fn remaining(&self) -> Option<Duration> {
        let (Clock::Running { until } | Clock::Asked { until }) = self else { return None };
        Some(until.saturating_duration_since(Instant::now()))
    }

    /// Gives back the time for which the task stood still.
    pub(crate) fn give_back(&mut self, time: Duration) {
        if let Clock::Running { until } = self {
            *until += time;
        }
    }

    pub(crate) fn act(&mut self, running: &Running) {
        let now = Instant::now();
        match self {
            Clock::Running { until } if now >= *until => {
                running.signal(15);
                *self = Clock::Asked { until: now + GRACE };
            }
            Clock::Asked { until } if now >= *until => {
                running.kill();
                *self = Clock::Killed;
            }
            Clock::Unlimited | Clock::Running { .. } | Clock::Asked { .. } | Clock::Killed => {}
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Clock::Asked { .. } | Clock::Killed)
    }
}
