//! The one decision procedure: a request in, a verdict with the rule that decided out.
//!
//! Deny beats ask beats allow, whatever the order of the rules. Each kind of request has a file of its own; this one
//! turns their judgements into verdicts, which is where permits are made.

mod aws;
mod command;
mod file;
mod start;
mod tool;
mod web;

pub use aws::AwsCall;
pub(crate) use command::is_plain;
pub use command::{CommandPart, Judgement};
pub(crate) use file::of_the_task;
use remit_agent::AbsPath;
pub(crate) use web::compiled_address;

use crate::{Confinement, Digest, Origin, Permit, Policy, Question, Reason, Start, Verdict, WebAddress};

/// Something that is to be done, as the gate sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Command(CommandLine),
    ReadFile(AbsPath),
    WriteFile(AbsPath),
    /// A tool by the name under which it was called.
    Tool(String),
    /// A command that the agent file starts by itself: a hook, or a server.
    Start(Start),
    /// A call of the `aws` command.
    Aws(AwsCall),
    /// An address of the web, read.
    Fetch(WebAddress),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// A program and its arguments; no shell reads it.
    Argv(Vec<String>),
    /// A line for a shell.
    Shell(String),
}

/// What a verdict says, without the permit or the question that acting on it takes. Sorted by how strict it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    Allow,
    Ask,
    Deny,
}

/// A policy whose digest is taken once, for whoever decides more than one request.
#[derive(Clone, Debug)]
pub struct Gate<'a> {
    policy: &'a Policy,
    digest: Digest,
}

impl Gate<'_> {
    /// Decides a request. Deny beats ask beats allow, whatever the order of the rules.
    pub fn decide(&self, request: Request) -> Verdict {
        match self.policy.judge(&request) {
            (Decision::Allow, reason) => Verdict::Allow(Permit::new(request, reason, self.digest.clone())),
            (Decision::Ask, reason) => Verdict::Ask(Question::new(request, reason, self.digest.clone())),
            (Decision::Deny, reason) => Verdict::Deny(reason),
        }
    }

    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl Policy {
    /// Returns the gate of this policy. The borrow keeps the policy as it is, and so its digest true.
    pub fn gate(&self) -> Gate<'_> {
        Gate { policy: self, digest: self.digest() }
    }

    /// Decides a single request, as [`Gate::decide`] does.
    pub fn decide(&self, request: Request) -> Verdict {
        self.gate().decide(request)
    }

    /// Returns how a request would be decided and why, for whoever wants to know and not to act.
    pub fn judge(&self, request: &Request) -> (Decision, Reason) {
        match request {
            Request::Command(line) => command::judge(self, line),
            Request::ReadFile(path) => file::judge_read(self, path),
            Request::WriteFile(path) => file::judge_write(self, path),
            Request::Tool(name) => tool::judge(self, name),
            Request::Start(start) => start::judge(self, start),
            Request::Aws(call) => aws::judge(self, call),
            Request::Fetch(address) => web::judge(self, address),
        }
    }

    /// Returns how a command line would be decided, and each part of it.
    pub fn judge_line(&self, line: &CommandLine) -> Judgement {
        command::judge_parts(self, line)
    }

    pub(crate) fn is_unrestricted(&self) -> bool {
        self.confinement == Confinement::Unrestricted
    }
}

/// The answer where no denial stands against it under an unrestricted profile.
fn trusted(policy: &Policy) -> (Decision, Reason) {
    let origin = Origin::Profile(policy.profile.as_str().into());
    (Decision::Allow, reason(&policy.profile, &origin, "the profile permits everything that its user may do"))
}

fn reason(rule: &str, origin: &Origin, why: impl Into<String>) -> Reason {
    Reason { rule: rule.to_owned(), origin: origin.clone(), why: why.into(), help: None }
}

fn with_help(reason: Reason, help: impl Into<String>) -> Reason {
    Reason { help: Some(help.into()), ..reason }
}

#[cfg(test)]
mod tests;
