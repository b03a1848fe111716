use crate::{Digest, Origin, Request};

/// The answer to a request, with the rule that decided.
#[derive(Debug)]
pub enum Verdict {
    Allow(Permit),
    Ask(Question),
    Deny(Reason),
}

/// Why a verdict is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The rule as written, or the name of the built-in rule.
    pub rule: String,
    pub origin: Origin,
    /// A lower-case fragment for people, as in "no pattern of `allowedCommands` matches".
    pub why: String,
    pub help: Option<String>,
}

/// The proof that a request was allowed, and by what. It is used up by acting.
///
/// Only a verdict makes one: there is no public constructor, and it cannot be cloned.
///
/// ```compile_fail,E0624
/// use remit_policy::{CommandLine, Digest, Permit, Reason, Request};
///
/// fn forge(reason: Reason, digest: Digest) -> Permit {
///     Permit::new(Request::Command(CommandLine::Argv(vec!["rm".to_owned()])), reason, digest)
/// }
/// ```
///
/// ```compile_fail,E0451
/// use remit_policy::{Digest, Permit, Reason, Request};
///
/// fn forge(request: Request, reason: Reason, policy: Digest) -> Permit {
///     Permit { request, reason, policy }
/// }
/// ```
///
/// ```compile_fail,E0277
/// use remit_policy::Permit;
///
/// fn twice(permit: &Permit) -> Permit {
///     Permit::clone(permit)
/// }
/// ```
#[derive(Debug)]
pub struct Permit {
    request: Request,
    reason: Reason,
    policy: Digest,
}

/// A request that a person has to decide.
#[derive(Debug)]
pub struct Question {
    request: Request,
    reason: Reason,
    policy: Digest,
}

impl Permit {
    pub(crate) fn new(request: Request, reason: Reason, policy: Digest) -> Permit {
        Permit { request, reason, policy }
    }

    pub fn request(&self) -> &Request {
        &self.request
    }

    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Returns the digest of the policy that allowed it.
    pub fn policy(&self) -> &Digest {
        &self.policy
    }
}

impl Question {
    pub(crate) fn new(request: Request, reason: Reason, policy: Digest) -> Question {
        Question { request, reason, policy }
    }

    pub fn request(&self) -> &Request {
        &self.request
    }

    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Returns the permit for exactly this request, because a person said yes to it.
    pub fn answered_yes(self) -> Permit {
        Permit { request: self.request, reason: self.reason, policy: self.policy }
    }
}
