//! The limit that ended a task, in the words of an agent file.

use remit_policy::{LimitKind, Policy};
use remit_tasks::Outcome;

/// Returns the limit that ended a task, and its value, in the words of an agent file.
pub(crate) fn over(outcome: &Outcome, policy: &Policy) -> Option<(&'static str, String)> {
    let kind = match outcome {
        Outcome::TimedOut => LimitKind::WallTime,
        Outcome::OverLimit { limit } => match limit.as_str() {
            "memory" => LimitKind::Memory,
            "processes" => LimitKind::Processes,
            "cpuTime" => LimitKind::CpuTime,
            "output" => LimitKind::Output,
            "diskSpace" => LimitKind::DiskSpace,
            _ => LimitKind::FileSize,
        },
        _ => return None,
    };
    let value = policy.limits.iter().find(|limit| limit.kind == kind).map_or(0, |limit| limit.value);
    Some(match kind {
        LimitKind::Memory => ("memory", bytes(value)),
        LimitKind::FileSize => ("file size", bytes(value)),
        LimitKind::Processes => ("processes", value.to_string()),
        LimitKind::CpuTime => ("CPU time", format!("{value} s")),
        LimitKind::Output => ("output", bytes(value)),
        LimitKind::DiskSpace => ("disk space", bytes(value)),
        LimitKind::WallTime | LimitKind::OpenFiles => ("wall time", format!("{value} s")),
    })
}

/// Returns a size in the largest unit that says it exactly.
fn bytes(value: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let fits = units.into_iter().find(|(shift, _)| value >= 1 << shift && value.trailing_zeros() >= *shift);
    fits.map_or_else(|| format!("{value} bytes"), |(shift, unit)| format!("{} {unit}", value >> shift))
}
