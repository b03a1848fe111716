//! The tools. Each is a file: what it takes, what it would touch, and what it does inside the sandbox.
//!
//! A [`Call`] is a tool's arguments, read and checked. It states its effects as requests, which the policy judges; only
//! with the permits of all of them does it reach the worker, which is where its second half runs. What a tool returns is
//! [`Output`]: text, images, and things found in files, which are judged file by file before anybody sees them.

pub(crate) mod delegate;
mod execute_bash;
mod find;
mod fs_read;
mod fs_write;
mod glob;
mod grep;
mod html;
mod images;
mod schema;
mod thinking;
mod todo_list;
mod use_aws;
mod web_fetch;

use std::sync::atomic::{AtomicBool, Ordering};

use remit_agent::{AbsPath, NativeTool};
use remit_policy::Request;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::worker::protocol::arguments;
use crate::worker::servers::{self, Servers};

pub(crate) use execute_bash::{hook, not_started, quoted};
pub(crate) use find::expand;
pub(crate) use grep::Grep;
pub use schema::{Described, described};
pub(crate) use todo_list::Lists;
pub(crate) use web_fetch::{Fetch, visible_address};

/// A call of a tool, as it was understood.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Call {
    Read(fs_read::Read),
    Write(fs_write::Write),
    Shell(execute_bash::Shell),
    Glob(glob::Glob),
    Grep(grep::Grep),
    Todo(todo_list::Todo),
    Think(thinking::Thought),
    Aws(use_aws::UseAws),
    Fetch(web_fetch::Fetch),
    /// A tool of one of the agent's own servers.
    Served(servers::Asked),
    Delegate(delegate::Delegate),
}

/// What a tool gives back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Output {
    pub(crate) parts: Vec<Part>,
    /// It did what it was asked, and that failed: a command's exit status other than 0.
    pub(crate) failed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    Text(String),
    Image {
        /// In base64.
        data: String,
        mime: String,
    },
    /// The address is elsewhere: what is there is to be judged first.
    Moved(String),
    /// Lines found in files or directories, each to be shown only if its file may be.
    Found {
        lines: Vec<Line>,
        form: Form,
    },
}

/// Something found, and in which file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// How what was found is put into text, once it is known what may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// Entries of directories: as they are, and those that a pattern leaves out.
    Entries { offset: usize, most: usize, excluded: Vec<String> },
    /// Paths that a pattern matched: the JSON that the products' `glob` returns.
    Paths { most: usize },
    /// Lines of files, and the files that are no text.
    Matches { most: usize, cut: bool, binary: Vec<String> },
}

/// Why a tool could not do it: a lower-case fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) why: String,
    /// What the kernel said, if it was the kernel.
    pub(crate) errno: Option<i32>,
}

impl Failure {
    pub(crate) fn new(why: impl Into<String>) -> Failure {
        Failure { why: why.into(), errno: None }
    }
}

impl Output {
    pub(crate) fn text(text: impl Into<String>) -> Output {
        Output { parts: vec![Part::Text(text.into())], failed: false }
    }
}

/// Where a tool's paths begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    pub(crate) workspace: &'a AbsPath,
    pub(crate) home: &'a AbsPath,
}

impl Places<'_> {
    /// Returns the path that a tool was given as an absolute one. Nothing but a leading `~` is expanded.
    pub(crate) fn path(&self, text: &str) -> Result<AbsPath, String> {
        if text.is_empty() {
            return Err("a path is empty".to_owned());
        }
        if text.contains('\0') {
            return Err("a path has a NUL byte".to_owned());
        }
        Ok(match text.strip_prefix('~') {
            Some("") => self.home.clone(),
            Some(rest) if rest.starts_with('/') => self.home.join(rest.trim_start_matches('/')),
            _ => self.workspace.join(text),
        })
    }
}

/// What a running tool can be told, and can tell.
pub(crate) struct Control<'a> {
    pub(crate) cancelled: &'a AtomicBool,
    /// Becomes readable when the call is cancelled.
    pub(crate) cancel: &'a rustix::fd::OwnedFd,
    pub(crate) progress: &'a dyn Fn(String),
    /// The agent's own servers.
    pub(crate) servers: &'a Servers,
}

impl Control<'_> {
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Failure::new("cancelled")) } else { Ok(()) }
    }
}

impl Call {
    /// Reads the arguments of a tool.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with them: a lower-case fragment.
    pub(crate) fn read(tool: NativeTool, input: Value) -> Result<Call, String> {
        if !input.is_object() {
            return Err("the arguments of a tool are an object".to_owned());
        }
        match tool {
            NativeTool::Read => fs_read::Read::new(input).map(Call::Read),
            NativeTool::Write => arguments::<fs_write::Arguments>(&input)?.checked().map(Call::Write),
            NativeTool::Shell => arguments::<execute_bash::Shell>(&input)?.checked().map(Call::Shell),
            NativeTool::Glob => arguments::<glob::Glob>(&input)?.checked().map(Call::Glob),
            NativeTool::Grep => arguments::<grep::Grep>(&input)?.checked().map(Call::Grep),
            NativeTool::TodoList => arguments::<todo_list::Todo>(&input).map(Call::Todo),
            NativeTool::Aws => arguments::<use_aws::UseAws>(&input)?.checked().map(Call::Aws),
            NativeTool::WebFetch => arguments::<web_fetch::Fetch>(&input)?.checked().map(Call::Fetch),
            NativeTool::Thinking => arguments::<thinking::Thought>(&input).map(Call::Think),
            NativeTool::Delegate => delegate::Delegate::new(&input).map(Call::Delegate),
            tool => Err(format!("`{}` is not offered here", tool.name())),
        }
    }

    /// Returns the paths that it names, to be made absolute and resolved before they are judged.
    pub(crate) fn paths(&mut self) -> Vec<&mut String> {
        match self {
            Call::Read(read) => read.paths(),
            Call::Write(write) => vec![&mut write.path],
            Call::Shell(shell) => shell.working_dir.iter_mut().collect(),
            Call::Glob(glob) => vec![glob.path.get_or_insert_with(here)],
            Call::Grep(grep) => vec![grep.path.get_or_insert_with(here)],
            Call::Todo(_) | Call::Think(_) | Call::Delegate(_) | Call::Served(_) | Call::Aws(_) | Call::Fetch(_) => Vec::new(),
        }
    }

    /// Returns everything that it would do to the world, in the policy's words. Its paths must be resolved.
    pub(crate) fn effects(&self, name: &str, places: Places<'_>) -> Result<Vec<Request>, String> {
        let tool = || Request::Tool(name.to_owned());
        let reads = |paths: Vec<&String>| -> Result<Vec<Request>, String> {
            let mut requests = vec![tool()];
            for path in paths {
                requests.push(Request::ReadFile(places.path(path)?));
            }
            Ok(requests)
        };
        match self {
            Call::Read(read) => reads(read.named()),
            Call::Glob(glob) => reads(glob.path.iter().collect()),
            Call::Grep(grep) => reads(grep.path.iter().collect()),
            // Whether the tool is there at all is a part of these two judgements.
            Call::Write(write) => Ok(vec![Request::WriteFile(places.path(&write.path)?)]),
            Call::Shell(shell) => Ok(vec![Request::Command(shell.line())]),
            Call::Aws(aws) => Ok(vec![Request::Aws(aws.call()?)]),
            Call::Fetch(fetch) => Ok(vec![Request::Fetch(fetch.address()?)]),
            Call::Todo(_) | Call::Think(_) | Call::Delegate(_) | Call::Served(_) => Ok(vec![tool()]),
        }
    }

    /// Gives a command the session's limit of time, in seconds, where it has none or a longer one.
    pub(crate) fn within(mut self, limit: Option<u64>) -> Call {
        match &mut self {
            Call::Shell(shell) => shell.within(limit),
            Call::Aws(aws) => aws.within(limit),
            _ => {}
        }
        self
    }

    /// Does it, inside the sandbox.
    pub(crate) fn perform(self, control: &Control<'_>) -> Result<Output, Failure> {
        match self {
            Call::Read(read) => read.perform(control),
            Call::Write(write) => write.perform(),
            Call::Shell(shell) => shell.perform(control),
            Call::Glob(glob) => glob.perform(control),
            Call::Aws(aws) => aws.perform(control),
            Call::Fetch(fetch) => fetch.perform(control),
            Call::Served(asked) => control.servers.call(&asked, control),
            // Its files are judged before any of them is opened: two orders of their own.
            Call::Grep(_) => Err(Failure::new("a search is not done in one step")),
            Call::Todo(_) | Call::Think(_) | Call::Delegate(_) => {
                Err(Failure::new("this tool touches nothing, and is not for the worker"))
            }
        }
    }
}

fn here() -> String {
    ".".to_owned()
}

/// Returns the text cut in its middle when it is longer than `most` bytes, with a line that says so.
pub(crate) fn cut_middle(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let half = most / 2;
    let head = text.get(..text.floor_char_boundary(half)).unwrap_or_default();
    let tail = text.get(text.ceil_char_boundary(text.len() - half)..).unwrap_or_default();
    let left_out = text.len() - head.len() - tail.len();
    format!("{head}\n[… {left_out} bytes left out here …]\n{tail}")
}
