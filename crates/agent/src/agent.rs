use remit_diagnostics::{Diagnostic, Source, Span};

use crate::parse::name_problem;
use crate::{AbsPath, AgentFile, Parsed, codes, discover};

/// How a file's command patterns and wildcards are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Globs over the words of a simple command.
    Remit,
    /// As Kiro CLI 2.x reads them: regular expressions.
    Kiro,
    /// As Amazon Q CLI reads them: regular expressions.
    Q,
}

impl Reading {
    /// Returns the reading for a file at this path: the product's own under `.kiro/agents` and `.amazonq/cli-agents`
    /// (or `.aws/amazonq/cli-agents`), and Remit's everywhere else.
    pub fn for_path(path: &AbsPath) -> Reading {
        let directory = path.as_str().rsplit_once('/').map_or("", |(directory, _)| directory);
        if directory.ends_with("/.kiro/agents") {
            Reading::Kiro
        } else if directory.ends_with("/.amazonq/cli-agents") || directory.ends_with("/amazonq/cli-agents") {
            Reading::Q
        } else {
            Reading::Remit
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Reading::Remit => "remit",
            Reading::Kiro => "kiro",
            Reading::Q => "q",
        }
    }
}

/// An agent that can be compiled: a file without errors, with a name and a place.
#[derive(Clone, Debug)]
pub struct Agent {
    pub name: String,
    pub file: AgentFile,
    pub source: Source,
    pub path: AbsPath,
    pub reading: Reading,
}

impl Agent {
    /// Returns the agent of a parsed file at `path`. The name is the file's own, or the file name without `.json`.
    ///
    /// # Errors
    ///
    /// Returns every diagnostic when any of them is an error: nothing of a file with an error is used.
    pub fn resolve(parsed: Parsed, path: AbsPath, reading: Reading) -> Result<(Agent, Vec<Diagnostic>), Vec<Diagnostic>> {
        if parsed.diagnostics.iter().any(Diagnostic::is_error) {
            return Err(parsed.diagnostics);
        }
        let name = match &parsed.file.name {
            Some(name) => name.value.clone(),
            None => discover::stem(path.file_name()).to_owned(),
        };
        if let Some(problem) = name_problem(&name) {
            let message = format!("the file has no `name`, and the name of the file {problem}");
            let error = Diagnostic::error(codes::INVALID_NAME, &parsed.source, Span::at(0), message);
            return Err(parsed.diagnostics.into_iter().chain([error.help("give the agent a `name`")]).collect());
        }
        Ok((Agent { name, file: parsed.file, source: parsed.source, path, reading }, parsed.diagnostics))
    }
}
