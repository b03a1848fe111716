//! Which refusals mattered.

use std::collections::{BTreeMap, BTreeSet};

use remit_agent::AbsPath;
use remit_policy::Policy;
use remit_sandbox::{Act, Because, Observed, Refused, Target};
use serde::{Deserialize, Serialize};

use crate::{Setting, setting};

/// What became of a task at the wall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Of this form.
    pub version: u32,
    /// The most telling first.
    pub refusals: Vec<Refusal>,
    /// How many more there were, none of which tells more.
    pub more: usize,
    /// How many calls were looked at.
    pub calls: u64,
    /// Calls of which nobody could tell what they named.
    pub unread: u64,
}

/// Something that was refused, or several in one directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub act: Act,
    /// A path or an address.
    pub what: String,
    pub because: Because,
    pub setting: Setting,
    /// The process that tried last.
    pub process: String,
    /// How many calls.
    pub count: u64,
    /// How many different names in `what`; 1 when it is one itself.
    pub names: usize,
    /// A process that tried it failed, or nobody knows better.
    pub telling: bool,
}

const VERSION: u32 = 1;
/// How many are worth showing.
const MOST: usize = 12;
/// From so many names on, it is their directory that is told.
const SEVERAL: usize = 4;

/// Explains what was refused under a policy.
pub fn explain(policy: &Policy, observed: &Observed) -> Explanation {
    let failed: BTreeSet<u32> = observed.failed().iter().map(|failed| failed.process).collect();
    let refused = observed.refused();
    // Who asks for something to be looked at has not been stopped by that; often it goes on to open it.
    let opened: BTreeSet<&Target> = refused.iter().filter(|one| one.act != Act::Look).map(|one| &one.target).collect();
    let worth = refused.iter().filter(|one| one.act != Act::Look || !opened.contains(&one.target));
    let mut groups: Vec<Group<'_>> = grouped(worth.copied());
    let telling = |group: &Group<'_>| group.all.iter().any(|one| failed.contains(&one.process)) && group.act != Act::Look;
    groups.sort_by_key(|group| (!telling(group), group.act == Act::Look, std::cmp::Reverse(group.last())));
    let more = groups.len().saturating_sub(MOST);
    let refusals = groups.iter().take(MOST).map(|group| group.refusal(policy, telling(group))).collect();
    Explanation { version: VERSION, refusals, more, calls: observed.calls, unread: observed.unread }
}

/// Refusals of one kind in one directory.
struct Group<'a> {
    act: Act,
    /// The directory, where several names in it were refused.
    at: Target,
    all: Vec<&'a Refused>,
}

fn grouped<'a>(refused: impl Iterator<Item = &'a Refused>) -> Vec<Group<'a>> {
    let mut directories: BTreeMap<(Act, Because, Option<AbsPath>), Vec<&Refused>> = BTreeMap::new();
    let mut groups = Vec::new();
    for one in refused {
        match &one.target {
            Target::Path(path) => directories.entry((one.act, one.because, path.parent())).or_default().push(one),
            Target::Address { .. } | Target::Process(_) => {
                groups.push(Group { act: one.act, at: one.target.clone(), all: vec![one] });
            }
        }
    }
    for ((act, _, directory), all) in directories {
        match directory.filter(|directory| all.len() >= SEVERAL && *directory != AbsPath::root()) {
            Some(directory) => groups.push(Group { act, at: Target::Path(directory), all }),
            None => groups.extend(all.into_iter().map(|one| Group { act, at: one.target.clone(), all: vec![one] })),
        }
    }
    groups
}

impl Group<'_> {
    fn last(&self) -> u64 {
        self.all.iter().map(|one| one.last).max().unwrap_or(0)
    }

    fn refusal(&self, policy: &Policy, telling: bool) -> Refusal {
        let last = self.all.iter().max_by_key(|one| one.last);
        let because = last.map_or(Because::NotGranted, |one| one.because);
        // What was to be made in a directory needs the directory; of a group, `at` is that already.
        let named = match (&self.at, self.all.as_slice()) {
            (Target::Path(at), [_, _, ..]) if matches!(self.act, Act::Create | Act::Remove) => Target::Path(at.join("x")),
            (at, _) => at.clone(),
        };
        Refusal {
            act: self.act,
            what: match &self.at {
                Target::Path(path) => path.to_string(),
                Target::Address { address, port } => std::net::SocketAddr::new(*address, *port).to_string(),
                Target::Process(Some(number)) => format!("process {number}"),
                Target::Process(None) => "the processes of a group or a user".to_owned(),
            },
            because,
            setting: setting(policy, self.act, &named, because),
            process: last.map_or_else(String::new, |one| one.name.clone()),
            count: self.all.iter().map(|one| one.count).sum(),
            names: self.all.len(),
            telling,
        }
    }
}
