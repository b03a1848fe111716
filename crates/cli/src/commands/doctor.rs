use std::fmt::Write;

use clap::Args;
use remit_diagnostics::visible;
use remit_launch::try_cgroups;
use remit_sandbox::{Availability, Cgroups, Trials};
use remit_tasks::StateDir;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::{host, places};

/// Show what this host can hold, and what it cannot
///
/// Every mechanism is tried, in a process made for that. For one that is missing: what the kernel said, what is lost
/// without it, and what would bring it.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A mechanism, what it is for, and what it costs in gaps when it is missing.
struct Line<'a> {
    name: &'static str,
    holds: &'static str,
    lost: &'static str,
    found: &'a Availability,
}

pub(crate) fn doctor(ui: &Ui, args: &DoctorArgs) -> Result<Exit, Failure> {
    let workspace = places::workspace(None)?;
    let state = StateDir::open_or_create(&workspace.state)?;
    let trials = host::try_and_keep(&state, host::key())?;
    let system = rustix::system::uname();
    let (kernel, machine) = (system.release().to_string_lossy(), system.machine().to_string_lossy());
    let landlock = landlock(&trials);
    let cgroups = cgroups();
    let lines = lines(&trials, &landlock, &cgroups);
    if args.json {
        let mechanisms: Vec<_> = lines
            .iter()
            .map(|line| json!({ "name": line.name, "holds": line.holds, "lost_without": line.lost, "found": line.found }))
            .collect();
        ui.print_json(&json!({
            "version": 1,
            "kernel": kernel,
            "machine": machine,
            "user": rustix::process::geteuid().as_raw(),
            "landlock_abi": trials.landlock_abi,
            "mechanisms": mechanisms,
        }))?;
    } else {
        let who = if rustix::process::geteuid().is_root() { "root" } else { "an unprivileged user" };
        ui.print(&page(&format!("Linux {kernel} on {machine}, as {who}"), &lines, ui))?;
    }
    Ok(Exit::Done)
}

fn landlock(trials: &Trials) -> Availability {
    if trials.landlock_abi > 0 {
        return Availability::Works;
    }
    Availability::missing(
        "the kernel has no Landlock, or it is switched off",
        "use Linux 5.13 or later, with `landlock` in the boot parameter `lsm=`",
    )
}

fn cgroups() -> Availability {
    match try_cgroups() {
        Cgroups::Unified { .. } | Cgroups::Legacy { memory: Some(_), pids: Some(_) } => Availability::Works,
        Cgroups::Legacy { memory, .. } => {
            let missing = if memory.is_none() { "memory" } else { "pids" };
            Availability::missing(
                format!("no cgroup with the controller `{missing}` can be made"),
                "delegate the controller to this user",
            )
        }
        Cgroups::Missing { why, remedy } => Availability::missing(why, remedy),
    }
}

fn lines<'a>(trials: &'a Trials, landlock: &'a Availability, cgroups: &'a Availability) -> [Line<'a>; 8] {
    [
        Line { name: "Landlock", holds: "files, and TCP from ABI 4 on", lost: "no file boundary is held", found: landlock },
        Line { name: "seccomp", holds: "system calls, sockets", lost: "system calls are not filtered", found: &trials.seccomp },
        Line {
            name: "namespaces",
            holds: "a root of what is granted alone",
            lost: "no private layer, no masks; names outside can be read",
            found: &trials.namespaces,
        },
        Line {
            name: "overlay",
            holds: "the private layer",
            lost: "writes that nobody approved fail, instead of going to a private layer",
            found: &trials.overlay,
        },
        Line {
            name: "own /proc",
            holds: "the end of the tree, other processes",
            lost: "other processes' names can be read; killing Remit leaves the task behind",
            found: &trials.own_proc,
        },
        Line {
            name: "network namespace",
            holds: "a private loopback, hosts by name",
            lost: "a task without a network has no loopback either, and named hosts are closed",
            found: &trials.network_namespace,
        },
        Line {
            name: "notification",
            holds: "names that must not appear; without namespaces, modes and sockets",
            lost: "protected files can be made anew; without namespaces, chmod fails everywhere",
            found: &trials.notification,
        },
        Line {
            name: "cgroups",
            holds: "limits of memory and processes",
            lost: "memory is limited by looking now and then; processes too, for root not at all",
            found: cgroups,
        },
    ]
}

fn page(head: &str, lines: &[Line<'_>], ui: &Ui) -> String {
    let colored = ui.stdout_style().color;
    let paint = |text: &str, color: anstyle::AnsiColor| {
        let style = if colored { color.on_default() } else { anstyle::Style::new() };
        format!("{style}{text}{style:#}")
    };
    let mut page = format!("{}\n\n", visible(head));
    let width = ui.stdout_style().width;
    for (at, line) in lines.iter().enumerate() {
        let (state, color) = match line.found {
            Availability::Works => ("works  ", anstyle::AnsiColor::Green),
            Availability::Missing { .. } => ("missing", anstyle::AnsiColor::Red),
        };
        let first = format!("  {:<18} {}    ", line.name, paint(state, color));
        match line.found {
            Availability::Works => row(&mut page, width, &first, line.holds),
            Availability::Missing { why, remedy } => {
                let said = lines.iter().take(at).find(
                    |other| matches!(other.found, Availability::Missing { remedy: other, .. } if !other.is_empty() && other == remedy),
                );
                let help = said.map_or_else(|| visible(remedy), |other| format!("the same as for {}", other.name));
                row(&mut page, width, &first, &visible(why));
                row(&mut page, width, &format!("  {:<18} lost:      ", ""), line.lost);
                row(&mut page, width, &format!("  {:<18} help:      ", ""), &help);
            }
        }
    }
    let missing = lines.iter().filter(|line| !line.found.works()).count();
    let summary = match missing {
        0 => "Everything that this version uses works here.".to_owned(),
        1 => "1 mechanism is missing: `remit preview AGENT` shows what that leaves open.".to_owned(),
        _ => format!("{missing} mechanisms are missing: `remit preview AGENT` shows what that leaves open."),
    };
    let _ = writeln!(page, "\n{summary}");
    page
}

/// Writes a line of the table; words that do not fit go below each other.
fn row(page: &mut String, width: usize, first: &str, text: &str) {
    const COLUMN: usize = 32;
    let room = width.max(COLUMN + 30) - COLUMN;
    let mut used = 0;
    page.push_str(first);
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            // Writing to a string does not fail.
            let _ = write!(page, "\n{:COLUMN$}", "");
            used = 0;
        } else if used > 0 {
            page.push(' ');
            used += 1;
        }
        page.push_str(word);
        used += length;
    }
    page.push('\n');
}
