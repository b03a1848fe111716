//! `web_fetch` from hop to hop: where a redirection leads is a request of its own.

use remit_policy::{Permit, Request, Verdict};

use super::{Session, unrecorded};
use crate::audit::{AuditEvent, Effect, verdict};
use crate::tools::{Call, Fetch, Output, Part, visible_address};

/// How many redirections are followed.
const HOPS: usize = 5;

impl Session {
    /// Fetches an address that was cleared, and follows it as far as the gate lets each hop pass unasked.
    pub(super) async fn fetch(
        &self,
        number: u64,
        mut fetch: Fetch,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Output, (String, Option<i32>)> {
        // Each is used up by its hop.
        let mut permit: Option<Permit> = None;
        for _ in 0..=HOPS {
            let output = self.ask_worker(Call::Fetch(fetch.clone()), false, progress).await?;
            drop(permit.take());
            let [Part::Moved(to)] = output.parts.as_slice() else { return Ok(output) };
            fetch = fetch.moved(to).map_err(|why| (why, None))?;
            permit = Some(self.hop(number, &fetch).map_err(|why| (why, None))?);
        }
        Err((format!("it has more than {HOPS} redirections"), None))
    }

    fn hop(&self, number: u64, fetch: &Fetch) -> Result<Permit, String> {
        let request = Request::Fetch(fetch.address()?);
        let (decision, reason) = self.policy.judge(&request);
        let event = AuditEvent::Called {
            call: number,
            tool: "web_fetch (redirected)".into(),
            input: visible_address(fetch).into(),
            verdict: verdict(decision).into(),
            why: reason.why.as_str().into(),
            effects: vec![Effect::new(&request, decision, &reason)],
        };
        self.audit.append(&event).map_err(|error| unrecorded(&error).why)?;
        let to = visible_address(fetch);
        match self.gate.decide(request) {
            Verdict::Allow(permit) => Ok(permit),
            Verdict::Ask(_) => Err(format!("it is redirected to `{to}`, which is not pre-approved: fetch that address itself")),
            Verdict::Deny(reason) => {
                Err(format!("it is redirected to `{to}`, which is denied: {} ({})", reason.why, reason.origin))
            }
        }
    }
}
