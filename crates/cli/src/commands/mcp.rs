use std::path::PathBuf;

use clap::Args;
use remit_executor::{Audit, ExecutorError, Redactor, Session, end_worker, start_worker};
use remit_policy::Policy;
use remit_sandbox::{Host, plan};
use remit_tasks::{
    Approval, ApprovalOf, ApprovedBy, Created, Event, Outcome, StateDir, TaskDir, Timestamp, lookup, sweep,
};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::{Loaded, ReadAs, load};
use crate::ui::Ui;
use crate::{host, places};

/// Give a chat host an agent's tools, over the Model Context Protocol
///
/// The host starts this command and talks to it over standard input and output. It is offered the tools that the agent may
/// see; each call goes through the policy, and everything happens in one sandbox. What is not pre-approved is asked of
/// you in the host, where the host can ask.
///
/// You must have approved the policy in this workspace: run the agent once on a terminal.
#[derive(Debug, Args)]
pub(crate) struct McpArgs {
    /// The agent: a file, or a name
    #[arg(long, value_name = "AGENT")]
    agent: String,

    /// Read the agent's patterns as this product does
    #[arg(long = "as", value_name = "PRODUCT", value_enum)]
    read_as: Option<ReadAs>,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// Refuse to start when the host cannot hold all of the policy
    #[arg(long)]
    strict: bool,
}

pub(crate) fn mcp(ui: &Ui, args: &McpArgs) -> Result<Exit, Failure> {
    let workspace = places::workspace(args.cwd.as_deref())?;
    let state = StateDir::open_or_create(&workspace.state)?;
    let Loaded { agent, policy, warnings } = load(&args.agent, args.read_as, &workspace)?;
    ui.diagnostics(&warnings);
    // For as long as the process: the session's gate borrows it.
    let policy: &'static Policy = Box::leak(Box::new(policy));
    let digest = policy.digest();
    let of = ApprovalOf { workspace: &workspace.root, agent_path: &agent.path, agent_name: &agent.name };
    let found = lookup(&state, of, &digest)?;
    if found != Approval::Approved {
        return Err(not_approved(&found, &args.agent));
    }
    let host = host::look(policy, &state)?;
    let plan = plan(policy, &host);
    if args.strict && !plan.gaps.is_empty() {
        return Err(super::run::too_many_gaps(&plan));
    }

    let _ = sweep(&state, Timestamp::now());
    let task = TaskDir::create(&state)?;
    let command = ["remit", "mcp", "--agent", &args.agent].map(str::to_owned).to_vec();
    let events =
        [Event::Created(Created::new(policy, &digest, Some(&agent.path), command)), Event::Approved { by: ApprovedBy::Earlier }];
    task.append(Timestamp::now(), &events)?;
    let mut running = None;
    let served = start_worker(&plan, &workspace.root, &task).and_then(|worker| {
        task.append(Timestamp::now(), &[Event::Started { pid: worker.pid() }])?;
        let audit = Audit::create(task.path(), secrets(&host)).map_err(|error| ExecutorError::Worker(error.source))?;
        Ok(remit_mcp::serve(|| {
            let (session, worker) = Session::open(agent, policy, plan.wall_time, worker, audit)?;
            running = Some(worker);
            Ok(session)
        }))
    });
    let ended = running.map_or(Ok(()), end_worker);
    let (outcome, result) = match (served, ended) {
        (Ok(Ok(_)), Ok(())) => (Outcome::Succeeded, Ok(Exit::Done)),
        (Ok(Err(error)), _) => (Outcome::Failed { code: 1 }, Err(Failure::of(&error))),
        (Err(error), _) | (_, Err(error)) => {
            (Outcome::CouldNotStart { error: error.to_string() }, Err(could_not_start(&error, &state)))
        }
    };
    task.end(Timestamp::now(), outcome)?;
    result
}

fn not_approved(found: &Approval, agent: &str) -> Failure {
    let what = match found {
        Approval::Changed { .. } => "the policy has changed since it was approved",
        _ => "nobody approved this policy in this workspace",
    };
    Failure::new(what).help(format!("look at it and approve it on a terminal: `remit run --agent {agent} -- true`")).exit(Exit::Denied)
}

fn could_not_start(error: &ExecutorError, state: &StateDir) -> Failure {
    // The host is not what it was when it was tried.
    host::forget(state);
    let failure = Failure::of(error).exit(Exit::CouldNotStart);
    match error.help() {
        Some(help) => failure.help(help),
        None => failure,
    }
}

fn secrets(host: &Host) -> Redactor {
    Redactor::new(host.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}
