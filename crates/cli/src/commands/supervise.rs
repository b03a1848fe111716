use std::path::Path;
use std::time::Duration;

use clap::Args;
use remit_executor::{self as executor, AttendedBy, Decision, Ground, Started, Supervisor};
use remit_policy::{Permit, Verdict};
use remit_sandbox::Watch;
use remit_tasks::notify;
use remit_tasks::{
    Approval, ApprovedBy, Background, Event, OnAsk, Outcome, ProcessId, Question, Record, StateDir, Store, TaskDir, TaskId,
    Timestamp, wake,
};
use rustix::fs::{Mode, OFlags};

use crate::commands::background::{output_limit, read_as};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::layers;
use crate::observing;
use crate::places;
use crate::ui::Ui;
use crate::work::{self, Wanted, Work, prepare, request};
use crate::{consent, host, junit, notices};

/// Look after a task; started by `remit run --background`, with the task's lock as its standard input,
/// and a pipe for its first word as its standard output
#[derive(Debug, Args)]
#[command(hide = true)]
pub(crate) struct SuperviseArgs {
    task: String,
}

pub(crate) fn supervise(ui: &Ui, args: &SuperviseArgs) -> Result<Exit, Failure> {
    let id: TaskId = args.task.parse().map_err(|error: remit_tasks::TaskIdError| Failure::of(&error))?;
    let failed = |errno: rustix::io::Errno| Failure::io("cannot leave the caller's session", &errno.into());
    let lock = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).map_err(failed)?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
    rustix::stdio::dup2_stdin(&null).map_err(failed)?;
    rustix::process::setsid().map_err(failed)?;
    // Who started this waits for a byte. It may have gone.
    let _ = rustix::io::write(rustix::stdio::stdout(), b".");
    rustix::stdio::dup2_stdout(&null).map_err(failed)?;

    let Some(state) = StateDir::open_existing(&places::state()?)? else { return Err(Failure::new("there is no store")) };
    let task = TaskDir::adopt(&state, id, lock)?;
    let mut supervisor = Supervisor::begin(&state, &task).map_err(|error| Failure::of(&error))?;
    let outcome = look_after(ui, &state, &task, &mut supervisor)
        .unwrap_or_else(|failure| Outcome::CouldNotStart { error: failure.message().to_owned() });
    let mut store = Store::open(&state)?;
    let id = task.id().clone();
    if let Ok(record) = store.record(&id) {
        junit::note(&state, &task, &record);
    }
    layers::settle(ui, &state, &id);
    // Also before the end: a death right after it then costs no prompt its line.
    let _ = notify::mark(&state);
    let ended = task.end(&mut store, Timestamp::now(), outcome);
    supervisor.decision_is_recorded();
    // Those that wait for its place do not wait for a desktop that does not answer.
    let woken = wake(&state, &store, Some(&id));
    notices::tell(&state, &store, &id);
    store.write_back();
    ended?;
    woken?;
    Ok(Exit::Done)
}

/// Does everything between the record and the end, and returns how it ended.
fn look_after(ui: &Ui, state: &StateDir, task: &TaskDir, supervisor: &mut Supervisor<'_>) -> Result<Outcome, Failure> {
    let mut store = Store::open(state)?;
    let by = ProcessId::own().map_err(|error| Failure::io("cannot look at `/proc`", &error))?;
    let record = store.append(task.id(), Timestamp::now(), &[Event::Supervised { by }])?;
    drop(store);
    let Some(background) = record.created.background() else {
        return Err(Failure::new("it was not made for the background"));
    };
    let work = prepare_again(ui, &record, background)?;
    let digest = work.policy.gate().digest().to_string();
    if digest != record.created.digest {
        let why = "the agent file says something else than when the task was made";
        return Ok(Outcome::Denied { why: why.to_owned() });
    }
    supervisor.keep_output(output_limit(&work.policy));
    if let Some(size) = background.terminal {
        supervisor.give_terminal(size);
    }
    supervisor.expect_output_of(&record.created.command);
    if let Some(input) = &background.input {
        supervisor.give_input(input);
    }
    let permit = match permit(supervisor, state, &work, &record, background)? {
        Ok(permit) => permit,
        Err(outcome) => return Ok(outcome),
    };
    if let Decision::End(outcome) = supervisor.wait_for_turn().map_err(|error| Failure::of(&error))? {
        return Ok(outcome);
    }
    let watch = observing::watch(background.explain, &work.policy, &work.host, Watch::Refusals)?;
    run(state, &work, task, supervisor, permit, watch)
}

/// Comes by the policy the same way as the command that made the task did.
pub(crate) fn prepare_again(ui: &Ui, record: &Record, background: &Background) -> Result<Work, Failure> {
    let agent = record.created.agent.as_ref().map(|agent| agent.path.as_str());
    let cwd = Some(Path::new(&record.created.workspace));
    prepare(ui, Wanted { agent, read_as: read_as(background)?, cwd, strict: background.strict })
}

/// Asks the gate, and where a person has to be asked, waits for the answer.
fn permit(
    supervisor: &mut Supervisor<'_>,
    state: &StateDir,
    work: &Work,
    record: &Record,
    background: &Background,
) -> Result<Result<Permit, Outcome>, Failure> {
    let gate = work.policy.gate();
    let verdict = gate.decide(request(&record.created.command));
    let asks = match &verdict {
        Verdict::Allow(_) => None,
        Verdict::Deny(reason) => return Ok(Err(Outcome::Denied { why: reason.why.clone() })),
        Verdict::Ask(question) => Some(question.reason().why.clone()),
    };
    let policy = !is_approved(work)?;
    // Whoever made the task was asked everything, and said yes to this policy and this command.
    let answered = record.approved.is_some();
    // What an agent launched waits for a person, whatever was approved before.
    let launched = background.launched.clone();
    if !answered && (policy || asks.is_some() || launched.is_some()) {
        if background.on_ask == OnAsk::Deny {
            let why = asks.unwrap_or_else(|| "nobody approved this policy".to_owned());
            return Ok(Err(Outcome::Denied { why }));
        }
        let question = Question { digest: gate.digest().to_string(), policy, command: asks, launched };
        let limit = Duration::from_secs(background.ask_limit);
        let (decision, by) = supervisor.wait_for_answer(&question, limit).map_err(|error| Failure::of(&error))?;
        if let Decision::End(outcome) = decision {
            return Ok(Err(outcome));
        }
        // An answer is in the store twice: as a wish, and for an agent's policy as its approval.
        if policy && work.agent.is_some() && !is_approved(work)? {
            return Ok(Err(Outcome::Denied { why: "the approval of its policy is not there".to_owned() }));
        }
        let by = by.unwrap_or(ApprovedBy::Terminal);
        Store::open(state)?.append(&record.id, Timestamp::now(), &[Event::Approved { by }])?;
        supervisor.decision_is_recorded();
    } else if !answered {
        Store::open(state)?.append(&record.id, Timestamp::now(), &[Event::Approved { by: ApprovedBy::Earlier }])?;
    }
    Ok(match verdict {
        Verdict::Allow(permit) => Ok(permit),
        Verdict::Ask(question) => Ok(question.answered_yes()),
        Verdict::Deny(reason) => Err(Outcome::Denied { why: reason.why }),
    })
}

/// Returns whether the policy of an agent is approved; without an agent it is asked about every time.
fn is_approved(work: &Work) -> Result<bool, Failure> {
    Ok(consent::earlier(work, work.policy.gate().digest())? == Some(Approval::Approved))
}

fn run(
    state: &StateDir,
    work: &Work,
    task: &TaskDir,
    supervisor: &mut Supervisor<'_>,
    permit: Permit,
    watch: Option<Watch>,
) -> Result<Outcome, Failure> {
    let id = task.id().clone();
    let mut started = |pid: u32| {
        Store::open(state)?.append(&id, Timestamp::now(), &[Event::Started { pid }])?;
        Ok(())
    };
    let audit = work::audit(work, task).map_err(|error| Failure::of(&error))?;
    let ran = executor::run(
        permit,
        Ground {
            audit,
            plan: &work.plan,
            directory: &work.workspace.root,
            task,
            elsewhere: &work::elsewhere(&work.host),
            attended: AttendedBy::Supervisor(supervisor),
            started: Started::Beside(&mut started),
            watch,
        },
    );
    let keep = |observed| observing::keep(task.fd(), &work.policy, &observed);
    ran.map(|(outcome, observed)| {
        let _ = observed.map(keep);
        outcome
    })
    .map_err(|error| {
        if matches!(&error, executor::ExecutorError::Launch(_)) {
            host::forget(state);
        }
        Failure::of(&error)
    })
}
