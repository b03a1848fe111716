//! What a command could not do, told to a person: what, where, and the cure.

use std::error::Error;
use std::fmt::Write;

use remit_agent::{DiscoverError, ReadError};
use remit_diagnostics::Diagnostic;
use remit_launch::LaunchError;
use remit_layer::{ApplyError, LayersError};
use remit_policy::ProfileError;
use remit_tasks::{ApprovalError, StateError, StoreError, TaskError};

use crate::exit::Exit;
use crate::ui::Ui;

#[derive(Debug)]
pub(crate) struct Failure {
    /// `None`: what the command exits with when it fails.
    pub(crate) exit: Option<Exit>,
    /// Findings in a file, which come first.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// A lower-case fragment. Empty when there is nobody to tell.
    message: String,
    help: Vec<String>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Failure {
        Failure { exit: None, diagnostics: Vec::new(), message: message.into(), help: Vec::new() }
    }

    /// Returns a failure of something that went wrong with files: what was tried, and what the system said.
    pub(crate) fn io(tried: impl Into<String>, error: &std::io::Error) -> Failure {
        Failure::new(format!("{}: {error}", tried.into()))
    }

    pub(crate) fn of(error: &dyn Error) -> Failure {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            // Writing to a string does not fail.
            let _ = write!(message, ": {error}");
            source = error.source();
        }
        Failure::new(message)
    }

    /// Returns the failure of a file that has errors.
    pub(crate) fn in_file(name: &str, diagnostics: Vec<Diagnostic>) -> Failure {
        let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
        let count = if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") };
        let name = remit_diagnostics::visible(name);
        Failure { diagnostics, ..Failure::new(format!("agent file `{name}` cannot be used: it has {count}")) }
    }

    /// Returns the failure of a print that nobody reads; nothing is said about it.
    pub(crate) fn broken_pipe() -> Failure {
        Failure::new("").exit(Exit::BrokenPipe)
    }

    pub(crate) fn help(mut self, cure: impl Into<String>) -> Failure {
        self.help.push(cure.into());
        self
    }

    pub(crate) fn exit(mut self, exit: Exit) -> Failure {
        self.exit = Some(exit);
        self
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn cures(&self) -> &[String] {
        &self.help
    }

    /// Tells it on standard error.
    pub(crate) fn tell(&self, ui: &Ui) {
        ui.diagnostics(&self.diagnostics);
        if !self.message.is_empty() {
            ui.error(&self.message, &self.help);
        }
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Failure {
        Failure { help: error.help().into_iter().collect(), ..Failure::of(&error) }
    }
}

impl From<ApprovalError> for Failure {
    fn from(error: ApprovalError) -> Failure {
        Failure { help: error.help().into_iter().collect(), ..Failure::of(&error) }
    }
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Failure {
        Failure { help: error.help().into_iter().collect(), ..Failure::of(&error) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure { help: error.help().into_iter().collect(), ..Failure::of(&error) }
    }
}

impl From<LayersError> for Failure {
    fn from(error: LayersError) -> Failure {
        Failure { help: error.help().into_iter().collect(), ..Failure::of(&error) }
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Failure {
        Failure { help: error.help().into_iter().collect(), ..Failure::of(&error) }
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Failure {
        Failure::of(&error).help(error.remedy())
    }
}

impl From<DiscoverError> for Failure {
    fn from(error: DiscoverError) -> Failure {
        Failure::of(&error).help(error.help())
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Failure {
        Failure::of(&error).help(error.help())
    }
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Failure {
        let failure = Failure::of(&error);
        match error {
            ProfileError::Unknown { nearest: Some(nearest), .. } => failure.help(format!("did you mean `{nearest}`?")),
            _ => failure.help("the profiles are built in, or files in `remit/profiles` of your configuration directory"),
        }
    }
}
