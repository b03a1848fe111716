use clap::Args;
use remit_diagnostics::visible;
use remit_tasks::{ApprovedBy, Launched, Question, Record, State, Wish};

use crate::ask;
use crate::commands::supervise::prepare_again;
use crate::consent::{Answer, Beforehand, Permitted, approve as approve_policy, permit};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::store::Tasks;
use crate::ui::Ui;

/// Say yes to a task that waits for approval, after seeing what is asked
///
/// A no leaves the task waiting; `remit deny` ends it.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The task: its id, its name, or the beginning of either
    task: String,

    /// Say yes without being asked
    #[arg(long, short = 'y')]
    yes: bool,
}

/// Say no to a task that waits for approval: it ends, and nothing has run
#[derive(Debug, Args)]
pub(crate) struct DenyArgs {
    /// The task: its id, its name, or the beginning of either
    task: String,
}

pub(crate) fn approve(ui: &Ui, args: &ApproveArgs) -> Result<Exit, Failure> {
    let mut tasks = Tasks::existing(ui)?;
    let record = tasks.record(&args.task)?;
    let question = question(&record)?;
    let Some(background) = record.created.background() else { return Err(not_waiting(&record)) };
    let work = prepare_again(ui, &record, background)?;
    let gate = work.policy.gate();
    if gate.digest().to_string() != question.digest {
        return Err(Failure::new(format!("the agent file says something else than when `{}` was made", record.id))
            .help(format!("`remit deny {id}` ends it, `remit retry {id}` asks about the policy as it is now", id = record.id)));
    }
    ui.tell(&format!(
        "{} {} wants to run `{}` in `{}`\n",
        record.id,
        visible(&record.name),
        visible(&record.created.command.join(" ")),
        visible(&record.created.workspace)
    ));
    if let Some(launched) = &question.launched {
        ui.tell(&format!("{}\n", launched_by(launched)));
    }
    let mut by = ApprovedBy::Terminal;
    if question.policy {
        let beforehand = Beforehand { yes: args.yes && work.agent.is_some(), trust_all: args.yes && work.agent.is_none() };
        by = match approve_policy(ui, beforehand, &work, gate.digest())? {
            Answer::Yes(by) => by,
            Answer::No(failure) | Answer::NobodyThere(failure) => return Err(failure),
        };
    }
    if question.launched.is_some() && !question.policy && question.command.is_none() {
        by = answer_launch(args)?;
    }
    if question.command.is_some() {
        by = answer_command(ui, args, &gate, &record)?.unwrap_or(by);
    }
    tasks.wish(&record.id, &Wish::Answer { yes: true, digest: question.digest, by })?;
    Ok(Exit::Done)
}

/// Says which agent launched a task, and what of it goes beyond that agent.
fn launched_by(launched: &Launched) -> String {
    let by = visible(&launched.by);
    if launched.excess.is_empty() {
        return format!("the agent `{by}` launched it; it may do nothing that `{by}` may not");
    }
    let excess: Vec<String> = launched.excess.iter().map(|line| visible(line)).collect();
    format!("the agent `{by}` launched it; it goes beyond what `{by}` may do:\n  - {}", excess.join("\n  - "))
}

/// Asks about a launch where the policy and the command are approved otherwise.
fn answer_launch(args: &ApproveArgs) -> Result<ApprovedBy, Failure> {
    if args.yes {
        return Ok(ApprovedBy::Yes);
    }
    match ask::yes_or_no("Let it run?")? {
        ask::Reply::Yes => Ok(ApprovedBy::Terminal),
        ask::Reply::No => Err(Failure::new("not approved").exit(Exit::Denied)),
        ask::Reply::NobodyThere => Err(Failure::new("an agent launched it, and there is no terminal to ask on")
            .help("say yes with `--yes`")
            .exit(Exit::Denied)),
    }
}

/// Asks about the command, where the gate still asks.
fn answer_command(
    ui: &Ui,
    args: &ApproveArgs,
    gate: &remit_policy::Gate<'_>,
    record: &Record,
) -> Result<Option<ApprovedBy>, Failure> {
    if args.yes {
        return Ok(Some(ApprovedBy::Yes));
    }
    match permit(ui, gate, &record.created.command)? {
        Permitted::Yes(_) => Ok(None),
        Permitted::Answered(_) => Ok(Some(ApprovedBy::Terminal)),
        Permitted::NobodyThere(failure) => Err(failure),
    }
}

pub(crate) fn deny(ui: &Ui, args: &DenyArgs) -> Result<Exit, Failure> {
    let mut tasks = Tasks::existing(ui)?;
    let record = tasks.record(&args.task)?;
    let question = question(&record)?;
    tasks.wish(&record.id, &Wish::Answer { yes: false, digest: question.digest, by: ApprovedBy::Terminal })?;
    Ok(Exit::Done)
}

fn question(record: &Record) -> Result<Question, Failure> {
    match &record.state {
        State::Waiting { question, .. } => Ok(question.clone()),
        _ => Err(not_waiting(record)),
    }
}

fn not_waiting(record: &Record) -> Failure {
    Failure::new(format!("`{}` does not wait for approval: it is {}", record.id, record.state.word()))
}
