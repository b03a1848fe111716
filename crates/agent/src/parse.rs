use remit_diagnostics::{Diagnostic, Source};

use crate::AgentFile;

/// A file, as far as it could be read, and everything that is to be said about it.
#[derive(Clone, Debug)]
pub struct Parsed {
    pub source: Source,
    pub file: AgentFile,
    /// In order of place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads an agent file of any bytes. `name` is what people are to call it.
pub fn parse(name: &str, bytes: &[u8]) -> Parsed {
    let source = Source::new(name, String::from_utf8_lossy(bytes).into_owned());
    Parsed { source, file: AgentFile::default(), diagnostics: Vec::new() }
}
