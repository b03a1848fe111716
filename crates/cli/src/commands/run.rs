use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use remit_agent::{AbsPath, Agent};
use remit_executor::{self as executor, ExecutorError, Ground};
use remit_launch::Layer;
use remit_policy::{
    CommandLine, Confinement, Digest, Gate, LimitKind, Permit, Policy, Profile, Reason, Request, Verdict, Workspace,
    WorkspaceMode, diff,
};
use remit_sandbox::{Grant, Host, LayerPurpose, Plan, plan};
use remit_tasks::{
    Approval, ApprovalOf, ApprovedBy, Consent, ConsentHow, Created, Event, Outcome, StateDir, TaskDir, Timestamp, lookup, sweep,
};
use rustix::io::Errno;

use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::load::{ReadAs, load, user_profiles};
use crate::ui::Ui;
use crate::{ask, host, places};

/// Run a command under an agent's policy
///
/// Shows the policy and asks, unless you approved the same policy in this workspace before. Without an agent the
/// command may do whatever you may, after a warning.
///
/// Exits with the command's own code; 124 over a limit of time, 125 could not start, 126 denied, 127 not found,
/// 128 + n killed by signal n.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The agent: a file, or a name
    #[arg(long, value_name = "AGENT")]
    pub(crate) agent: Option<String>,

    /// Read the agent's patterns as this product does
    #[arg(long = "as", value_name = "PRODUCT", value_enum, requires = "agent")]
    pub(crate) read_as: Option<ReadAs>,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,

    /// Approve the policy without being asked
    #[arg(long, short = 'y', requires = "agent")]
    pub(crate) yes: bool,

    /// Run without an agent and without being asked
    #[arg(long, conflicts_with = "agent")]
    pub(crate) trust_all: bool,

    /// Refuse to start when the host cannot hold all of the policy
    #[arg(long)]
    pub(crate) strict: bool,

    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

pub(crate) fn run(ui: &Ui, args: &RunArgs) -> Result<Exit, Failure> {
    let workspace = places::workspace(args.cwd.as_deref())?;
    let state = StateDir::open_or_create(&workspace.state)?;
    let work = work(ui, args, &workspace)?;
    let host = host::look(&work.policy, &state)?;
    let plan = plan(&work.policy, &host);
    if args.strict && !plan.gaps.is_empty() {
        return Err(too_many_gaps(&plan));
    }
    let gate = work.policy.gate();
    let digest = gate.digest();
    let approved = match approve(ui, args, &work, &plan, &state, &workspace, digest)? {
        Answer::Yes(approved) => approved,
        Answer::No(failure) => return Err(failure),
    };
    tell_of_read_only_workspace(ui, &work.policy, &plan);
    let command = words(&args.command)?;
    let permit = permit(ui, &gate, CommandLine::Argv(command.clone()))?;

    // What a task that was killed left behind goes now; that it could not go is no reason not to work.
    let _ = sweep(&state, Timestamp::now());
    let task = TaskDir::create(&state)?;
    let agent_path = work.agent.as_ref().map(|agent| &agent.path);
    let events = vec![Event::Created(Created::new(&work.policy, digest, agent_path, command)), Event::Approved { by: approved }];
    let elsewhere = elsewhere(&host);
    let directory = &workspace.root;
    let outcome =
        executor::run(permit, Ground { plan: &plan, directory, task: &task, elsewhere: &elsewhere, events: events.clone() });
    match outcome {
        Ok(outcome) => {
            if let Some((limit, value)) = over(&outcome, &work.policy) {
                ui.error(&format!("ended: {limit} limit {value}"), &["the agent file sets it, in `sandbox.limits`".to_owned()]);
            }
            let exit = exit::of_outcome(&outcome);
            task.end(Timestamp::now(), outcome)?;
            Ok(exit)
        }
        Err(error) => {
            let failure = could_not_start(&error, &state);
            task.append(Timestamp::now(), &events)?;
            task.end(Timestamp::now(), Outcome::CouldNotStart { error: error.to_string() })?;
            Err(failure)
        }
    }
}

/// Returns the limit that ended a task, and its value, in the words of an agent file.
fn over(outcome: &Outcome, policy: &Policy) -> Option<(&'static str, String)> {
    let kind = match outcome {
        Outcome::TimedOut => LimitKind::WallTime,
        Outcome::OverLimit { limit } => match limit.as_str() {
            "memory" => LimitKind::Memory,
            "processes" => LimitKind::Processes,
            "cpuTime" => LimitKind::CpuTime,
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
        LimitKind::WallTime | LimitKind::OpenFiles | LimitKind::Output => ("wall time", format!("{value} s")),
    })
}

/// Returns a size in the largest unit that says it exactly.
fn bytes(value: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let fits = units.into_iter().find(|(shift, _)| value >= 1 << shift && value.trailing_zeros() >= *shift);
    fits.map_or_else(|| format!("{value} bytes"), |(shift, unit)| format!("{} {unit}", value >> shift))
}

/// What is to run under: an agent's policy, or the profile `unrestricted`.
struct Work {
    agent: Option<Agent>,
    policy: Policy,
}

fn work(ui: &Ui, args: &RunArgs, workspace: &Workspace) -> Result<Work, Failure> {
    if let Some(name) = &args.agent {
        let loaded = load(name, args.read_as, workspace)?;
        ui.diagnostics(&loaded.warnings);
        return Ok(Work { agent: Some(loaded.agent), policy: loaded.policy });
    }
    let profile = Profile::load("unrestricted", &user_profiles(workspace)?)?;
    Ok(Work { agent: None, policy: remit_policy::unrestricted(&profile, workspace) })
}

enum Answer {
    Yes(ApprovedBy),
    No(Failure),
}

/// Finds out whether a person approved this policy, now or before.
fn approve(
    ui: &Ui,
    args: &RunArgs,
    work: &Work,
    plan: &Plan,
    state: &StateDir,
    workspace: &Workspace,
    digest: &Digest,
) -> Result<Answer, Failure> {
    let Some(agent) = &work.agent else { return trust_all(ui, args, &work.policy, plan) };
    let of = ApprovalOf { workspace: &workspace.root, agent_path: &agent.path, agent_name: &agent.name };
    let found = lookup(state, of, digest)?;
    if found == Approval::Approved {
        return Ok(Answer::Yes(ApprovedBy::Earlier));
    }
    let mut preview = remit_preview::preview(&work.policy, plan);
    if let Some(description) = &agent.file.description {
        preview = preview.described(description.value.as_str());
    }
    let style = ui.stderr_style();
    ui.tell(&remit_preview::render(&preview, style));
    if let Approval::Changed { old_canonical } = &found {
        match diff(old_canonical, &work.policy.canonical()) {
            Some(changes) => ui.tell(&format!("\n{}", remit_preview::render_changes(&changes, style))),
            None => ui.warning("the policy that you approved before was of another version of remit", &[]),
        }
    }
    let how = if args.yes {
        ConsentHow::Yes
    } else {
        let question = format!("Let `{}` work in `{}` under this policy?", agent.name, workspace.root);
        match ask::yes_or_no(&question)? {
            ask::Reply::Yes => ConsentHow::Terminal,
            ask::Reply::No => return Ok(Answer::No(Failure::new("not approved").exit(Exit::Denied))),
            ask::Reply::NobodyThere => {
                let what = if found == Approval::None {
                    "nobody approved this policy"
                } else {
                    "the policy has changed since it was approved"
                };
                let failure = Failure::new(format!("{what}, and there is no terminal to ask on"))
                    .help("run it once on a terminal and answer `y`, or approve it with `--yes`");
                return Ok(Answer::No(failure.exit(Exit::Denied)));
            }
        }
    };
    remit_tasks::approve(state, of, &work.policy, Consent { at: Timestamp::now(), how })?;
    Ok(Answer::Yes(if how == ConsentHow::Yes { ApprovedBy::Yes } else { ApprovedBy::Terminal }))
}

/// Warns of what a task without an agent may touch, and asks, unless `--trust-all` answers.
fn trust_all(ui: &Ui, args: &RunArgs, policy: &Policy, plan: &Plan) -> Result<Answer, Failure> {
    ui.tell(&remit_preview::render(&remit_preview::preview(policy, plan), ui.stderr_style()));
    if args.trust_all {
        return Ok(Answer::Yes(ApprovedBy::TrustAll));
    }
    match ask::yes_or_no("Run it with everything that you may do?")? {
        ask::Reply::Yes => Ok(Answer::Yes(ApprovedBy::Terminal)),
        ask::Reply::No => Ok(Answer::No(Failure::new("not approved").exit(Exit::Denied))),
        ask::Reply::NobodyThere => {
            let failure = Failure::new("a command without an agent may do everything, and there is no terminal to ask on")
                .help("name an agent with `--agent NAME`, or accept it with `--trust-all`");
            Ok(Answer::No(failure.exit(Exit::Denied)))
        }
    }
}

/// Asks the gate; where the gate asks, asks the person.
fn permit(ui: &Ui, gate: &Gate<'_>, command: CommandLine) -> Result<Permit, Failure> {
    match gate.decide(Request::Command(command)) {
        Verdict::Allow(permit) => Ok(permit),
        Verdict::Deny(reason) => Err(denied(&reason)),
        Verdict::Ask(question) => {
            let reason = question.reason().clone();
            ui.warning(&format!("this command is not pre-approved: {}", reason.why), &[]);
            match ask::yes_or_no("Run it once?")? {
                ask::Reply::Yes => Ok(question.answered_yes()),
                ask::Reply::No => Err(Failure::new("not approved").exit(Exit::Denied)),
                ask::Reply::NobodyThere => Err(denied(&reason)),
            }
        }
    }
}

fn denied(reason: &Reason) -> Failure {
    let failure = Failure::new(format!("denied: {} ({})", reason.why, reason.origin)).exit(Exit::Denied);
    match &reason.help {
        Some(help) => failure.help(help.clone()),
        None => failure,
    }
}

fn words(command: &[OsString]) -> Result<Vec<String>, Failure> {
    let word = |word: &OsString| {
        let text = word.to_str().map(str::to_owned);
        text.ok_or_else(|| Failure::new(format!("`{}` is not UTF-8", word.display())).help("the policy judges text"))
    };
    command.iter().map(word).collect()
}

/// A private layer that the policy counts on and the host has not is told before every start, not only in the preview.
fn tell_of_read_only_workspace(ui: &Ui, policy: &Policy, plan: &Plan) {
    let layered = plan.layers.iter().any(|layer| layer.purpose == LayerPurpose::Workspace);
    if policy.confinement == Confinement::Unrestricted || policy.files.workspace == WorkspaceMode::Direct || layered {
        return;
    }
    if let Some(gap) = plan.gaps.iter().find(|gap| gap.grant == Grant::Files) {
        ui.warning(&format!("{}: {}", gap.what, gap.why), gap.remedy.as_slice());
    }
}

pub(crate) fn too_many_gaps(plan: &Plan) -> Failure {
    let count = plan.gaps.len();
    let mut failure = Failure::new(format!("this host cannot hold all of the policy ({count} gaps), and `--strict` was given"));
    for gap in &plan.gaps {
        failure = failure.help(format!("{}: {}", gap.what, gap.why));
    }
    failure.exit(Exit::CouldNotStart)
}

fn could_not_start(error: &ExecutorError, state: &StateDir) -> Failure {
    let exit = match error {
        ExecutorError::NotFound(_) => Exit::NotFound,
        ExecutorError::Launch(error) => match (error.layer, error.errno) {
            (Layer::Exec, Errno::NOENT) => Exit::NotFound,
            (Layer::Exec, _) => Exit::Denied,
            _ => {
                // The host is not what it was when it was tried.
                host::forget(state);
                Exit::CouldNotStart
            }
        },
        _ => Exit::CouldNotStart,
    };
    let failure = Failure::of(error).exit(exit);
    match error.help() {
        Some(help) => failure.help(help),
        None => failure,
    }
}

/// The caller's own `PATH`, to tell a program that is missing from one that the policy leaves out.
fn elsewhere(host: &Host) -> Vec<AbsPath> {
    let path = host.environment.get("PATH").map_or("", String::as_str);
    path.split(':').filter_map(|directory| AbsPath::new(Path::new(directory)).ok()).collect()
}
