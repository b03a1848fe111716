//! Asking the person at the host, by elicitation.
//!
//! Up to version 2025-11-25 the server asks while the call waits. From 2026-07-28 on the call is answered with the
//! question, and comes again with the answer: until then what was asked is kept here, and counts for exactly that call.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use remit_executor::Asked;
use rmcp::model::{
    ClientCapabilities, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema, EnumSchema,
    InputRequest, InputRequiredResult, JsonObject, PrimitiveSchemaDefinition, ProtocolVersion,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, model::InputResponses};

/// How many questions may be open; the oldest is dropped for one more.
const MOST: usize = 64;
const KEY: &str = "approval";
const DECISION: &str = "decision";
const ALLOW: &str = "allow";
const DENY: &str = "deny";

/// In which way the host can ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It cannot.
    None,
    /// While the call waits.
    Meanwhile,
    /// The call comes again.
    Again,
}

/// Questions without an answer yet.
#[derive(Debug, Default)]
pub(crate) struct Open(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: BTreeMap<u64, Kept>,
}

#[derive(Debug)]
struct Kept {
    name: String,
    arguments: JsonObject,
    asked: Asked,
}

pub(crate) fn way(context: &RequestContext<RoleServer>) -> Way {
    if !context.client_capabilities().is_some_and(|capabilities| has_forms(&capabilities)) {
        return Way::None;
    }
    // Dates of this form compare as text.
    let again = context.protocol_version().is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
    if again { Way::Again } else { Way::Meanwhile }
}

/// A host that names neither kind of elicitation has forms: so it was before there were two.
fn has_forms(capabilities: &ClientCapabilities) -> bool {
    capabilities.elicitation.as_ref().is_some_and(|elicitation| elicitation.form.is_some() || elicitation.url.is_none())
}

/// Asks while the call waits. Everything but a clear yes is a no.
pub(crate) async fn ask(context: &RequestContext<RoleServer>, text: &str) -> bool {
    match context.peer.create_elicitation(form(text)).await {
        Ok(result) => is_yes(&result),
        Err(_) => false,
    }
}

impl Open {
    /// Keeps the question, and returns it in the form in which the host takes it.
    pub(crate) fn keep(&self, name: &str, arguments: &JsonObject, asked: Asked) -> InputRequiredResult {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.open.len() >= MOST {
            state.open.pop_first();
        }
        let id = state.next;
        state.next += 1;
        let request = InputRequest::Elicitation(ElicitRequest::new(form(asked.text())));
        state.open.insert(id, Kept { name: name.to_owned(), arguments: arguments.clone(), asked });
        InputRequiredResult::new(Some(BTreeMap::from([(KEY.to_owned(), request)])), Some(id.to_string()))
    }

    /// Takes the question that a call answers, if it is the same call, and the answer.
    pub(crate) fn take(
        &self,
        name: &str,
        arguments: &JsonObject,
        state: &str,
        responses: Option<&InputResponses>,
    ) -> Option<(Asked, bool)> {
        let id: u64 = state.parse().ok()?;
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = open.open.remove(&id)?;
        if kept.name != name || kept.arguments != *arguments {
            return None;
        }
        let response = responses.and_then(|responses| responses.get(KEY));
        let result = response.and_then(|response| serde_json::from_value::<ElicitResult>(response.clone()).ok());
        Some((kept.asked, result.is_some_and(|result| is_yes(&result))))
    }
}

fn form(text: &str) -> ElicitRequestParams {
    let choice = EnumSchema::builder(vec![ALLOW.to_owned(), DENY.to_owned()]).build();
    let properties = BTreeMap::from([(DECISION.to_owned(), PrimitiveSchemaDefinition::Enum(choice))]);
    let requested_schema = ElicitationSchema::new(properties).with_required(vec![DECISION.to_owned()]);
    ElicitRequestParams::FormElicitationParams { meta: None, message: text.to_owned(), requested_schema }
}

fn is_yes(result: &ElicitResult) -> bool {
    let decision = result.content.as_ref().and_then(|content| content.get(DECISION)).and_then(serde_json::Value::as_str);
    result.action == ElicitationAction::Accept && decision == Some(ALLOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_clear_yes_is_one() {
        let check = |result: serde_json::Value, expected: bool| {
            assert_eq!(is_yes(&serde_json::from_value(result.clone()).unwrap()), expected, "{result}");
        };
        check(json!({ "action": "accept", "content": { "decision": "allow" } }), true);
        check(json!({ "action": "accept", "content": { "decision": "deny" } }), false);
        check(json!({ "action": "accept", "content": { "decision": true } }), false);
        check(json!({ "action": "accept", "content": {} }), false);
        check(json!({ "action": "accept" }), false);
        check(json!({ "action": "decline", "content": { "decision": "allow" } }), false);
        check(json!({ "action": "cancel" }), false);
    }
}
