use remit_sandbox::{Grant, Mechanism, Plan};
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
    held.collect()
}
