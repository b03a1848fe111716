//! What a person said yes to: a policy's digest, in a workspace, of an agent file.
//!
//! One file for each workspace and agent file. Its first line is a JSON object; the rest is the approved policy in its
//! canonical form, byte for byte, so that the next question can show what has changed. Two parts, because every start
//! of a task needs the digest, and only a changed policy needs the text.

use std::collections::BTreeMap;
use std::os::fd::AsFd;

use remit_agent::AbsPath;
use remit_policy::{Digest, Policy};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{StateDir, Timestamp, files};

const VERSION: u32 = 2;
const DIRECTORY: &str = "approvals";

/// What is approved: the agent of that name in the file at `agent_path`, working in `workspace`.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalOf<'a> {
    pub workspace: &'a AbsPath,
    pub agent_path: &'a AbsPath,
    pub agent_name: &'a str,
}

/// That a person said yes, when and how.
#[derive(Clone, Copy, Debug)]
pub struct Consent {
    pub at: Timestamp,
    pub how: ConsentHow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConsentHow {
    #[serde(rename = "terminal")]
    Terminal,
    #[serde(rename = "--yes")]
    Yes,
}

/// What is known of earlier approvals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// This policy.
    Approved,
    /// Another policy of the same agent file, with its canonical form.
    Changed {
        old_canonical: String,
    },
    /// This policy, when the host held it by more.
    Weaker {
        /// As in "mount namespace", "Landlock 7".
        lost: Vec<String>,
    },
    None,
}

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApprovalError {
    #[error("approval `{path}` is damaged: {reason}")]
    Damaged { path: AbsPath, reason: String },
    #[error("approval `{path}` was written by a newer version of remit")]
    Newer { path: AbsPath },
    #[error("cannot {action} approval `{path}`")]
    Io { action: &'static str, path: AbsPath, source: std::io::Error },
}

impl ApprovalError {
    /// Returns the cure, as an instruction.
    pub fn help(&self) -> Option<String> {
        match self {
            ApprovalError::Damaged { path, .. } => Some(format!("remove `{path}`; you will be asked again")),
            ApprovalError::Newer { path } => Some(format!("use the newer version, or remove `{path}`; you will be asked again")),
            ApprovalError::Io { .. } => None,
        }
    }
}

/// The first line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u32,
    workspace: String,
    agent_path: String,
    agent_name: String,
    digest: String,
    approved_at: Timestamp,
    how: ConsentHow,
    /// By what the host held the policy then, each with its version. Since version 2.
    #[serde(default)]
    means: Means,
    /// The length of the rest, so that a file that was cut off is not taken for a whole one.
    canonical_bytes: usize,
}

/// Mechanisms of a host by their names, each with its version; two hosts that hold a policy differ in them.
pub type Means = BTreeMap<String, u32>;

/// What every version of the first line has.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Returns what is known of earlier approvals of this agent in this workspace, where the host holds its policy by these means.
///
/// # Errors
///
/// A file that is damaged or of a newer version is an error, and never an approval.
pub fn lookup(state: &StateDir, of: ApprovalOf<'_>, digest: &Digest, means: &Means) -> Result<Approval, ApprovalError> {
    find(state, of, &digest.to_string(), means)
}

/// Keeps the approval of a policy, in the place of an earlier one of the same agent file in the same workspace.
pub fn approve(
    state: &StateDir,
    of: ApprovalOf<'_>,
    policy: &Policy,
    means: Means,
    consent: Consent,
) -> Result<(), ApprovalError> {
    keep(state, of, &Approved { digest: policy.digest().to_string(), canonical: policy.canonical(), means }, consent)
}

/// A policy as it is kept.
struct Approved {
    digest: String,
    canonical: String,
    means: Means,
}

fn find(state: &StateDir, of: ApprovalOf<'_>, digest: &str, means: &Means) -> Result<Approval, ApprovalError> {
    let name = name_of(of);
    let path = state.path().join(&name);
    let bytes = match files::read(state.fd(), &name) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(Approval::None),
        Err(source) => return Err(ApprovalError::Io { action: "read", path, source }),
    };
    let (head, canonical) = read(&bytes, of, &path)?;
    if head.digest == digest && head.agent_name == of.agent_name {
        let lost = lost(&head.means, means);
        return Ok(if lost.is_empty() { Approval::Approved } else { Approval::Weaker { lost } });
    }
    match std::str::from_utf8(canonical) {
        Ok(old_canonical) => Ok(Approval::Changed { old_canonical: old_canonical.to_owned() }),
        Err(_) => Err(ApprovalError::Damaged { path, reason: "the policy is not UTF-8".to_owned() }),
    }
}

fn lost(then: &Means, now: &Means) -> Vec<String> {
    let fewer = then.iter().filter(|(name, version)| now.get(*name).is_none_or(|now| now < *version));
    fewer.map(|(name, version)| if *version > 1 { format!("{name} {version}") } else { name.clone() }).collect()
}

fn read<'a>(bytes: &'a [u8], of: ApprovalOf<'_>, path: &AbsPath) -> Result<(Head, &'a [u8]), ApprovalError> {
    let damaged = |reason: String| ApprovalError::Damaged { path: path.clone(), reason };
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let (Some(line), Some(canonical)) = (parts.next(), parts.next()) else {
        return Err(damaged("it has no first line".to_owned()));
    };
    let head: Head = match serde_json::from_slice(line) {
        Ok(head) => head,
        // A newer version may have other keys, and is not damaged.
        Err(error) => match serde_json::from_slice(line) {
            Ok(Version { version }) if version > VERSION => return Err(ApprovalError::Newer { path: path.clone() }),
            _ => return Err(damaged(error.to_string())),
        },
    };
    if head.version > VERSION {
        return Err(ApprovalError::Newer { path: path.clone() });
    }
    if head.workspace != of.workspace.as_str() || head.agent_path != of.agent_path.as_str() {
        return Err(damaged("it is about another workspace or another agent file".to_owned()));
    }
    if head.canonical_bytes != canonical.len() {
        return Err(damaged(format!("its policy has {} bytes instead of {}", canonical.len(), head.canonical_bytes)));
    }
    Ok((head, canonical))
}

fn keep(state: &StateDir, of: ApprovalOf<'_>, policy: &Approved, consent: Consent) -> Result<(), ApprovalError> {
    let path = state.path().join(&name_of(of));
    let head = Head {
        version: VERSION,
        workspace: of.workspace.to_string(),
        agent_path: of.agent_path.to_string(),
        agent_name: of.agent_name.to_owned(),
        digest: policy.digest.clone(),
        approved_at: consent.at,
        how: consent.how,
        means: policy.means.clone(),
        canonical_bytes: policy.canonical.len(),
    };
    let write = || -> std::io::Result<()> {
        files::make_directory(state.fd(), DIRECTORY)?;
        let directory = files::open_directory(state.fd(), DIRECTORY)?;
        let mut bytes = serde_json::to_vec(&head)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(policy.canonical.as_bytes());
        files::write_atomically(directory.as_fd(), path.file_name(), &bytes)
    };
    write().map_err(|source| ApprovalError::Io { action: "write", path: path.clone(), source })
}

/// Returns the place of an approval below the state directory.
fn name_of(of: ApprovalOf<'_>) -> String {
    format!("{DIRECTORY}/{}.json", files::name_of(&[of.workspace.as_str(), of.agent_path.as_str()]))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn abs(path: &str) -> AbsPath {
        AbsPath::new(Path::new(path)).unwrap()
    }

    fn state(directory: &tempfile::TempDir) -> StateDir {
        StateDir::open_or_create(&AbsPath::new(&directory.path().join("remit")).unwrap()).unwrap()
    }

    fn consent() -> Consent {
        Consent { at: "2026-11-22T08:00:00Z".parse().unwrap(), how: ConsentHow::Terminal }
    }

    fn policy(digest: &str, canonical: &str) -> Approved {
        Approved { digest: digest.to_owned(), canonical: canonical.to_owned(), means: Means::new() }
    }

    #[test]
    fn an_approval_is_for_a_digest_in_a_workspace_of_an_agent() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let (work, other, agent) = (abs("/work"), abs("/other"), abs("/work/.remit/agents/a.json"));
        let of = ApprovalOf { workspace: &work, agent_path: &agent, agent_name: "a" };
        assert_eq!(find(&state, of, "d1", &Means::new()).unwrap(), Approval::None);

        keep(&state, of, &policy("d1", "{\"a\":\n1}\n"), consent()).unwrap();
        assert_eq!(find(&state, of, "d1", &Means::new()).unwrap(), Approval::Approved);
        let changed = Approval::Changed { old_canonical: "{\"a\":\n1}\n".to_owned() };
        assert_eq!(find(&state, of, "d2", &Means::new()).unwrap(), changed);
        assert_eq!(find(&state, ApprovalOf { agent_name: "b", ..of }, "d1", &Means::new()).unwrap(), changed);
        assert_eq!(find(&state, ApprovalOf { workspace: &other, ..of }, "d1", &Means::new()).unwrap(), Approval::None);
        assert_eq!(find(&state, ApprovalOf { agent_path: &other, ..of }, "d1", &Means::new()).unwrap(), Approval::None);

        keep(&state, of, &policy("d2", "{}"), consent()).unwrap();
        assert_eq!(find(&state, of, "d2", &Means::new()).unwrap(), Approval::Approved);
        assert_eq!(find(&state, of, "d1", &Means::new()).unwrap(), Approval::Changed { old_canonical: "{}".to_owned() });
        // One file, and nothing temporary left.
        assert_eq!(std::fs::read_dir(state.path().join("approvals").as_path()).unwrap().count(), 1);
    }

    #[test]
    fn what_held_more_is_approved_no_longer() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let (work, agent) = (abs("/work"), abs("/a.json"));
        let of = ApprovalOf { workspace: &work, agent_path: &agent, agent_name: "a" };
        let means =
            |list: &[(&str, u32)]| -> Means { list.iter().map(|(name, version)| ((*name).to_owned(), *version)).collect() };
        let then = means(&[("Landlock", 6), ("mount namespace", 1)]);
        keep(&state, of, &Approved { means: then.clone(), ..policy("d1", "{}") }, consent()).unwrap();
        let check = |now: &[(&str, u32)], lost: &[&str]| {
            let expected = match lost {
                [] => Approval::Approved,
                lost => Approval::Weaker { lost: lost.iter().map(|name| (*name).to_owned()).collect() },
            };
            assert_eq!(find(&state, of, "d1", &means(now)).unwrap(), expected, "{now:?}");
        };
        check(&[("Landlock", 6), ("mount namespace", 1)], &[]);
        check(&[("Landlock", 7), ("mount namespace", 1), ("cgroup", 1)], &[]);
        check(&[("Landlock", 5), ("mount namespace", 1)], &["Landlock 6"]);
        check(&[("Landlock", 6), ("cgroup", 1)], &["mount namespace"]);
        check(&[], &["Landlock 6", "mount namespace"]);
        assert!(matches!(find(&state, of, "d2", &then).unwrap(), Approval::Changed { .. }));

        // An approval of the version before says nothing of it.
        let file = state.path().join(&name_of(of));
        let text = std::fs::read_to_string(file.as_path()).unwrap();
        let old = text.replace("\"version\":2", "\"version\":1").replace("\"means\":{\"Landlock\":6,\"mount namespace\":1},", "");
        assert_ne!(text, old);
        std::fs::write(file.as_path(), old).unwrap();
        check(&[], &[]);
    }

    #[test]
    fn a_damaged_file_is_never_an_approval() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let (work, agent) = (abs("/work"), abs("/a.json"));
        let of = ApprovalOf { workspace: &work, agent_path: &agent, agent_name: "a" };
        keep(&state, of, &policy("d1", "{}"), consent()).unwrap();
        let file = state.path().join(&name_of(of));
        let good = std::fs::read_to_string(file.as_path()).unwrap();

        let check = |text: &str, expected: &str| {
            std::fs::write(file.as_path(), text).unwrap();
            let error = find(&state, of, "d1", &Means::new()).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.help().unwrap().contains(file.as_str()));
        };
        for length in 0..good.len() {
            check(&good[..length], "is damaged");
        }
        check(&format!("{good} "), "its policy has 3 bytes instead of 2");
        check(&good.replace("\"/work\"", "\"/else\""), "another workspace");
        check(&good.replace("\"version\":2", "\"version\":2,\"version\":2"), "is damaged");
        check(&good.replace("\"version\":2", "\"version\":3"), "newer version");
        check("{\"version\":3,\"other\":[]}\n", "newer version");
        check("null\n", "is damaged");
    }

    #[test]
    fn a_file_that_is_no_file_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory);
        let (work, agent) = (abs("/work"), abs("/a.json"));
        let of = ApprovalOf { workspace: &work, agent_path: &agent, agent_name: "a" };
        keep(&state, of, &policy("d1", "{}"), consent()).unwrap();
        let file = state.path().join(&name_of(of));
        let moved = state.path().join("elsewhere.json");
        std::fs::rename(file.as_path(), moved.as_path()).unwrap();

        std::os::unix::fs::symlink(moved.as_path(), file.as_path()).unwrap();
        find(&state, of, "d1", &Means::new()).unwrap_err();
        std::fs::remove_file(file.as_path()).unwrap();

        rustix::fs::mknodat(rustix::fs::CWD, file.as_path(), rustix::fs::FileType::Fifo, files::PRIVATE_FILE, 0).unwrap();
        find(&state, of, "d1", &Means::new()).unwrap_err();
        std::fs::remove_file(file.as_path()).unwrap();

        std::fs::create_dir(file.as_path()).unwrap();
        find(&state, of, "d1", &Means::new()).unwrap_err();
    }
}
