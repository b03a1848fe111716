use remit_sandbox::{Gap, Grant, Mechanism, Plan};
use serde::Serialize;

/// A promise of the policy and who holds it on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    pub grant: Grant,
    pub what: String,
    pub by: Vec<Mechanism>,
    /// The kernel holds it for every process of the task; else a program that a command starts does not meet it.
    pub kernel: bool,
}

pub(crate) fn held(plan: &Plan) -> Vec<Held> {
    let held = plan.carried.iter().map(|carried| Held {
        grant: carried.grant,
        what: carried.what.clone(),
        by: carried.by.clone(),
        kernel: carried.by.iter().any(|mechanism| mechanism.is_kernel()),
    });
    let mut held: Vec<Held> = held.collect();
    held.sort_by_key(|held| held.grant);
    held
}

pub(crate) fn gaps(plan: &Plan) -> Vec<Gap> {
    let mut gaps = plan.gaps.clone();
    gaps.sort_by_key(|gap| gap.grant);
    gaps
}
