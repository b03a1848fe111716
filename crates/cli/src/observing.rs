//! An observer beside a task: whether one can look on here, and what becomes of what it saw.

use std::os::fd::BorrowedFd;

use remit_explain::{Explanation, explain};
use remit_policy::{Confinement, Policy};
use remit_sandbox::{Availability, Host, Observed, Watch};
use remit_tasks::note_explanation;

use crate::exit::Exit;
use crate::failure::Failure;

/// Returns what an observer is to keep, when one is asked for.
///
/// # Errors
///
/// Fails when this host lets nobody look on, or when nothing is refused that could be explained.
pub(crate) fn watch(asked: bool, policy: &Policy, host: &Host, watch: Watch) -> Result<Option<Watch>, Failure> {
    if !asked {
        return Ok(None);
    }
    if policy.confinement == Confinement::Unrestricted {
        let failure = Failure::new("there is nothing to explain: the profile `unrestricted` refuses nothing");
        return Err(failure.help("name an agent: `remit run --explain --agent NAME -- COMMAND`").exit(Exit::CouldNotStart));
    }
    for needed in [&host.seccomp, &host.notification] {
        if let Availability::Missing { why, remedy } = needed {
            let failure = Failure::new(format!("nobody can look on while the task runs: {why}"));
            return Err(failure.help(remedy.clone()).exit(Exit::CouldNotStart));
        }
    }
    Ok(Some(watch))
}

/// Explains what was seen, and keeps it with the task.
pub(crate) fn keep(directory: BorrowedFd<'_>, policy: &Policy, observed: &Observed) -> Explanation {
    let explanation = explain(policy, observed);
    // What nobody can note is told at the end all the same.
    let _ = note_explanation(directory, &explanation);
    explanation
}
