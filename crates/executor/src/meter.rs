//! The limits that nothing but looking holds: disk space, and memory and processes where there is no cgroup.

use std::time::Duration;

use remit_agent::AbsPath;
use remit_sandbox::Plan;

use crate::ExecutorError;
use crate::crowd::Crowd;
use crate::memory::Memory;
use crate::space::Space;

/// Also where the room lasts longer: much can be taken at once.
const LONGEST: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(20);

/// What is looked at while a task runs.
#[derive(Debug)]
pub(crate) struct Meter {
    space: Option<Space>,
    memory: Option<Memory>,
    crowd: Option<Crowd>,
}

impl Meter {
    /// Begins to watch what the plan has watched; `own` is a directory of the task's.
    pub(crate) fn begin(plan: &Plan, own: &AbsPath) -> Result<Meter, ExecutorError> {
        Ok(Meter { space: Space::watch(plan, own)?, memory: Memory::watch(plan), crowd: Crowd::watch(plan) })
    }

    /// Returns how long nobody has to look; `None`: for ever.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let space = self.space.as_ref().and_then(Space::remaining);
        let memory = self.memory.as_ref().and_then(Memory::remaining);
        space.into_iter().chain(memory).chain(self.crowd.as_ref().and_then(Crowd::remaining)).min()
    }

    /// Looks, where it is time; returns whether a limit is met, and was not before. The `spared` children of this process, and
    /// what is below them, are not the task's.
    pub(crate) fn is_met(&mut self, spared: impl FnOnce() -> Vec<u32>) -> bool {
        let filled = self.space.as_mut().is_some_and(Space::is_met);
        if self.memory.is_none() && self.crowd.is_none() {
            return filled;
        }
        let spared = spared();
        let full = self.memory.as_mut().is_some_and(|memory| memory.is_met(&spared));
        self.crowd.as_mut().is_some_and(|crowd| crowd.is_met(&spared)) || full || filled
    }

    /// Returns the limit that is met, by its name in an agent file.
    pub(crate) fn over(&self) -> Option<&'static str> {
        let filled = self.space.as_ref().is_some_and(Space::is_over);
        let full = self.memory.as_ref().is_some_and(Memory::is_over);
        let crowded = self.crowd.as_ref().is_some_and(Crowd::is_over);
        filled.then_some("diskSpace").or(full.then_some("memory")).or(crowded.then_some("processes"))
    }
}

/// Returns when to look again, with so much room left that could be taken at so many bytes a second.
pub(crate) fn until_next(room: u64, fastest: u64) -> Duration {
    let nanoseconds = u128::from(room) * 1_000_000_000 / u128::from(fastest.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX)).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_less_room_is_left_the_sooner_somebody_looks() {
        for (room, milliseconds) in [(0, 20), (1 << 20, 20), (400 << 20, 97), (1 << 30, 250), (4 << 30, 1000), (u64::MAX, 1000)] {
            assert_eq!(until_next(room, 4 << 30).as_millis(), milliseconds, "{room}");
        }
    }
}
