//! A person's yes: to a policy, and to a command about which the gate asks.

use remit_policy::{Digest, Gate, Permit, Policy, Reason, Verdict, diff};
use remit_preview::Form;
use remit_sandbox::Plan;
use remit_tasks::{Approval, ApprovalOf, ApprovedBy, Consent, ConsentHow, Timestamp, lookup};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::work::{Work, request};
use crate::{ask, project};

/// What stands for an answer, given beforehand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beforehand {
    /// `--yes`: the policy is approved.
    pub(crate) yes: bool,
    /// `--trust-all`: a command without an agent may do everything.
    pub(crate) trust_all: bool,
}

pub(crate) enum Answer {
    Yes(ApprovedBy),
    No(Failure),
    /// There is no terminal to ask on.
    NobodyThere(Failure),
}

/// Returns what is known of earlier approvals; `None` without an agent, which is asked about every time.
pub(crate) fn earlier(work: &Work, digest: &Digest) -> Result<Option<Approval>, Failure> {
    match approval_of(work) {
        Some(of) => Ok(Some(lookup(&work.state, of, digest, &work.plan.means())?)),
        None => Ok(None),
    }
}

fn approval_of(work: &Work) -> Option<ApprovalOf<'_>> {
    let agent = work.agent.as_ref()?;
    Some(ApprovalOf { workspace: &work.workspace.root, agent_path: &agent.path, agent_name: &agent.name })
}

/// Finds out whether a person approved this policy, now or before.
pub(crate) fn approve(ui: &Ui, beforehand: Beforehand, work: &Work, digest: &Digest) -> Result<Answer, Failure> {
    let (Some(agent), Some(of)) = (&work.agent, approval_of(work)) else {
        return trust_all(ui, beforehand, &work.policy, &work.plan);
    };
    let means = work.plan.means();
    let found = lookup(&work.state, of, digest, &means)?;
    if found == Approval::Approved {
        return Ok(Answer::Yes(ApprovedBy::Earlier));
    }
    show(ui, work, &found);
    let how = if beforehand.yes {
        ConsentHow::Yes
    } else {
        let question = format!("Let `{}` work in `{}` under this policy?", agent.name, work.workspace.root);
        match ask::yes_or_no(&question)? {
            ask::Reply::Yes => ConsentHow::Terminal,
            ask::Reply::No => return Ok(Answer::No(not_approved())),
            ask::Reply::NobodyThere => {
                let failure = Failure::new(format!("{}, and there is no terminal to ask on", why(&found)))
                    .help("run it once on a terminal and answer `y`, or approve it with `--yes`");
                return Ok(Answer::NobodyThere(failure.exit(Exit::Denied)));
            }
        }
    };
    remit_tasks::approve(&work.state, of, &work.policy, means, Consent { at: Timestamp::now(), how })?;
    Ok(Answer::Yes(if how == ConsentHow::Yes { ApprovedBy::Yes } else { ApprovedBy::Terminal }))
}

/// Says why an approval does not count.
pub(crate) fn why(found: &Approval) -> String {
    match found {
        Approval::Approved | Approval::None => "nobody approved this policy in this workspace".to_owned(),
        Approval::Changed { .. } => "the policy has changed since it was approved".to_owned(),
        Approval::Weaker { lost } => {
            format!("this host holds the policy by less than when it was approved: it has lost {}", lost.join(", "))
        }
    }
}

/// Shows the policy, and how it differs from the one that was approved before.
fn show(ui: &Ui, work: &Work, found: &Approval) {
    let files = project::files(&work.workspace.root);
    let mut preview = remit_preview::preview(&work.policy, &work.plan).in_project(&work.policy, &files);
    if let Some(description) = work.agent.as_ref().and_then(|agent| agent.file.description.as_ref()) {
        preview = preview.described(description.value.as_str());
    }
    let style = ui.stderr_style();
    ui.tell(&remit_preview::render(&preview, Form::Text(style)));
    if let Approval::Weaker { .. } = found {
        ui.warning(&why(found), &["`remit doctor` says why, and how to have it back".to_owned()]);
    }
    if let Approval::Changed { old_canonical } = found {
        match diff(old_canonical, &work.policy.canonical()) {
            Some(changes) => ui.tell(&format!("\n{}", remit_preview::render_changes(&changes, style))),
            None => ui.warning("the policy that you approved before was of another version of remit", &[]),
        }
    }
}

/// Warns of what a task without an agent may touch, and asks, unless `--trust-all` answers.
fn trust_all(ui: &Ui, beforehand: Beforehand, policy: &Policy, plan: &Plan) -> Result<Answer, Failure> {
    ui.tell(&remit_preview::render(&remit_preview::preview(policy, plan), Form::Text(ui.stderr_style())));
    if beforehand.trust_all {
        return Ok(Answer::Yes(ApprovedBy::TrustAll));
    }
    match ask::yes_or_no("Run it with everything that you may do?")? {
        ask::Reply::Yes => Ok(Answer::Yes(ApprovedBy::Terminal)),
        ask::Reply::No => Ok(Answer::No(not_approved())),
        ask::Reply::NobodyThere => {
            let failure = Failure::new("a command without an agent may do everything, and there is no terminal to ask on")
                .help("name an agent with `--agent NAME`, or accept it with `--trust-all`");
            Ok(Answer::NobodyThere(failure.exit(Exit::Denied)))
        }
    }
}

/// What the gate says, after a person was asked where it asks.
pub(crate) enum Permitted {
    /// It may run.
    Yes(Permit),
    /// A person was asked just now, and it may run.
    Answered(Permit),
    /// The gate asks, and there is no terminal to ask on.
    NobodyThere(Failure),
}

/// Asks the gate; where the gate asks, asks the person.
///
/// # Errors
///
/// Fails when the gate or the person says no.
pub(crate) fn permit(ui: &Ui, gate: &Gate<'_>, command: &[String]) -> Result<Permitted, Failure> {
    match gate.decide(request(command)) {
        Verdict::Allow(permit) => Ok(Permitted::Yes(permit)),
        Verdict::Deny(reason) => Err(denied(&reason)),
        Verdict::Ask(question) => {
            let reason = question.reason().clone();
            ui.warning(&format!("this command is not pre-approved: {}", reason.why), &[]);
            match ask::yes_or_no("Run it once?")? {
                ask::Reply::Yes => Ok(Permitted::Answered(question.answered_yes())),
                ask::Reply::No => Err(not_approved()),
                ask::Reply::NobodyThere => Ok(Permitted::NobodyThere(denied(&reason))),
            }
        }
    }
}

pub(crate) fn not_approved() -> Failure {
    Failure::new("not approved").exit(Exit::Denied)
}

pub(crate) fn denied(reason: &Reason) -> Failure {
    let failure = Failure::new(format!("denied: {} ({})", reason.why, reason.origin)).exit(Exit::Denied);
    match &reason.help {
        Some(help) => failure.help(help.clone()),
        None => failure,
    }
}
