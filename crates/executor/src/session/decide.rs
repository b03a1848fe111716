//! From a name and arguments to a verdict on everything that the call would do.

use std::fmt::Write as _;
use std::time::Instant;

use remit_agent::NativeTool;
use remit_diagnostics::visible;
use remit_policy::{Decision, Permit, Question, Request, Verdict};
use serde_json::Value;

use super::delegate::Considered;
use super::{Asked, Cleared, Consent, Decided, GONE, Refusal, Session, unrecorded};
use crate::audit::{AuditEvent, Effect, verdict, words};
use crate::tools::{Call, cut_middle};
use crate::worker::protocol::{Reply, What};

/// How much of a call's arguments is recorded, in bytes.
const RECORDED: usize = 4096;
/// How much of a new text is shown to who is asked about it.
const SHOWN: usize = 2000;

/// What the policy says to each effect of a call.
#[derive(Default)]
struct Judged {
    permits: Vec<Permit>,
    questions: Vec<Question>,
    denied: Option<Refusal>,
    effects: Vec<Effect<'static>>,
    why: String,
}

impl Session {
    /// Decides a call of a tool by its name, of either generation, and its arguments. Nothing is done.
    pub async fn decide(&self, name: &str, input: Value) -> Decided {
        let (number, begun) = (self.number(), Instant::now());
        let name = self.meant(name);
        let shown = cut_middle(&input.to_string(), RECORDED);
        let call = match self.understood(name, &input).await {
            Ok(call) => call,
            Err(refusal) => {
                return self.refused(number, name, &shown, refusal, Vec::new());
            }
        };
        let judged = match call.effects(name, self.places()) {
            Ok(requests) => self.judge(requests),
            Err(why) => return self.refused(number, name, &shown, Refusal::new(why), Vec::new()),
        };
        if let Some(refusal) = judged.denied {
            return self.refused(number, name, &shown, refusal, judged.effects);
        }
        if let Err(refusal) = self.before(name, &input).await {
            return self.refused(number, name, &shown, refusal, judged.effects);
        }
        let considered = match self.consider(&call) {
            Ok(considered) => considered,
            Err(refusal) => return self.refused(number, name, &shown, refusal, judged.effects),
        };
        let asks = !judged.questions.is_empty() || considered.asks.is_some();
        let decision = if asks { Decision::Ask } else { Decision::Allow };
        let event = AuditEvent::Called {
            call: number,
            tool: name.into(),
            input: shown.into(),
            verdict: verdict(decision).into(),
            why: considered.asks.as_ref().unwrap_or(&judged.why).as_str().into(),
            effects: judged.effects,
        };
        if let Err(error) = self.audit.append(&event) {
            return Decided::Refused(unrecorded(&error));
        }
        let Considered { held, text, asks: why } = considered;
        let text = text + &question(name, &judged.questions, &input);
        let (permits, consent) = (judged.permits, Consent::Unasked);
        let cleared = Cleared { number, name: name.to_owned(), input, call, permits, consent, held, begun };
        if asks {
            Decided::Asks(Asked { cleared, questions: judged.questions, why, text: text.trim_end().to_owned() })
        } else {
            Decided::Cleared(cleared)
        }
    }

    /// Reads the call, with every path followed to where it leads now.
    async fn understood(&self, name: &str, input: &Value) -> Result<Call, Refusal> {
        if let Some(call) = self.served_call(name, input).await {
            return call;
        }
        let tool = self.tool(name)?;
        let mut call = Call::read(tool, input.clone()).map_err(Refusal::new)?;
        let mut paths = Vec::new();
        for path in call.paths() {
            let absolute = self.places().path(path).map_err(Refusal::new)?;
            *path = absolute.to_string();
            paths.push(path.clone());
        }
        if paths.is_empty() {
            return Ok(call);
        }
        let Ok(Reply::Resolved(resolved)) = self.order(What::Resolve(paths), &|_| ()).await else {
            return Err(Refusal::new(GONE));
        };
        let places = call.paths();
        if places.len() != resolved.len() {
            return Err(Refusal::new(GONE));
        }
        for (path, resolved) in places.into_iter().zip(resolved) {
            *path = resolved.map_err(|why| Refusal::new(format!("`{path}`: {why}")))?;
        }
        Ok(call)
    }

    /// Returns the tool of that name, if the agent has it.
    fn tool(&self, name: &str) -> Result<NativeTool, Refusal> {
        let (decision, reason) = self.policy.judge(&Request::Tool(name.to_owned()));
        let tool = NativeTool::named(name.strip_prefix("@builtin/").unwrap_or(name));
        match (decision, tool) {
            (Decision::Deny, _) => Err(Refusal::of(&reason)),
            (_, Some(tool)) => Ok(tool),
            (_, None) => Err(Refusal::new(format!("there is no tool `{name}` here"))),
        }
    }

    fn judge(&self, requests: Vec<Request>) -> Judged {
        let mut judged = Judged::default();
        let mut worst = Decision::Allow;
        for request in requests {
            let (decision, reason) = self.policy.judge(&request);
            judged.effects.push(Effect::new(&request, decision, &reason));
            if decision > worst || judged.why.is_empty() {
                worst = worst.max(decision);
                judged.why = format!("{} ({})", reason.why, reason.origin);
            }
            // The one way to a permit.
            match self.gate.decide(request) {
                Verdict::Allow(permit) => judged.permits.push(permit),
                Verdict::Ask(question) => judged.questions.push(question),
                Verdict::Deny(reason) => judged.denied = judged.denied.or(Some(Refusal::of(&reason))),
            }
        }
        judged
    }

    fn refused(&self, number: u64, name: &str, input: &str, refusal: Refusal, effects: Vec<Effect<'_>>) -> Decided {
        Decided::Refused(self.recorded(number, name, input, refusal, effects))
    }

    /// Records what does not happen, and returns what to say of it.
    pub(super) fn recorded(&self, number: u64, name: &str, input: &str, refusal: Refusal, effects: Vec<Effect<'_>>) -> Refusal {
        let event = AuditEvent::Called {
            call: number,
            tool: cut_middle(name, 200).into(),
            input: cut_middle(input, RECORDED).into(),
            verdict: verdict(Decision::Deny).into(),
            why: cut_middle(&refusal.why, RECORDED).into(),
            effects,
        };
        match self.audit.append(&event) {
            Ok(()) => refusal,
            Err(error) => unrecorded(&error),
        }
    }
}

/// Returns what a person is asked. Nothing that would be done is left out; only the text of a file may be cut, and says so.
fn question(name: &str, questions: &[Question], input: &Value) -> String {
    let mut text = String::new();
    for question in questions {
        let (action, object) = words(question.request());
        let action = match action {
            "run" => "run".to_owned(),
            "call" => "call the tool".to_owned(),
            "fetch" => "read the address".to_owned(),
            action => format!("{action} the file"),
        };
        // Writing to a string does not fail.
        let _ = write!(text, "`{}` wants to {action}:\n\n    {}\n\n", visible(name), visible(&object));
        let reason = question.reason();
        let _ = write!(text, "It is not pre-approved: {} ({}).\n\n", visible(&reason.why), reason.origin);
    }
    for key in ["old_str", "oldStr", "new_str", "newStr", "file_text", "fileText", "content"] {
        if let Some(value) = input.get(key).and_then(Value::as_str) {
            let _ = write!(text, "{key}:\n{}\n\n", indented(&cut_middle(value, SHOWN)));
        }
    }
    text.trim_end().to_owned()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {}", visible(line))).collect::<Vec<_>>().join("\n")
}
