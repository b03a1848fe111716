//! The agent's resources: files that it may read without asking, listed for the host.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use remit_agent::{AbsPath, NativeTool, Resource as Written};
use remit_policy::{Request, Verdict};
use serde_json::json;

use super::{Answer, Cleared, Consent, Held, Refusal, Session, unrecorded};
use crate::audit::{AuditEvent, Effect};
use crate::tools::Call;
use crate::worker::protocol::{Reply, What};

/// What reading one is called in the record.
const READ: &str = "resources/read";

/// A file that a host may show to the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// `file://` or `skill://`, and the path.
    pub uri: String,
    pub name: String,
    /// Of a skill: what it says of itself.
    pub description: Option<String>,
}

impl Session {
    /// Returns the resources of the agent that exist and that the gate lets be read.
    pub async fn resources(&self) -> Vec<Resource> {
        let mut found = Vec::new();
        for (scheme, path) in self.listed().await {
            let uri = format!("{scheme}://{}", encoded(path.as_str()));
            let mut resource = Resource { uri, name: shown(&path, &self.policy.workspace), description: None };
            if scheme == "skill"
                && let Ok(answer) = self.read_listed(&resource.uri, &path).await
            {
                describe(&mut resource, &answer);
            }
            found.push(resource);
        }
        found
    }

    /// Reads a resource by its address: one that is listed, and no other file. The gate decides and the guards are asked, as
    /// for a call of `fs_read`; no person is.
    pub async fn read_resource(&self, uri: &str) -> Result<Answer, Refusal> {
        let wanted = ["file", "skill"].into_iter().find_map(|scheme| {
            let path = decoded(uri.strip_prefix(scheme)?.strip_prefix("://")?)?;
            Some((scheme, AbsPath::new(Path::new(&path)).ok()?))
        });
        match wanted {
            Some(wanted) if self.listed().await.contains(&wanted) => self.read_listed(uri, &wanted.1).await,
            _ => Err(self.unread(self.number(), uri, unknown(uri), Vec::new())),
        }
    }

    /// Returns the scheme and the path of each resource.
    async fn listed(&self) -> Vec<(&'static str, AbsPath)> {
        let mut found = Vec::new();
        for entry in &self.agent.file.resources {
            let (scheme, pattern) = match &entry.value {
                Written::File(pattern) => ("file", pattern),
                Written::Skill(pattern) => ("skill", pattern),
                Written::KnowledgeBase { .. } | Written::Other(_) => continue,
            };
            let Ok(pattern) = self.places().path(pattern) else { continue };
            let Ok(Reply::Resolved(paths)) = self.order(What::Expand(pattern.to_string()), &|_| ()).await else {
                continue;
            };
            for path in paths.into_iter().flatten() {
                let Ok(path) = AbsPath::new(Path::new(&path)) else { continue };
                let may = matches!(self.gate.decide(Request::ReadFile(path.clone())), Verdict::Allow(_));
                if may && !found.contains(&(scheme, path.clone())) {
                    found.push((scheme, path));
                }
            }
        }
        found
    }

    async fn read_listed(&self, uri: &str, path: &AbsPath) -> Result<Answer, Refusal> {
        let (number, begun) = (self.number(), Instant::now());
        let resolved = match self.order(What::Resolve(vec![path.to_string()]), &|_| ()).await {
            Ok(Reply::Resolved(resolved)) => resolved.into_iter().next().and_then(Result::ok).ok_or_else(|| unknown(uri))?,
            Ok(_) | Err(_) => return Err(Refusal::new(super::GONE)),
        };
        let path = AbsPath::new(Path::new(&resolved)).map_err(|_| unknown(uri))?;
        let request = Request::ReadFile(path);
        let (decision, reason) = self.policy.judge(&request);
        let effects = vec![Effect::new(&request, decision, &reason)];
        let Verdict::Allow(permit) = self.gate.decide(request) else {
            return Err(self.unread(number, uri, Refusal::of(&reason), effects));
        };
        let input = json!({ "operations": [{ "mode": "Line", "path": resolved }] });
        // The tool by whose name the guards know it.
        let name = NativeTool::Read.name().to_owned();
        if let Err(refusal) = self.before(&name, &input).await {
            return Err(self.unread(number, uri, refusal, effects));
        }
        let event = AuditEvent::Called {
            call: number,
            tool: READ.into(),
            input: uri.into(),
            verdict: crate::audit::verdict(decision).into(),
            why: reason.why.as_str().into(),
            effects,
        };
        self.audit.append(&event).map_err(|error| unrecorded(&error))?;
        let call = Call::read(NativeTool::Read, input.clone()).map_err(Refusal::new)?;
        let cleared =
            Cleared { number, name, input, call, permits: vec![permit], consent: Consent::Unasked, held: Held::Nothing, begun };
        Ok(self.act(cleared, &|_| ()).await)
    }

    /// Records that a resource is not read, and returns why.
    fn unread(&self, number: u64, uri: &str, refusal: Refusal, effects: Vec<Effect<'_>>) -> Refusal {
        self.recorded(number, READ, uri, refusal, effects)
    }
}

fn unknown(uri: &str) -> Refusal {
    Refusal::new(format!("there is no resource `{uri}`"))
}

/// Takes the name and the description that a skill's first lines give.
fn describe(resource: &mut Resource, answer: &Answer) {
    let Some(super::Content::Text(text)) = answer.content.first() else { return };
    let Some((head, _)) = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---")) else { return };
    let value = |key: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        Some(line.trim().trim_matches(['"', '\'']).to_owned()).filter(|value| !value.is_empty())
    };
    if let Some(name) = value("name") {
        resource.name = name;
    }
    resource.description = value("description");
}

fn shown(path: &AbsPath, workspace: &AbsPath) -> String {
    path.relative_to(workspace).filter(|relative| !relative.is_empty()).unwrap_or(path.as_str()).to_owned()
}

fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_path() {
        for path in ["/w/a b.md", "/w/ä/%41", "/w/a?b#c", "/"] {
            assert_eq!(decoded(&encoded(path)).as_deref(), Some(path));
        }
        assert_eq!(encoded("/a b"), "/a%20b");
        for text in ["/%", "/%4", "/%zz", "/%ff"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }
}
