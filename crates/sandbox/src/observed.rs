//! What an observer has seen of a task: plain data, bounded, each thing once.

use std::collections::HashMap;

use remit_agent::AbsPath;

use crate::{Act, Because, Target};

/// What is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// What is refused.
    Refusals,
    /// Also what is used.
    Everything,
}

/// What was seen, in the end.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    refused: HashMap<(Act, Target), Refused>,
    used: HashMap<Target, Vec<Act>>,
    failed: Vec<FailedProcess>,
    renamed: Vec<(AbsPath, AbsPath)>,
    /// How many calls were looked at.
    pub calls: u64,
    /// Different things that were seen and not kept, because there were too many.
    pub dropped: u64,
    /// Calls of which nobody could tell what they named.
    pub unread: u64,
}

/// Something that the task tried, and that the plan's rules say the kernel refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub act: Act,
    pub target: Target,
    pub because: Because,
    /// The process that tried last, and its name; 0 when it was gone.
    pub process: u32,
    pub name: String,
    pub count: u64,
    /// The number of the last call, counted over the task.
    pub last: u64,
}

/// Something that the task used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    pub target: Target,
    pub acts: Vec<Act>,
}

/// A process that ended with another code than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedProcess {
    pub process: u32,
    pub code: i32,
    /// The number of its last call.
    pub last: u64,
}

/// How many refusals are kept. A task can make as many as it likes; the last ones count.
const MOST_REFUSED: usize = 1024;
const MOST_USED: usize = 100_000;
const MOST_FAILED: usize = 1024;

impl Observed {
    pub fn refuse(&mut self, refused: Refused) {
        let key = (refused.act, refused.target.clone());
        if let Some(known) = self.refused.get_mut(&key) {
            *known = Refused { count: known.count + 1, ..refused };
            return;
        }
        if self.refused.len() >= MOST_REFUSED {
            self.dropped += 1;
            // The oldest half goes at once, so that a flood costs each of its calls little.
            let mut lasts: Vec<u64> = self.refused.values().map(|refused| refused.last).collect();
            let (_, middle, _) = lasts.select_nth_unstable(MOST_REFUSED / 2);
            let middle = *middle;
            self.refused.retain(|_, refused| refused.last >= middle);
        }
        self.refused.insert(key, refused);
    }

    pub fn r#use(&mut self, act: Act, target: Target) {
        if self.used.len() >= MOST_USED && !self.used.contains_key(&target) {
            self.dropped += 1;
            return;
        }
        let acts = self.used.entry(target).or_default();
        if !acts.contains(&act) {
            acts.push(act);
        }
    }

    /// Something has another name now.
    pub fn rename(&mut self, from: AbsPath, to: AbsPath) {
        if self.renamed.len() < MOST_FAILED {
            self.renamed.push((from, to));
        }
    }

    /// Returns the last name of what had this one.
    pub fn last_name(&self, path: &AbsPath) -> AbsPath {
        self.renamed.iter().fold(path.clone(), |path, (from, to)| match path.relative_to(from) {
            Some("") => to.clone(),
            Some(rest) => to.join(rest),
            None => path,
        })
    }

    pub fn fail(&mut self, failed: FailedProcess) {
        if self.failed.len() >= MOST_FAILED {
            self.failed.drain(..MOST_FAILED / 2);
        }
        self.failed.push(failed);
    }

    /// Returns what was refused, the last first.
    pub fn refused(&self) -> Vec<&Refused> {
        let mut all: Vec<&Refused> = self.refused.values().collect();
        all.sort_by_key(|refused| std::cmp::Reverse(refused.last));
        all
    }

    /// Returns what was used, in the order of the paths.
    pub fn used(&self) -> Vec<Used> {
        let mut all: Vec<Used> =
            self.used.iter().map(|(target, acts)| Used { target: target.clone(), acts: acts.clone() }).collect();
        all.sort_by(|one, other| one.target.cmp(&other.target));
        all
    }

    /// Returns the processes that failed, in order.
    pub fn failed(&self) -> &[FailedProcess] {
        &self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_keeps_its_end() {
        let mut observed = Observed::default();
        let refused = |number: u64| Refused {
            act: Act::Read,
            target: Target::Path(AbsPath::root().join(&format!("p{number}"))),
            because: Because::NotGranted,
            process: 1,
            name: "p".to_owned(),
            count: 1,
            last: number,
        };
        for number in 0..100_000 {
            observed.refuse(refused(number));
        }
        observed.refuse(Refused { last: 100_000, ..refused(99_999) });
        let kept = observed.refused();
        assert!(kept.len() <= MOST_REFUSED && observed.dropped > 0, "{} kept, {} dropped", kept.len(), observed.dropped);
        assert_eq!((kept[0].last, kept[0].count), (100_000, 2));
    }
}
