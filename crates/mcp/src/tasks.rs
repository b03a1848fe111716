//! Launched tasks as tasks of the protocol, for hosts that declare its extension for tasks: the id is the same.
//!
//! A launch is answered with a task, whose state the host asks for; it may end it, and is told when it ends. A host of an
//! older version of the protocol is told the end by a log message.

use std::sync::Arc;

use remit_executor::{Content, Session, Standing, TaskEnd};
use rmcp::model::{
    CallToolResult, ContentBlock, CreateTaskResult, DetailedTask, JsonObject, ProtocolVersion, ServerNotification, Task,
    TaskPayload, TaskStatus, TaskStatusNotification, TaskStatusNotificationParams,
};
use rmcp::service::{Peer, RequestContext};
use rmcp::{ErrorData, RoleServer};
use serde_json::Value;

/// How often a host may well ask, in milliseconds.
const POLL: u64 = 1000;

/// How a host learns of the end of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// By the protocol's own tasks.
    Task,
    /// By a log message.
    Log,
    /// It cannot be told unasked.
    Not,
}

pub(crate) fn told(context: &RequestContext<RoleServer>) -> Told {
    if context.client_capabilities().is_some_and(|capabilities| capabilities.supports_tasks()) {
        return Told::Task;
    }
    // From that version on a server speaks only where it was asked to. Dates of this form compare as text.
    let asked_only = context.protocol_version().is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
    if asked_only { Told::Not } else { Told::Log }
}

/// Returns the answer to a launch, as a task.
pub(crate) fn created(standing: &Standing) -> CreateTaskResult {
    CreateTaskResult::new(task(standing))
}

/// Returns how a task stands, with what came of it.
pub(crate) fn detailed(standing: &Standing) -> DetailedTask {
    let payload = match (standing.end, &standing.result) {
        (None, _) => TaskPayload::Working,
        (Some(TaskEnd::Cancelled), _) => TaskPayload::Cancelled,
        (Some(end), result) => {
            let text = result.clone().unwrap_or_else(|| standing.line.clone());
            let blocks = vec![ContentBlock::text(text)];
            let result = match end {
                TaskEnd::Succeeded => CallToolResult::success(blocks),
                TaskEnd::Failed | TaskEnd::Cancelled => CallToolResult::error(blocks),
            };
            TaskPayload::Completed { result: object(&result) }
        }
    };
    DetailedTask::new(task(standing), payload)
}

/// Tells the host when a task is over.
pub(crate) async fn announce(session: Arc<Session>, peer: Peer<RoleServer>, id: String, told: Told) {
    let Some(standing) = session.ended(&id).await else { return };
    // A host that is gone closes the session in its own time.
    let _ = match told {
        Told::Task => {
            let parameters = TaskStatusNotificationParams::new(detailed(&standing));
            peer.send_notification(ServerNotification::TaskStatusNotification(TaskStatusNotification::new(parameters))).await
        }
        Told::Log => log(&peer, standing.line).await,
        Told::Not => Ok(()),
    };
}

#[expect(deprecated, reason = "the one notification of this kind that hosts of older versions of the protocol know")]
async fn log(peer: &Peer<RoleServer>, line: String) -> Result<(), rmcp::ServiceError> {
    use rmcp::model::{LoggingLevel, LoggingMessageNotificationParam};
    let message = LoggingMessageNotificationParam::new(LoggingLevel::Notice, Value::String(line)).with_logger("remit");
    peer.notify_logging_message(message).await
}

/// Returns the standing of a task that the session launched.
pub(crate) fn find(session: &Session, id: &str) -> Result<Standing, ErrorData> {
    session.standing(id).ok_or_else(|| ErrorData::invalid_params(format!("this agent launched no task `{id}`"), None))
}

fn task(standing: &Standing) -> Task {
    let status = if standing.end.is_some() { TaskStatus::Completed } else { TaskStatus::Working };
    Task::new(&standing.id, status, &standing.created_at, &standing.changed_at)
        .with_status_message(&standing.line)
        .with_poll_interval_ms(POLL)
}

fn object(result: &CallToolResult) -> JsonObject {
    match serde_json::to_value(result) {
        Ok(Value::Object(object)) => object,
        _ => JsonObject::new(),
    }
}

/// Returns the text of an answer.
pub(crate) fn text(content: &[Content]) -> String {
    let texts = content.iter().filter_map(|content| match content {
        Content::Text(text) => Some(text.as_str()),
        Content::Image { .. } => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}
