//! What a command is to run under, made ready: the policy, the host and the plan.
//!
//! `run`, a supervisor and `approve` all come this way, so what is shown, what is asked and what is enforced are the same.

use std::ffi::OsString;
use std::path::Path;

use remit_agent::{AbsPath, Agent};
use remit_executor::{Audit, AuditError, ExecutorError, Redactor};
use remit_launch::Layer;
use remit_policy::{CommandLine, Confinement, Policy, Request, Workspace};
use remit_sandbox::{Gap, Host, Plan, plan};
use remit_tasks::{StateDir, TaskDir};
use rustix::io::Errno;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::{ReadAs, load, user_profiles};
use crate::ui::Ui;
use crate::{host, places};

/// What is asked for, before anything is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// `None`: no agent, the profile `unrestricted`.
    pub(crate) agent: Option<&'a str>,
    pub(crate) read_as: Option<ReadAs>,
    pub(crate) cwd: Option<&'a Path>,
    pub(crate) strict: bool,
}

/// Everything that has to be known before a person or the gate is asked.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) workspace: Workspace,
    pub(crate) state: StateDir,
    pub(crate) agent: Option<Agent>,
    pub(crate) policy: Policy,
    pub(crate) host: Host,
    pub(crate) plan: Plan,
}

pub(crate) fn prepare(ui: &Ui, wanted: Wanted<'_>) -> Result<Work, Failure> {
    let workspace = places::workspace(wanted.cwd)?;
    let state = StateDir::open_or_create(&workspace.state)?;
    let (agent, policy) = if let Some(name) = wanted.agent {
        let loaded = load(name, wanted.read_as, &workspace)?;
        ui.diagnostics(&loaded.warnings);
        (Some(loaded.agent), loaded.policy)
    } else {
        let profile = user_profiles(&workspace)?.profile("unrestricted")?;
        (None, remit_policy::unrestricted(&profile, &workspace))
    };
    let host = host::look(&policy, &state)?;
    let plan = plan(&policy, &host);
    if wanted.strict && !plan.gaps.is_empty() {
        return Err(too_many_gaps(&plan));
    }
    Ok(Work { workspace, state, agent, policy, host, plan })
}

/// Makes the audit record of a task that has a way out of its network.
pub(crate) fn audit(work: &Work, task: &TaskDir) -> Result<Option<Audit>, AuditError> {
    if work.plan.proxy.is_none() {
        return Ok(None);
    }
    let agent = work.agent.as_ref().map(|agent| agent.name.as_str());
    Audit::open(task.path(), agent, &work.policy, secrets(&work.host)).map(Some)
}

/// Returns what must not be in a record.
pub(crate) fn secrets(host: &Host) -> Redactor {
    Redactor::new(host.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Returns the request that a command is.
pub(crate) fn request(command: &[String]) -> Request {
    Request::Command(CommandLine::Argv(command.to_vec()))
}

pub(crate) fn words(command: &[OsString]) -> Result<Vec<String>, Failure> {
    let word = |word: &OsString| {
        let text = word.to_str().map(str::to_owned);
        text.ok_or_else(|| Failure::new(format!("`{}` is not UTF-8", word.display())).help("the policy judges text"))
    };
    command.iter().map(word).collect()
}

/// A private layer that the policy counts on and the host has not is told before every start, not only in the preview.
pub(crate) fn tell_of_read_only_workspace(ui: &Ui, policy: &Policy, plan: &Plan) {
    if policy.confinement == Confinement::Unrestricted {
        return;
    }
    if let Some(gap) = plan.gaps.iter().find(|gap| gap.what == Gap::WORKSPACE_IS_READ_ONLY) {
        ui.warning(&format!("{}: {}", gap.what, gap.why), gap.remedy.as_slice());
    }
}

/// Returns what nothing holds, a line each, for the record of a task.
pub(crate) fn gaps(plan: &Plan) -> impl Iterator<Item = String> {
    plan.gaps.iter().map(|gap| gap.what.clone())
}

fn too_many_gaps(plan: &Plan) -> Failure {
    let count = plan.gaps.len();
    let mut failure = Failure::new(format!("this host cannot hold all of the policy ({count} gaps), and `--strict` was given"));
    for gap in &plan.gaps {
        failure = failure.help(format!("{}: {}", gap.what, gap.why));
    }
    failure.exit(Exit::CouldNotStart)
}

pub(crate) fn could_not_start(error: &ExecutorError, state: &StateDir) -> Failure {
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
pub(crate) fn elsewhere(host: &Host) -> Vec<AbsPath> {
    let path = host.environment.get("PATH").map_or("", String::as_str);
    path.split(':').filter_map(|directory| AbsPath::new(Path::new(directory)).ok()).collect()
}
