//! What a host may ask of the server, and how each request becomes the session's.

use std::sync::Arc;

use remit_executor::{Answer, Asked, Cleared, Content, Decided, Offered, Session, Standing};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, ContentBlock, CustomRequest, CustomResult,
    ErrorCode, GetTaskParams, GetTaskResult, Implementation, JsonObject, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult,
    Resource, ResourceContents, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::question::{self, Open, Way};
use crate::tasks::{self, Told};

pub(crate) struct Server {
    session: Arc<Session>,
    tools: Vec<Tool>,
    instructions: String,
    open: Open,
}

impl Server {
    /// `spawned` is what the agent's hooks of the start have printed, for the model.
    pub(crate) fn new(session: Arc<Session>, spawned: &str) -> Server {
        let tools = session.offered().into_iter().map(tool);
        Server { tools: tools.collect(), instructions: instructions(&session, spawned), session, open: Open::default() }
    }

    /// Returns when every server of the agent has started or failed: whether one has come late.
    pub(crate) fn servers_settle(&self) -> impl Future<Output = bool> + Send + use<> {
        self.session.servers_settle()
    }

    async fn call(&self, request: CallToolRequestParams, context: &RequestContext<RoleServer>) -> CallToolResponse {
        let CallToolRequestParams { name, arguments, input_responses, request_state, .. } = request;
        let arguments = arguments.unwrap_or_default();
        if let Some(state) = request_state {
            return match self.open.take(&name, &arguments, &state, input_responses.as_ref()) {
                Some((asked, allowed)) => self.answered(asked, allowed, context).await,
                None => failed("this is not the call that was asked about: call the tool again"),
            };
        }
        match self.session.decide(&name, Value::Object(arguments.clone())).await {
            Decided::Refused(refusal) => told(Answer::refused(&refusal)),
            Decided::Cleared(cleared) => self.act(cleared, context).await,
            Decided::Asks(asked) => self.ask(&name, &arguments, asked, context).await,
        }
    }

    async fn ask(
        &self,
        name: &str,
        arguments: &JsonObject,
        asked: Asked,
        context: &RequestContext<RoleServer>,
    ) -> CallToolResponse {
        match question::way(context) {
            // What can be asked elsewhere waits there; everything else is refused.
            Way::None => match self.session.postponed(asked) {
                Ok(cleared) => self.act(cleared, context).await,
                Err(refusal) => told(Answer::refused(&refusal)),
            },
            Way::Again => self.open.keep(name, arguments, asked).into(),
            Way::Meanwhile => {
                let allowed = question::ask(context, asked.text()).await;
                self.answered(asked, allowed, context).await
            }
        }
    }

    async fn answered(&self, asked: Asked, allowed: bool, context: &RequestContext<RoleServer>) -> CallToolResponse {
        match self.session.answered(asked, allowed) {
            Ok(cleared) => self.act(cleared, context).await,
            Err(refusal) => told(Answer::refused(&refusal)),
        }
    }

    /// Does it, and sees to it that the host hears of the end of what was launched.
    async fn act(&self, cleared: Cleared, context: &RequestContext<RoleServer>) -> CallToolResponse {
        let is_launch = cleared.launches();
        let answer = self.follow(cleared, context).await;
        let way = tasks::told(context);
        let launched = self.session.launched();
        if way != Told::Not {
            for id in &launched {
                tokio::spawn(tasks::announce(Arc::clone(&self.session), context.peer.clone(), id.clone(), way));
            }
        }
        match launched.last().and_then(|id| self.session.standing(id)) {
            // What the model reads now; the rest comes with the task.
            Some(standing) if is_launch && way == Told::Task => {
                let text = tasks::text(&answer.content);
                tasks::created(&Standing { line: text, ..standing }).into()
            }
            _ => told(answer),
        }
    }

    /// Does it, and tells of it meanwhile where the host wants to hear.
    async fn follow(&self, cleared: Cleared, context: &RequestContext<RoleServer>) -> Answer {
        let (sender, mut steps) = mpsc::unbounded_channel();
        let progress = move |text: String| {
            // The receiver is there for as long as the call.
            let _ = sender.send(text);
        };
        let acting = self.session.act(cleared, &progress);
        tokio::pin!(acting);
        let mut count = 0.0;
        loop {
            tokio::select! {
                answer = &mut acting => return answer,
                Some(text) = steps.recv() => {
                    count += 1.0;
                    if let Some(token) = context.meta.get_progress_token() {
                        let step = ProgressNotificationParam::new(token, count).with_message(text);
                        // A host that is gone closes the session in its own time.
                        let _ = context.peer.notify_progress(step).await;
                    }
                }
            }
        }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_resources();
        let capabilities =
            if self.session.launches() { with_logging(capabilities.enable_tasks().build()) } else { capabilities.build() };
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("remit", env!("CARGO_PKG_VERSION")))
            .with_instructions(self.instructions.clone())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let served = self.session.served().await.into_iter().map(tool);
        Ok(ListToolsResult::with_all_items(self.tools.iter().cloned().chain(served).collect()))
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resources = self.session.resources().await.into_iter().map(|found| {
            let resource = Resource::new(found.uri, found.name);
            match found.description {
                Some(description) => resource.with_description(description),
                None => resource,
            }
        });
        Ok(ListResourcesResult::with_all_items(resources.collect()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let answer = self.session.read_resource(&uri).await.unwrap_or_else(|refusal| Answer::refused(&refusal));
        match answer.content.into_iter().next() {
            Some(Content::Text(text)) if !answer.is_error => {
                Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri)]).into())
            }
            Some(Content::Text(why)) => Err(ErrorData::resource_not_found(why, None)),
            Some(Content::Image { .. }) | None => Err(ErrorData::resource_not_found(format!("`{uri}` is not text"), None)),
        }
    }

    async fn get_task(&self, request: GetTaskParams, _context: RequestContext<RoleServer>) -> Result<GetTaskResult, ErrorData> {
        Ok(GetTaskResult::new(tasks::detailed(&tasks::find(&self.session, &request.task_id)?)))
    }

    async fn cancel_task(&self, request: CancelTaskParams, _context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        tasks::find(&self.session, &request.task_id)?;
        self.session.cancel_task(&request.task_id).map_err(|refusal| ErrorData::internal_error(refusal.why, None))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.iter().find(|tool| tool.name == name).cloned()
    }

    /// What is known by its name comes here when its parameters cannot be read.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let CustomRequest { method, .. } = request;
        Err(match method.as_str() {
            "tools/call" => {
                ErrorData::invalid_params("a call has the `name` of a tool, and `arguments` that are an object", None)
            }
            "resources/read" => ErrorData::invalid_params("a resource is read by its `uri`", None),
            "tasks/get" | "tasks/cancel" => ErrorData::invalid_params("a task is named by its `taskId`", None),
            _ => ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method, None),
        })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        tokio::select! {
            response = self.call(request, &context) => Ok(response),
            // Dropping the call is what cancels it.
            () = context.ct.cancelled() => Ok(failed("cancelled")),
        }
    }
}

fn tool(offered: Offered) -> Tool {
    let annotations = ToolAnnotations::new().read_only(offered.described.read_only).open_world(false);
    Tool::new(offered.name, offered.described.description, offered.described.schema)
        .with_title(offered.described.title)
        .with_annotations(annotations)
}

fn instructions(session: &Session, spawned: &str) -> String {
    let agent = session.agent();
    let mut text = format!(
        "The tools of the agent `{}`, confined to what its user approved. The workspace is {}. Commands and files are held by \
         the kernel: a refusal is final.",
        agent.name,
        session.policy().workspace
    );
    if let Some(description) = &agent.file.description {
        text.push_str("\n\n");
        text.push_str(&description.value);
    }
    if !spawned.is_empty() {
        text.push_str("\n\n");
        text.push_str(spawned);
    }
    text
}

/// Log messages tell hosts of older versions of the protocol of the ends of tasks.
fn with_logging(mut capabilities: ServerCapabilities) -> ServerCapabilities {
    capabilities.logging = Some(JsonObject::new());
    capabilities
}

fn failed(why: &str) -> CallToolResponse {
    CallToolResult::error(vec![ContentBlock::text(format!("error: {why}"))]).into()
}

fn told(answer: Answer) -> CallToolResponse {
    let blocks = answer.content.into_iter().map(|content| match content {
        Content::Text(text) => ContentBlock::text(text),
        Content::Image { data, mime } => ContentBlock::image(data, mime),
    });
    let blocks = blocks.collect();
    if answer.is_error { CallToolResult::error(blocks).into() } else { CallToolResult::success(blocks).into() }
}
