//! `delegate`: tasks in the background. The tool touches nothing itself; what it launches has a policy of its own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::desk::{LaunchOrder, ToDo};
use crate::worker::protocol::arguments;

/// How long `wait` waits, in seconds, when it is not said; and at most.
const PATIENCE: u64 = 50;
const LONGEST: u64 = 3600;
/// A prompt is one argument of a process, which the kernel limits to 128 KiB.
const PROMPT: usize = 100_000;

/// A call, as it was understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delegate {
    List,
    Launch(Launch),
    /// Of one task, of an agent's, or of all.
    Status(Option<Of>),
    Result(Of),
    Wait {
        of: Of,
        /// In seconds.
        limit: u64,
    },
    Cancel(String),
    Delete(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Launch {
    agent: Option<String>,
    prompt: Option<String>,
    runner: Option<String>,
    command: Vec<String>,
    name: Option<String>,
}

/// Which task is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Of {
    /// An id, a name, or the beginning of either.
    Task(String),
    /// The last task of an agent.
    Agent(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    operation: Operation,
    agent: Option<String>,
    task: Option<String>,
    command: Option<Command>,
    runner: Option<String>,
    name: Option<String>,
    id: Option<String>,
    timeout_seconds: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Launch,
    Status,
    List,
    Result,
    Cancel,
    Delete,
    Wait,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Command {
    Line(String),
    Words(Vec<String>),
}

impl Delegate {
    /// Reads the arguments. `{"operation": {"status": {…}}}`, which a description of the product shows, is understood too.
    pub(crate) fn new(input: &Value) -> Result<Delegate, String> {
        let flat = flattened(input);
        let given: Arguments = arguments(flat.as_ref().unwrap_or(input))?;
        let misplaced = [
            ("task", given.task.is_some()),
            ("command", given.command.is_some()),
            ("runner", given.runner.is_some()),
            ("name", given.name.is_some()),
        ];
        if given.operation != Operation::Launch
            && let Some((key, _)) = misplaced.iter().find(|(_, is_given)| *is_given)
        {
            return Err(format!("`{key}` is for `launch`; say with `id` which task you mean"));
        }
        let of = match (given.id.clone(), given.agent.clone().filter(|agent| agent != "all")) {
            (Some(id), _) => Some(Of::Task(id)),
            (None, Some(agent)) => Some(Of::Agent(agent)),
            (None, None) => None,
        };
        let one = || of.clone().ok_or_else(|| "give the `id` of the task, or its `agent`".to_owned());
        let id = || given.id.clone().ok_or_else(|| "give the `id` of the task".to_owned());
        Ok(match given.operation {
            Operation::List => Delegate::List,
            Operation::Status => Delegate::Status(of),
            Operation::Result => Delegate::Result(one()?),
            Operation::Wait => Delegate::Wait { of: one()?, limit: given.timeout_seconds.unwrap_or(PATIENCE).min(LONGEST) },
            Operation::Cancel => Delegate::Cancel(id()?),
            Operation::Delete => Delegate::Delete(id()?),
            Operation::Launch => Delegate::Launch(launch(given)?),
        })
    }
}

impl Launch {
    pub(crate) fn order(&self) -> LaunchOrder {
        let what = match &self.prompt {
            Some(text) => ToDo::Prompt { text: text.clone(), runner: self.runner.clone() },
            None => ToDo::Command(self.command.clone()),
        };
        LaunchOrder { agent: self.agent.clone(), what, name: self.name.clone() }
    }
}

fn launch(given: Arguments) -> Result<Launch, String> {
    // What the products call an agent that is none.
    let none = ["default_agent", "q_cli_default", "kiro_default", ""];
    let agent = given.agent.filter(|agent| !none.contains(&agent.as_str()));
    let command = match given.command {
        None => Vec::new(),
        Some(Command::Line(line)) if line.trim().is_empty() => return Err("`command` is empty".to_owned()),
        Some(Command::Line(line)) => vec!["bash".to_owned(), "-c".to_owned(), line],
        Some(Command::Words(words)) if words.first().is_none_or(String::is_empty) => {
            return Err("`command` names no program".to_owned());
        }
        Some(Command::Words(words)) => words,
    };
    if command.iter().chain(&given.task).any(|text| text.contains('\0')) {
        return Err("there is a NUL byte in it".to_owned());
    }
    match &given.task {
        Some(_) if !command.is_empty() => Err("give a `task` or a `command`, not both".to_owned()),
        None if command.is_empty() => {
            Err("give a `task` in words, for a chat command, or the `command` that is to run".to_owned())
        }
        None if given.runner.is_some() => Err("`runner` is for a `task`".to_owned()),
        Some(task) if task.trim().is_empty() => Err("`task` is empty".to_owned()),
        Some(task) if task.len() > PROMPT => Err(format!("`task` is longer than {PROMPT} bytes")),
        _ => Ok(Launch { agent, prompt: given.task, runner: given.runner, command, name: given.name }),
    }
}

/// Returns the arguments with what stands in an object under the operation's name put beside it.
fn flattened(input: &Value) -> Option<Value> {
    let mut flat = input.as_object()?.clone();
    let operation = flat.get("operation")?.as_object()?.clone();
    let (name, more) = operation.iter().next().filter(|_| operation.len() == 1)?;
    match more {
        Value::Object(more) => flat.extend(more.clone()),
        Value::String(agent) => drop(flat.insert("agent".to_owned(), agent.as_str().into())),
        _ => {}
    }
    flat.insert("operation".to_owned(), name.as_str().into());
    Some(Value::Object(flat))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_are_those_of_the_public_tool_and_a_few_more() {
        let check = |input: Value, expected: Result<&str, &str>| {
            let read = Delegate::new(&input).map(|delegate| serde_json::to_string(&delegate).unwrap());
            match (read, expected) {
                (Ok(read), Ok(part)) => assert!(read.contains(part), "{input}: {read}"),
                (Err(why), Err(part)) => assert!(why.contains(part), "{input}: {why}"),
                (read, _) => unreachable!("{input}: {read:?}"),
            }
        };
        check(json!({ "operation": "list" }), Ok("list"));
        check(json!({ "operation": "launch", "agent": "a", "task": "do it" }), Ok(r#""agent":"a","prompt":"do it""#));
        check(json!({ "operation": "launch", "agent": "q_cli_default", "task": "x" }), Ok(r#""agent":null"#));
        check(json!({ "operation": "launch", "command": "ls | wc" }), Ok(r#"["bash","-c","ls | wc"]"#));
        check(json!({ "operation": "launch", "command": ["ls", "-l"] }), Ok(r#"["ls","-l"]"#));
        check(json!({ "operation": "status" }), Ok(r#"{"status":null}"#));
        check(json!({ "operation": "status", "agent": "all" }), Ok(r#"{"status":null}"#));
        check(json!({ "operation": "status", "agent": "a" }), Ok(r#"{"status":{"agent":"a"}}"#));
        check(json!({ "operation": { "status": { "agent": "a" } } }), Ok(r#"{"status":{"agent":"a"}}"#));
        check(json!({ "operation": "wait", "id": "x", "timeout_seconds": 99999 }), Ok(r#""limit":3600"#));
        check(json!({ "operation": "cancel", "agent": "a" }), Err("give the `id`"));
        check(json!({ "operation": "result" }), Err("give the `id` of the task, or its `agent`"));
        check(json!({ "operation": "launch" }), Err("give a `task` in words"));
        check(json!({ "operation": "launch", "task": "x", "command": "y" }), Err("not both"));
        check(json!({ "operation": "launch", "task": " " }), Err("`task` is empty"));
        check(json!({ "operation": "launch", "command": [] }), Err("names no program"));
        check(json!({ "operation": "launch", "command": "a\0" }), Err("NUL"));
        check(json!({ "operation": "launch", "command": ["x"], "runner": "y" }), Err("`runner` is for a `task`"));
        check(json!({ "operation": "status", "task": "x" }), Err("say with `id`"));
        check(json!({ "operation": "start" }), Err("`operation`"));
        check(json!({ "operation": 7 }), Err("`operation`"));
        check(json!({ "operation": "list", "what": 1 }), Err("unknown field `what`"));
    }
}
