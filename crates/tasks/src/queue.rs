//! Whose turn it is: first in, first out, under limits. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::{State, TaskId};

/// A task that is not over, as far as the queue cares.
#[derive(Clone, Debug)]
pub struct Entry {
    pub id: TaskId,
    pub agent: Option<String>,
    pub position: i64,
    pub phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Queued, and what became of the tasks that have to be over first.
    Queued(Vec<Predecessor>),
    /// It waits for a person and holds nobody up.
    Waiting,
    /// It has a place.
    Placed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Predecessor {
    /// Not over.
    Pending(TaskId),
    Done,
    /// It had to succeed and did not; or nobody knows any more.
    Failed(TaskId),
}

/// How many tasks run at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub all: usize,
    /// By agent.
    pub agents: BTreeMap<String, usize>,
}

/// Whether it is a task's turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    Now,
    Later {
        /// 1 is the next of those that may run as soon as there is room.
        place: usize,
        why: Blocked,
        /// Tasks of which one has to change before it can be this one's turn.
        watch: Vec<TaskId>,
    },
    /// It never will be: this task had to succeed first and did not.
    Never {
        because: TaskId,
    },
    /// It is not queued.
    NotQueued,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// Another task has to be over first.
    Task(TaskId),
    /// As many tasks run as may.
    Full,
    /// As many tasks of this agent run as may.
    AgentFull,
}

/// Returns whether it is the turn of the task `id`, among `entries`.
pub fn turn(entries: &[Entry], limits: &Limits, id: &TaskId) -> Turn {
    turns(entries, limits).into_iter().find(|(task, _)| task == id).map_or(Turn::NotQueued, |(_, turn)| turn)
}

/// Returns those whose supervisors have to look again after something changed: whose turn it is, who can never have one, and the
/// first of those that wait for room, who has to watch the running ones from now on.
pub fn wake(entries: &[Entry], limits: &Limits) -> Vec<TaskId> {
    let mut later = BTreeSet::new();
    let mut awake = Vec::new();
    for (id, turn) in turns(entries, limits) {
        match turn {
            Turn::Now | Turn::Never { .. } => awake.push(id),
            Turn::Later { why: Blocked::Full | Blocked::AgentFull, watch, .. } => {
                later.insert(id.clone());
                if !watch.iter().any(|watched| later.contains(watched)) {
                    awake.push(id);
                }
            }
            Turn::Later { .. } | Turn::NotQueued => {}
        }
    }
    awake
}

/// Returns every queued task with its turn, in order.
pub fn turns(entries: &[Entry], limits: &Limits) -> Vec<(TaskId, Turn)> {
    let mut queued: Vec<(&Entry, &[Predecessor])> = entries
        .iter()
        .filter_map(|entry| match &entry.phase {
            Phase::Queued(predecessors) => Some((entry, predecessors.as_slice())),
            Phase::Waiting | Phase::Placed => None,
        })
        .collect();
    queued.sort_by_key(|(entry, _)| (entry.position, entry.id.clone()));
    let placed = entries.iter().filter(|entry| entry.phase == Phase::Placed);
    let mut room = Room { holders: placed.collect(), last_blocked: BTreeMap::new() };
    let mut place = 0;
    queued.iter().map(|(entry, before)| (entry.id.clone(), room.turn(entry, before, limits, &mut place))).collect()
}

/// What is taken, while the queue is gone through from its head.
struct Room<'a> {
    /// Those that have a place, and those whose turn it is.
    holders: Vec<&'a Entry>,
    /// The last one that only waits for a place, or for one of its agent's: the next behind it waits for it.
    last_blocked: BTreeMap<Option<String>, TaskId>,
}

impl<'a> Room<'a> {
    fn turn(&mut self, entry: &'a Entry, before: &[Predecessor], limits: &Limits, place: &mut usize) -> Turn {
        let failed = before.iter().find_map(|predecessor| match predecessor {
            Predecessor::Failed(id) => Some(id.clone()),
            _ => None,
        });
        if let Some(because) = failed {
            return Turn::Never { because };
        }
        *place += 1;
        let place = *place;
        let pending = before.iter().find_map(|predecessor| match predecessor {
            Predecessor::Pending(id) => Some(id.clone()),
            _ => None,
        });
        if let Some(id) = pending {
            return Turn::Later { place, why: Blocked::Task(id.clone()), watch: vec![id] };
        }
        let same: Vec<TaskId> =
            self.holders.iter().filter(|holder| holder.agent == entry.agent).map(|holder| holder.id.clone()).collect();
        let limit = entry.agent.as_ref().and_then(|agent| limits.agents.get(agent));
        if limit.is_some_and(|limit| same.len() >= *limit) {
            let watch = self.last_blocked.insert(entry.agent.clone(), entry.id.clone()).map_or(same, |ahead| vec![ahead]);
            return Turn::Later { place, why: Blocked::AgentFull, watch };
        }
        if self.holders.len() >= limits.all {
            let watch = match self.last_blocked.insert(None, entry.id.clone()) {
                Some(ahead) => vec![ahead],
                None => self.holders.iter().map(|holder| holder.id.clone()).collect(),
            };
            return Turn::Later { place, why: Blocked::Full, watch };
        }
        // Those behind it come after it, even before it has taken its place.
        self.holders.push(entry);
        Turn::Now
    }
}

impl Phase {
    /// Returns the phase of a task that is not over.
    pub fn of(state: &State, predecessors: Vec<Predecessor>) -> Phase {
        match state {
            State::Queued => Phase::Queued(predecessors),
            State::Waiting { .. } => Phase::Waiting,
            State::Starting | State::Running { .. } | State::Ended { .. } => Phase::Placed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> TaskId {
        format!("task-00000{number}").parse().unwrap()
    }

    /// Reads `p` placed, `w` waiting, `q` queued, `q>0` after 0, `q!0` after 0 which failed, each with an agent's letter or `-`.
    fn entries(text: &str) -> Vec<Entry> {
        let entry = |(number, word): (usize, &str)| {
            let (agent, rest) = word.split_at(1);
            let other = rest.get(2..).filter(|other| !other.is_empty()).map(|other| id(other.parse().unwrap()));
            let phase = match (rest.get(..2).unwrap_or(rest), other) {
                ("p", _) => Phase::Placed,
                ("w", _) => Phase::Waiting,
                ("q", None) => Phase::Queued(vec![Predecessor::Done]),
                ("q>", Some(other)) => Phase::Queued(vec![Predecessor::Pending(other)]),
                ("q!", Some(other)) => Phase::Queued(vec![Predecessor::Failed(other)]),
                _ => unreachable!("{word}"),
            };
            let agent = (agent != "-").then(|| agent.to_owned());
            Entry { id: id(number), agent, position: i64::try_from(number).unwrap(), phase }
        };
        text.split(' ').enumerate().map(entry).collect()
    }

    fn show(turn: &Turn) -> String {
        let number = |id: &TaskId| id.as_str().chars().last().unwrap();
        match turn {
            Turn::Now => "now".to_owned(),
            Turn::Never { because } => format!("never:{}", number(because)),
            Turn::NotQueued => "-".to_owned(),
            Turn::Later { place, watch, .. } => format!("{place}:{}", watch.iter().map(number).collect::<String>()),
        }
    }

    fn limits() -> Limits {
        Limits { all: 2, agents: BTreeMap::from([("a".to_owned(), 1)]) }
    }

    #[test]
    fn first_in_first_out_under_limits() {
        let check = |text: &str, expected: &str| {
            let entries = entries(text);
            let turns: Vec<String> = entries.iter().map(|entry| show(&turn(&entries, &limits(), &entry.id))).collect();
            assert_eq!(turns.join(" "), expected, "{text}");
        };
        check("-q", "now");
        check("-q -q -q", "now now 3:01");
        check("-p -q -q -q", "- now 2:01 3:2");
        check("-p -p -q -q", "- - 1:01 2:2");
        // One that waits for a person holds nobody up, and one that waits for a task neither.
        check("-w -q -q", "- now now");
        check("-p -q>0 -q -q", "- 1:0 now 3:02");
        check("-p -q>0 -q>1", "- 1:0 2:1");
        check("-p -q!0 -q", "- never:0 now");
        // An agent's own limit.
        check("ap aq bq", "- 1:0 now");
        check("aq aq bq", "now 2:0 now");
        check("ap aq bp bq", "- 1:0 - 2:02");
        check("ap aq aq aq", "- 1:0 2:1 3:2");
    }

    #[test]
    fn those_are_woken_whom_it_concerns() {
        let check = |text: &str, expected: &[usize]| {
            let expected: Vec<TaskId> = expected.iter().copied().map(id).collect();
            assert_eq!(wake(&entries(text), &limits()), expected, "{text}");
        };
        check("-p -p -q -q -q", &[2]);
        check("-p -q -q -q", &[1, 2]);
        check("-q!9 -w -p", &[0]);
        check("-p -q>0 -q>0", &[]);
        check("ap bp aq aq -q -q", &[2, 4]);
    }

    #[test]
    fn the_position_decides_and_not_the_order_of_the_rows() {
        let mut entries = entries("-p -p -q -q");
        entries[3].position = -1;
        assert!(matches!(turn(&entries, &limits(), &id(3)), Turn::Later { place: 1, .. }));
        assert!(matches!(turn(&entries, &limits(), &id(2)), Turn::Later { place: 2, .. }));
    }
}
