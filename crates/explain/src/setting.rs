//! The setting of the agent file that would permit what was refused.

use remit_agent::AbsPath;
use remit_policy::{Origin, PathRule, Policy, WorkspaceMode};
use remit_sandbox::{Act, Because, Target};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What to write in the agent file, or to take out of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// `toolsSettings.sandbox.files.read: ["~/.config/pip"]`: the key, and the value as JSON.
    Add { key: String, value: String },
    /// A pattern that hides or denies it, and where it stands.
    Remove { pattern: String, origin: String },
    /// No setting does: why not.
    None { why: String },
}

/// Returns the setting that would permit an act which the plan of this policy refuses.
pub fn setting(policy: &Policy, act: Act, target: &Target, because: Because) -> Setting {
    let path = match target {
        Target::Address { address, port } => return network(act, &std::net::SocketAddr::new(*address, *port).to_string()),
        Target::Process(_) => return none("a task changes its own processes and no others"),
        Target::Path(path) => path,
    };
    if because == Because::SetGroupId {
        return none("a program with it would make whoever starts it one of your group");
    }
    if let Some(rule) = denying(policy, act, path) {
        return Setting::Remove { pattern: rule.pattern.text.to_string(), origin: rule.origin.to_string() };
    }
    if because == Because::Decided && policy.files.hidden.iter().any(|rule| rule.pattern.matches_or_above(path)) {
        return none("a name that is hidden does not appear");
    }
    match act {
        Act::Read | Act::Look => files("read", &spelt(policy, path)),
        Act::Execute => files("execute", &spelt(policy, path)),
        Act::Write | Act::Change | Act::Connect | Act::Limit => files("write", &spelt(policy, path)),
        Act::Create | Act::Remove | Act::Listen => named(policy, path),
    }
}

/// A name is given and taken in its directory, and that is what the kernel can be asked for.
fn named(policy: &Policy, path: &AbsPath) -> Setting {
    if policy.files.protected.iter().any(|rule| rule.pattern.glob.is_none() && path.is_beneath(&rule.pattern.base)) {
        return files("write", &spelt(policy, path));
    }
    let Some(directory) = path.parent().filter(|directory| *directory != AbsPath::root()) else {
        return none("nothing is made in the root directory");
    };
    if directory == policy.workspace {
        return match policy.files.workspace {
            WorkspaceMode::Direct => add("workspace", &json!("layer")),
            WorkspaceMode::Layer => none("the host has no private layer: see `remit doctor`"),
        };
    }
    if directory == policy.home {
        // All of the home would be granted for one name in it, and what does not exist cannot be granted.
        let path = spelt(policy, path);
        return none(&format!("make `{path}` before the start, and grant it: toolsSettings.sandbox.files.write: [\"{path}\"]"));
    }
    let spelt = spelt(policy, &directory);
    files("write", &if spelt.ends_with('/') { format!("{spelt}**") } else { format!("{spelt}/**") })
}

fn network(act: Act, address: &str) -> Setting {
    match act {
        Act::Listen => add("network", &json!("all")),
        // The name that is looked up is not known; the address of the server that would tell is no use.
        _ if address.ends_with(":53") => add("network", &json!({ "allow": ["HOST:PORT"] })),
        _ => add("network", &json!({ "allow": [address] })),
    }
}

fn files(list: &str, path: &str) -> Setting {
    add(&format!("files.{list}"), &json!([path]))
}

fn add(key: &str, value: &Value) -> Setting {
    Setting::Add { key: format!("toolsSettings.sandbox.{key}"), value: value.to_string() }
}

fn none(why: &str) -> Setting {
    Setting::None { why: why.to_owned() }
}

/// Returns the rule of the agent file that takes a path away, whatever else grants it.
fn denying<'p>(policy: &'p Policy, act: Act, path: &AbsPath) -> Option<&'p PathRule> {
    let writes = !matches!(act, Act::Read | Act::Look | Act::Execute);
    let denied = policy.files.write_denied.iter().filter(|_| writes);
    let by_agent = |rule: &&PathRule| matches!(rule.origin, Origin::Agent(_));
    policy.files.hidden.iter().chain(denied).filter(by_agent).find(|rule| rule.pattern.matches_or_above(path))
}

/// Returns a path as somebody would write it in the agent file.
pub(crate) fn spelt(policy: &Policy, path: &AbsPath) -> String {
    let text = match (path.relative_to(&policy.workspace), path.relative_to(&policy.home)) {
        (Some(""), _) => ".".to_owned(),
        (Some(relative), _) => relative.to_owned(),
        (None, Some(relative)) => format!("~/{relative}"),
        (None, None) => path.to_string(),
    };
    let mut spelt = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '*' | '?' | '[' | '{' | '$') {
            spelt.extend(['[', letter, ']']);
        } else {
            spelt.push(letter);
        }
    }
    spelt
}
