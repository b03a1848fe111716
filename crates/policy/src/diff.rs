//! Two policies compared, in words: what a person sees before they approve a changed agent.
//!
//! The canonical forms are compared, because an old policy is kept as nothing else. A difference that no line here has
//! words for is still a difference, and is said to be one.

pub(crate) mod words;

use serde_json::Value;

use crate::compile::VERSION;

/// One difference between two policies, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: ChangeKind,
    /// As in "can now write `~/.config`".
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// More is permitted than before.
    Widened,
    Narrowed,
    /// Neither, or it cannot be said which.
    Changed,
}

/// Compares two policies by their canonical forms; `None` when one of them is not a canonical form of this version.
///
/// What is wider comes first.
pub fn diff(old: &str, new: &str) -> Option<Vec<Change>> {
    let [old, new] = [read(old)?, read(new)?];
    let mut both = Both { old: &old, new: &new, changes: Vec::new() };
    both.identity()?;
    both.lists()?;
    both.calls();
    both.commands()?;
    both.network()?;
    both.environment()?;
    both.limits()?;
    both.debug();
    both.starts()?;
    let mut changes = both.changes;
    if changes.is_empty() && old != new {
        changes
            .push(Change { kind: ChangeKind::Changed, text: "the policy is another, in a way that has no words yet".to_owned() });
    }
    changes.sort_by_key(|change| change.kind);
    Some(changes)
}

fn read(canonical: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(canonical).ok()?;
    (value.get("version")?.as_u64()? == u64::from(VERSION)).then_some(value)
}

/// A list of rules: where it is, what one more or one less of them means, and whether one more permits more.
struct List {
    pointer: &'static str,
    more: &'static str,
    less: &'static str,
    one_more: ChangeKind,
}

const fn widens(pointer: &'static str, more: &'static str, less: &'static str) -> List {
    List { pointer, more, less, one_more: ChangeKind::Widened }
}

const fn narrows(pointer: &'static str, more: &'static str, less: &'static str) -> List {
    List { pointer, more, less, one_more: ChangeKind::Narrowed }
}

const LISTS: [List; 16] = [
    widens("/tools/visible", "now has the tool", "no longer has the tool"),
    widens("/tools/allowed", "now uses without asking", "now asks before it uses"),
    narrows("/tools/narrowed", "now asks for each call of", "no longer asks for each call of"),
    narrows("/tools/denied", "now never uses", "no longer takes out"),
    List {
        pointer: "/tools/unknown",
        more: "now names the unknown tool",
        less: "no longer names the unknown tool",
        one_more: ChangeKind::Changed,
    },
    narrows("/commands/deny", "now never runs", "no longer denies"),
    widens("/commands/allow", "now runs without asking", "no longer allows"),
    widens("/files/read", "can now read", "can no longer read"),
    widens("/files/write", "can now write", "can no longer write"),
    widens("/files/execute", "can now execute", "can no longer execute"),
    widens("/files/caches", "can now write, in a private layer, the cache", "can no longer write the cache"),
    narrows("/files/hidden", "no longer sees", "no longer hides"),
    narrows("/files/write_denied", "is now denied writing", "is no longer denied writing"),
    narrows("/files/protected", "now writes by name only", "no longer protects from writing"),
    narrows("/files/protected_read", "now reads by name only", "no longer protects from reading"),
    widens("/environment/pass", "now gets the variable", "no longer gets the variable"),
];

struct Both<'a> {
    old: &'a Value,
    new: &'a Value,
    changes: Vec<Change>,
}

impl<'a> Both<'a> {
    fn at(&self, pointer: &str) -> Option<(&'a Value, &'a Value)> {
        Some((self.old.pointer(pointer)?, self.new.pointer(pointer)?))
    }

    fn say(&mut self, kind: ChangeKind, text: impl Into<String>) {
        self.changes.push(Change { kind, text: text.into() });
    }

    /// Says which items of a list are new and which are gone.
    fn items(&mut self, list: &List, old: &[Value], new: &[Value]) {
        for item in new.iter().filter(|item| !old.contains(item)) {
            self.say(list.one_more, format!("{} {}", list.more, words::rule(item)));
        }
        let one_less = match list.one_more {
            ChangeKind::Widened => ChangeKind::Narrowed,
            ChangeKind::Narrowed => ChangeKind::Widened,
            ChangeKind::Changed => ChangeKind::Changed,
        };
        for item in old.iter().filter(|item| !new.contains(item)) {
            self.say(one_less, format!("{} {}", list.less, words::rule(item)));
        }
    }

    fn identity(&mut self) -> Option<()> {
        let (old, new) = self.at("/confinement")?;
        if old != new {
            match new.as_str()? {
                "unrestricted" => self.say(ChangeKind::Widened, "is no longer confined"),
                _ => self.say(ChangeKind::Narrowed, "is now confined"),
            }
        }
        let named = [
            ("/agent", "is the agent"),
            ("/profile", "has the profile"),
            ("/reading", "has its patterns read as"),
            ("/workspace", "works in"),
            ("/home", "has the home directory"),
        ];
        for (pointer, text) in named {
            let (old, new) = self.at(pointer)?;
            if old != new {
                self.say(ChangeKind::Changed, format!("now {text} {}, not {}", words::value(new), words::value(old)));
            }
        }
        Some(())
    }

    fn lists(&mut self) -> Option<()> {
        for list in &LISTS {
            // Empty lists that came with a later version are not written.
            let none = Value::Array(Vec::new());
            let [old, new] = [self.old, self.new].map(|policy| policy.pointer(list.pointer).unwrap_or(&none).as_array());
            self.items(list, old?, new?);
        }
        let (old, new) = self.at("/files/workspace")?;
        if old != new {
            match new.as_str()? {
                "direct" => self.say(ChangeKind::Widened, "now writes to the workspace itself, not to a private layer"),
                _ => self.say(ChangeKind::Narrowed, "now writes to a private layer, not to the workspace itself"),
            }
        }
        Some(())
    }

    fn calls(&mut self) {
        for (pointer, tool) in [("/tools/aws", "use_aws"), ("/tools/web", "web_fetch")] {
            if self.old.pointer(pointer) != self.new.pointer(pointer) {
                self.say(ChangeKind::Changed, format!("now has other rules for the calls of `{tool}`"));
            }
        }
    }

    fn commands(&mut self) -> Option<()> {
        let switches = [
            (
                "/commands/everything",
                "now runs every command line without asking",
                "no longer runs every command line without asking",
            ),
            (
                "/commands/read_only",
                "now runs read-only commands without asking",
                "no longer runs read-only commands without asking",
            ),
        ];
        for (pointer, on, off) in switches {
            let (old, new) = self.at(pointer)?;
            match (old.is_null(), new.is_null()) {
                (true, false) => self.say(ChangeKind::Widened, on),
                (false, true) => self.say(ChangeKind::Narrowed, off),
                _ => {}
            }
        }
        let (old, new) = self.at("/commands/otherwise")?;
        if old != new {
            match new.as_str()? {
                "ask" => self.say(ChangeKind::Widened, "now asks for a command that no pattern allows, and does not deny it"),
                _ => self.say(ChangeKind::Narrowed, "now denies a command that no pattern allows, and does not ask"),
            }
        }
        Some(())
    }

    fn network(&mut self) -> Option<()> {
        let (old, new) = self.at("/network/mode")?;
        let hosts = |mode: &Value| mode.get("hosts").and_then(Value::as_array).cloned();
        match (hosts(old), hosts(new)) {
            (Some(old), Some(new)) => self.items(&widens("", "can now reach", "can no longer reach"), &old, &new),
            _ if old == new => {}
            (None, Some(new)) if old == "none" => self.items(&widens("", "can now reach", ""), &[], &new),
            (Some(old), None) if new == "none" => self.items(&widens("", "", "can no longer reach"), &old, &[]),
            (None, None) if new == "none" => self.say(ChangeKind::Narrowed, "can no longer reach the network"),
            (_, None) => self.say(ChangeKind::Widened, "can now reach every host"),
            (None, Some(new)) => {
                let hosts: Vec<String> = new.iter().map(words::rule).collect();
                self.say(ChangeKind::Narrowed, format!("can now reach only {}", hosts.join(", ")));
            }
        }
        let (old, new) = self.at("/network/loopback")?;
        if old != new {
            let text = if new == true { "now has a loopback of its own" } else { "no longer has a loopback of its own" };
            self.say(ChangeKind::Changed, text);
        }
        Some(())
    }

    fn environment(&mut self) -> Option<()> {
        let (old, new) = self.at("/environment/inherit")?;
        if old != new {
            if new.as_bool()? {
                self.say(ChangeKind::Widened, "now gets the whole environment");
            } else {
                self.say(ChangeKind::Narrowed, "no longer gets the whole environment");
            }
        }
        let (old, new) = self.at("/environment/set")?;
        let (old, new) = (old.as_object()?, new.as_object()?);
        for (name, value) in new.iter().filter(|(name, value)| old.get(*name) != Some(value)) {
            self.say(ChangeKind::Changed, format!("`{name}` is now set to {}", words::value(value)));
        }
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            self.say(ChangeKind::Changed, format!("`{name}` is no longer set"));
        }
        let (old, new) = self.at("/environment/path")?;
        if old != new {
            let directories: Vec<String> = new.as_array()?.iter().map(words::value).collect();
            self.say(ChangeKind::Changed, format!("now looks for programs first in {}", directories.join(", ")));
        }
        Some(())
    }

    fn limits(&mut self) -> Option<()> {
        let (old, new) = self.at("/limits")?;
        let value = |limits: &Value, kind: &Value| {
            limits.as_array()?.iter().find(|limit| limit.get("kind") == Some(kind))?.get("value")?.as_u64()
        };
        for limit in new.as_array()? {
            let kind = limit.get("kind")?;
            let name = words::limit(kind);
            match (value(old, kind), value(new, kind)?) {
                (None, now) => self.say(ChangeKind::Narrowed, format!("{name} is now limited to {now}")),
                (Some(was), now) if now > was => {
                    self.say(ChangeKind::Widened, format!("{name} is now limited to {now}, not {was}"));
                }
                (Some(was), now) if now < was => {
                    self.say(ChangeKind::Narrowed, format!("{name} is now limited to {now}, not {was}"));
                }
                (Some(_), _) => {}
            }
        }
        for kind in old.as_array()?.iter().filter_map(|limit| limit.get("kind")).filter(|kind| value(new, kind).is_none()) {
            self.say(ChangeKind::Widened, format!("{} is no longer limited", words::limit(kind)));
        }
        Some(())
    }

    fn debug(&mut self) {
        // It is written only where it is granted.
        match (self.old.get("debug").is_some(), self.new.get("debug").is_some()) {
            (false, true) => self.say(ChangeKind::Widened, "its processes can now trace each other, as debuggers do"),
            (true, false) => self.say(ChangeKind::Narrowed, "its processes can no longer trace each other"),
            _ => {}
        }
    }

    fn starts(&mut self) -> Option<()> {
        let (old, new) = self.at("/starts")?;
        let (old, new) = (old.as_array()?, new.as_array()?);
        let key = |start: &Value| {
            ["/command", "/kind/hook/trigger", "/kind/hook/matcher", "/kind/mcp_server/name"].map(|at| start.pointer(at).cloned())
        };
        for start in new {
            match old.iter().find(|other| key(start) == key(other)) {
                None => self.say(ChangeKind::Widened, format!("now starts by itself {}", words::start(start))),
                Some(other) => self.start(other, start),
            }
        }
        for start in old.iter().filter(|start| !new.iter().any(|other| key(start) == key(other))) {
            // A guard that is gone stops no call any more.
            let kind = if words::is_guard(start) { ChangeKind::Widened } else { ChangeKind::Narrowed };
            self.say(kind, format!("no longer starts by itself {}", words::start(start)));
        }
        Some(())
    }

    /// The same command at the same occasion.
    fn start(&mut self, old: &Value, new: &Value) {
        let after = |start: &Value| start.pointer("/kind/hook/lets_through_after").and_then(Value::as_u64);
        let text = words::start(new);
        match (after(old), after(new)) {
            (None, Some(_)) => self.say(ChangeKind::Widened, format!("calls now go on when {text} fails")),
            (Some(_), None) => self.say(ChangeKind::Narrowed, format!("calls no longer go on when {text} fails")),
            (Some(was), Some(now)) if now != was => {
                let kind = if now < was { ChangeKind::Widened } else { ChangeKind::Narrowed };
                self.say(kind, format!("calls now go on after {now} ms of {text}, not {was}"));
            }
            _ => {}
        }
        let given = |start: &Value| ["/env", "/handed_on"].map(|at| start.pointer(at).cloned());
        if given(old) != given(new) {
            self.say(ChangeKind::Changed, format!("other variables are given to {text}"));
        }
    }
}

#[cfg(test)]
mod tests;
