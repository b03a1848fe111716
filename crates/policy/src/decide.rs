use remit_agent::AbsPath;

use crate::{Policy, Verdict};

/// Something that is to be done, as the gate sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Command(CommandLine),
    ReadFile(AbsPath),
    WriteFile(AbsPath),
    /// A tool by the name under which it was called.
    Tool(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// A program and its arguments; no shell reads it.
    Argv(Vec<String>),
    /// A line for a shell.
    Shell(String),
}

impl Policy {
    /// Decides a request. Deny beats ask beats allow, whatever the order of the rules.
    pub fn decide(&self, request: Request) -> Verdict {
        let _ = request;
        unimplemented!()
    }
}
