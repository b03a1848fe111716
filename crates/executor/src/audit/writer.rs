use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, PoisonError};

use remit_agent::AbsPath;
use remit_policy::Policy;
use remit_tasks::Timestamp;
use serde::Serialize;
use thiserror::Error;

use super::{AuditEvent, Redactor, chain};

/// The record's file, in the directory of a task.
pub const AUDIT_FILE: &str = "audit.jsonl";

#[derive(Debug, Error)]
#[error("cannot write the audit record `{path}`")]
pub struct AuditError {
    pub path: AbsPath,
    pub source: io::Error,
}

/// The record of one task, or of one session. What cannot be recorded must not happen: whoever appends looks at the result.
#[derive(Debug)]
pub struct Audit {
    path: AbsPath,
    redactor: Redactor,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    next: u64,
    previous: String,
}

#[derive(Serialize)]
struct Line<'a> {
    version: u32,
    seq: u64,
    at: Timestamp,
    event: &'a AuditEvent<'a>,
}

impl Audit {
    /// Makes the record of a task in its directory, readable for its user alone.
    pub fn create(directory: &AbsPath, redactor: Redactor) -> Result<Audit, AuditError> {
        let path = directory.join(AUDIT_FILE);
        let opened = File::options().append(true).create_new(true).mode(0o600).open(path.as_path());
        match opened {
            Ok(file) => {
                let state = State { file, next: 0, previous: chain::NOTHING.to_owned() };
                Ok(Audit { path, redactor, state: Mutex::new(state) })
            }
            Err(source) => Err(AuditError { path, source }),
        }
    }

    /// Makes the record of a task that runs a command, with its first event.
    pub fn open(directory: &AbsPath, agent: Option<&str>, policy: &Policy, redactor: Redactor) -> Result<Audit, AuditError> {
        let audit = Audit::create(directory, redactor)?;
        audit.append(&AuditEvent::Opened {
            agent: agent.map(Into::into),
            profile: policy.profile.as_str().into(),
            digest: policy.gate().digest().to_string().into(),
            workspace: policy.workspace.as_str().into(),
        })?;
        Ok(audit)
    }

    /// Appends an event, in one write.
    pub fn append(&self, event: &AuditEvent<'_>) -> Result<(), AuditError> {
        self.write(event).map_err(|source| AuditError { path: self.path.clone(), source })
    }

    fn write(&self, event: &AuditEvent<'_>) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let line = serde_json::to_string(&Line { version: 1, seq: state.next, at: Timestamp::now(), event })?;
        let mut line = self.redactor.redact(line);
        line.pop();
        line.push_str(",\"previous\":\"");
        line.push_str(&state.previous);
        line.push('"');
        let hash = chain::close(&mut line);
        line.push('\n');
        state.file.write_all(line.as_bytes())?;
        state.next += 1;
        state.previous = hash;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Verified, verify};

    #[test]
    fn what_was_appended_verifies_and_holds_no_secret() {
        let directory = tempfile::tempdir().unwrap();
        let path = AbsPath::new(directory.path()).unwrap();
        let audit = Audit::create(&path, Redactor::new([("API_TOKEN", "s3cret-value")])).unwrap();
        let outcome = "with s3cret-value and \",\"hash\":\" and \"event\":{\"kind\":\"closed\"";
        audit.append(&AuditEvent::Ended { call: 1, outcome: outcome.into(), why: None, errno: Some(13), micros: 7 }).unwrap();
        let text = || std::fs::read_to_string(path.join(AUDIT_FILE).as_path()).unwrap();
        assert_eq!(verify(&text()), Ok(Verified { lines: 1, closed: false }));
        audit.append(&AuditEvent::Closed { outcome: "done".into() }).unwrap();
        assert_eq!(verify(&text()), Ok(Verified { lines: 2, closed: true }));
        assert!(!text().contains("s3cret") && text().contains("[secret API_TOKEN]"), "{}", text());
        assert!(Audit::create(&path, Redactor::default()).is_err());
    }
}
