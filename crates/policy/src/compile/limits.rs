//! Limits: the profile's, and over them `toolsSettings.sandbox.limits`.

use remit_agent::LimitSettings;
use remit_diagnostics::Spanned;

use super::Context;
use crate::{Limit, LimitKind, Origin, Profile};

/// Compiles the limits. What the file says takes the place of the profile's, higher or lower: the file is what a person
/// approves.
pub(super) fn compile(context: &mut Context<'_>) -> Vec<Limit> {
    let sandbox = context.agent.file.settings.sandbox.as_ref();
    let mut limits = of_profile(context.profile);
    let Some(settings) = sandbox.and_then(|sandbox| sandbox.value.limits.as_ref()) else { return limits };
    for (kind, value) in said(&settings.value) {
        let Some(value) = value else { continue };
        if value.value == 0 {
            let error = context.error("bad-limit", value.span, "a limit of 0 lets nothing run");
            context.report(error.help("write how much the task may use"));
            continue;
        }
        limits.retain(|limit| limit.kind != kind);
        limits.push(Limit { kind, value: value.value, origin: context.origin(value.span) });
    }
    limits.sort_by_key(|limit| limit.kind);
    limits
}

pub(super) fn of_profile(profile: &Profile) -> Vec<Limit> {
    let origin = Origin::Profile(profile.name.as_str().into());
    let limit = |(kind, value): (&LimitKind, &u64)| Limit { kind: *kind, value: *value, origin: origin.clone() };
    profile.limits.iter().map(limit).collect()
}

fn said(settings: &LimitSettings) -> [(LimitKind, Option<&Spanned<u64>>); 8] {
    let LimitSettings { memory, processes, open_files, wall_time, cpu_time, file_size, output, disk_space } = settings;
    [
        (LimitKind::Memory, memory.as_ref()),
        (LimitKind::Processes, processes.as_ref()),
        (LimitKind::OpenFiles, open_files.as_ref()),
        (LimitKind::WallTime, wall_time.as_ref()),
        (LimitKind::CpuTime, cpu_time.as_ref()),
        (LimitKind::FileSize, file_size.as_ref()),
        (LimitKind::Output, output.as_ref()),
        (LimitKind::DiskSpace, disk_space.as_ref()),
    ]
}
